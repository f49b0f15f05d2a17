"""Port: measurements and presence as time series, for curves and bands. A follower of INPUTS writes it and may lag.

Nothing that decides reads from here. Implementations: `series_sqlite.py` and `series_influx.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

MEAN_MS = 600_000  # what a mean in a store is of


class SeriesAway(Exception):
    """The store cannot be reached now, or has just been found replaced. Nothing was lost: the logs hold it all."""


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


class Grid(msgspec.Struct, frozen=True):
    """Where the buckets of a curve lie: at start_ms + n * width_ms."""

    start_ms: int
    width_ms: int

    def bucket_of(self, at_ms: int) -> int:
        """Begin of the bucket that an instant lies in."""
        return at_ms - (at_ms - self.start_ms) % self.width_ms


def grid(from_ms: int, to_ms: int, points: int, finest_ms: int = 1) -> Grid:
    """At most `points` (at least 1) buckets of equal width over [from_ms, to_ms), none narrower than `finest_ms`.

    Buckets of ten minutes and more lie on whole ten minutes of UTC, so that a curve over a week can be read from means
    and still say what the points say. The first may then begin before `from_ms`; it holds nothing from before.
    """
    points = max(1, points)
    width_ms = -(-(to_ms - from_ms) // points)
    if max(width_ms, finest_ms) < MEAN_MS:
        return Grid(from_ms, width_ms)
    start_ms = from_ms - from_ms % MEAN_MS
    return Grid(start_ms, -(-(to_ms - start_ms) // (points * MEAN_MS)) * MEAN_MS)


class Series(Protocol):
    """Written by one follower a partition of INPUTS, read from any thread and, on InfluxDB, any process.

    Each call may raise SeriesAway, where the store is another program.
    """

    def write(self, position: int, points: Sequence[Point], marks: Sequence[Mark], partition: int = 0) -> None:
        """Rows, and then up to where in that partition of INPUTS they come from: never a position ahead of its rows.
        The same rows again change nothing (points are keyed by subject, metric, device and time).
        """
        ...

    def position(self, partition: int = 0) -> int:
        """Up to where that partition is in here; 0 in an empty store, so that it is filled again from the logs."""
        ...

    def metrics(self, subject: str) -> list[tuple[str, str]]:
        """(metric, unit) there is anything of."""
        ...

    def buckets(self, subject: str, metric: str, from_ms: int, to_ms: int, points: int) -> list[Bucket]:
        """The points in [from_ms, to_ms), of all the subject's devices together, as `grid` lays the buckets; empty
        ones left out. The last bits of a mean are the store's own: the order of a sum is.
        """
        ...

    def latest(self, metric: str, devices: Collection[str]) -> dict[str, tuple[int, float]]:
        """Which of these devices (or addresses) -> (at_ms, value) of its newest point of this metric."""
        ...

    def marks(self, subject: str, from_ms: int, to_ms: int, limit: int) -> list[Mark]:
        """Marks with from_ms <= at < to_ms, oldest first (at one time by type, room, event id), at most `limit`."""
        ...

    def hear(self, heard: Mapping[str, int]) -> None:
        """Address -> when it was last heard (received_at_ms)."""
        ...

    def heard(self) -> dict[str, int]:
        """What `hear` was told."""
        ...

    def upkeep(self) -> bool:
        """What a store does now and then beside its rows, for some seconds; called by the one follower of partition 0.
        Whether more of it is left.
        """
        ...

    def close(self) -> None: ...
