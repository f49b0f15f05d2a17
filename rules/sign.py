"""What is kept of an event: all that rules may read of it later, and nothing that the home knows anyway. Pure.

Homes keep dozens of them, in traces and in states of rules: written as a list, without names of fields.
"""

from __future__ import annotations

import msgspec

from ingest.event import UNASSIGNED, Event, Value


class Sign(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event without its site, home and subject, its key and what nobody understood. Fields as there."""

    event_id: str
    type: str
    address: str
    received_at_ms: int
    effective_at_ms: int
    observed_at_ms: int | None = None
    device: str | None = None
    gateway: str | None = None
    resident: str | None = None
    role: str | None = None
    room: str | None = None
    quality: tuple[str, ...] = ()
    state: bool = False
    content: dict[str, Value] = {}


class _Newest:
    """The event that was asked for last, and its sign: its trace and each rule that keeps it share one."""

    known: tuple[Event, Sign] | None = None


def sign_of(event: Event) -> Sign:
    """What is kept of an event."""
    known = _Newest.known
    if known is not None and known[0] is event:
        return known[1]
    sign = Sign(
        event.event_id, event.type, event.address, event.received_at_ms, event.effective_at_ms, event.observed_at_ms,
        event.device, event.gateway, event.resident, event.role, event.room, event.quality, event.state, event.content,
    )  # fmt: skip
    _Newest.known = (event, sign)
    return sign


def event_of(sign: Sign, site: str, home: str) -> Event:
    """The event again, for rules that begin over what is known and for alerts that are an event's."""
    known = UNASSIGNED not in sign.quality
    subject = (sign.resident or sign.device or sign.gateway or sign.address) if known else sign.address
    return Event(
        sign.event_id, sign.type, site, sign.address, home, subject,
        sign.received_at_ms, sign.effective_at_ms, sign.observed_at_ms, sign.device, sign.gateway, sign.resident,
        sign.role, sign.room, sign.quality, sign.state, content=sign.content,
    )  # fmt: skip
