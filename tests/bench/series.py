"""A week of one resident out of many points, on SQLite and on InfluxDB, through the port that the pages use.

VARDEVAKT_BENCH_SERIES_POINTS says how many (5 000 000; the aim is meant for 50 000 000, a quarter of an hour). Each
resident has one sensor with a value every 10 s for a week, written in the order of time, as a follower writes. The
store's upkeep is done before it is asked, all of it; the last hour is not over for it, as on a page.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest.series import Point, Series
from ingest.series_influx import InfluxSeries
from ingest.series_sqlite import SqliteSeries
from tests.bench.report import Figure, milliseconds, quantile, whole
from tests.support.influx import Influxd, external_influx, fresh
from tests.support.journals import NOON_MS
from tests.support.servers import find_program

STEP_MS, WEEK_MS, DAY_MS = 10_000, 604_800_000, 86_400_000
BATCH = 5_000
QUERIES, WARM = 200, 5
MOST = 600  # points that a wide page asks for


def series(folder: Path) -> list[Figure]:
    """The figures of both stores."""
    count = int(os.environ.get("VARDEVAKT_BENCH_SERIES_POINTS", "5000000"))
    sqlite = SqliteSeries(folder / "series" / "series.db")
    figures = _measured("SQLite", sqlite, count)
    sqlite.close()
    outside = external_influx()
    if outside is not None:
        return figures + _influx(InfluxSeries(fresh(outside), "solbakken", _now_ms), count)
    if find_program("influxd") is None:
        return [*figures, Figure("series: a week of one resident on InfluxDB", "no influxd: run `make servers`")]
    with Influxd(folder / "influx") as own:
        return figures + _influx(InfluxSeries(own.options, "solbakken", _now_ms), count)


def _influx(store: InfluxSeries, count: int) -> list[Figure]:
    figures = _measured("InfluxDB", store, count)
    store.close()
    return figures


def _now_ms() -> int:
    return NOON_MS + WEEK_MS


def _measured(name: str, store: Series, count: int) -> list[Figure]:
    residents = max(1, count // (WEEK_MS // STEP_MS))
    start, written = time.perf_counter(), 0
    for number, batch in enumerate(_batches(residents)):
        store.write(number, batch, [])
        written += len(batch)
    took_s = time.perf_counter() - start
    tended = f"; {_tended(store, written)}" if isinstance(store, InfluxSeries) else ""
    loaded = f"{whole(written)} points of {residents} residents, written at {whole(written / took_s)}/s{tended}"
    chance = random.Random(1)
    week = _asked(store, residents, chance, lambda: (NOON_MS, NOON_MS + WEEK_MS))
    day = _asked(store, residents, chance, lambda: _some_day(chance))
    p99_ms = quantile(week, 0.99) * 1_000
    return [
        Figure(f"series: a week of one resident on {name}", milliseconds(week), loaded, "p99 < 50 ms", p99_ms < 50),
        Figure(f"series: a day of one resident on {name}", milliseconds(day), f"{QUERIES} queries one after the other"),
    ]


def _tended(store: Series, written: int) -> str:
    """Upkeep until nothing is left: how long that took."""
    start, rounds = time.perf_counter(), 1
    while store.upkeep():
        rounds += 1
    took_s = time.perf_counter() - start
    return f"means made in {took_s:.1f} s and {rounds} rounds, of {whole(written / took_s)} points/s"


def _batches(residents: int) -> Iterator[list[Point]]:
    """Every resident's value of a moment before anybody's of the next."""
    batch: list[Point] = []
    names = [(f"r{number}", f"d{number}") for number in range(residents)]
    for at_ms in range(NOON_MS, NOON_MS + WEEK_MS, STEP_MS):
        value = 20.0 + at_ms // STEP_MS % 97 / 10
        for resident, device in names:
            batch.append(Point(resident, device, "heart_rate", at_ms, value, "/min"))
            if len(batch) == BATCH:
                yield batch
                batch = []
    yield batch


def _some_day(chance: random.Random) -> tuple[int, int]:
    begin_ms = NOON_MS + chance.randrange(6 * DAY_MS)
    return begin_ms, begin_ms + DAY_MS


def _asked(store: Series, residents: int, chance: random.Random, span: Callable[[], tuple[int, int]]) -> list[float]:
    took = []
    for number in range(-WARM, QUERIES):
        begin_ms, end_ms = span()
        start = time.perf_counter()
        found = store.buckets(f"r{chance.randrange(residents)}", "heart_rate", begin_ms, end_ms, MOST)
        if number >= 0:
            took.append(time.perf_counter() - start)
        assert sum(one.count for one in found) == (end_ms - begin_ms) // STEP_MS, "every point is in a bucket"
    return took
