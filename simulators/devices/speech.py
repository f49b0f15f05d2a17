"""What a convention's devices offer to whoever plays the ward. Pure: a port, and times as they write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from simulators.doings import Sighting
from simulators.message import Message
from simulators.ward import Gateway

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Speech(Protocol):
    """All devices of one convention. Keeps what the devices themselves keep: counters, cached states."""

    def greet(self, gateway: Gateway, now_ms: int) -> list[Message]:
        """A gateway has come up: it says so, and its devices show themselves."""
        ...

    def leave(self, gateway: Gateway, now_ms: int) -> list[Message]:
        """It is gone; what the broker then says for it (its will)."""
        ...

    def tell(self, sighting: Sighting, now_ms: int) -> list[Message]:
        """One sighting at once. `now_ms`: when it goes on the wire."""
        ...

    def empty(self, sightings: Sequence[Sighting], now_ms: int) -> list[Message]:
        """A gateway that was cut off hands in what it kept, oldest first."""
        ...


def iso(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return f"{_EPOCH + timedelta(milliseconds=at_ms):%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03d}+00:00"


def to_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
