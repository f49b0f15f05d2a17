"""GET /api/v1/live: every change of an alert or of health as server-sent events, resumable without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import Depends, Header, Query, Request
from starlette.responses import StreamingResponse

from alerts.database import AWAY
from api.feed import feed_state
from api.http.auth import Caller, caller_now, signed_in
from api.http.live import RETRY_MS, LiveHub, LiveItem
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.services import Services
from api.http.wards import WardScope, guarded_router
from api.http.wire import utc_text

log = structlog.get_logger()
router = guarded_router(prefix="/api/v1", tags=["live"])

STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}  # a proxy that buffers makes a blind board
ID_DIGITS_MAX = 18
CHECK_S = 30.0
ID_MAX = 10**ID_DIGITS_MAX

EXAMPLE = """event: hello
id: 4711
retry: 1000
data: {"last":4711}

event: alert
id: 4712
data: {"id":4712,"kind":"alert","ref":"6a1f…","at":"2026-03-01T21:14:05.301Z"}

event: beat
data: {"at":"2026-03-01T21:14:06.000Z","last":4712,"feed":{"state":"live","connected":true,…}}
"""

STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"example": EXAMPLE}}}}


@router.get(
    "/live",
    summary="Changes as they happen (SSE)",
    response_class=StreamingResponse,
    responses=STREAM | problems(401, 422, 503),
)
async def live(
    request: Request,
    caller: Annotated[Caller, Depends(signed_in)],
    last_event_id: Annotated[str | None, Header(description="The last `id` you saw; browsers send it alone.")] = None,
    after: Annotated[int | None, Query(ge=0, lt=ID_MAX, description="The same, for a first connect.")] = None,
) -> StreamingResponse:
    """One event per change, named by its kind (`alert`, `health`, `resident`, `setting`) with the `id` to resume at.

    `hello` comes first and says where the stream stands. `beat` comes at least every 2 s with this service's clock and
    the feed's: none for 5 s means that you are blind (as while the desk cannot be read: the stream waits, and goes on
    with `hello`). `reset` means that your resume point is unknown here (the desk was restored from a backup): load
    everything anew.
    """
    hub: LiveHub = request.app.state.hub
    start = _resume_point(last_event_id, after)
    hub.check_room()
    services: Services = request.app.state.services
    events = _events(request, services, hub, start, caller)
    return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)


def _resume_point(last_event_id: str | None, after: int | None) -> int | None:
    """The header wins: it is what the browser last saw, `after` only where it began."""
    if last_event_id is None or last_event_id == "":
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= ID_DIGITS_MAX):
        raise Problem("bad-field", "Last-Event-ID")
    return int(last_event_id)


async def _events(
    request: Request, services: Services, hub: LiveHub, start: int | None, caller: Caller
) -> AsyncIterator[bytes]:
    """The stream, for as long as whoever opened it may: logged out, expired or shut out, it ends within CHECK_S.

    Who is bound to wards hears of those alone; the ids of the others are missing, which resuming does not mind. While
    the desk is away nothing comes; then it resumes as whoever connects again would.
    """
    loop = asyncio.get_running_loop()
    position, check_at_s = start, loop.time() + CHECK_S
    while True:
        try:
            async for item in hub.stream(position):
                if loop.time() >= check_at_s:
                    found = await caller_now(request)
                    if found is None:
                        return
                    caller, check_at_s = found, loop.time() + CHECK_S
                shown = await _shown(services, hub, caller, item)
                if shown.kind != "change" or shown.rows:
                    yield render(services, shown)
                position = item.last_id
            return
        except AWAY:
            if not await hub.desk_back():
                return


async def _shown(services: Services, hub: LiveHub, caller: Caller, item: LiveItem) -> LiveItem:
    """What of it this caller may hear."""
    if item.kind != "change" or caller.account.wards is None:
        return item
    scope = WardScope(services, caller.account.wards)  # anew each time: people and things move
    return replace(item, rows=tuple(await hub.read(scope.changes, item.rows)))


def render(services: Services, item: LiveItem) -> bytes:
    """One item as it stands on the wire; pseudonyms only."""
    if item.kind == "change":
        return b"".join(_event(row["kind"], row | {"at": utc_text(row["at"])}, row["id"]) for row in item.rows)
    if item.kind == "beat":
        beat = {"at": utc_text(services.clock()), "last": item.last_id, "feed": feed_state(services)}
        return _event("beat", beat, None)
    return b"retry: %d\n" % RETRY_MS + _event(item.kind, {"last": item.last_id}, item.last_id)


def _event(name: str, data: object, event_id: int | None) -> bytes:
    number = b"" if event_id is None else b"id: %d\n" % event_id
    return b"event: " + name.encode() + b"\n" + number + b"data: " + msgspec.json.encode(data) + b"\n\n"
