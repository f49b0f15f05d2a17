"""Handling one alert, besides its acts: the card to read out, where the person is, and what those outside say (a
relative who was rung, a centre that has it first).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alerts.handling import card_reads
from alerts.handling.acts import Actor, Refused
from alerts.handling.cards import CardNumber
from alerts.reads import queries
from alerts.routing.owners import RECEIVED
from api.http.actors import acting
from api.http.auth import Caller, carer, purpose, services_of
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.reads import note_read
from api.http.services import Services
from api.http.wards import guarded_router
from api.positions import LOOK, may_see, positions_of, who_looked
from api.routes.alerts import AlertId, refusal
from ingest.wire_time import rfc3339_ms

router = guarded_router(prefix="/api/v1/alerts", tags=["alerts"])
Carer = Annotated[Caller, Depends(carer)]
Why = Annotated[str, Depends(purpose)]


class Answer(BaseModel):
    """A relative's answer."""

    model_config = ConfigDict(extra="forbid")
    answer: Literal["coming", "cannot"]
    staff: Annotated[str | None, Field(max_length=64, description="Who wrote it down; with a machine key.")] = None


class Said(BaseModel):
    """A centre's word."""

    model_config = ConfigDict(extra="forbid")
    said: Literal["received", "returned"]


@router.get(
    "/{alert_id}/card", summary="What 110, 112, 113 or 116117 will ask about", responses=problems(401, 403, 404)
)
def card(
    request: Request,
    alert_id: AlertId,
    caller: Carer,
    why: Why,
    number: Annotated[CardNumber, Query()] = "113",
) -> dict[str, Any]:
    """To read out: address, position where it may be seen, door and key, who is there, what is known. Logged as a read
    of that person. That somebody rang is an act: `note` with `call`.
    """
    services = services_of(request)
    return {"number": number} | read_card(services, caller, alert_id, why)


def read_card(services: Services, caller: Caller, alert_id: str, why: str) -> dict[str, Any]:
    """The card, after writing down that somebody reads it. For the route and the page."""
    alert = _alert(services, alert_id)
    note_read(services, caller, "card", alert["resident_id"], why)
    last = None
    if may_see(alert):
        last = next(iter(positions_of(services, alert, _opened_ms(alert))[-1:]), None)
    found = card_reads.card_of(services.database, services.site_id, alert_id, last)
    assert found is not None, "it was there a moment ago"
    return found


@router.get("/{alert_id}/positions", summary="Where the person is", responses=problems(401, 403, 404))
def positions(request: Request, alert_id: AlertId, caller: Carer, why: Why) -> dict[str, Any]:
    """Only while the alert is open or somebody searches: `visible`. Afterwards no position, and who has `looked`.
    Each look is logged.
    """
    services = services_of(request)
    alert = _alert(services, alert_id)
    resident = alert["resident_id"]
    if resident is None:
        return {"visible": False, "items": [], "looked": [], "search": None}
    visible, opened_ms = may_see(alert), _opened_ms(alert)
    if visible:
        note_read(services, caller, LOOK, resident, why)
    return {
        "visible": visible,
        "items": positions_of(services, alert, opened_ms) if visible else [],
        "looked": who_looked(services, resident, opened_ms),
        "search": alert["search"],
    }


@router.post(
    "/{alert_id}/responders/{contact_id}",
    summary="Write down what a relative answered",
    responses=problems(401, 403, 404, 409, 422),
)
def responder_answer(
    request: Request, alert_id: AlertId, contact_id: Annotated[str, Path(max_length=64)], caller: Carer, given: Answer
) -> dict[str, Any]:
    """Coming, or cannot: stands in the timeline, and changes nothing of who has the alert. Only of a contact of this
    person who has agreed to be asked. The same answer twice is one.
    """
    services = services_of(request)
    actor = acting(services, caller, given.staff)
    try:
        return services.desk.responder_says(alert_id, contact_id, given.answer, services.clock(), actor)
    except Refused as refused:
        raise refusal(refused) from refused


@router.post("/{alert_id}/owner", summary="The outside centre's word", responses=problems(401, 403, 404, 409, 422))
def owner(request: Request, alert_id: AlertId, caller: Carer, given: Said) -> dict[str, Any]:
    """An alert that an outside centre has first (`owner`): `received` = they have it, and our row watches; `returned` =
    it is ours from now on. Without `received` within 120 s it is ours by itself. `received` holds our own chain back:
    with the centre's machine key, or by an operator.
    """
    services = services_of(request)
    signed_in = caller.via == "session"
    if given.said == RECEIVED and signed_in and "operator" not in caller.account.roles:
        raise Problem("wrong-role", "said")
    staff, kind = (caller.account.staff_id, "staff") if signed_in else (None, "machine")
    actor = Actor(staff=staff, name=caller.account.name, kind=kind)
    try:
        return services.desk.centre_says(alert_id, given.said, services.clock(), actor)
    except Refused as refused:
        raise refusal(refused) from refused


def _alert(services: Services, alert_id: str) -> dict[str, Any]:
    alert = queries.alert(services.database, alert_id)
    if alert is None:
        raise Problem("unknown-alert", "alert_id")
    return alert


def _opened_ms(alert: dict[str, Any]) -> int:
    at_ms = rfc3339_ms(alert["opened_at"])
    assert at_ms is not None, "our own time"
    return at_ms
