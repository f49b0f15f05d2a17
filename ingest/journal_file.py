"""The file journal.db itself: one lock, checks at start, settings of the writing connection, readers, limits.

A file that is damaged, newer, foreign or already open is refused with what to do; it is never renamed and begun
anew (lessons 3.2 #18).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Full, LifoQueue
from urllib.parse import quote

import msgspec
import structlog

from ingest import journal_rows as rows
from ingest.journal import JournalError
from ingest.journal_check import check_at_start
from ingest.record import SCHEMA

log = structlog.get_logger()

READERS_KEPT = 8
CHECK_S = 1.0
FULL_S = 10.0


class JournalOptions(msgspec.Struct, frozen=True):
    """Limits of the journal. Bytes and seconds; `max_bytes` None = as much as the disk holds."""

    reserve_bytes: int = 256 * 1024 * 1024  # kept free for alarms: below it `low_disk` is set
    max_bytes: int | None = None
    queue_rows: int = 20_000
    queue_bytes: int = 64 * 1024 * 1024
    block_s: float = 30.0  # how long an append may wait for room in the queue
    check: bool = True  # whether the file is whole (journal_check.py)


class JournalHealth(msgspec.Struct, frozen=True):
    """What the health page and the metrics say about the journal."""

    alive: bool
    error: str | None  # why the writer stopped, or the last failed commit while nothing has succeeded since
    low_disk: bool
    free_bytes: int
    queue_rows: int
    queue_bytes: int
    oldest_queued_s: float
    commits: int
    rows: int
    failed_commits: int
    last_commit_s: float
    sqlite_version: str


class Tail(msgspec.Struct):
    """Where the logs end. The writer works on a copy and publishes it after the commit."""

    raw_seq: int = 0
    input_seq: int = 0
    position: int = 0
    received_at_ms: int = 0


class DiskRoom:
    """Room left on the disk, or up to `max_bytes`, against the reserve. Asked from the writer's thread only."""

    def __init__(self, path: Path, options: JournalOptions) -> None:
        self._folder, self._options = path.parent, options
        self._checked_s = float("-inf")
        self._full_until_s = float("-inf")
        self.low = False
        self.free_bytes = 0

    def found_full(self) -> None:
        """A commit failed for want of room, whatever the file system says is free: low for a while."""
        self.low = True
        self._full_until_s = time.monotonic() + FULL_S

    def check(self, connection: sqlite3.Connection) -> None:
        """Once a second; while room is low, at each commit, and 10 % more must be free before it counts as enough."""
        now_s = time.monotonic()
        if not self.low and now_s - self._checked_s < CHECK_S:
            return
        self._checked_s = now_s
        free = shutil.disk_usage(self._folder).free
        if self._options.max_bytes is not None:
            pages = pragma(connection, "page_count") - pragma(connection, "freelist_count")
            free = min(free, self._options.max_bytes - pages * pragma(connection, "page_size"))
        self.free_bytes = free
        reserve = self._options.reserve_bytes
        if now_s < self._full_until_s:
            return
        self.low = free < (reserve + reserve // 10 + 65_536 if self.low else reserve)


class ReaderPool:
    """Read-only connections to one file; a thread borrows one for one query."""

    def __init__(self, path: Path) -> None:
        self._uri = f"file:{quote(str(path.resolve()))}?mode=ro"
        self._free: LifoQueue[sqlite3.Connection] = LifoQueue(READERS_KEPT)
        self._closed = False

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._free.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except sqlite3.Error as error:
            raise JournalError(f"cannot read {self._uri}: {error}") from error
        finally:
            self._give_back(connection)

    def close(self) -> None:
        self._closed = True
        while not self._free.empty():
            self._free.get_nowait().close()

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
            connection.execute("PRAGMA wal_autocheckpoint=0")
        except sqlite3.Error as error:
            raise JournalError(f"cannot open {self._uri}: {error}") from error
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        try:
            if self._closed:
                raise Full
            self._free.put_nowait(connection)
        except Full:
            connection.close()


def lock_file(path: Path) -> int:
    """A lock beside the file: two writers would give the same positions twice. The kernel drops it with the process."""
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise JournalError(f"{path} is in use by another process; stop that one first") from error
    return handle


def is_in_use(path: Path) -> bool:
    """Whether a service holds this journal."""
    lock = Path(f"{path}.lock")
    if not lock.exists():
        return False
    try:
        os.close(lock_file(path))
    except JournalError:
        return True
    return False


def prepare(connection: sqlite3.Connection, path: Path, options: JournalOptions) -> bool:
    """Look whether the file is ours and whole, and set the writing connection up. True: part of it is yet to check."""
    application, version = pragma(connection, "application_id"), pragma(connection, "user_version")
    fresh = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not fresh and application != rows.APPLICATION_ID:
        raise JournalError(f"{path} is not a journal of Vardevakt; set another data folder")
    if version > SCHEMA:
        raise JournalError(
            f"{path} was written by a newer version (schema {version}, this one knows {SCHEMA}); install that version"
        )
    if str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]) != "wal":
        raise JournalError(f"{path}: the file system cannot do write-ahead logging; use a local disk")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")  # the writer does it itself, after the acknowledgements
    connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA cache_size=-32768")
    if options.max_bytes is not None:
        connection.execute(f"PRAGMA max_page_count={options.max_bytes // pragma(connection, 'page_size')}")
    to_check = False
    if fresh:
        _create(connection)
    elif options.check:
        to_check = check_at_start(connection, path)
    log.info("journal_opened", path=str(path), sqlite=sqlite3.sqlite_version, schema=SCHEMA, fresh=fresh)
    return to_check


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for table in rows.TABLES:
        connection.execute(table)
    connection.execute("INSERT INTO positions VALUES ('source', 0), ('input_homes', 0)")
    connection.execute(f"PRAGMA application_id={rows.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA}")
    connection.execute("COMMIT")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
