"""What the journal's writer does between commits: the index of INPUTS by home, and checkpoints of the write-ahead log.

Runs in the writer's thread, after the futures are resolved, so nobody's acknowledgement waits for it. A failure
here loses nothing: the rows are committed; the next time tries again.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import structlog

from ingest import journal_rows as rows
from ingest.journal_file import Tail

log = structlog.get_logger()

CHECKPOINT_ROWS = 10_000
CHECKPOINT_BYTES = 8 * 1024 * 1024
LONG_WAL_PAGES = 16_384  # 64 MiB: readers have kept the log from being reused; wait for them once …
RESTART_WAIT_MS = 100  # … but not long: whoever waits for a commit waits for this


class Upkeep:
    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._path = path
        self._indexed: int = connection.execute(f"SELECT {rows.INDEXED}").fetchone()[0]
        self._rows = self._bytes = 0  # since the last checkpoint

    def after_commit(self, connection: sqlite3.Connection, tail: Tail, row_count: int, size: int) -> None:
        self._rows += row_count
        self._bytes += size
        if self._rows >= CHECKPOINT_ROWS or self._bytes >= CHECKPOINT_BYTES:
            self._work(connection, tail)

    def when_idle(self, connection: sqlite3.Connection, tail: Tail) -> None:
        if self._rows:
            self._work(connection, tail)

    def at_close(self, connection: sqlite3.Connection) -> None:
        """Move all of the log into the file, so that the file alone is whole."""
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _work(self, connection: sqlite3.Connection, tail: Tail) -> None:
        self._rows = self._bytes = 0
        try:
            self._index_homes(connection, tail)
            _busy, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > LONG_WAL_PAGES and moved < pages:
                self._restart(connection)
        except sqlite3.OperationalError as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            log.warning("journal_upkeep_failed", path=str(self._path), error=str(error))

    @staticmethod
    def _restart(connection: sqlite3.Connection) -> None:
        patience_ms = connection.execute("PRAGMA busy_timeout").fetchone()[0]
        connection.execute(f"PRAGMA busy_timeout={RESTART_WAIT_MS}")
        try:
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
        finally:
            connection.execute(f"PRAGMA busy_timeout={patience_ms}")

    def _index_homes(self, connection: sqlite3.Connection, tail: Tail) -> None:
        """Keep the table `input_homes` at most INDEX_ROWS behind, in transactions that are never long."""
        last = min(tail.input_seq, self._indexed + 2 * rows.INDEX_ROWS)
        if last - self._indexed < rows.INDEX_ROWS:
            return
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(rows.INDEX_HOMES, (last,))
        connection.execute("UPDATE positions SET position = ? WHERE name = 'input_homes'", (last,))
        connection.execute("COMMIT")
        self._indexed = last
