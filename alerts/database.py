"""Edge: how desk.db is opened. One writer connection that alone checkpoints, any number of readers.

For: engines, pragmas and the migration call. No query and no table may live here.

Debian's SQLite (3.40) has the WAL-reset fault: two connections that checkpoint can lose committed data. So exactly one
connection of this process may write and checkpoint; readers are opened `mode=ro` and never checkpoint. A pool of one
makes threads that write wait for each other, and `BEGIN IMMEDIATE` takes the write lock before anything is read, so a
transaction never finds out at its end that it lost a race.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as NobodyFree
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

WAIT_FOR_WRITER_S = 30
READERS = 8
MIGRATIONS = Path(__file__).parent / "migrations"  # files "<revision of four digits>_<name>.py"


class _InTurn:
    """A lock that is given to whoever has waited longest. A plain one may be taken again by the thread that just gave
    it back: a runner that applies batch after batch then keeps claims and the first ring of a P1 waiting for seconds
    (seen in `python -m tests.bench desk`).
    """

    def __init__(self) -> None:
        self._mutex, self._taken = threading.Lock(), False
        self._waiting: deque[threading.Event] = deque()

    def acquire(self, timeout_s: float) -> bool:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_s):
            return True
        with self._mutex:
            if mine.is_set():  # given to us in the last moment
                return True
            self._waiting.remove(mine)
            return False

    def release(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


class FairPool(QueuePool):
    """A pool of one connection, given to threads in the order in which they asked."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turn = _InTurn()

    def _do_get(self) -> ConnectionPoolEntry:
        if not self._turn.acquire(WAIT_FOR_WRITER_S):
            raise NobodyFree(f"nobody could write desk.db for {WAIT_FOR_WRITER_S} s")
        try:
            return super()._do_get()
        except BaseException:
            self._turn.release()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        try:
            super()._do_return_conn(record)
        finally:
            self._turn.release()


class DatabaseRefused(Exception):
    """desk.db cannot be used as it is. The message says what to do about it."""


class Database(msgspec.Struct, frozen=True):
    """The two engines. `with db.writer.begin() as conn` is one transaction; `with db.reader.connect()` reads."""

    path: Path
    writer: Engine
    reader: Engine

    def close(self) -> None:
        """Close all connections; the last one out folds the WAL back into the file."""
        self.reader.dispose()
        self.writer.dispose()


def open_database(path: Path) -> Database:
    """Open (and create, when new) desk.db. Raises DatabaseRefused when SQLite finds it damaged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = _writer_engine(path)
    try:
        with writer.connect() as conn:
            verdict = conn.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    except DatabaseError as error:
        writer.dispose()
        raise DatabaseRefused(_advice(path, str(error.orig))) from error
    if verdict != "ok":
        writer.dispose()
        raise DatabaseRefused(_advice(path, str(verdict)))
    return Database(path=path, writer=writer, reader=_reader_engine(path))


def read_database(path: Path) -> Database:
    """Open desk.db only to look, also beside a service that writes it: whoever tries to write fails."""
    reader = _reader_engine(path)
    return Database(path=path, writer=reader, reader=reader)


def migrate(path: Path) -> None:
    """Bring desk.db to the newest revision (Alembic). Run with no service on the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and _revision(path) == max(one.name[:4] for one in (MIGRATIONS / "versions").glob("0*.py")):
        return  # as at nearly every start: Alembic alone takes 0.2 s to load
    from alembic import command
    from alembic.config import Config

    engine = _writer_engine(path)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.begin() as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _revision(path: Path) -> str | None:
    """The revision it stands at; None when it has none or cannot be read, which others then tell."""
    engine = _reader_engine(path)
    try:
        with engine.connect() as conn:
            found: str | None = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return found
    except DatabaseError:
        return None
    finally:
        engine.dispose()


def _advice(path: Path, found: str) -> str:
    return (
        f"{path} is damaged ({found[:200]}). Nothing was changed. Keep the file, restore the newest backup with "
        f"`vardevakt restore`, or copy it aside to start with an empty desk."
    )


def _writer_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=FairPool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=WAIT_FOR_WRITER_S,
        connect_args={"check_same_thread": False, "timeout": WAIT_FOR_WRITER_S},
    )
    event.listen(engine, "connect", _prepare_writer)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _reader_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"}),
        pool_size=READERS,
        max_overflow=READERS,
        connect_args={"check_same_thread": False, "timeout": WAIT_FOR_WRITER_S},
    )
    event.listen(engine, "connect", _prepare_reader)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_writer(raw: sqlite3.Connection, _record: Any) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves
    with contextlib.closing(raw.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # an act that was answered 200 survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")


def _prepare_reader(raw: sqlite3.Connection, _record: Any) -> None:
    raw.isolation_level = None
    with contextlib.closing(raw.cursor()) as cursor:
        cursor.execute("PRAGMA wal_autocheckpoint=0")


def _begin_immediate(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN")
