"""Series (port) in SQLite, `series.db`: curves, marks, and when each device was last heard. Edge.

A file of its own, so that reading long curves never stands in the way of the journal. Everything in it can be
rebuilt from the logs, so it is synced at checkpoints only (synchronous=NORMAL), and a damaged one may be deleted.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest.journal_file import ReaderPool
from ingest.series import Bucket, Mark, Point, grid

SCHEMA = 2
SERIES_KNOWN_MAX = 50_000  # ids kept in memory
TABLES = (
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY, subject TEXT NOT NULL, metric TEXT NOT NULL, device TEXT NOT NULL, unit TEXT NOT NULL,
        UNIQUE (subject, metric, device)) STRICT""",
    """CREATE TABLE points (
        series_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, value REAL NOT NULL,
        PRIMARY KEY (series_id, at_ms)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE marks (
        subject TEXT NOT NULL, at_ms INTEGER NOT NULL, type TEXT NOT NULL, room TEXT NOT NULL, event_id TEXT NOT NULL,
        PRIMARY KEY (subject, at_ms, type, room, event_id)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE position (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT",
    "CREATE TABLE device_seen (address TEXT PRIMARY KEY, heard_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
)
FROM_1 = (  # a file that only knew one partition
    "ALTER TABLE position RENAME TO position_1",
    "CREATE TABLE position (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT",
    "INSERT INTO position SELECT 0, position FROM position_1",
    "DROP TABLE position_1",
)
# One bucket a statement: with GROUP BY all points are sorted first, twice the time for a week of 10-s values.
BUCKET = """SELECT avg(value), min(value), max(value), count(*) FROM points
    WHERE series_id IN (SELECT id FROM series WHERE subject = ? AND metric = ?) AND at_ms >= ? AND at_ms < ?"""
LATEST = """SELECT s.device, p.at_ms, p.value FROM series s JOIN points p ON p.series_id = s.id
    AND p.at_ms = (SELECT max(at_ms) FROM points WHERE series_id = s.id)
    WHERE s.metric = ? AND s.device IN (SELECT value FROM json_each(?)) ORDER BY p.at_ms"""


class SeriesError(Exception):
    """series.db cannot be used. Says what to do."""


class SqliteSeries:
    """One writing connection behind a lock, which alone checkpoints; readers are read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], int] = {}
        try:
            self._connection = _open(path)
        except sqlite3.Error as error:
            raise SeriesError(f"{path} cannot be used ({error}); stop, delete it, start: it is made again") from error
        self._readers = ReaderPool(path)

    def write(self, position: int, points: Sequence[Point], marks: Sequence[Mark], partition: int = 0) -> None:
        """One transaction; raises sqlite3.Error with nothing written. The same rows again change nothing."""
        with self.transaction() as connection:
            values = [(self._series_id(connection, one), one.at_ms, one.value) for one in points]
            connection.executemany("INSERT OR REPLACE INTO points VALUES (?,?,?)", values)
            connection.executemany(
                "INSERT INTO marks VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
                [(one.subject, one.at_ms, one.type, one.room, one.event_id) for one in marks],
            )
            connection.execute("INSERT OR REPLACE INTO position VALUES (?,?)", (partition, position))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The writing connection inside BEGIN and COMMIT, one thread at a time."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._known.clear()  # an id given in it may be gone with it
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def position(self, partition: int = 0) -> int:
        query = "SELECT position FROM position WHERE partition = ?"
        with self._readers.borrow() as connection:
            found = connection.execute(query, (partition,)).fetchone()
        return 0 if found is None else int(found[0])

    def metrics(self, subject: str) -> list[tuple[str, str]]:
        query = "SELECT DISTINCT metric, unit FROM series WHERE subject = ? ORDER BY metric, unit"
        with self._readers.borrow() as connection:
            return connection.execute(query, (subject,)).fetchall()

    def buckets(self, subject: str, metric: str, from_ms: int, to_ms: int, points: int) -> list[Bucket]:
        if to_ms <= from_ms:
            return []
        lies = grid(from_ms, to_ms, points)
        found = []
        with self._readers.borrow() as connection:
            for at_ms in range(lies.start_ms, to_ms, lies.width_ms):
                inside = (subject, metric, max(at_ms, from_ms), min(at_ms + lies.width_ms, to_ms))
                mean, low, high, count = connection.execute(BUCKET, inside).fetchone()
                if count:
                    found.append(Bucket(at_ms, mean, low, high, count))
        return found

    def latest(self, metric: str, devices: Collection[str]) -> dict[str, tuple[int, float]]:
        """Whomever they were with then."""
        with self._readers.borrow() as connection:
            found = connection.execute(LATEST, (metric, json.dumps(list(devices))))
            return {device: (at_ms, value) for device, at_ms, value in found}

    def marks(self, subject: str, from_ms: int, to_ms: int, limit: int) -> list[Mark]:
        query = "SELECT subject, at_ms, type, room, event_id FROM marks WHERE subject = ? AND at_ms >= ? AND at_ms < ?"
        with self._readers.borrow() as connection:
            ordered = f"{query} ORDER BY at_ms, type, room, event_id LIMIT ?"
            return [Mark(*row) for row in connection.execute(ordered, (subject, from_ms, to_ms, limit))]

    def hear(self, heard: Mapping[str, int]) -> None:
        with self.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO device_seen VALUES (?,?)", list(heard.items()))

    def heard(self) -> dict[str, int]:
        with self._readers.borrow() as connection:
            return dict(connection.execute("SELECT address, heard_at_ms FROM device_seen").fetchall())

    def upkeep(self) -> bool:
        """Nothing: it keeps all of it as it came."""
        return False

    def close(self) -> None:
        self._readers.close()
        with self._lock:
            self._connection.close()

    def _series_id(self, connection: sqlite3.Connection, point: Point) -> int:
        key = (point.subject, point.metric, point.device)
        known = self._known.get(key)
        if known is not None:
            return known
        if len(self._known) >= SERIES_KNOWN_MAX:
            self._known.clear()
        connection.execute(
            "INSERT INTO series (subject, metric, device, unit) VALUES (?,?,?,?)"
            " ON CONFLICT (subject, metric, device) DO UPDATE SET unit = excluded.unit",
            (*key, point.unit),
        )
        query = "SELECT id FROM series WHERE subject = ? AND metric = ? AND device = ?"
        self._known[key] = found = int(connection.execute(query, key).fetchone()[0])
        return found


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA journal_size_limit=67108864")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise SeriesError(f"{path} was written by a newer version; install that one, or delete the file")
        if version < SCHEMA:
            connection.execute("BEGIN IMMEDIATE")
            for statement in FROM_1 if version == 1 else TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={SCHEMA}")
            connection.execute("COMMIT")
    except (sqlite3.Error, SeriesError):
        connection.close()
        raise
    return connection
