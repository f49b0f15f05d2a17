"""What the parts could do alone on this machine: SQLite's group commit, paho with acknowledgement by hand."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from tests.bench.children import Child, firehose
from tests.bench.report import Figure, median, spread, whole

ROW_BYTES = 180
ROWS_MAX = 20_000
COMMITS_MAX = 500


def sqlite_commits(folder: Path) -> list[Figure]:
    """Rows a second into one table, WAL, synchronous=FULL, by rows a transaction."""
    return [
        Figure(f"SQLite, {size} rows a synced transaction", spread([_rows_a_second(folder, size) for _ in range(3)]))
        for size in (1, 10, 100, 1_000)
    ]


def _rows_a_second(folder: Path, size: int) -> float:
    path = folder / f"ceiling-{size}.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, payload BLOB)")
    payload, seq = b"x" * ROW_BYTES, 0
    commits = min(COMMITS_MAX, ROWS_MAX // size)
    started_s = time.perf_counter()
    for _ in range(commits):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO log VALUES (?,?)", [(seq + one, payload) for one in range(size)])
        connection.execute("COMMIT")
        seq += size
    seconds = time.perf_counter() - started_s
    connection.close()
    path.unlink()
    return seq / seconds


def paho_alone(port: int, count: int, homes: int) -> tuple[float, float]:
    """(messages a second through a subscriber that only acknowledges, what the publisher managed meanwhile)."""
    with firehose(port, count, homes) as hose, Child("tests.bench.subscriber", port, count) as subscriber:
        started_s = time.perf_counter()
        hose.go()
        seen = subscriber.result()
        seconds = time.perf_counter() - started_s
        assert seen["missing"] == 0, f"{seen['missing']} messages did not come"
        return count / seconds, count / hose.result()["seconds"]


def publisher_alone(port: int, count: int, homes: int) -> float:
    """Messages a second into the broker when nobody listens."""
    with firehose(port, count, homes) as hose:
        hose.go()
        return float(count / hose.result()["seconds"])


def ceiling_figure(rates: list[tuple[float, float]], alone: list[float]) -> Figure:
    """(a), and whether the publisher was faster than it."""
    fed = median([published for _, published in rates])
    return Figure(
        "(a) paho subscriber, QoS 1, manual ack, nothing else",
        spread([rate for rate, _ in rates]),
        f"publisher: {whole(fed)}/s meanwhile, {whole(median(alone))}/s with nobody listening",
        "publisher faster",
        fed > median([rate for rate, _ in rates]),
    )
