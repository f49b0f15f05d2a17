"""Edge: how desk.db, the desk on SQLite, is opened. One writer connection that alone checkpoints, many readers.

For: the engines of `alerts/database.py` on a file. No query and no table may live here.

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

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as NobodyFree
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

WAIT_FOR_WRITER_S = 30
READERS = 8


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


def damage(writer: Engine) -> str | None:
    """What SQLite finds wrong with the file; None when it is whole."""
    try:
        with writer.connect() as conn:
            verdict = str(conn.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
    except DatabaseError as error:
        return str(error.orig)
    return None if verdict == "ok" else verdict


def writer_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=FairPool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=WAIT_FOR_WRITER_S,
        hide_parameters=True,  # an error is logged, a resident's name never
        connect_args={"check_same_thread": False, "timeout": WAIT_FOR_WRITER_S},
    )
    event.listen(engine, "connect", _prepare_writer)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reader_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"}),
        pool_size=READERS,
        max_overflow=READERS,
        hide_parameters=True,  # an error is logged, a resident's name never
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
