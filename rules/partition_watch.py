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
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import structlog

from rules.lanes import Timed, received_ms
from rules.pace import Pace
from rules.partitions import Partitions

LOOK_S = 2.0
QUICK_S = 0.03  # while a lane waits for the horizon
CALM_S = 10.0  # a lane that has not waited for so long has caught up
LATE_S, STALL_S = 20.0, 60.0
REASON_MAX = 300
SURE_MS = 1_000  # what an intake has stamped and Kafka does not have yet

log = structlog.get_logger()


class Log(Protocol):
    """Reads partitions by offset (ingest/client_kafka.py)."""

    def firsts(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, Timed]: ...
    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]: ...


class Heads:
    """The first row after each position. What stands there does not change, so no row is asked for twice; all others
    are at once.
    """

    def __init__(self, rows: Log, topic: str, time_of: Callable[[Timed], int] = lambda row: row.at_ms) -> None:
        self._rows, self._topic, self._time_of = rows, topic, time_of
        self._known: dict[int, tuple[int, int]] = {}  # partition -> position, and time of the row after it

    def look(self, positions: dict[int, int], ends: dict[int, int]) -> dict[int, int]:
        """Their times, of those that have one; 0 where there must be one and is none."""
        behind = {partition: position for partition, position in positions.items() if ends[partition] > position}
        new = {partition: at for partition, at in behind.items() if self._known.get(partition, (-1, 0))[0] != at}
        firsts = self._rows.firsts(self._topic, new) if new else {}
        self._known |= {partition: (new[partition], self._time_of(first)) for partition, first in firsts.items()}
        missing = new.keys() - firsts.keys()
        return {partition: 0 if partition in missing else self._known[partition][1] for partition in behind}


class Horizon:
    """Up to when the source lane has folded everything. `positions` gives its position in every partition of RAW."""

    def __init__(
        self,
        rows: Log,
        topic: str,
        positions: Callable[[], dict[int, int]],
        now_ms: Callable[[], int],
        pace: Pace | None = None,
    ) -> None:
        """`pace`: of the source lane here, which waits for the heads that are seen."""
        self._rows, self._topic, self._positions, self._now_ms = rows, topic, positions, now_ms
        self._heads, self.pace = Heads(rows, topic, received_ms), pace
        self.ms = 0

    @property
    def waited_for(self) -> bool:
        """A lane here waits for it to come closer."""
        return self.pace is not None and bool(self.pace.waiting)

    def look(self) -> None:
        now_ms = self._now_ms()  # before the question: what comes after it is younger
        positions = self._positions()
        heads = self._heads.look(positions, self._rows.ends(self._topic, list(positions)))
        self.ms = max(self.ms, min([now_ms, *heads.values()]) - SURE_MS)
        if self.pace is not None:
            self.pace.look({partition: at_ms for partition, at_ms in heads.items() if at_ms}, time.monotonic())


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
        self._heads = {lane.lane.name: Heads(rows, lane.lane.topic) for lane in self._lanes}
        self._waited_s: float | None = None  # when a lane last waited for the horizon; None: it was told that none does
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
            for partition, at_ms in self._heads[lane.lane.name].look(applied, ends).items():
                if at_ms == 0:
                    row = applied[partition] + 1
                    log.error("partition_lacks_rows", lane=lane.lane.name, partition=partition, row=row)
                    ages[lane.lane.name, partition] = self._now_ms()  # older than anything
                    continue
                key, at = (lane.lane.name, partition), (standing[partition].position, applied[partition])
                ages[key] = max(0, self._now_ms() - at_ms)
                if standing[partition].waits:
                    continue
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
        next_s, pause_s = time.monotonic() + LOOK_S, QUICK_S
        while not self._stopping.wait(pause_s):
            began_s = time.monotonic()
            try:
                self._tell_waiting(began_s)
                if began_s >= next_s:
                    next_s = began_s + LOOK_S
                    self.look()
                elif self._horizon is not None and self._horizon.waited_for:
                    self._horizon.look()
            except Exception as error:  # noqa: BLE001 - whatever is away, the homes' clock stands still without this thread
                log.warning("partitions_not_seen", error=type(error).__name__, reason=str(error)[:REASON_MAX])
            pause_s = min(LOOK_S, max(QUICK_S, 2 * (time.monotonic() - began_s)))  # a third of the time, not more

    def _tell_waiting(self, now_s: float) -> None:
        """A line when lanes begin to wait for the horizon, and one when they have caught up."""
        pace = None if self._horizon is None else self._horizon.pace
        if pace is not None and pace.waiting and pace.seen is not None:
            if self._waited_s is None:
                log.info("lanes_wait", partitions=len(pace.waiting), oldest=pace.seen.oldest, at_ms=pace.seen.oldest_ms)
            self._waited_s = now_s
        elif self._waited_s is not None and now_s - self._waited_s > CALM_S:
            self._waited_s = None
            log.info("lanes_wait_no_more")
