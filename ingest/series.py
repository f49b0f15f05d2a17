"""Port: measurements and presence as time series, for curves and bands. A follower of INPUTS writes it and may lag.

Nothing that decides reads from here. Implementations: `series_sqlite.py`; InfluxDB 2 later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Point(msgspec.Struct, frozen=True, gc=False):
    """One value of one subject. metric: temperature, heart_rate, presence, bed (1 occupied, 0 left), battery …"""

    subject: str
    device: str
    metric: str
    at_ms: int
    value: float
    unit: str = ""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened, for the band of a day: type, room, and whether it is a state's begin or end."""

    subject: str
    at_ms: int
    type: str
    room: str = ""
    event_id: str = ""


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """Down-sampled: mean, lowest, highest and count of the points in [at_ms, at_ms + width)."""

    at_ms: int
    mean: float
    low: float
    high: float
    count: int


class Series(Protocol):
    def write(self, position: int, points: Sequence[Point], marks: Sequence[Mark]) -> None:
        """One transaction; the same rows again change nothing (keyed by subject, metric, device, at)."""
        ...

    def position(self) -> int: ...

    def metrics(self, subject: str) -> list[tuple[str, str]]:
        """(metric, unit) there is anything of."""
        ...

    def buckets(self, subject: str, metric: str, from_ms: int, to_ms: int, points: int) -> list[Bucket]:
        """At most `points` buckets of equal width, empty ones left out."""
        ...

    def latest(self, metric: str) -> dict[str, tuple[int, float]]:
        """Device (or address) -> (at_ms, value) of its newest point of this metric."""
        ...

    def marks(self, subject: str, from_ms: int, to_ms: int, limit: int) -> list[Mark]: ...
