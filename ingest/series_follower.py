"""Follows INPUTS and keeps the series up to date. Edge: a thread of its own that may lag; nothing waits for it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec
import structlog

from ingest.journal import InputReader, JournalError
from ingest.record import Input, Setting
from ingest.series import Mark, Point, Series, SeriesAway
from ingest.series_rows import Watched, rows

log = structlog.get_logger()

BATCH_ROWS = 2_000
REST_S = 0.5  # between two rounds: a write costs the same for one row as for fifty
BUSY_ROWS = 200  # not yet through the source fold
PAUSE_AFTER_FAULT_S = 5.0
UPKEEP_EVERY_S = 60.0
TROUBLE = (JournalError, sqlite3.Error, SeriesAway)


class _Lane(msgspec.Struct):
    """How far one partition is followed. `watched` None: nothing is known of it, or no more."""

    inputs: InputReader
    position: int = 0
    watched: Watched | None = None


class SeriesFollower:
    """`inputs`: INPUTS, or each partition of it that is followed here. `local_date` gives the site's local date
    (YYYY-MM-DD) of an instant: measures are in force by dates. `all_measures` (replay) keeps everybody's behaviour.
    While `backlog()` is over BUSY_ROWS, what may lag lags.

    The log is the queue, and its rows are read again until the store has taken them: a batch is bounded, written before
    the next is read, and only then is the position moved. `known` tells the settings in force, for a log that was cut
    behind the rows that made them, or (`scan` False) that is too long to be read for its settings alone.
    """

    def __init__(
        self, inputs: InputReader | Mapping[int, InputReader], series: Series, local_date: Callable[[int], str], *,
        all_measures: bool = False, backlog: Callable[[], int] = lambda: 0,
        known: Callable[[], Iterable[Setting]] = lambda: (), scan: bool = True,
    ) -> None:  # fmt: skip
        partitions = inputs if isinstance(inputs, Mapping) else {0: inputs}
        self._lanes = {partition: _Lane(one) for partition, one in partitions.items()}
        self._series, self._local_date = series, local_date
        self._all_measures, self._backlog, self._known, self._scan = all_measures, backlog, known, scan
        self._kept_up_s = float("-inf")
        self.healthy = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="series-follower", daemon=True)

    @property
    def position(self) -> int:
        """Up to where INPUTS is in the series; of several partitions the lowest."""
        return min(lane.position for lane in self._lanes.values())

    @property
    def lag(self) -> int:
        """Inputs not yet in the series."""
        return sum(max(0, lane.inputs.last_seq() - lane.position) for lane in self._lanes.values())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_once(self) -> int:
        """Follow one batch of each partition; how many inputs it was. Raises what TROUBLE lists, with nothing moved of
        the partition that it struck.
        """
        return sum(self._run_lane(partition, lane) for partition, lane in self._lanes.items())

    def _run_lane(self, partition: int, lane: _Lane) -> int:
        if lane.watched is None:
            lane.position = self._begin(partition, lane)
            lane.watched = self._settings_until(lane)
        batch = lane.inputs.read(lane.position, BATCH_ROWS)
        if not batch:
            return 0
        points: list[Point] = []
        marks: list[Mark] = []
        for one in batch:
            lane.watched.apply(one)
            self._add(one, lane.watched, points, marks)
        try:
            self._series.write(batch[-1].seq, points, marks, partition)
        except TROUBLE:
            lane.watched = None  # it has seen settings that we shall read again
            raise
        lane.position = batch[-1].seq
        return len(batch)

    def _begin(self, partition: int, lane: _Lane) -> int:
        """Where the store stands. One that is ahead of the log has followed another log: all is written again."""
        position, end = self._series.position(partition), lane.inputs.last_seq()
        if position > end:
            log.warning("series_ahead_of_log", partition=partition, position=position, end=end)
            return 0
        return position

    def _add(self, one: Input, watched: Watched, points: list[Point], marks: list[Mark]) -> None:
        found = rows(one)
        if not found.points and not found.marks:
            return
        assert one.event is not None, "only events have points and marks"
        if found.behaviour and not watched.may_keep(one.event, self._local_date(one.event.effective_at_ms)):
            return
        points.extend(found.points)
        marks.extend(found.marks)

    def _settings_until(self, lane: _Lane) -> Watched:
        """Settings stand in the floor's lane, so this is cheap with any number of events between."""
        watched = Watched(all_measures=self._all_measures)
        first = lane.inputs.read(0, 1) if self._scan else []
        if not self._scan or (first and first[0].seq > 1):
            for setting in self._known():
                watched.put(setting)
        seq = 0 if self._scan else lane.position
        while seq < lane.position and (page := lane.inputs.read(seq, BATCH_ROWS, floor_only=True)):
            for one in page:
                if one.seq <= lane.position:
                    watched.apply(one)
            seq = page[-1].seq
        return watched

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                more = self.run_once() >= BATCH_ROWS
                if not more and 0 in self._lanes:
                    self._keep_up()
                self.healthy = True
            except TROUBLE as error:
                (log.error if self.healthy else log.warning)("series_follower_failed", error=str(error))
                self.healthy = False
                self._stop.wait(PAUSE_AFTER_FAULT_S)
            else:
                if not more or self._backlog() > BUSY_ROWS:
                    self._stop.wait(REST_S)

    def _keep_up(self) -> None:
        now_s = time.monotonic()
        if now_s - self._kept_up_s >= UPKEEP_EVERY_S:
            self._kept_up_s = now_s
            if self._series.upkeep():
                self._kept_up_s = float("-inf")
