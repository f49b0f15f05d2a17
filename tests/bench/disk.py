"""What a resident's day costs on disk: a simulated ward's days through the real stores, and how much each table grew.

The first day fills new pages and is not counted. A page is counted whole, with the indexes of its table. InfluxDB,
where it is at hand, is counted when it has made files of its write-ahead log and put them together, as it does by
itself when nothing was written to a shard for hours.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from alerts.database import migrate, open_database
from alerts.desk import Desk
from ingest.codecs import default_codecs
from ingest.journal_sqlite import open_journal
from ingest.record import RawRecord
from ingest.series import Series
from ingest.series_follower import SeriesFollower
from ingest.series_influx import InfluxSeries
from ingest.series_influx_client import InfluxOptions
from ingest.series_sqlite import SqliteSeries
from ingest.source_fold import SourceFold
from ingest.source_runner import SourceRunner
from rules.book_file import shipped_book
from rules.effects import LIVE
from rules.fold_runner import FoldRunner
from rules.home_fold import HomeFold
from rules.local_time import local_date
from simulators.furniture import make_ward
from simulators.life import messages_in
from simulators.message import record_of
from tests.bench.decoded import DAY, SEED, SITE, settings
from tests.bench.report import Figure
from tests.support.influx import Influxd
from tests.support.journals import SMALL
from tests.support.servers import find_program
from tests.support.simulated import DAY_MS, ZONE, oslo
from tests.support.waiting import wait_until

RESIDENTS = 100
DAYS = 3
BATCH = 2_000
FILES = {
    "RAW": ("journal.db", ("raw",)),
    "INPUTS, by home": ("journal.db", ("inputs", "input_homes")),
    "verdicts, dead letters": ("journal.db", ("verdicts", "dead_letters")),
    "desk": ("desk.db", ()),
    "series": ("series.db", ()),
}
"""What is told -> its file and tables, the rows of the first counted; () = all of them."""
INFLUX = "series on InfluxDB"
TIDY = ("--storage-cache-snapshot-write-cold-duration=2s", "--storage-compact-full-write-cold-duration=4s")
STEADY_LOOKS, WAIT_S = 10, 120.0


class Stores:
    """Journal, desk and series in one folder, with the folds that fill them in the caller's thread."""

    def __init__(self, folder: Path, other: Series | None) -> None:
        """`other`: curves are kept there too."""
        self._journal = open_journal(folder / "journal.db", SITE, SMALL)
        migrate(folder / "desk.db")
        self._database = open_database(folder / "desk.db")
        self._series = SqliteSeries(folder / "series.db")
        kept, inputs, desk = self._journal.snapshots, self._journal.inputs, Desk(self._database, SITE)
        self._source = SourceRunner(
            lambda: SourceFold(SITE, default_codecs()), self._journal.raw, inputs, kept, lambda: 0
        )
        self._home = FoldRunner(
            LIVE, lambda: HomeFold(shipped_book(), SITE), "bench", inputs, desk, kept, lambda: 0
        )  # fmt: skip
        curves = [self._series, other] if other is not None else [self._series]
        self._followers = [SeriesFollower(inputs, one, lambda at_ms: str(local_date(at_ms, ZONE))) for one in curves]

    def take(self, records: Iterable[RawRecord]) -> None:
        """Through all of it, a batch at a time."""
        given = iter(records)
        while batch := list(itertools.islice(given, BATCH)):
            self._journal.raw.append(batch).result(60)
            self._source.run_until(self._journal.raw.last_seq())
            self._home.run_until(self._journal.inputs.last_seq())
            for follower in self._followers:
                while follower.run_once():
                    pass

    def close(self) -> None:
        self._source.stop()
        self._series.close()
        self._database.close()
        self._journal.close()


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """What is told -> (bytes, rows)."""
    found = {}
    for name, (file, tables) in FILES.items():
        db = sqlite3.connect(f"file:{folder / file}?mode=ro", uri=True)
        owner = dict(db.execute("SELECT name, tbl_name FROM sqlite_schema"))
        pages = db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        told = [one for one in set(owner.values()) if not one.startswith("sqlite_") and (not tables or one in tables)]
        counted = tables[:1] or told
        rows = sum(db.execute(f'SELECT count(*) FROM "{one}"').fetchone()[0] for one in counted)
        found[name] = (sum(size for page, size in pages if owner.get(page, page) in told), rows)
        db.close()
    return found


def influxd(folder: Path) -> contextlib.AbstractContextManager[Influxd | None]:
    """A server of our own, where its program is at hand."""
    return contextlib.nullcontext() if find_program("influxd") is None else Influxd(folder, *TIDY)


def for_ever(influx: Influxd) -> InfluxOptions:
    """What is written lies in the past of the server's own clock."""
    return msgspec.structs.replace(influx.options, behaviour_days=0, care_days=0, device_days=0, means_days=0)


def tidied(influx: Influxd, store: Series) -> int:
    """Bytes on disk, once means are made and files put together."""
    while store.upkeep():
        pass
    engine, seen = influx.folder / "engine", list[int]()

    def steady() -> bool:
        seen.append(sum(one.stat().st_blocks * 512 for one in engine.rglob("*") if one.is_file()))
        return len(set(seen[-STEADY_LOOKS:])) == 1 and len(seen) >= STEADY_LOOKS

    wait_until(steady, "InfluxDB's files are put together", WAIT_S, 1.0)
    return seen[-1]


def disk(folder: Path) -> list[Figure]:
    """Bytes a resident and day in each store, of simulated homes with sensors."""
    ward = make_ward(SEED, RESIDENTS)
    from_ms = oslo(DAY, 0)
    folder /= "disk"
    after: list[dict[str, tuple[int, int]]] = []
    with influxd(folder / "influx") as influx:
        other = None if influx is None else InfluxSeries(for_ever(influx), SITE, lambda: from_ms + DAYS * DAY_MS)
        stores = Stores(folder, other)
        stores.take(settings(ward, from_ms))
        for day in range(DAYS):
            until_ms = from_ms + (day + 1) * DAY_MS
            stores.take(record_of(one) for one in messages_in(ward, until_ms - DAY_MS, until_ms, oslo))
            after.append(sizes(folder))
            if influx is not None and other is not None:
                after[-1][INFLUX] = (tidied(influx, other), after[-1]["series"][1])
        stores.close()
        if other is not None:
            other.close()
    days = (DAYS - 1) * RESIDENTS
    figures = []
    for name in after[0]:
        size, rows = (last - first for first, last in zip(after[0][name], after[-1][name], strict=True))
        beside = f"{rows / days:.1f} rows, {size / max(rows, 1):.0f} bytes a row"
        figures.append(Figure(f"disk a resident and day: {name}", f"{size / days / 1e3:.1f} kB", beside))
    return figures
