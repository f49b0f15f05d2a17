"""Looks at partitions from outside the loop that folds them: how old the oldest row is that nobody has folded. Edge.

A consumer can stop consuming while its process looks healthy (lessons 3.2, row 4), so this has a thread and a
connection of its own, and asks the log itself. What is not on disk yet is not processed: ages count from `applied`. A
partition that is at work, has rows and has not moved over some looks is read again (`on_late`); over many looks it is a
stall, and `on_stall` ends the worker so that another takes over. A backlog that moves is none, and where the desk is
away or the log lacks rows another worker would fare no better. Looks count, not seconds: a process that was paused for
a minute has not been stuck for one.

The horizon is up to when every partition of RAW has been folded, by the time that its rows bear: the homes' clock must
not overtake it, or their absences would fire over a backlog.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from ingest.topics import decode_raw
from rules.partitions import Partitions

LOOK_S = 2.0
LATE_S, STALL_S = 20.0, 60.0
REASON_MAX = 300
SURE_MS = 1_000  # what an intake has stamped and Kafka does not have yet

log = structlog.get_logger()


class Row(Protocol):
    """`at_ms`: Kafka's time of it."""

    @property
    def at_ms(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes: ...


class Log(Protocol):
    """Reads partitions by offset (ingest/client_kafka.py)."""

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Row]: ...
    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]: ...


def received_ms(row: Row) -> int:
    """When a row of RAW was received, as the folds will read it; Kafka's time of it where that is earlier."""
    try:
        return min(row.at_ms, decode_raw(row.value, row.offset).received_at_ms)
    except ValueError:
        return row.at_ms  # none of ours


def oldest_ms(
    rows: Log, topic: str, positions: dict[int, int], time_of: Callable[[Row], int] = lambda row: row.at_ms
) -> dict[int, int]:
    """Time of the first row after each position, for those that have one; 0 where there must be one and is none."""
    if not positions:
        return {}
    ends = rows.ends(topic, list(positions))
    found = {}
    for partition, position in positions.items():
        if ends[partition] > position:
            first = rows.read(topic, partition, position, 1)
            found[partition] = time_of(first[0]) if first else 0
    return found


class Horizon:
    """Up to when the source lane has folded everything. `positions` gives its position in every partition of RAW."""

    def __init__(
        self, rows: Log, topic: str, positions: Callable[[], dict[int, int]], now_ms: Callable[[], int]
    ) -> None:
        self._rows, self._topic, self._positions, self._now_ms = rows, topic, positions, now_ms
        self.ms = 0

    def look(self) -> None:
        now_ms = self._now_ms()  # before the question: what comes after it is younger
        oldest = oldest_ms(self._rows, self._topic, self._positions(), received_ms)
        self.ms = max(self.ms, min([now_ms, *oldest.values()]) - SURE_MS)


class PartitionWatch:
    """Ages and stalls of the lanes of one worker."""

    def __init__(
        self,
        rows: Log,
        lanes: Collection[Partitions],
        now_ms: Callable[[], int],
        on_stall: Callable[[str, int], None],
        *,
        on_late: Callable[[str, int], None] = lambda _lane, _partition: None,
        horizon: Horizon | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        """`on_late(lane, partition)` is called each LATE_S, `on_stall` once."""
        self._rows, self._lanes, self._now_ms, self._on_stall = rows, tuple(lanes), now_ms, on_stall
        self._on_late = on_late
        self._horizon, self._stall_s = horizon, stall_s
        self._stuck: dict[tuple[str, int], tuple[tuple[int, int], int]] = {}  # where, and at how many looks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="partition-watch", daemon=True)
        self._behind: dict[str, int] = {}
        self.ages_ms: dict[tuple[str, int], int] = {}  # (lane, partition) -> age of its oldest row not folded
        self.stalled = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(LOOK_S + 10.0)

    def oldest_age_ms(self, lane: str) -> int:
        """Of the worst partition of a lane; 0 when all are folded."""
        return max((age_ms for (name, _), age_ms in list(self.ages_ms.items()) if name == lane), default=0)

    def behind(self, lane: str) -> int:
        """Rows of a lane that are not folded and on disk, at the last look."""
        return self._behind.get(lane, 0)

    def look(self) -> None:
        """Once. Raises what says that the log, or the desk, does not answer."""
        if self._horizon is not None:
            self._horizon.look()
        ages: dict[tuple[str, int], int] = {}
        stuck: dict[tuple[str, int], tuple[tuple[int, int], int]] = {}
        for lane in self._lanes:
            standing = lane.standing()
            applied = {partition: one.applied for partition, one in standing.items() if not one.trouble}
            ends = self._rows.ends(lane.lane.topic, list(applied)) if applied else {}
            self._behind[lane.lane.name] = sum(max(0, ends[partition] - at) for partition, at in applied.items())
            for partition, at_ms in oldest_ms(self._rows, lane.lane.topic, applied).items():
                if at_ms == 0:
                    row = applied[partition] + 1
                    log.error("partition_lacks_rows", lane=lane.lane.name, partition=partition, row=row)
                    ages[lane.lane.name, partition] = self._now_ms()  # older than anything
                    continue
                key, at = (lane.lane.name, partition), (standing[partition].position, applied[partition])
                ages[key] = max(0, self._now_ms() - at_ms)
                was_at, looks = self._stuck.get(key, (at, 0))
                stuck[key] = (at, looks + 1 if was_at == at else 0)
        self.ages_ms, self._stuck = ages, stuck
        for (name, partition), (_, looks) in stuck.items():
            if looks and looks % (LATE_S // LOOK_S) == 0:
                self._on_late(name, partition)
            if looks * LOOK_S >= self._stall_s and ages[name, partition] >= self._stall_s * 1_000 and not self.stalled:
                self.stalled = True
                log.critical("partition_stalled", lane=name, partition=partition, age_ms=ages[name, partition])
                self._on_stall(name, partition)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever is away, the homes' clock stands still without this thread
                log.warning("partitions_not_seen", error=type(error).__name__, reason=str(error)[:REASON_MAX])
