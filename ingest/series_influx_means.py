"""Means of ten minutes in InfluxDB, and the hours whose means can be believed. Edge.

Every batch notes the hours that it has points of (`written`, another number each time), after the points. Rolling an
hour makes its means of the points that are there now and then notes the number it had read before (`means`). An hour
whose numbers differ has points that its means lack: late days, a refill, the hour that it is now. It is rolled again,
and until then curves read its points. Nothing is lost where somebody writes while an hour is rolled, or where rolling
ends half-way.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from ingest.series import MEAN_MS
from ingest.series_influx_client import ROLL_MS, Influx
from ingest.series_influx_text import HOUR_MS, Piece, hour_line, hours_statement, roll_query

REST_MS = 600_000  # after its end an hour is left alone for so long: most of what is late comes by then
AT_ONCE_MS = 6 * HOUR_MS  # rolled by one query; it has ROLL_MS
ROUND_S = 20.0  # then the follower looks after the logs again
PIECES_MAX = 24  # parts of a curve that have changed; where there are more, points are read from the first to the last


class Means:
    """The means of one site. `points` and `means` are the buckets that hold them, `state` that of the notes."""

    def __init__(self, influx: Influx, site: str, state: str, points: str, means: str) -> None:
        self._influx, self._site, self._state, self._points, self._means = influx, site, state, points, means

    def lines(self, times: Iterable[int]) -> list[str]:
        """What to note, after points of these times were written."""
        written = time.time_ns()
        hours = {at_ms - at_ms % HOUR_MS for at_ms in times}
        return [hour_line(self._site, hour_ms, "written", written) for hour_ms in sorted(hours)]

    def roll(self, now_ms: int, oldest_ms: int) -> int:
        """Make the means of hours that are over and have changed, the oldest first, for ROUND_S; how many are left.
        None that has lost points to its retention: its means are all that is left.
        """
        began_s, end_ms = time.monotonic(), now_ms - REST_MS
        changed = self.changed(-(-oldest_ms // HOUR_MS) * HOUR_MS, end_ms - end_ms % HOUR_MS)
        for from_ms, to_ms in _joined(_hours(changed), AT_ONCE_MS):
            self._influx.rows(roll_query(self._points, self._means, self._site, from_ms, to_ms), timeout_ms=ROLL_MS)
            rolled = [(hour_ms, changed.pop(hour_ms)) for hour_ms in range(from_ms, to_ms, HOUR_MS)]
            self._influx.write(self._state, [hour_line(self._site, hour_ms, "means", one) for hour_ms, one in rolled])
            if time.monotonic() - began_s > ROUND_S:
                break
        return len(changed)

    def pieces(self, from_ms: int, to_ms: int, oldest_ms: int) -> list[Piece]:
        """[from_ms, to_ms) from means where these say what the points say, else from points."""
        first_ms, end_ms = -(-from_ms // MEAN_MS) * MEAN_MS, to_ms - to_ms % MEAN_MS
        if first_ms >= end_ms:
            return [Piece(from_ms, to_ms, means=False)]
        changed = _joined(_hours(self.changed(max(first_ms - first_ms % HOUR_MS, oldest_ms), end_ms)))
        if len(changed) > PIECES_MAX:
            changed = [(changed[0][0], changed[-1][1])]
        inside = [(max(begin_ms, first_ms), min(stop_ms, end_ms)) for begin_ms, stop_ms in changed]
        pieces, at_ms = [], from_ms
        for begin_ms, stop_ms in [*_joined([(from_ms, first_ms), *inside, (end_ms, to_ms)]), (to_ms, to_ms)]:
            pieces += [Piece(at_ms, begin_ms, means=True), Piece(begin_ms, stop_ms, means=False)]
            at_ms = stop_ms
        return [one for one in pieces if one.to_ms > one.from_ms]

    def changed(self, from_ms: int, to_ms: int) -> dict[int, int]:
        """Hour -> what was written, of those in [from_ms, to_ms) whose means lack points; the oldest first."""
        if from_ms >= to_ms:
            return {}
        found = self._influx.values([hours_statement(self._state, self._site, from_ms, to_ms)])
        return {hour_ms: written for hour_ms, written, means in found if written not in {None, means}}


def _hours(hours: Iterable[int]) -> list[tuple[int, int]]:
    return [(hour_ms, hour_ms + HOUR_MS) for hour_ms in hours]


def _joined(parts: Iterable[tuple[int, int]], longest_ms: int | None = None) -> list[tuple[int, int]]:
    """Parts [from, to) in order, those that follow each other as one, at most that long."""
    joined: list[tuple[int, int]] = []
    for from_ms, to_ms in parts:
        if joined and joined[-1][1] == from_ms and (longest_ms is None or to_ms - joined[-1][0] <= longest_ms):
            joined[-1] = (joined[-1][0], to_ms)
        else:
            joined.append((from_ms, to_ms))
    return joined
