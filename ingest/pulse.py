"""What is known of the life of one address, and how a change of it is said: the values of `ingest.liveness`. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

SILENT, WILL, REPORTED, HEARD = "silent", "will", "reported", "heard"


class Pulse(msgspec.Struct, array_like=True):
    """What is known of one address that was heard at least once."""

    last_heard_ms: int
    offline: bool = False
    suspect: bool = False
    since_ms: int = 0  # while offline: since when
    reason: str = ""  # while offline
    back_ms: int = 0  # when it came back last: those behind it count from here
    interval_ms: int = 0  # as it said itself; 0 = never did
    via: str = ""  # address of its gateway
    asked_ms: int = 0  # when, after a suspicion, its gateway was heard: one more interval counts from here


class Transition(msgspec.Struct, frozen=True, gc=False):
    """Somebody went offline or came back. `effective_ms`: last heard when silent, else when we were told."""

    address: str
    online: bool
    reason: str
    at_ms: int
    effective_ms: int


Tell = Callable[[Transition], None]


class LivenessState(msgspec.Struct, array_like=True):
    """For a snapshot. `lost_ms` 0: the feed is there."""

    pulses: dict[str, Pulse]
    lost_ms: int = 0
    back_ms: int = 0
