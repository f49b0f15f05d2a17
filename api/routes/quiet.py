"""What is held back: silences that somebody set, and outages with the people to telephone.

A silence has an author, a reason and an end, and never reaches a person's alarm or a P1 (alerts/quiet/pipeline.py). An
outage opens and closes by itself; what people do is to call those on its list and tick them off.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alerts.quiet import outage_list, outage_reads, silences
from alerts.quiet.outage_list import NotOnTheList
from alerts.quiet.silences import NewSilence, SilenceRefused
from api.http.actors import acting
from api.http.auth import Caller, carer, purpose, services_of, signed_in
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.reads import note_reads
from api.http.wards import guarded_router, scope_of
from api.http.wire import milliseconds

router = guarded_router(prefix="/api/v1", tags=["quiet"])

Id = Annotated[str, Path(max_length=64)]
Carer = Annotated[Caller, Depends(carer)]
Named = Annotated[str | None, Field(max_length=64)]


class SilenceBody(BaseModel):
    """At least one of rule, home, resident and device; `from` is now without it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    until: datetime
    reason: Annotated[str, Field(min_length=1, max_length=silences.REASON_LIMIT)]
    from_: Annotated[datetime | None, Field(alias="from")] = None
    ward: Named = None
    home: Named = None
    resident: Named = None
    device: Named = None
    rule: Annotated[str | None, Field(max_length=16)] = None
    staff: Annotated[Named, Field(description="Whom a machine key acts for.")] = None


class TickBody(BaseModel):
    """What came of a call: `spoke`, `no_answer`, `visit` (somebody is on the way), `visited`."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["spoke", "no_answer", "visit", "visited"]
    staff: Annotated[Named, Field(description="Whom a machine key acts for.")] = None


@router.get("/silences", summary="What is silenced", responses=problems(401, 403, 422))
def list_silences(
    request: Request,
    _caller: Annotated[Caller, Depends(signed_in)],
    state: Annotated[Literal["running", "all"], Query(description="`running`: those to come too.")] = "running",
) -> dict[str, Any]:
    """Those that end first come first."""
    services = services_of(request)
    found = silences.shown(services.database, services.site_id, services.clock(), ended_too=state == "all")
    return {"items": scope_of(request).keep("silence", found), "next": None}


@router.post(
    "/silences", summary="Silence alerts for a time", status_code=201, responses=problems(400, 401, 403, 415, 422)
)
def add_silence(request: Request, caller: Carer, body: SilenceBody) -> dict[str, Any]:
    """They still open and stand on the board, saying that they are silenced; when the silence ends, what is still open
    rings. Never an alarm, never a P1. 422 says which field cannot be, and why.
    """
    services = services_of(request)
    actor = acting(services, caller, body.staff)
    if scope_of(request).wards is not None and not (body.ward or body.home or body.resident or body.device):
        raise Problem("wrong-role", "ward")  # a rule of the whole site is not one ward's to silence
    wanted = NewSilence(
        until_ms=_ms(body.until, "until"), reason=body.reason,
        from_ms=None if body.from_ is None else _ms(body.from_, "from"),
        ward=body.ward, home=body.home, resident=body.resident, device=body.device, rule=body.rule,
    )  # fmt: skip
    now_ms = services.clock()
    try:
        made = services.desk.transact(now_ms, lambda tx: silences.add(tx, wanted, str(actor.staff), actor.name))
    except SilenceRefused as refused:
        raise Problem("bad-silence", refused.field, more={"code": refused.code}) from refused
    return _silence(request, made)


@router.delete("/silences/{silence_id}", summary="End a silence", responses=problems(401, 403, 404))
def end_silence(request: Request, silence_id: Id, caller: Carer) -> dict[str, Any]:
    """What waited because of it and is still open rings at once, unless something else holds it back."""
    services = services_of(request)
    by = caller.account.staff_id or caller.account.user_id
    if not services.desk.transact(services.clock(), lambda tx: silences.end(tx, silence_id, by)):
        raise Problem("not-found", "silence_id")
    return _silence(request, silence_id)


@router.get("/outages", summary="Outages and who must be telephoned", responses=problems(401, 403, 422))
def list_outages(
    request: Request,
    caller: Carer,
    why: Annotated[str, Depends(purpose)],
    state: Annotated[Literal["open", "all"], Query()] = "open",
) -> dict[str, Any]:
    """Many gateways of a ward gone at one time are one outage. `people`: the critical ones first, those still to be
    reached before the others.
    """
    services = services_of(request)
    found = outage_reads.outages_shown(services.database, services.site_id, open_only=state == "open")
    items = scope_of(request).keep("outage", found)
    note_reads(services, caller, "outages", (person["resident"] for item in items for person in item["people"]), why)
    return {"items": items, "next": None}


@router.post(
    "/outages/{outage_id}/people/{resident_id}",
    summary="Tick a person off an outage's list",
    responses=problems(400, 401, 403, 404, 415, 422),
)
def tick(request: Request, outage_id: Id, resident_id: Id, caller: Carer, body: TickBody) -> dict[str, Any]:
    """Said again, the last word counts. An outage ends by a person's hand only when all critical ones are reached."""
    services = services_of(request)
    actor = acting(services, caller, body.staff)
    try:
        services.desk.transact(
            services.clock(), lambda tx: outage_list.tick(tx, outage_id, resident_id, body.outcome, actor)
        )
    except NotOnTheList as error:
        raise Problem("not-found", "resident_id") from error
    found = outage_reads.outages_shown(services.database, services.site_id, open_only=False, outage_id=outage_id)
    return found[0]


def _silence(request: Request, silence_id: str) -> dict[str, Any]:
    services = services_of(request)
    found = silences.one(services.database, services.site_id, silence_id, services.clock())
    if found is None:
        raise Problem("not-found", "silence_id")
    return found


def _ms(at: datetime, field: str) -> int:
    if at.tzinfo is None:
        raise Problem("bad-field", field)
    return milliseconds(at)
