"""Pure: a policy in words: what it is about, who is rung when, and what goes on for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.routing.policies import FUNCTION_WORD
from api.board.words import Words
from ingest.quantities import parse_duration_ms


def policy_line(
    policy: Mapping[str, Any], words: Words, functions: Mapping[str, str], places: list[str]
) -> dict[str, Any]:
    """`functions`: names by id; `places`: names in the ward's order."""
    steps = [_step(step, words, functions, places) for step in policy["steps"]]
    parts = [words(f"policies.{policy['rings']}"), *(step for step in steps if step)]
    if any(step for step in steps):
        parts.append(words("policies.repeat", every_ms=parse_duration_ms(policy["repeat"])))
    if policy.get("two"):
        parts.append(words("policies.two"))
    if policy.get("owner", "us") != "us":
        parts.insert(0, words("policies.owner", centre=policy["owner"]))
    return {"id": policy["id"], "about": about(policy, words), "text": " ".join(parts)}


def about(policy: Mapping[str, Any], words: Words) -> str:
    """ "P1 · R10 Ute av døra · 22:00-07:00"."""
    rules = [f"{rule} {words('rule.' + rule)}" for rule in policy.get("rules") or ()]
    person = [words("policies.person", id=policy["resident"])] if policy.get("resident") else []
    codes = [f"VKP {code}" for code in policy.get("codes") or ()]
    hours = [str(policy["hours"])] if policy.get("hours") else []
    named = [*person, *(policy.get("priorities") or ()), *rules, *codes, *hours]
    return " · ".join(named) or words("policies.everything")


def _step(step: Mapping[str, Any], words: Words, functions: Mapping[str, str], places: list[str]) -> str:
    names = ", ".join(_whom(str(word), words, functions, places) for word in step["tell"])
    if not names:
        return ""
    after_ms = parse_duration_ms(step["after"])
    return (
        words("policies.step", after_ms=after_ms, names=names) if after_ms else words("policies.at_once", names=names)
    )


def _whom(word: str, words: Words, functions: Mapping[str, str], places: list[str]) -> str:
    if word.isdecimal():
        number = int(word)
        return places[number - 1] if number <= len(places) else words("policies.place", n=number)
    if word.startswith(FUNCTION_WORD):
        function = word.removeprefix(FUNCTION_WORD)
        return functions.get(function, function)
    return words("next.all") if word == "all" else words.code("target", word)
