"""Follows INPUTS and keeps the series up to date. Edge: a thread of its own that may lag; nothing waits for it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

import structlog

from ingest.journal import InputLog, JournalError
from ingest.record import Input
from ingest.series import Mark, Point, Series
from ingest.series_rows import Watched, rows

log = structlog.get_logger()

BATCH_ROWS = 2_000
IDLE_S = 0.5
BUSY_ROWS = 200  # not yet through the source fold
PAUSE_AFTER_FAULT_S = 5.0


class SeriesFollower:
    """`local_date` gives the site's local date (YYYY-MM-DD) of an instant: measures are in force by dates.

    `all_measures` (replay) keeps everybody's behaviour. While `backlog()` is over BUSY_ROWS, what may lag lags.
    """

    def __init__(
        self, inputs: InputLog, series: Series, local_date: Callable[[int], str], *, all_measures: bool = False,
        backlog: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        self._inputs, self._series, self._local_date = inputs, series, local_date
        self._all_measures, self._backlog = all_measures, backlog
        self._watched: Watched | None = None  # built from the settings up to our position at the first run
        self._position = 0
        self.healthy = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="series-follower", daemon=True)

    @property
    def position(self) -> int:
        return self._position

    @property
    def lag(self) -> int:
        """Inputs not yet in the series."""
        return max(0, self._inputs.last_seq() - self._position)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_once(self) -> int:
        """Follow one batch; how many inputs it was. Raises JournalError or sqlite3.Error with nothing moved."""
        if self._watched is None:
            self._position = self._series.position()
            self._watched = self._settings_until(self._position)
        batch = self._inputs.read(self._position, BATCH_ROWS)
        if not batch:
            return 0
        points: list[Point] = []
        marks: list[Mark] = []
        for one in batch:
            self._watched.apply(one)
            self._add(one, self._watched, points, marks)
        try:
            self._series.write(batch[-1].seq, points, marks)
        except sqlite3.Error:
            self._watched = None  # it has seen settings that we shall read again
            raise
        self._position = batch[-1].seq
        return len(batch)

    def _add(self, one: Input, watched: Watched, points: list[Point], marks: list[Mark]) -> None:
        found = rows(one)
        if not found.points and not found.marks:
            return
        assert one.event is not None, "only events have points and marks"
        if found.behaviour and not watched.may_keep(one.event, self._local_date(one.event.effective_at_ms)):
            return
        points.extend(found.points)
        marks.extend(found.marks)

    def _settings_until(self, position: int) -> Watched:
        """Settings stand in the floor's lane, so this is cheap with any number of events between."""
        watched = Watched(all_measures=self._all_measures)
        seq = 0
        while seq < position and (page := self._inputs.read(seq, BATCH_ROWS, floor_only=True)):
            for one in page:
                if one.seq <= position:
                    watched.apply(one)
            seq = page[-1].seq
        return watched

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                idle = self.run_once() == 0
                self.healthy = True
            except (JournalError, sqlite3.Error) as error:
                self.healthy = False
                log.error("series_follower_failed", error=str(error))
                self._stop.wait(PAUSE_AFTER_FAULT_S)
            else:
                if idle or self._backlog() > BUSY_ROWS:
                    self._stop.wait(IDLE_S)
