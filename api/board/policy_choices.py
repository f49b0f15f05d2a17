"""Edge: what the form of a policy offers, and the desk's reasons in the reader's words.

For: wards, functions with the ways they are reached by, kinds of alarms. A policy names whom; over which channels is
the desk's to say (`alerts/channels/reach.py`: every way there is), so they are shown and not chosen.
"""

from __future__ import annotations

from typing import Any

from alerts.channels.reach import NEEDS, ways
from alerts.messages.addresses import address_of
from alerts.routing.policies import FUNCTION_WORD, MODES, PRIORITIES, STEPS_MAX
from api.board.page import Page
from api.board.policy_form import GROUPS, Fields
from api.http.problems import Problem

PLACES_MIN = 3  # offered where no ward is chosen
WORDS = ("all", "fallback", "responders", "centre")
Choice = dict[str, Any]


def choices(page: Page, fields: Fields) -> dict[str, Any]:
    """Everything that can be picked, in the reader's language; what is chosen already is always among it."""
    t, scope = page.words, page.reads.scope
    functions = _functions(page, fields)
    count = sum(one["ward"] == fields["ward"] for one in functions) if fields["ward"] else PLACES_MIN
    chosen = {word for step in fields["steps"] for word in step["tell"]}
    turn = [_choice(str(n), t.first(f"policy_form.place_{n}", "policy_form.place", n=n)) for n in range(1, count + 1)]
    words = [_choice(word, t("next.all") if word == "all" else t.code("target", word)) for word in WORDS]
    known = {one["value"] for one in (*turn, *words, *functions)}
    rules = {str(one.get("rule") or one.get("id")) for one in page.reads.rules()}
    wards = [_choice(one["id"], one["name"]) for one in scope.keep("ward", page.reads.store.list("ward"))]
    return {
        "wards": [*([_choice("", t("policy_form.every_ward"))] if scope.wards is None else []), *wards],
        "priorities": [_choice(one, t.first(f"priority.{one}")) for one in PRIORITIES],
        "groups": [_choice(code, t.code("vkp_group", code)) for code in GROUPS],
        "rules": [_choice(one, f"{one} {t.code('rule', one)}") for one in sorted(rules | set(fields["rules"]))],
        "rings": [_choice(one, t(f"policies.{one}")) for one in MODES],
        "turn": turn, "words": words, "functions": functions,
        "others": [_choice(word, word) for word in sorted(chosen - known)], "steps_max": STEPS_MAX,
    }  # fmt: skip


def function_names(page: Page) -> dict[str, str]:
    return {one["id"]: one["name"] for one in page.reads.store.list("function")}


def why_refused(problem: Problem) -> list[dict[str, Any]]:
    """What a refusal of the API says, field by field."""
    found = problem.more.get("errors")
    return found if isinstance(found, list) else [{"field": problem.field or "", "message": problem.slug}]


def errors_in_words(page: Page, errors: list[dict[str, Any]]) -> list[dict[str, str]]:
    """In the reader's language where we have words for it, else as the check said it."""
    names = function_names(page)
    return [{"field": str(one["field"]), "message": _said(page, one, names)} for one in errors]


def _said(page: Page, one: dict[str, Any], names: dict[str, str]) -> str:
    key, args = f"policy_problem.{one.get('code')}", dict(one.get("args") or {})
    if "function" in args:
        args["function"] = names.get(args["function"], args["function"])
    return page.words.first(key, said=one["message"], **args) if page.words.has(key) else str(one["message"])


def _functions(page: Page, fields: Fields) -> list[Choice]:
    """Those of the ward, or of all, each with how it is reached when a P1 rings."""
    services, scope = page.reads.services, page.reads.scope
    found: list[Choice] = []
    with page.reads.db.reader.connect() as conn:
        for one in scope.keep("function", page.reads.store.list("function")):
            if fields["ward"] not in {"", one["ward"]}:
                continue
            address = address_of(conn, services.site_id, "function", one["id"], {})
            taken = ways(services.channels, kind="ring", priority="P1", target_kind="function", address=address)
            over = [page.words.code("way", name) for name in taken if name in NEEDS]
            text = ", ".join(over) if address.phone else page.words("policy_form.no_phone")
            choice = _choice(FUNCTION_WORD + one["id"], one["name"])
            found.append(choice | {"ward": one["ward"], "over": text, "bad": not address.phone})
    return found


def _choice(value: str, text: str) -> Choice:
    return {"value": value, "text": text}
