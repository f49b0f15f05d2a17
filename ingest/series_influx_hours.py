"""Means of hours in InfluxDB, and which of them can be believed. Edge.

Every batch notes the hours that it has points of (`written`, another number each time), after the points. Rolling an
hour makes its means of the points that are there now and then notes the number it had read before (`rolled`). An hour
whose numbers differ has points that its means lack: late days, a refill, the hour that it is now. It is rolled again,
and until then curves read its points. Nothing is lost where somebody writes while an hour is rolled, or where rolling
ends half-way.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from ingest.series import HOUR_MS
from ingest.series_influx_client import ROLL_MS, Influx
from ingest.series_influx_text import Piece, changed_query, hour_line, roll_query, time_ms

REST_MS = 600_000  # after its end an hour is left alone for so long: most of what is late comes by then
HOURS_AT_ONCE = 24
HOURS_A_ROUND = 240
PIECES_MAX = 24  # a curve is made of at most so many; else of points alone where hours have changed


class Hours:
    """The hourly means of one site."""

    def __init__(self, influx: Influx, site: str, state: str, points: str, hours: str) -> None:
        self._influx, self._site, self._state, self._points, self._hours = influx, site, state, points, hours

    def lines(self, hours: Iterable[int]) -> list[str]:
        """What to note, after points of these hours were written."""
        written = time.time_ns()
        return [hour_line(self._site, hour_ms, "written", written) for hour_ms in sorted(hours)]

    def roll(self, now_ms: int, oldest_ms: int) -> int:
        """Hours that are over and have changed, the oldest first; how many. None that has lost points to its retention:
        its means are all that is left.
        """
        end_ms = now_ms - REST_MS - HOUR_MS
        changed = self._changed(-(-oldest_ms // HOUR_MS) * HOUR_MS, end_ms - end_ms % HOUR_MS + HOUR_MS)
        some = dict(sorted(changed.items())[:HOURS_A_ROUND])
        for from_ms, to_ms in _runs(some, HOURS_AT_ONCE):
            text = roll_query(self._points, self._hours, self._site, from_ms, to_ms)
            self._influx.rows(text, timeout_ms=ROLL_MS)
            rolled = [(hour_ms, some[hour_ms]) for hour_ms in range(from_ms, to_ms, HOUR_MS)]
            self._influx.write(self._state, [hour_line(self._site, hour_ms, "rolled", one) for hour_ms, one in rolled])
        return len(some)

    def pieces(self, from_ms: int, to_ms: int, oldest_ms: int) -> list[Piece]:
        """[from_ms, to_ms) from hours where these say what the points say, else from points."""
        first_ms, end_ms = -(-from_ms // HOUR_MS) * HOUR_MS, to_ms - to_ms % HOUR_MS
        if first_ms >= end_ms:
            return [Piece(from_ms, to_ms, hours=False)]
        runs = _runs(self._changed(max(first_ms, oldest_ms), end_ms))
        if len(runs) > PIECES_MAX:
            runs = [(runs[0][0], runs[-1][1])]
        pieces, at_ms = [Piece(from_ms, first_ms, hours=False)], first_ms
        for begin_ms, stop_ms in runs:
            pieces += [Piece(at_ms, begin_ms, hours=True), Piece(begin_ms, stop_ms, hours=False)]
            at_ms = stop_ms
        pieces += [Piece(at_ms, end_ms, hours=True), Piece(end_ms, to_ms, hours=False)]
        return [one for one in pieces if one.to_ms > one.from_ms]

    def _changed(self, from_ms: int, to_ms: int) -> dict[int, int]:
        """Hour -> what was written, of those whose means lack points."""
        if from_ms >= to_ms:
            return {}
        rows = self._influx.rows(changed_query(self._state, self._site, from_ms, to_ms))
        return {time_ms(row["_time"]): int(row["written"]) for row in rows}


def _runs(hours: Iterable[int], longest: int | None = None) -> list[tuple[int, int]]:
    """Hours that follow each other, as [from, to), at most `longest` in one."""
    runs: list[tuple[int, int]] = []
    for hour_ms in sorted(hours):
        joins = bool(runs) and runs[-1][1] == hour_ms
        if joins and (longest is None or hour_ms - runs[-1][0] < longest * HOUR_MS):
            runs[-1] = (runs[-1][0], hour_ms + HOUR_MS)
        else:
            runs.append((hour_ms, hour_ms + HOUR_MS))
    return runs
