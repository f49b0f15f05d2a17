"""Edge: pages beside an alert: the card to read out, and what a relative answered.

Forms and reads over the routes of `api/routes/handling.py`, so that page and API agree.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from alerts.handling.cards import CardNumber
from api.board import format as fmt
from api.board import reads as board_reads
from api.board.cards import what
from api.board.page import Page, PageRoute
from api.board.person_view import contact_view, key_line
from api.board.words import Words
from api.http.auth import Caller, carer, services_of
from api.http.wards import guarded_router
from api.routes import handling as routes_handling
from api.routes.handling import Answer, read_card

router = guarded_router(route_class=PageRoute, include_in_schema=False)
Id = Annotated[str, Path(max_length=64)]
Carer = Annotated[Caller, Depends(carer)]
PURPOSE = "board"


@router.get("/alerts/{alert_id}/card/{number}")
def card_page(request: Request, alert_id: Id, number: Annotated[CardNumber, Path()], caller: Carer) -> Response:
    """What 110, 112, 113 or 116117 will ask about, large, to read out."""
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
