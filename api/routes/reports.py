"""Numbers for leaders and inspectors, and the hand-over of a shift.

Counted in the database from the timeline alone (alerts/numbers/reports.py); pseudonyms and groups, never names. Every
report is JSON, or CSV with `format=csv` for a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.numbers import handover, reports
from alerts.numbers.reports import GROUPS, Period
from alerts.reads import people
from api.http.actors import acting
from api.http.auth import Caller, carer, purpose, services_of, signed_in
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.reads import note_reads
from api.http.services import Services
from api.http.wards import guarded_router, scope_of
from api.http.wire import milliseconds, utc_text

router = guarded_router(prefix="/api/v1", tags=["reports"])

DAY_MS = 86_400_000
DEFAULT_MS = 30 * DAY_MS
LONGEST_MS = 3_660 * DAY_MS
SHIFT_MS = 12 * 3_600_000

SignedIn = Annotated[Caller, Depends(signed_in)]
When = Annotated[datetime | None, Query(description="RFC 3339 with offset; the last 30 days without both.")]
Ward = Annotated[str | None, Query(max_length=64)]
AS_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
Format = Annotated[Literal["json", "csv"], Query(alias="format")]
Report = Literal["response", "outcomes", "causes", "doses"]


class Taken(BaseModel):
    """Who takes over, and of what: the same ward and start as was read."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    ward: Annotated[str | None, Field(max_length=64)] = None
    from_: Annotated[datetime | None, Field(alias="from")] = None
    staff: Annotated[str | None, Field(max_length=64, description="Whom a machine key acts for.")] = None


@router.get("/reports/{what}", summary="Numbers of a period", responses=problems(401, 403, 422) | AS_CSV)
def report(
    request: Request,
    what: Report,
    _caller: SignedIn,
    from_: Annotated[datetime | None, Query(alias="from")] = None,
    until: When = None,
    ward: Ward = None,
    by: Annotated[str, Query(max_length=60, description="Of response; up to three of ward, priority, hour, day …")] = (
        "ward,priority"
    ),
    form: Format = "json",
) -> Any:
    """`response`: seconds until told, claimed, arrived and ended (p50, p90, goal, share within it) per group.
    `outcomes`: per rule how many, self-resolved, false, the noisiest first. `causes`: what was documented. `doses`:
    follow-up of dispensers within its deadline. A percentile is the number of seconds that this share took at most.
    """
    services = services_of(request)
    period = _period(request, from_, until, ward)
    if what == "response":
        rows = reports.response_times(services.database, period, _groups(by))
    elif what == "outcomes":
        rows = reports.outcomes(services.database, period)
    elif what == "causes":
        rows = reports.causes(services.database, period)
    else:
        rows = reports.dose_follow_up(services.database, period)
    if form == "csv":
        return Response(as_csv(rows), media_type="text/csv; charset=utf-8", headers=_attachment(what))
    return {"from": utc_text(period.from_ms), "until": utc_text(period.until_ms), "items": rows, "next": None}


@router.get("/handover", summary="What the next shift must know", responses=problems(401, 403, 422))
def read_handover(
    request: Request,
    caller: Annotated[Caller, Depends(carer)],
    why: Annotated[str, Depends(purpose)],
    ward: Ward = None,
    from_: Annotated[datetime | None, Query(alias="from", description="Else the last hand-over, else 12 h.")] = None,
) -> dict[str, Any]:
    """Open, paused, not watched, faults, self-resolved in one line each; who took over before (`before`)."""
    content, _ = _handover(request, ward, from_)
    services = services_of(request)
    note_reads(services, caller, "handover", _people(services, content), why)
    before = handover.last_accepted(services.database, services.site_id, ward)
    return content | {"before": {name: before[0][name] for name in ("until", "accepted_by")} if before else None}


@router.post("/handover", summary="Take over a shift", status_code=201, responses=problems(400, 401, 403, 415, 422))
def take_over(
    request: Request, caller: Annotated[Caller, Depends(carer)], why: Annotated[str, Depends(purpose)], body: Taken
) -> dict[str, Any]:
    """Kept as it stood, with who took it and when."""
    services = services_of(request)
    actor = acting(services, caller, body.staff)
    content, from_ms = _handover(request, body.ward, body.from_)
    note_reads(services, caller, "handover", _people(services, content), why)
    row = services.desk.transact(
        services.clock(), lambda tx: handover.accept(tx, content, from_ms, str(actor.staff), actor.name)
    )
    return {"id": row, "accepted_by": {"staff": actor.staff, "name": actor.name}, **content}


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Flat columns ("told_p50"), semicolons as spreadsheets here expect, in the order of the first row."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        inner = value.items() if isinstance(value, dict) else (("", value),)
        for part, one in inner:
            found[f"{name}_{part}" if part else name] = _safe(one)
    return found


def _safe(value: object) -> object:
    """No formula: a spreadsheet runs what begins with one of these."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value


def _groups(by: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
    if not names or len(names) > 3 or any(name not in GROUPS for name in names):
        raise Problem("bad-field", "by")
    return names


def _period(request: Request, from_: datetime | None, until: datetime | None, ward: str | None) -> Period:
    services, scope = services_of(request), scope_of(request)
    until_ms = _ms(until, "until") or services.clock() + 1  # what opens now belongs to it
    from_ms = _ms(from_, "from")
    from_ms = until_ms - DEFAULT_MS if from_ms is None else from_ms
    if not 0 < until_ms - from_ms <= LONGEST_MS:
        raise Problem("bad-field", "from")
    wards = (ward,) if ward is not None else scope.wards
    return Period(services.site_id, from_ms, until_ms, wards)


def _handover(request: Request, ward: str | None, from_: datetime | None) -> tuple[dict[str, Any], int]:
    """What stands, and since when it looks. Who is bound to wards must say which."""
    services = services_of(request)
    if ward is None and scope_of(request).wards is not None:
        raise Problem("wrong-role", "ward")
    now_ms, from_ms = services.clock(), _ms(from_, "from")
    if from_ms is None:
        before = handover.last_accepted(services.database, services.site_id, ward)
        from_ms = milliseconds(datetime.fromisoformat(before[0]["until"])) if before else now_ms - SHIFT_MS
        from_ms = max(from_ms, now_ms - handover.LONGEST_MS)
    if not 0 <= now_ms - from_ms <= handover.LONGEST_MS:
        raise Problem("bad-field", "from")
    return handover.handover(services.database, services.site_id, ward, from_ms, now_ms), from_ms


def _people(services: Services, content: dict[str, Any]) -> list[str]:
    """Residents of whom it speaks; a subject may be a device or a ward too."""
    lists = ("open", "undocumented", "self_resolved", "paused", "faults")
    said = [str(row["subject"]) for name in lists for row in content[name]]
    said += [str(row["resident"]) for name in ("not_watched", "silences") for row in content[name] if row["resident"]]
    known = people.names(services.database, said, site_id=services.site_id)
    return [one for one in dict.fromkeys(said) if one in known]


def _ms(at: datetime | None, field: str) -> int | None:
    try:
        return None if at is None else milliseconds(at)
    except ValueError as error:
        raise Problem("bad-field", field) from error


def _attachment(what: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{what}.csv"'}
