"""From a draft with its id, time and assignment to the event that homes read: qualities and fields. Pure."""

from __future__ import annotations

from ingest.event import (
    BUFFERED,
    CLOCK_SUSPECT,
    DEVICE_SAYS_TEST,
    FIELD_INVALID,
    HALF_DECODED,
    ID_REUSED,
    LATE,
    REDELIVERED,
    RETAINED,
    TEST,
    UNASSIGNED,
    Draft,
    Event,
)
from ingest.identity import KEPT, REUSED
from ingest.record import RawRecord
from ingest.registry import Assignment
from ingest.source_state import SourceState
from ingest.trust import TestSessions

ORDER = (
    RETAINED, TEST, DEVICE_SAYS_TEST, BUFFERED, LATE, CLOCK_SUSPECT, ID_REUSED, REDELIVERED, UNASSIGNED, FIELD_INVALID,
    HALF_DECODED,
)  # fmt: skip
"""Order of the words in Event.quality."""


def qualities(
    sessions: TestSessions, record: RawRecord, draft: Draft, assignment: Assignment | None, doubt: str | None,
    outcome: str, floor: int, effective_at_ms: int,
) -> tuple[str, ...]:  # fmt: skip
    """What must be known of an event beside its content. `doubt`: what `trusted_time` said; `outcome`: of identity."""
    found = [] if doubt is None else [doubt]
    if record.retain:
        found.append(RETAINED)
    if draft.buffered:
        found.append(BUFFERED)
    if outcome == REUSED:
        found.append(ID_REUSED)
    elif outcome == KEPT:
        found.append(REDELIVERED)
    if assignment is None or assignment.home is None:
        found.append(UNASSIGNED)
    if draft.test or floor:
        own_id = None if assignment is None else assignment.device or assignment.gateway
        if own_id is not None and sessions.open(own_id, effective_at_ms, record.received_at_ms):
            found.append(TEST)  # also a press without the flag: the technician's device is being tried (story 10)
        elif draft.test:
            found.append(DEVICE_SAYS_TEST)
    if draft.quality:
        found.extend(draft.quality)
    if len(found) < 2:
        return tuple(found)
    return tuple([quality for quality in ORDER if quality in found])


def event_of(
    state: SourceState, event_id: str, address: str, via: str | None, draft: Draft, received_at_ms: int,
    effective_at_ms: int, assignment: Assignment | None, quality: tuple[str, ...], *, is_state: bool,
) -> Event:  # fmt: skip
    """`via`: address of the gateway, where the topic says it; the assignment's own gateway goes before it."""
    home = device = gateway = resident = role = room = None
    subject = address
    if assignment is not None:
        home, device, gateway = assignment.home, assignment.device, assignment.gateway
        resident, role, room = assignment.resident, assignment.role, assignment.room
        subject = resident or device or gateway or address
    if gateway is None and via is not None:
        known = state.registry.resolve(via, effective_at_ms)
        gateway = via if known is None else known.gateway
    said_room = draft.content.get("room")
    if isinstance(said_room, str) and said_room:
        room = said_room
    return Event(
        event_id, draft.type, state.site, address, home or f"address:{address}", subject, received_at_ms,
        effective_at_ms, draft.observed_at_ms, device, gateway, resident, role, room, quality, is_state, draft.key,
        draft.content, draft.extra,
    )  # fmt: skip
