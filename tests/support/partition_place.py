"""Workers' partitions without any server: a fold of letters, a sink and snapshots in memory, a log in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.reader_kafka import Fetched
from ingest.record import RawRecord
from ingest.topics import encode_raw
from rules.effects import Fenced
from rules.lanes import Lane, Stored
from rules.pace import Pace
from rules.partitions import Partitions

LANE, NOW_MS = "live", 1_000_000


class Letters:
    """A fold that says each row's letter and waits for what it is told."""

    def __init__(self) -> None:
        self.heard = b""
        self.due_ms: int | None = None

    def apply(self, row: Stored) -> Sequence[str]:
        if row.value == b"!":
            raise RuntimeError("nobody can fold this")
        if row.value == b"t":
            self.due_ms = NOW_MS + 1_000
        self.heard += row.value
        return () if row.value == b"." else (row.value.decode(),)

    def next_due_ms(self) -> int | None:
        return self.due_ms

    def snapshot(self) -> bytes:
        return self.heard

    def restore(self, state: bytes) -> None:
        self.heard = state

    def quarantined(self) -> list[dict[str, str]]:
        return []

    skipped = 0


class Place:
    """A sink and snapshots in memory, shared by workers; time moves by hand."""

    def __init__(self) -> None:
        self.positions: dict[int, int] = {}
        self.said: list[str] = []
        self.states: dict[str, tuple[int, bytes]] = {}
        self.now_ms, self.now_s, self.horizon_ms = NOW_MS, 0.0, NOW_MS + 10**6
        self.clocks: list[tuple[int, int]] = []
        self.refuses = False

    def worker(self, pace: Pace | None = None) -> Partitions:
        lane = Lane(LANE, "topic", "engine", lambda _: Letters(), self, waits_for_source=True)
        return Partitions(
            lane, self, lambda: self.now_ms, lambda one, at_ms: self.clocks.append((one, at_ms)),
            horizon_ms=lambda: self.horizon_ms, pace=pace, seconds=lambda: self.now_s,
        )  # fmt: skip

    def applied(self, lane: str, partition: int) -> int:
        return self.positions.get(partition, 0)

    def apply(self, lane: str, partition: int, expected: int, position: int, said: Sequence[Any]) -> None:
        if self.refuses:
            raise OSError("the desk is away")
        if self.applied(lane, partition) != expected:
            raise Fenced
        self.positions[partition] = position
        self.said += said

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        self.states[name] = (position, state)

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        kept = self.states.get(name)
        return kept if kept is not None and kept[0] <= not_after else None


def rows(text: str, first: int = 1) -> list[Stored]:
    """A row a letter; "." says nothing, "!" cannot be folded, "t" sets a timer."""
    return [Stored(first + index, letter.encode()) for index, letter in enumerate(text)]


def took(worker: Partitions, partition: int, given: Sequence[Stored]) -> None:
    """All of it."""
    at = 0
    while at < len(given):
        at = worker.take(partition, given, at)


def raw(*received_ms: int) -> list[Stored]:
    """Rows of RAW, which letters are not: they say nothing."""
    return [Stored(n, encode_raw("s", RawRecord(at_ms)), at_ms) for n, at_ms in enumerate(received_ms, 1)]


class Log:
    """A log in memory: times of its rows, by partition; what Kafka says of them, and what stands in them."""

    def __init__(self, times: dict[int, list[int]], kafka_later_ms: int = 0) -> None:
        self.times, self.kafka_later_ms, self.reads, self.asked = times, kafka_later_ms, 0, 0

    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        return {one: len(self.times[one]) for one in partitions}

    def firsts(self, topic: str, offsets: Mapping[int, int]) -> dict[int, Fetched]:
        self.reads, self.asked = self.reads + len(offsets), self.asked + 1
        return {one: self._row(one, at) for one, at in offsets.items() if at < len(self.times[one])}

    def _row(self, partition: int, offset: int) -> Fetched:
        at_ms = self.times[partition][offset]
        return Fetched(partition, offset, at_ms + self.kafka_later_ms, None, encode_raw("s", RawRecord(at_ms)))
