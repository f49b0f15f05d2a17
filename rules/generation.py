"""Positions and snapshots of one generation of the logs among those of all: the desk has one number for each partition
of each generation (`Layout.lane_partition`), so that an old generation's stay what they were. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ingest.journal import SnapshotStore
from ingest.topics import Layout
from rules.partition_fold import Sink


class GenerationSink:
    """A desk as the lanes of one generation see it."""

    def __init__(self, sink: Sink[Any], layout: Layout) -> None:
        self._sink, self._layout = sink, layout

    def applied(self, lane: str, partition: int) -> int:
        return self._sink.applied(lane, self._layout.lane_partition(partition))

    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Any]) -> None:
        self._sink.apply(lane, self._layout.lane_partition(partition), expected, position, effects)


class Desk(Sink[Any], Protocol):
    """Positions of all lanes, of every generation."""

    def positions(self, lane: str) -> dict[int, int]: ...


class GenerationDesk(GenerationSink):
    """A desk as a worker of one generation sees it."""

    def __init__(self, desk: Desk, layout: Layout) -> None:
        super().__init__(desk, layout)
        self._desk = desk

    def positions(self, lane: str) -> dict[int, int]:
        """`applied` of every partition of this generation that has one."""
        numbers = {self._layout.lane_partition(one): one for one in range(self._layout.partitions)}
        return {numbers[at]: applied for at, applied in self._desk.positions(lane).items() if at in numbers}


class GenerationSnapshots:
    """A SnapshotStore whose names end in "/<partition>"."""

    def __init__(self, snapshots: SnapshotStore, layout: Layout) -> None:
        self._snapshots, self._layout = snapshots, layout

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        self._snapshots.save(self._numbered(name), position, engine, state)

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        return self._snapshots.load(self._numbered(name), engine, not_after)

    def _numbered(self, name: str) -> str:
        lane, _, partition = name.rpartition("/")
        return f"{lane}/{self._layout.lane_partition(int(partition))}"
