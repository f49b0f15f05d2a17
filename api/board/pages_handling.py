"""Edge: pages beside an alert: the card to read out, what a relative answered; and the policies in words.

Forms and reads over the routes of `api/routes_handling.py` and `api/routes_policies.py`, so that page and API agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from api import routes_handling, routes_policies
from api.auth import Caller, carer, operator, services_of, signed_in
from api.board import format as fmt
from api.board import reads as board_reads
from api.board.cards import what
from api.board.page import Page, PageRoute
from api.board.person_view import contact_view, key_line
from api.board.policy_view import policy_line
from api.board.words import Words
from api.problems import Problem
from api.routes_handling import Answer, read_card
from api.wards import guarded_router
from ingest.json_input import read_json

router = guarded_router(route_class=PageRoute, include_in_schema=False)
Id = Annotated[str, Path(max_length=64)]
Carer = Annotated[Caller, Depends(carer)]
PURPOSE = "board"
VALUE_MAX = 20_000


@router.get("/alerts/{alert_id}/card/{number}")
def card_page(
    request: Request, alert_id: Id, number: Annotated[Literal["110", "112", "113"], Path()], caller: Carer
) -> Response:
    """What 110, 112 or 113 will ask about, large, to read out."""
    page = Page(request, board_reads.reads_of(request), caller)
    found = read_card(services_of(request), caller, alert_id, PURPOSE)
    return page.render("card.html", card=found | {"number": number} | _in_words(found, page.words))


@router.post("/alerts/{alert_id}/responders/{contact_id}")
def relative(
    request: Request, alert_id: Id, contact_id: Id, caller: Carer, answer: Annotated[str, Form(max_length=10)]
) -> Response:
    """What a relative said on the telephone."""
    given = Answer(answer="coming" if answer == "coming" else "cannot")
    routes_handling.responder_answer(request, alert_id, contact_id, caller, given)
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.get("/policies")
def policies_page(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Response:
    """Per ward what rings when: the site's own policies first, then what holds where none of them fits."""
    return _policies(request, caller, "", json_text(routes_policies.EXAMPLE), [])


@router.post("/policies")
def save(
    request: Request, caller: Annotated[Caller, Depends(operator)], policy_id: Annotated[str, Form(max_length=64)],
    value: Annotated[str, Form(max_length=VALUE_MAX)],
) -> Response:  # fmt: skip
    """As the API takes it. What is wrong with it stands beside the form, which keeps what was written."""
    read = read_json(value.encode(), may_be_alarm=False)
    if not isinstance(read, dict):
        return _policies(request, caller, policy_id, value, [{"field": "", "message": "JSON: {…}"}])
    try:
        routes_policies.save_policy(request, policy_id, caller, read)
    except Problem as problem:
        if problem.status not in {409, 422}:
            raise
        words = Page(request, board_reads.reads_of(request), caller).words
        return _policies(request, caller, policy_id, value, list(_errors(problem, words)))
    return RedirectResponse("/policies", 303)


def _policies(request: Request, caller: Caller, policy_id: str, value: str, errors: list[dict[str, str]]) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    found = routes_policies.list_policies(request, caller)
    shown = [_ward(page, ward, found) for ward in page.reads.scope.keep("ward", page.reads.store.list("ward"))]
    form = {"policy_id": policy_id, "value": value, "errors": errors}
    return page.render(
        "policies.html", 422 if errors else 200, wards_shown=shown, may_change=page.has_role("operator"), form=form
    )


def _errors(problem: Problem, words: Words) -> Iterator[dict[str, str]]:
    """In the reader's language where we have words for it, else as the check said it."""
    found = problem.more.get("errors")
    for one in found if isinstance(found, list) else [{"field": problem.field or "", "message": problem.slug}]:
        key = f"policy_problem.{one.get('code')}"
        yield {
            "field": str(one["field"]),
            "message": words.first(key, said=one["message"]) if words.has(key) else str(one["message"]),
        }


@router.post("/policies/{policy_id}/remove")
def remove(request: Request, policy_id: Id, caller: Annotated[Caller, Depends(operator)]) -> Response:
    routes_policies.remove_policy(request, policy_id, caller)
    return RedirectResponse("/policies", 303)


def json_text(value: dict[str, Any]) -> str:
    """To be edited: one field a line."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _ward(page: Page, ward: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    functions = page.reads.store.list("function")
    names = {one["id"]: one["name"] for one in functions}
    places = [one["name"] for one in functions if one["ward"] == ward["id"]]
    own = [one for one in found["items"] if one.get("ward") in {None, ward["id"]}]
    return {
        "name": ward["name"],
        "own": [
            policy_line(one, page.words, names, places)
            | {"saved": f"{one['saved_by']} {page.words.put(one['saved_at'], 'at')}"}
            for one in own
        ],
        "shipped": [policy_line(one, page.words, names, places) for one in found["profiles"][ward["profile"]]],
    }


def _in_words(card: dict[str, Any], words: Words) -> dict[str, Any]:
    person, holder, position = card["person"] or {}, card["holder"], card["position"]
    return {
        "age": fmt.years_old(person.get("born"), words.local(words.now_ms)),
        "risk_words": ", ".join(words.code("risk", risk) for risk in person.get("risks") or ()),
        "key_lines": [key_line(key, words) for key in card["keys"]],
        "relatives": [contact_view(one, words) for one in card["contacts"]],
        "position_said": words.put(position["at"], "at") if position else "",
        "what": what(card | {"causes": card["known"]}, words),
        "known_lines": [f"{words.put(one['at'], 'clock')} {words.code('event', one['type'])}" for one in card["known"]],
        "reached_said": words.put(card["reached"], "at") if card["reached"] else words("card113.nobody_reached"),
        "holder_said": holder["name"] if holder else words("state.new"),
    }
