"""Pure: a rule of the book in words, as a row of the list and whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.board import format as fmt
from api.board.why import parameter_rows, reason_line
from api.board.words import Words

BOOK = "book"
SWITCH = "on"


def rule_row(rule: Mapping[str, Any], words: Words, wards: Mapping[str, str]) -> dict[str, Any]:
    """What the list says: name in both languages, how it stands, and the values that are not the book's."""
    own = {name: item for name, item in rule["parameters"].items() if item["from"] != BOOK and name != SWITCH}
    return {
        "id": rule["id"],
        "name": _name(rule, words.lang),
        "other_name": _name(rule, "en" if words.lang == "nb" else "nb"),
        "other_lang": "en" if words.lang == "nb" else "nb",
        "priority": rule["priority"],
        "tone": str(rule["priority"]).lower(),
        "labels": labels(rule, words, wards),
        "tried": rule["trial"] is not None,
        "differs": [f"{one['name']}: {one['value']} ({one['origin']})" for one in parameter_rows(own, words)],
    }


def rule_view(rule: Mapping[str, Any], words: Words, wards: Mapping[str, str]) -> dict[str, Any]:
    """Everything there is to say of it."""
    of_wards = {} if "standing" in rule else rule["wards"]
    trial = rule["trial"]
    return rule_row(rule, words, wards) | {
        "kind": words.code("rule_kind", rule["kind"]),
        "code": rule["code"],
        "measures": [words.code("service", one) for one in rule["measure"]],
        "needs": [one[words.lang] for one in rule["needs"]],
        "lacks": [one[words.lang] for one in rule.get("lacks", ())],
        "holds": [words(f"rule_hold.{one}") for one in rule["holds"]],
        "events": [words.code("event", one) for one in rule["events"]],
        "roles": [words.code("role", one) for one in rule["roles"]],
        "parameters": parameter_rows(rule["parameters"], words),
        "wards": [
            {"name": wards[ward], "parameters": parameter_rows(found, words)}
            for ward, found in of_wards.items()
            if ward in wards
        ],
        "trial": None if trial is None else [f"{one['name']}: {one['value']}" for one in parameter_rows(trial, words)],
        "source": rule["source"],
        "version": rule["version"],
    }


def labels(rule: Mapping[str, Any], words: Words, wards: Mapping[str, str]) -> list[dict[str, Any]]:
    """How it stands: for a person in one word with its end; for the site also where a ward switches it otherwise."""
    found: list[dict[str, Any]] = []
    standing = rule.get("standing")
    if standing is not None:
        until_ms = fmt.to_ms(rule["until"])
        text = words(f"standing.{standing}")
        if until_ms is not None:
            text = words(f"standing.{'from' if standing == 'no_measure' else 'until'}", text=text, at_ms=until_ms)
        found.append({"text": text, "quiet": standing == "on"})
    else:
        found += [] if rule["on"] else [{"text": words("standing.off"), "quiet": False}]
        for ward, values in rule["wards"].items():
            switched = values.get(SWITCH)
            if switched is not None and ward in wards:
                key = "rules.on_in" if switched["value"] == "true" else "rules.off_in"
                found.append({"text": words(key, ward=wards[ward]), "quiet": False})
            elif ward in wards:
                found.append({"text": words("rules.own_in", ward=wards[ward]), "quiet": True})
        found += [{"text": words("rules.needs_measure"), "quiet": True}] if rule["measure"] else []
    if not rule["on"] and rule["alarm"]:
        found.append({"text": words("rules.floor"), "quiet": False})
    return found + ([{"text": words("rules.trial"), "quiet": False}] if rule["trial"] is not None else [])


def trial_row(told: Mapping[str, Any], words: Words, people: Mapping[str, str]) -> dict[str, Any]:
    """What a rule on trial would have told."""
    ended = words("rules.ended", at_ms=told["cleared_at"]) if told["cleared_at"] else ""
    return {
        "when": words.put(told["opened_at"], "at"),
        "who": people.get(told["subject_id"], told["subject_id"]),
        "priority": told["priority"],
        "tone": str(told["priority"]).lower(),
        "why": reason_line(told["reason"], words, told["rule"]),
        "ended": ended,
    }


def _name(rule: Mapping[str, Any], lang: str) -> str:
    return str(rule["name"].get(lang) or rule["id"])
