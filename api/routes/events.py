"""POST /api/v1/events: the intake for those who cannot speak MQTT, with the same promise (acknowledged = on disk)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
import anyio.to_thread
import structlog
from fastapi import Depends, Request
from pydantic import BaseModel

from api.http.auth import Caller, services_of, signed_in
from api.http.intake import Piece, pieces
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.services import Services
from api.http.wards import guarded_router
from ingest.journal import JournalError
from ingest.record import DeadLetter, Input, RawRecord

log = structlog.get_logger()
router = guarded_router(prefix="/api/v1", tags=["events"])

PAGE = 500
APPEND_S = 30
TOGETHER = 500  # rows that get seqs without others between (ingest/receive.py allows 1,000)
EVENT_EXAMPLE = {
    "address": "vardevakt:gw-1/pendant-7",
    "type": "alarm.pressed",
    "id": "7-20391",
    "time": "2026-03-01T22:14:05.120+01:00",
    "trigger": "pendant",
}
EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["address", "type"],
    "properties": {
        "address": {"type": "string", "description": "`<convention>:<device>`, as in the site file."},
        "type": {"type": "string", "description": "A name of the event table; an unknown one is kept as it is."},
        "id": {"type": "string", "description": "The device's own key: the same one again is not a new event."},
        "seq": {"type": "integer"},
        "time": {"type": "string", "format": "date-time", "description": "When it was observed; else arrival counts."},
        "test": {"type": "boolean"},
        "buffered": {"type": "boolean"},
    },
    "example": EVENT_EXAMPLE,
}
BODY_SCHEMA = {"oneOf": [EVENT_SCHEMA, {"type": "array", "minItems": 1, "items": EVENT_SCHEMA}]}


class Recorded(BaseModel):
    """`event_ids` in the order of the events sent; null for one that is on disk but not named yet (it will be)."""

    event_ids: list[str | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event: its id (also that of the event it repeats), or the reason it was not understood."""

    event_id: str | None = None
    reason: str | None = None


@router.post(
    "/events",
    summary="Hand in events",
    status_code=202,
    responses=problems(401, 403, 413, 422, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": BODY_SCHEMA}}}},
)
async def post_events(request: Request, _caller: Annotated[Caller, Depends(signed_in)]) -> Recorded:
    """One event, or an array of them. 202 = every one is on disk; sending the same again changes nothing.

    What is no JSON, or has no `type` or `address`, is a 422 and still kept for operators as a dead letter. Of an array
    the good ones are recorded all the same: `items` of the problem says for each what became of it.
    """
    services = services_of(request)
    parts = pieces(await request.body())
    outcomes = await anyio.to_thread.run_sync(_record, services, parts, limiter=_limiter(request))
    faults = [_fault(part, outcome) for part, outcome in zip(parts, outcomes, strict=True)]
    if any(fault is not None for fault in faults):
        raise _refusal(parts, outcomes, faults)
    return Recorded(event_ids=[outcome.event_id for outcome in outcomes])


def _limiter(request: Request) -> anyio.CapacityLimiter:
    """Threads for waiting, apart from those that answer everybody else."""
    state = request.app.state
    if not hasattr(state, "intake_limiter"):
        state.intake_limiter = anyio.CapacityLimiter(32)
    limiter: anyio.CapacityLimiter = state.intake_limiter
    return limiter


def _fault(part: Piece, outcome: Outcome) -> str | None:
    return part.fault if part.fault is not None else outcome.reason


def _refusal(parts: Sequence[Piece], outcomes: Sequence[Outcome], faults: Sequence[str | None]) -> Problem:
    single = len(parts) == 1
    items = [
        {"event_id": outcome.event_id} if fault is None else {"field": part.fault or None, "reason": outcome.reason}
        for part, outcome, fault in zip(parts, outcomes, faults, strict=True)
    ]
    first = next(index for index, fault in enumerate(faults) if fault is not None)
    field = ".".join(part for part in ("" if single else str(first), parts[first].fault or "") if part)
    log.warning("events_refused", items=len(parts), refused=sum(fault is not None for fault in faults))
    return Problem("bad-event", field or None, more={"items": items})


def _record(services: Services, parts: Sequence[Piece]) -> list[Outcome]:
    """Store the rows, synced, and wait for what the source fold makes of them, where that is to be waited for. Blocks;
    JournalError when it fails.
    """
    if services.web.event_ids_wait_ms == 0:
        return [Outcome()] * len(append(services, [part.record() for part in parts]))
    before = services.input_log.last_seq()
    return _outcomes(services, append(services, [part.record() for part in parts]), before)


def append(services: Services, records: Sequence[RawRecord]) -> list[int]:
    """Seqs of the rows once all are synced. Blocks (the journal pushes back); JournalError when it cannot."""
    waiting = [
        (len(chunk), services.receiver.submit_many(chunk))
        for start in range(0, len(records), TOGETHER)
        if (chunk := records[start : start + TOGETHER])
    ]
    rows: list[int] = []
    try:
        for count, future in waiting:
            last = future.result(APPEND_S)
            rows += range(last - count + 1, last + 1)
    except TimeoutError as error:
        raise JournalError(f"no commit within {APPEND_S} s") from error
    return rows


def _outcomes(services: Services, rows: Sequence[int], before: int) -> list[Outcome]:
    """What the source fold made of these rows of RAW; nothing known yet when it did not come round in time."""
    if not services.folded(rows[-1], services.web.event_ids_wait_ms / 1000):
        log.warning("event_ids_late", rows=len(rows))
        return [Outcome()] * len(rows)
    found: dict[int, Outcome] = {}
    for one in _inputs(services, rows[0], rows[-1], before):
        if one.event is not None and not one.derived:
            found.setdefault(one.raw_seq, Outcome(one.event.event_id))
    missing = [seq for seq in rows if seq not in found]
    dead = {letter.raw_seq: letter for letter in _dead_letters(services, missing)}
    for seq in missing:
        found[seq] = _without_input(services, seq, dead.get(seq))
    return [found[seq] for seq in rows]


def _without_input(services: Services, seq: int, letter: DeadLetter | None) -> Outcome:
    if letter is not None:
        return Outcome(reason=letter.reason)
    repeated = [verdict.event_id for verdict in services.input_log.verdicts(seq) if verdict.event_id]
    return Outcome(repeated[0] if repeated else None)


def _dead_letters(services: Services, rows: Sequence[int]) -> list[DeadLetter]:
    if not rows:
        return []
    return services.input_log.dead_letters(rows[-1] + 1, len(rows))


def _inputs(services: Services, first: int, last: int, before: int) -> Iterator[Input]:
    """Inputs of RAW rows `first` to `last`. Inputs stand in the order of their rows: the first is found by halving."""
    inputs = services.input_log
    known = range(before, inputs.last_seq())
    after = before + bisect_left(known, first, key=lambda seq: inputs.read(seq, 1)[0].raw_seq)
    while page := inputs.read(after, PAGE):
        for one in page:
            if one.raw_seq > last:
                return
            yield one
        after = page[-1].seq
