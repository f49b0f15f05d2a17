"""The rota: import, list, swap, and when nobody is planned."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerts.shifts.rota import TEXT_MAX, Line
from alerts.shifts.rota_files import LINES_MAX, READERS, RotaUnreadable
from alerts.shifts.rota_store import Imported, RotaRefused, RotaStore
from alerts.shifts.shift import ShiftRefused
from alerts.shifts.staff_access import timezone_of
from api.http.auth import Caller, operator, services_of, signed_in
from api.http.bodies import JSON_TYPES, json_object
from api.http.openapi import problems
from api.http.paging import since_ms
from api.http.problems import Problem
from api.http.services import Services
from api.http.shift_wire import entry_out, gap_out, mistakes, notice_out, refused
from api.http.wards import guarded_router, scope_of

router = guarded_router(prefix="/api/v1/rota", tags=["shifts"])

WEEK_MS = 7 * 86_400_000
SPAN_MAX_MS = 92 * 86_400_000
SignedIn = Annotated[Caller, Depends(signed_in)]
Operator = Annotated[Caller, Depends(operator)]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    staff: str = Field(max_length=TEXT_MAX, description="Id or name.")
    function: str = Field(max_length=TEXT_MAX, description="Id or name.")
    begins: str = Field(max_length=TEXT_MAX, alias="from", description="2026-03-01 22:00, or with its offset.")
    ends: str = Field(max_length=TEXT_MAX, alias="until", description="The same; 07:30 alone is the next one.")


class Entries(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Entry] = Field(max_length=LINES_MAX)


class Swap(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: str = Field(min_length=1, max_length=64, description="Id of who does it instead.")
    agreed_by: str = Field(min_length=1, max_length=64, description="Id of the leader who agreed.")


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string", "description": "Columns staff, function, from, until."}},
            "text/calendar": {"schema": {"type": "string", "description": "iCalendar: an event per shift, or series."}},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["items"],
                    "properties": {"items": {"type": "array", "items": Entry.model_json_schema()}},
                }
            },
        },
    }
}


@router.get("", summary="Who is planned", responses=problems(401, 422))
def list_rota(
    request: Request,
    _caller: SignedIn,
    from_: Annotated[datetime | None, Query(alias="from", description="Default now.")] = None,
    until: Annotated[datetime | None, Query(description="Default a week later, at most 92 days.")] = None,
) -> dict[str, Any]:
    """Of the caller's wards, by time."""
    services = services_of(request)
    given_ms, until_ms = since_ms(from_, "from"), since_ms(until, "until")
    from_ms = services.clock() if given_ms is None else given_ms
    end_ms = from_ms + WEEK_MS if until_ms is None else min(until_ms, from_ms + SPAN_MAX_MS)
    with services.database.reader.connect() as conn:
        timezone = timezone_of(conn, services.site_id)
    found = RotaStore(services.desk).listed(from_ms, end_ms, scope_of(request).wards)
    return {"items": [entry_out(one, timezone) for one in found], "next": None}


@router.put(
    "", summary="Import a rota", responses=problems(400, 401, 403, 413, 415, 422), openapi_extra=BODY
)  # fmt: skip
async def import_rota(
    request: Request, caller: Operator, trial: Annotated[bool, Query(description="Say what it would do.")] = False
) -> dict[str, Any]:
    """What holds from now on for the functions it names, from its first shift to its last. The same again changes
    nothing; a swap outlives it. 422: `errors` by line, and nothing is changed. `notices`: holes, one person in two
    functions, two people in one.
    """
    services = services_of(request)
    lines = await read_lines(request)
    return await run_in_threadpool(save_rota, services, request, caller, lines, trial=trial)


@router.get("/gaps", summary="When nobody is planned, 7 days ahead", responses=problems(401))
def list_gaps(request: Request, _caller: SignedIn) -> dict[str, Any]:
    """Of each of the caller's wards that works with a rota. An alarm then goes straight to the number outside."""
    services = services_of(request)
    found = RotaStore(services.desk).gaps(services.clock(), scope_of(request).wards)
    return {"items": [gap_out(one) for one in found], "next": None}


@router.post("/{entry_id}/swap", summary="Swap a shift", responses=problems(401, 403, 404, 409, 422))
def swap(
    request: Request, entry_id: Annotated[str, Path(max_length=64)], caller: Operator, body: Swap
) -> dict[str, Any]:
    """Somebody else does it, and a leader agreed. An import of the same rota keeps the swap."""
    services = services_of(request)
    try:
        done = RotaStore(services.desk).swap(
            entry_id, body.to, body.agreed_by, caller.account.user_id, services.clock()
        )
    except ShiftRefused as error:
        raise refused(error) from error
    with services.database.reader.connect() as conn:
        return entry_out(done, timezone_of(conn, services.site_id))


async def read_lines(request: Request) -> list[Line]:
    """The body as lines, by its type. 415 for another, 422 for what is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in JSON_TYPES:
        try:
            given = Entries.model_validate(await json_object(request))
        except ValidationError as error:
            field = ".".join(str(part) for part in error.errors()[0]["loc"]) or "items"
            raise Problem("bad-field", field) from error
        return [Line(place, one.staff, one.function, one.begins, one.ends) for place, one in enumerate(given.items, 1)]
    if kind not in READERS:
        raise Problem("unsupported-media-type")
    content = await request.body()
    return await run_in_threadpool(lines_of, content, kind, services_of(request).clock())


def lines_of(content: bytes, kind: str, now_ms: int) -> list[Line]:
    """Lines of a file of this media type."""
    try:
        return READERS[kind](content, now_ms)
    except RotaUnreadable as error:
        raise mistakes(error.problems) from error


def save_rota(
    services: Services, request: Request, caller: Caller, lines: list[Line], *, trial: bool
) -> dict[str, Any]:
    """Import lines, and say what that did."""
    try:
        done: Imported = RotaStore(services.desk).save(
            lines, caller.account.user_id, services.clock(), wards=scope_of(request).wards, trial=trial
        )
    except RotaRefused as error:
        raise mistakes(error.problems) from error
    return {
        "added": done.added, "changed": done.changed, "removed": done.removed, "unchanged": done.unchanged,
        "trial": trial, "notices": [notice_out(one) for one in done.notices],
    }  # fmt: skip
