"""The person: who they are, what happened, what is measured, what is agreed, and who has looked.

Every read here is written to the access log before it is answered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from alerts.access import access_log
from alerts.reads import people, queries
from api.device_state import with_state
from api.http.auth import Caller, carer, purpose, services_of, signed_in
from api.http.openapi import problems
from api.http.paging import Cursor, Limit, instant_ms, page, since_ms
from api.http.problems import Problem
from api.http.reads import note_read, note_reads
from api.http.services import Services
from api.http.setting_wire import shown
from api.http.wards import guarded_router, scope_of
from api.http.wire import utc_text
from api.series_reads import unless_away
from ingest.series import Mark

router = guarded_router(prefix="/api/v1/residents", tags=["residents"])

ResidentId = Annotated[str, Path(max_length=64)]
Carer = Annotated[Caller, Depends(carer)]
Why = Annotated[str, Depends(purpose)]

DAY_MS = 86_400_000
TIMELINE_DAYS = 30
MARKS_MAX = 5_000
POINTS_MAX = 2_000
METRIC_MAX = 64


@router.get("", summary="Residents, by name", responses=problems(400, 401, 403, 422))
def list_residents(
    request: Request,
    caller: Carer,
    why: Why,
    cursor: Cursor = None,
    limit: Limit = 50,
    ward: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    """Names with pseudonyms, of the caller's wards, by id. Each person on the page is logged as read."""
    services = services_of(request)
    bound = scope_of(request).wards
    found = page(
        lambda: people.residents(services.database, ward, cursor, limit, site_id=services.site_id, wards=bound)
    )
    note_reads(services, caller, "list", (item["id"] for item in found["items"]), why)
    return found


@router.get("/{resident_id}", summary="One resident", responses=problems(401, 403, 404))
def one_resident(request: Request, resident_id: ResidentId, caller: Carer, why: Why) -> dict[str, Any]:
    """The card: name, address, contacts, keys, devices, measures, plans and pauses, each with `in_force`. `metrics` is
    null while the store of the curves cannot be reached.
    """
    services = services_of(request)
    card = _read(services, caller, "card", resident_id, why)
    card["devices"] = with_state(services, card["devices"])
    metrics = unless_away(lambda: services.series.metrics(resident_id))
    card["metrics"] = None if metrics is None else [{"metric": metric, "unit": unit} for metric, unit in metrics]
    return card | {name: [shown(item) for item in card[name]] for name in ("plans", "pauses", "measures")}


@router.get("/{resident_id}/timeline", summary="What happened", responses=problems(401, 403, 404, 422))
def timeline(
    request: Request,
    resident_id: ResidentId,
    caller: Carer,
    why: Why,
    since: Annotated[datetime | None, Query(description="Without it, the last 30 days.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> dict[str, Any]:
    """What the desk did about this person, newest first, and what their devices saw (`marks`), oldest first; null while
    the store of these cannot be reached.
    """
    services = services_of(request)
    _read(services, caller, "timeline", resident_id, why)
    now_ms = services.clock()
    from_ms = since_ms(since)
    from_ms = now_ms - TIMELINE_DAYS * DAY_MS if from_ms is None else from_ms
    marks = unless_away(lambda: services.series.marks(resident_id, from_ms, now_ms + 1, MARKS_MAX))
    return {
        "items": queries.timeline_of(services.database, resident_id, from_ms, limit),
        "marks": None if marks is None else [_mark(mark) for mark in marks],
        "next": None,
    }


@router.get("/{resident_id}/series", summary="A measurement as a curve", responses=problems(401, 403, 404, 422, 503))
def series(
    request: Request,
    resident_id: ResidentId,
    caller: Carer,
    why: Why,
    metric: Annotated[str, Query(min_length=1, max_length=METRIC_MAX)],
    begin: Annotated[datetime | None, Query(alias="from", description="Without it, 24 h before `to`.")] = None,
    end: Annotated[datetime | None, Query(alias="to", description="Without it, now.")] = None,
    points: Annotated[int, Query(ge=1, le=POINTS_MAX)] = 500,
) -> dict[str, Any]:
    """At most `points` buckets of equal width in [from, to): mean, lowest, highest and count; empty ones left out.
    Buckets of ten minutes and more lie on whole ten minutes of UTC, so the first may begin before `from`; it holds
    nothing from before.
    """
    services = services_of(request)
    to_ms = services.clock() if end is None else instant_ms(end, "to")
    from_ms = to_ms - DAY_MS if begin is None else instant_ms(begin, "from")
    if from_ms >= to_ms:
        raise Problem("bad-field", "from")
    _read(services, caller, "series", resident_id, why)
    buckets = services.series.buckets(resident_id, metric, from_ms, to_ms, points)
    units = dict(services.series.metrics(resident_id))
    return {
        "metric": metric,
        "unit": units.get(metric),
        "from": utc_text(from_ms),
        "to": utc_text(to_ms),
        "items": [
            {"at": utc_text(one.at_ms), "mean": one.mean, "low": one.low, "high": one.high, "count": one.count}
            for one in buckets
        ],
        "next": None,
    }


@router.get("/{resident_id}/plan", summary="What differs from the rule book", responses=problems(401, 403, 404))
def plan(request: Request, resident_id: ResidentId, caller: Carer, why: Why) -> dict[str, Any]:
    """The person's own values by rule, each with its dates, its decision and whether it is in force."""
    return _settings(services_of(request), caller, "plan", resident_id, why)


@router.get("/{resident_id}/pauses", summary="When some rules keep quiet", responses=problems(401, 403, 404))
def pauses(request: Request, resident_id: ResidentId, caller: Carer, why: Why) -> dict[str, Any]:
    """Pauses never hold a person's own alarm."""
    return _settings(services_of(request), caller, "pauses", resident_id, why)


@router.get("/{resident_id}/measures", summary="What may be watched, and why", responses=problems(401, 403, 404))
def measures(request: Request, resident_id: ResidentId, caller: Carer, why: Why) -> dict[str, Any]:
    return _settings(services_of(request), caller, "measures", resident_id, why)


@router.get("/{resident_id}/access-log", summary="Who has looked", responses=problems(400, 401, 403, 404, 422))
def looked(
    request: Request,
    resident_id: ResidentId,
    caller: Annotated[Caller, Depends(signed_in)],
    why: Why,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Every read of this person's data, newest first: when, who, what, why. Looking here is one too."""
    services = services_of(request)
    _read(services, caller, "access-log", resident_id, why)
    return page(lambda: access_log.list(services.database, resident_id, cursor, limit, site_id=services.site_id))


def _read(services: Services, caller: Caller, what: str, resident_id: str, why: str) -> dict[str, Any]:
    """The person's card, after writing down that somebody looks. 404 when there is nobody."""
    card = people.resident_card(services.database, resident_id, site_id=services.site_id)
    if card is None:
        raise Problem("unknown-resident", "resident_id")
    note_read(services, caller, what, resident_id, why)
    return card


def _mark(mark: Mark) -> dict[str, Any]:
    at = utc_text(mark.at_ms)
    return {"at": at, "type": mark.type, "room": mark.room or None, "event_id": mark.event_id or None}


def _settings(services: Services, caller: Caller, what: str, resident_id: str, why: str) -> dict[str, Any]:
    card = _read(services, caller, what, resident_id, why)
    return {"items": [shown(item) for item in card["plans" if what == "plan" else what]], "next": None}
