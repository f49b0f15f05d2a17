"""RAW, INPUTS and snapshots in one SQLite file, `journal.db`. The embedded mode's journal.

`open_journal` checks the file (`journal_file.py`), then starts the one writer (`journal_writer.py`). Readers are
connections opened `mode=ro`, a few of them shared by all threads; they see only what is committed and synced.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from ingest import journal_rows as rows
from ingest.journal import JournalError
from ingest.journal_check import LaterCheck, damaged
from ingest.journal_cut import CUT_ROWS, cut_rows
from ingest.journal_file import JournalHealth, JournalOptions, ReaderPool, Tail, lock_file, prepare
from ingest.journal_snapshots import SqliteSnapshotStore
from ingest.journal_upkeep import Upkeep
from ingest.journal_writer import GroupWriter
from ingest.record import DeadLetter, Folded, Input, RawRecord, Verdict

READ_BYTES = 16 * 1024 * 1024  # one read returns no more payload than this (but at least one row)
ROW_BYTES = 120  # what a row costs beside its payload, for the queue's limit


class SqliteRawReader:
    """RAW, read only: for `record` beside a running service, which has the one connection that may write."""

    def __init__(self, readers: ReaderPool) -> None:
        self._readers = readers

    def read(self, after_seq: int, limit: int) -> list[RawRecord]:
        found: list[RawRecord] = []
        size = 0
        with self._readers.borrow() as connection:
            for row in connection.execute(f"{rows.SELECT_RAW} WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, limit)):
                found.append(rows.raw_record(row))
                size += len(row[6])
                if size > READ_BYTES:
                    break
        return found

    def last_seq(self) -> int:
        with self._readers.borrow() as connection:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM raw").fetchone()[0])


class SqliteRawLog(SqliteRawReader):
    """RAW (port RawIntake): append-only, positions 1, 2, 3 … without holes."""

    def __init__(self, writer: GroupWriter, readers: ReaderPool, site: str) -> None:
        super().__init__(readers)
        self._writer, self._site = writer, site

    def append(self, records: Sequence[RawRecord]) -> Future[int]:
        """Queue rows for the next group commit; see the port."""
        batch = tuple(records)
        site = self._site

        def run(connection: sqlite3.Connection, tail: Tail) -> int:
            first = tail.raw_seq + 1
            connection.executemany(
                rows.INSERT_RAW, [rows.raw_row(seq, site, one) for seq, one in enumerate(batch, first)]
            )
            tail.raw_seq += len(batch)
            if batch:
                tail.received_at_ms = batch[-1].received_at_ms
            return tail.raw_seq

        size = sum([len(one.payload) + len(one.topic) for one in batch]) + ROW_BYTES * len(batch)
        return self._writer.submit(run, len(batch), size)

    def last_seq(self) -> int:
        return self._writer.tail.raw_seq

    def last_received_at_ms(self) -> int:
        """Time of the newest row, 0 when empty: the clock never starts before it."""
        return self._writer.tail.received_at_ms

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Block until there is a row beyond `after_seq`; False when the time was up."""
        return self._writer.wait(lambda tail: tail.raw_seq > after_seq, timeout_s)

    def low_disk(self) -> bool:
        return self._writer.low_disk

    def note_acked(self, link: str, seq: int) -> None:
        """Rows of `link` up to `seq` are acknowledged. On disk with the next commit, at the latest after an idle
        second; so after a crash the watermark may be too low, never too high.
        """
        self._writer.note_acked(link, seq)

    def acked(self) -> dict[str, int]:
        with self._readers.borrow() as connection:
            return dict(connection.execute("SELECT link, seq FROM acked").fetchall())


class SqliteInputReader:
    """INPUTS as those see it who only look; also of a file that another process writes."""

    def __init__(self, readers: ReaderPool) -> None:
        self._readers = readers

    def read(self, after_seq: int, limit: int, *, floor_only: bool = False) -> list[Input]:
        lane = f" INDEXED BY inputs_floor WHERE ({rows.FLOOR_LANE}) AND" if floor_only else " WHERE"
        query = f"{rows.SELECT_INPUT}{lane} seq > ? ORDER BY seq LIMIT ?"
        with self._readers.borrow() as connection:
            found = connection.execute(query, (after_seq, limit)).fetchall()
        return [rows.input_of(row) for row in found]

    def dead_letters(self, before_raw_seq: int | None, limit: int) -> list[DeadLetter]:
        """Newest first. The items of one message are never split over two pages, so a page may be longer."""
        before = 2**63 - 1 if before_raw_seq is None else before_raw_seq
        order = "ORDER BY raw_seq DESC, item DESC"
        with self._readers.borrow() as connection:
            page = f"{rows.SELECT_DEAD_LETTER} WHERE raw_seq < ? {order} LIMIT ?"
            found = connection.execute(page, (before, limit)).fetchall()
            if len(found) == limit and found:
                last, item = found[-1][0], found[-1][1]
                rest = f"{rows.SELECT_DEAD_LETTER} WHERE raw_seq = ? AND item < ? {order}"
                found += connection.execute(rest, (last, item)).fetchall()
        return [rows.dead_letter(row) for row in found]

    def verdicts(self, raw_seq: int) -> list[Verdict]:
        with self._readers.borrow() as connection:
            found = connection.execute(f"{rows.SELECT_VERDICT} WHERE raw_seq = ? ORDER BY item", (raw_seq,)).fetchall()
        return [rows.verdict(row) for row in found]

    def find(self, home: str, from_ms: int, to_ms: int, limit: int) -> list[Input]:
        """Inputs of one home with from_ms <= received_at_ms < to_ms, in order."""
        with self._readers.borrow() as connection:
            connection.execute("BEGIN")  # both queries see the same end of the index
            try:
                found = connection.execute(rows.FIND_INDEXED, (home, from_ms, to_ms, limit)).fetchall()
                rest = (home, from_ms, to_ms, limit - len(found))
                found += connection.execute(f"{rows.FIND_REST} ORDER BY seq LIMIT ?", rest).fetchall()
            finally:
                connection.execute("COMMIT")
        return [rows.input_of(row) for row in found]


class SqliteInputLog(SqliteInputReader):
    """INPUTS, dead letters, verdicts and the source fold's position (port InputLog)."""

    def __init__(self, writer: GroupWriter, readers: ReaderPool, site: str) -> None:
        super().__init__(readers)
        self._writer, self._site = writer, site

    def write(self, position: int, folded: Sequence[Folded], expected: int) -> None:
        """One transaction; returns when it is synced. JournalError "fenced" when `expected` is not on disk."""
        self.start_write(position, folded, expected).result()

    def start_write(self, position: int, folded: Sequence[Folded], expected: int) -> Future[int]:
        """As `write`, without waiting, so that the fold can prepare the next batch meanwhile."""
        site = self._site
        inputs = [rows.input_row(site, one) for each in folded for one in each.inputs]
        dead = [rows.dead_letter_row(site, one) for each in folded for one in each.dead_letters]
        verdicts = [rows.verdict_row(site, one) for each in folded for one in each.verdicts]

        def run(connection: sqlite3.Connection, tail: Tail) -> int:
            if tail.position != expected:
                raise JournalError(f"fenced: the source fold stands at {tail.position}, not at {expected}")
            numbered = [(seq, *row) for seq, row in enumerate(inputs, tail.input_seq + 1)]
            connection.executemany(rows.INSERT_INPUT, numbered)
            connection.executemany(rows.INSERT_DEAD_LETTER, dead)
            connection.executemany(rows.INSERT_VERDICT, verdicts)
            connection.execute("INSERT OR REPLACE INTO positions VALUES ('source', ?)", (position,))
            tail.position = position
            tail.input_seq += len(inputs)
            return tail.input_seq

        count = len(inputs) + len(dead) + len(verdicts)
        return self._writer.submit(run, count, ROW_BYTES * count + sum([_content_size(row) for row in inputs]))

    def position(self) -> int:
        return self._writer.tail.position

    def last_seq(self) -> int:
        return self._writer.tail.input_seq

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Block until there is an input beyond `after_seq`; False when the time was up."""
        return self._writer.wait(lambda tail: tail.input_seq > after_seq, timeout_s)

    def wait_position(self, raw_seq: int, timeout_s: float) -> bool:
        """Block until the source fold has written what RAW row `raw_seq` became; False when the time was up."""
        return self._writer.wait(lambda tail: tail.position >= raw_seq, timeout_s)


class SqliteJournal:
    """The three ports over one file. Made by `open_journal`; `close` it, or use it as a context manager."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, site: str, options: JournalOptions, lock: int, *,
        check_rest: bool,
    ) -> None:  # fmt: skip
        self.path = path
        self._lock = lock
        self._writer = GroupWriter(connection, path, _tail(connection), options, Upkeep(connection, path))
        self._readers = ReaderPool(path)
        self.raw = SqliteRawLog(self._writer, self._readers, site)
        self.inputs = SqliteInputLog(self._writer, self._readers, site)
        self.snapshots = SqliteSnapshotStore(self._writer, self._readers, site)
        self._writer.start()
        self._check = LaterCheck(path, self._writer.give_up) if check_rest else None
        if self._check is not None:
            self._check.start()

    @property
    def first_seqs(self) -> tuple[int, int]:
        """The first row of RAW and of INPUTS that is still there; 1 where nothing was cut."""
        with self._readers.borrow() as connection:
            found = connection.execute("SELECT (SELECT min(seq) FROM raw), (SELECT min(seq) FROM inputs)").fetchone()
        return found[0] or 1, found[1] or 1

    def cut(self, raw_until: int, inputs_until: int, received_before_ms: int) -> int:
        """Remove rows up to these positions that came before that time; the newest row of each log always stays.

        In small commits, so that no alarm waits. Answers how many rows went.
        """
        raw_until = min(raw_until, self.raw.last_seq() - 1)
        inputs_until = min(inputs_until, self.inputs.last_seq() - 1)
        return sum(
            self._cut(table, until, received_before_ms)
            for table, until in (("raw", raw_until), ("inputs", inputs_until))
        )

    def _cut(self, table: str, until: int, received_before_ms: int) -> int:
        gone = 0
        while True:
            count = self._writer.submit(
                lambda connection, _tail: cut_rows(connection, table, until, received_before_ms), 1, 0
            ).result()
            gone += count
            if count < CUT_ROWS:
                return gone

    def health(self) -> JournalHealth:
        return self._writer.health()

    def close(self) -> None:
        """Commit what is queued and let the file go. Safe to call twice."""
        if self._lock < 0:
            return
        if self._check is not None:
            self._check.stop()
        self._readers.close()
        self._writer.close()
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_journal(path: Path, site: str, options: JournalOptions | None = None) -> SqliteJournal:
    """Open or create the journal. JournalError when it cannot be trusted, with what to do; the file stays as it is."""
    options = options or JournalOptions()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_file(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        to_check = prepare(connection, path, options)
        return SqliteJournal(connection, path, site, options, lock, check_rest=to_check)
    except (sqlite3.Error, JournalError) as error:
        if connection is not None:
            connection.close()
        os.close(lock)
        if isinstance(error, JournalError):
            raise
        raise JournalError(damaged(path, str(error))) from error


def _tail(connection: sqlite3.Connection) -> Tail:
    raw_seq, received_at_ms = connection.execute(
        "SELECT seq, received_at_ms FROM raw ORDER BY seq DESC LIMIT 1"
    ).fetchone() or (0, 0)
    input_seq = connection.execute("SELECT coalesce(max(seq), 0) FROM inputs").fetchone()[0]
    position = connection.execute("SELECT position FROM positions WHERE name = 'source'").fetchone()[0]
    return Tail(raw_seq, input_seq, position, received_at_ms)


def _content_size(row: rows.Row) -> int:
    content = row[10]
    return len(content) if isinstance(content, bytes) else 0
