"""Series (port) in InfluxDB 2: curves, marks, and when each device was last heard. Edge.

Buckets, by how long they are kept: `<bucket>_behaviour`, `_care` and `_device` hold points and marks as they came,
`_means` what measurements come to in ten minutes, `_state` what the store needs to know of itself. All can be rebuilt
from the logs, as far back as they reach.

Order of a write: points and marks, which hours they touched, and only then the position. So the position is never ahead
of its rows, a batch that was cut short is written again, and the same rows again change nothing. The position names the
buckets it was written beside: where one was lost, it counts no more, and the follower begins anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog

from ingest.series import MEAN_MS, Bucket, Grid, Mark, Point, SeriesAway, grid
from ingest.series_classes import BEHAVIOUR, CARE, CLASSES, DEVICE, class_of_mark, class_of_metric
from ingest.series_influx_client import Influx, InfluxOptions
from ingest.series_influx_means import Means
from ingest.series_influx_text import (
    FIXED_NS,
    HEARD,
    MARKS,
    MS_NS,
    POINTS,
    POSITION,
    UNITS,
    Piece,
    curve_statements,
    heard_line,
    mark_line,
    mark_of,
    one_of,
    point_line,
    position_line,
    select,
    time_ms,
    unit_line,
    untag,
)  # fmt: skip

log = structlog.get_logger()

DAY_MS = 86_400_000
LOOK_EVERY_S = 60.0  # whether the buckets are still those we know
SERIES_KNOWN_MAX = 50_000  # units kept in memory
SAME_TIME_MAX = 100  # marks of one person in one millisecond that are put in order
HEARD_S = 5.0  # how old what `heard` says may be: every page asks for it
LATE_MS = 60_000  # points within it of the end of their retention are not sent: they would be refused on arrival
MEANS, STATE = "means", "state"
KEPT = (BEHAVIOUR, CARE, DEVICE, MEANS, STATE)


def bucket_days(options: InfluxOptions) -> dict[str, int]:
    """Names of our buckets, in the order of KEPT -> days that each keeps, 0 = for ever."""
    days = (options.behaviour_days, options.care_days, options.device_days, options.means_days, 0)
    return {f"{options.bucket}_{name}": keeps for name, keeps in zip(KEPT, days, strict=True)}


class InfluxSeries:
    """`now_ms` tells what is too old to be kept. Nothing is asked of the server before the first call."""

    def __init__(self, options: InfluxOptions, site: str, now_ms: Callable[[], int]) -> None:
        self._site, self._now_ms = site, now_ms
        self.influx = Influx(options)
        self._bucket_days = bucket_days(options)
        names = list(self._bucket_days)
        self._bucket = dict(zip(KEPT, names, strict=True))
        self._days = dict(zip(KEPT, self._bucket_days.values(), strict=True))
        self._state = self._bucket[STATE]
        self.means = Means(self.influx, site, self._state, self._bucket[CARE], self._bucket[MEANS])
        self._lock = threading.Lock()
        self._store = ""  # the ids of the buckets; "" until they were looked at
        self._looked_s = float("-inf")
        self._units: dict[tuple[str, str, str], str] = {}
        self._heard: tuple[float, dict[str, int]] = (float("-inf"), {})

    def write(self, position: int, points: Sequence[Point], marks: Sequence[Mark], partition: int = 0) -> None:
        """Raises SeriesAway with the position where it was; a part of the rows may be there already."""
        self._look_again()
        lines: dict[str, list[str]] = {}
        for one in points:
            if one.at_ms >= self._oldest_ms(found := class_of_metric(one.metric)):
                lines.setdefault(found, []).append(point_line(self._site, one))
        for mark in marks:
            if mark.at_ms >= self._oldest_ms(found := class_of_mark(mark.type)):
                lines.setdefault(found, []).append(mark_line(self._site, mark))
        try:
            for name, some in lines.items():
                self.influx.write(self._bucket[name], some)
            touched = {one.at_ms for one in points if class_of_metric(one.metric) == CARE}
            news = [unit_line(self._site, one) for one in self._new_units(points)]
            self.influx.write(self._state, news + self.means.lines(touched))
            self.influx.write(self._state, [position_line(self._site, partition, position, self._store)])
        except SeriesAway:
            self._forget()
            raise

    def position(self, partition: int = 0) -> int:
        store = self._ready()
        text = select(self._state, POSITION, self._site, 0, FIXED_NS + 1, partition=str(partition))
        found = {row["_field"]: row["_value"] for row in self.influx.rows(text)}
        if found.get("store") == store:
            return int(found["position"])
        log.warning("series_filled_from_logs", partition=partition, replaced="store" in found)
        return 0

    def metrics(self, subject: str) -> list[tuple[str, str]]:
        self._ready()
        text = select(self._state, UNITS, self._site, 0, FIXED_NS + 1, subject=subject)
        return sorted({(untag(row["metric"]), untag(row["_value"])) for row in self.influx.rows(text)})

    def buckets(self, subject: str, metric: str, from_ms: int, to_ms: int, points: int) -> list[Bucket]:
        """From points where they are kept and the buckets are narrower than a mean, else from means as far as these say
        what the points say. Older than the points are kept: no bucket is narrower than a mean.
        """
        if to_ms <= from_ms:
            return []
        self._ready()
        found = class_of_metric(metric)
        oldest_ms = self._oldest_ms(found)
        lies = grid(from_ms, to_ms, points, MEAN_MS if found == CARE and from_ms < oldest_ms else 1)
        pieces = [Piece(from_ms, to_ms, means=False)]
        if found == CARE and lies.width_ms >= MEAN_MS:
            pieces = self.means.pieces(from_ms, to_ms, oldest_ms)
        kept = (self._bucket[found], self._bucket[MEANS])
        return _buckets(self.influx.values(curve_statements(kept, self._site, subject, metric, pieces, lies)), lies)

    def latest(self, metric: str, devices: Collection[str]) -> dict[str, tuple[int, float]]:
        """Whomever they were with then."""
        if not devices:
            return {}
        self._ready()
        text = select(self._bucket[class_of_metric(metric)], POINTS, self._site, metric=metric)
        found: dict[str, tuple[int, float]] = {}
        for row in self.influx.rows(f"{text}{one_of('device', devices)} |> last()"):
            device, newest = untag(row["device"]), (time_ms(row["_time"]), float(row["_value"]))
            found[device] = max(newest, found.get(device, newest))
        return found

    def marks(self, subject: str, from_ms: int, to_ms: int, limit: int) -> list[Mark]:
        self._ready()
        if to_ms <= from_ms:
            return []
        texts = [
            f"{select(self._bucket[name], MARKS, self._site, from_ms * MS_NS, to_ms * MS_NS, subject=subject)}"
            f' |> limit(n: {limit + SAME_TIME_MAX}) |> keep(columns: ["_time", "_value"]) |> yield(name: "{name}")'
            for name in CLASSES
        ]
        rows = self.influx.rows("\n".join(texts))
        found = [mark_of(subject, time_ms(row["_time"]), row["_value"]) for row in rows]
        return sorted(found, key=lambda one: (one.at_ms, one.type, one.room, one.event_id))[:limit]

    def hear(self, heard: Mapping[str, int]) -> None:
        self._ready()
        self.influx.write(self._state, [heard_line(self._site, address, at_ms) for address, at_ms in heard.items()])
        self._heard = (float("-inf"), {})

    def heard(self) -> dict[str, int]:
        read_s, known = self._heard
        if time.monotonic() - read_s < HEARD_S:
            return known
        self._ready()
        text = select(self._state, HEARD, self._site, 0, FIXED_NS + 1)
        rows = self.influx.rows(f'{text} |> group() |> keep(columns: ["device", "_value"])')
        self._heard = (time.monotonic(), {untag(row["device"]): int(row["_value"]) for row in rows})
        return self._heard[1]

    def upkeep(self) -> bool:
        """Means of hours that are over and whose points have changed since."""
        self._ready()
        return self.means.roll(self._now_ms(), self._oldest_ms(CARE)) > 0

    def close(self) -> None:
        self.influx.close()

    def _oldest_ms(self, name: str) -> int:
        """From when on this class is kept."""
        days = self._days[name]
        return self._now_ms() - days * DAY_MS + LATE_MS if days else 0

    def _ready(self) -> str:
        """The buckets are there: made, if need be. Their ids."""
        with self._lock:
            if not self._store:
                ids = self.influx.buckets(self._bucket_days)
                self._store = ",".join(ids.values())
                self._looked_s = time.monotonic()
            return self._store

    def _look_again(self) -> None:
        """Before a write: whether the buckets are those that the position stands beside."""
        known = self._ready()
        if time.monotonic() - self._looked_s < LOOK_EVERY_S:
            return
        self._forget()
        if self._ready() != known:
            raise SeriesAway("buckets of InfluxDB were made anew: they are filled again from the logs")

    def _forget(self) -> None:
        with self._lock:
            self._store = ""
            self._units.clear()

    def _new_units(self, points: Sequence[Point]) -> list[Point]:
        """A point of each series whose unit is not known to be there."""
        if len(self._units) >= SERIES_KNOWN_MAX:
            self._units.clear()
        news = []
        for one in points:
            key = (one.subject, one.metric, one.device)
            if self._units.get(key) != one.unit:
                self._units[key] = one.unit
                news.append(one)
        return news


def _buckets(rows: Iterable[Sequence[Any]], lies: Grid) -> list[Bucket]:
    """Rows are of parts of buckets: time, sum, count, lowest, highest (series_influx_text.curve_statements)."""
    found: dict[int, tuple[float, int, float, float]] = {}
    for at, total, count, low, high in rows:
        at_ms = lies.bucket_of(at)
        if at_ms in found:
            before = found[at_ms]
            found[at_ms] = before[0] + total, before[1] + count, min(before[2], low), max(before[3], high)
        else:
            found[at_ms] = float(total), count, float(low), float(high)
    return [Bucket(at_ms, one[0] / one[1], one[2], one[3], one[1]) for at_ms, one in sorted(found.items())]
