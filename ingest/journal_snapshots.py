"""Snapshots of folds in journal.db, written in pieces by the journal's one writer."""

from __future__ import annotations

import sqlite3

from ingest.journal_file import ReaderPool, Tail
from ingest.journal_writer import GroupWriter
from ingest.record import SCHEMA

CHUNK_BYTES = 1024 * 1024  # so that an alarm never waits for a large snapshot
SNAPSHOTS_KEPT = 2
ROW_BYTES = 120


class SqliteSnapshotStore:
    """Snapshots of folds (port SnapshotStore), in pieces; a snapshot counts only once its last piece is on disk."""

    def __init__(self, writer: GroupWriter, readers: ReaderPool, site: str) -> None:
        self._writer, self._readers, self._site = writer, readers, site

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        """Returns when it is synced. Keeps the newest two whole ones of the name."""
        chunks = [state[start : start + CHUNK_BYTES] for start in range(0, len(state), CHUNK_BYTES)]

        def begin(connection: sqlite3.Connection, _tail: Tail) -> int:
            _drop_snapshot(connection, name, position)
            values = (name, position, self._site, SCHEMA, engine, len(chunks))
            connection.execute("INSERT INTO snapshots VALUES (?,?,?,?,?,?,0)", values)
            return 0

        def finish(connection: sqlite3.Connection, _tail: Tail) -> int:
            connection.execute("UPDATE snapshots SET whole = 1 WHERE name = ? AND position = ?", (name, position))
            kept = "SELECT position FROM snapshots WHERE name = ? AND whole = 1 ORDER BY position DESC LIMIT ?"
            newest = {each for (each,) in connection.execute(kept, (name, SNAPSHOTS_KEPT)).fetchall()}
            every = connection.execute("SELECT position FROM snapshots WHERE name = ?", (name,)).fetchall()
            for (each,) in every:
                if each not in newest:
                    _drop_snapshot(connection, name, each)
            return 0

        self._writer.submit(begin, 1, ROW_BYTES).result()
        for index, chunk in enumerate(chunks):
            self._write_chunk(name, position, index, chunk)
        self._writer.submit(finish, 1, ROW_BYTES).result()

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        return newest_snapshot(self._readers, name, engine, not_after)

    def _write_chunk(self, name: str, position: int, index: int, chunk: bytes) -> None:
        def run(connection: sqlite3.Connection, _tail: Tail) -> int:
            connection.execute("INSERT INTO snapshot_chunks VALUES (?,?,?,?)", (name, position, index, chunk))
            return index

        self._writer.submit(run, 1, len(chunk)).result()


def newest_snapshot(readers: ReaderPool, name: str, engine: str, not_after: int = 2**62) -> tuple[int, bytes] | None:
    """(position, state) of the newest whole one, also of a journal that another process writes."""
    newest = (
        "SELECT position, chunks FROM snapshots WHERE name = ? AND engine = ? AND position <= ? AND whole = 1"
        " ORDER BY position DESC LIMIT 1"
    )
    pieces = "SELECT state FROM snapshot_chunks WHERE name = ? AND position = ? ORDER BY chunk"
    with readers.borrow() as connection:
        connection.execute("BEGIN")  # both queries see the same moment
        try:
            found = connection.execute(newest, (name, engine, not_after)).fetchone()
            if found is None:
                return None
            state = [piece for (piece,) in connection.execute(pieces, (name, found[0]))]
        finally:
            connection.execute("COMMIT")
    assert len(state) == found[1], f"snapshot {name} at {found[0]} is marked whole but lacks pieces"
    return found[0], b"".join(state)


def _drop_snapshot(connection: sqlite3.Connection, name: str, position: int) -> None:
    connection.execute("DELETE FROM snapshots WHERE name = ? AND position = ?", (name, position))
    connection.execute("DELETE FROM snapshot_chunks WHERE name = ? AND position = ?", (name, position))
