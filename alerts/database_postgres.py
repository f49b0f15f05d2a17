"""Edge: how a desk on PostgreSQL is opened, whose turn it is to write there, and the bell that other processes hear.

For: the engines of `alerts/database.py` on a server that several processes share. The only file that knows the driver
(psycopg 3). No query and no table may live here.

Theory of operation. Desk processes write in **turn**: the first thing of a transaction of `writer` is to take one
advisory lock of the database, given in the order of asking and held until its commit can be seen. So what a transaction
reads cannot change under it, wherever the other desks run: grouping, claims, timers and `changes` (whose ids are then
given in the order of commits) are as right here as on SQLite, by the same code. A process that stops amid its turn
loses it after STUCK_MS: the server ends its session, and what it had written is undone. Whoever has no hurry waits in a
queue before that, which they leave one at a time: so an alarm, its ring or an act of staff (`ahead`) waits for the one
whose turn it is and for nobody else of them, however many a storm has brought. `aside` is for transactions
that touch rows of their own and tell nobody; they take no turn. `reader` sees one moment from its first query to its
last. NOTIFY carries nothing: it says "look", and who hears nothing looks each second all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from sqlalchemy import URL, Column, Connection, Engine, Integer, String, Text, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.compiler import compiles

log = structlog.get_logger()

DRIVER = "postgresql+psycopg"
WAIT_S = 30  # for a turn, or for a statement
STUCK_MS = 5_000  # between two statements of one transaction
IN_TURN, ASIDE, READERS = 4, 8, 8  # connections of a process; IN_TURN for those that queue, as many for those ahead
CONNECTIONS = 2 * IN_TURN + ASIDE + READERS + 1  # with the one that hears the bell
TURN, QUEUE = 0x7661_7264, 0x7661_7265  # the advisory locks that are the turn, and the place before it
AS_BYTES = "as_bytes"  # of a query for large bytes: else they are told in hexadecimal, in three times the time
BELL = "vardevakt_desk"
LISTEN_AGAIN_S = 1.0
LOST_SERVER = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}


class Server(msgspec.Struct, frozen=True):
    """Where a desk on PostgreSQL stands. `url` holds no password."""

    url: str
    password: str | None = None

    def __repr__(self) -> str:
        return self.url  # a traceback may show it

    __str__ = __repr__


def server_url(server: Server) -> URL:
    """The address for the driver. Raises ValueError where it is none."""
    try:
        url = make_url(server.url)
    except ArgumentError as error:
        raise ValueError(f"no address of a database; write {DRIVER}://user@host/name") from error
    if url.get_backend_name() != "postgresql" or not url.database:
        raise ValueError(f"no address of a PostgreSQL database; write {DRIVER}://user@host/name")
    url = url.set(drivername=DRIVER)
    return url if server.password is None else url.set(password=server.password)


def writer_engine(server: Server) -> Engine:
    """Transactions in turn. Its users wait at the server, so that they are served in order across processes."""
    engine = _engine(server, IN_TURN, {"statement_timeout": WAIT_S * 1_000}, isolation_level="READ COMMITTED")
    event.listen(engine, "begin", _queue_for_turn)
    return engine


def ahead_engine(server: Server) -> Engine:
    """The same without the queue. Connections of their own, or they would wait for those of a process that queues."""
    engine = _engine(server, IN_TURN, {"statement_timeout": WAIT_S * 1_000}, isolation_level="READ COMMITTED")
    event.listen(engine, "begin", _take_turn)
    return engine


def aside_engine(server: Server) -> Engine:
    """Transactions that take no turn."""
    engine = _engine(server, ASIDE, {"statement_timeout": WAIT_S * 1_000}, isolation_level="READ COMMITTED")
    event.listen(engine, "connect", _compress_quickly)
    return engine


def reader_engine(server: Server) -> Engine:
    """One moment a transaction, and nothing written."""
    timeout = {"statement_timeout": WAIT_S * 1_000, "default_transaction_read_only": "on"}
    engine = _engine(server, READERS, timeout, isolation_level="REPEATABLE READ")
    event.listen(engine, "before_cursor_execute", _ask_for_bytes)
    return engine


def migration_engine(server: Server) -> Engine:
    """In turn too, and as long as it takes."""
    engine = _engine(server, 1, {}, isolation_level="READ COMMITTED")
    event.listen(engine, "begin", _queue_for_turn)
    return engine


def _engine(server: Server, size: int, settings: dict[str, Any], *, isolation_level: str) -> Engine:
    all_settings = {"idle_in_transaction_session_timeout": STUCK_MS, "lock_timeout": WAIT_S * 1_000} | settings
    options = " ".join(f"-c {name}={value}" for name, value in all_settings.items())
    return create_engine(
        server_url(server),
        pool_size=size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        pool_pre_ping=True,  # the server may have been away since: 50 µs for a connection that works at once
        isolation_level=isolation_level,
        hide_parameters=True,  # an error is logged, a resident's name never
        connect_args={"connect_timeout": 5, "options": options, "application_name": "vardevakt", **LOST_SERVER},
    )


def _compress_quickly(driver: Any, _record: Any) -> None:
    """States of folds are megabytes and come often: lz4, where the server has it, takes half the time."""
    driver.execute(
        "SELECT set_config(name, 'lz4', false) FROM pg_settings"
        " WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
    )
    driver.commit()


def _ask_for_bytes(_conn: Connection, cursor: Any, _query: str, _values: Any, context: Any, _many: bool) -> None:
    if context.execution_options.get(AS_BYTES):
        cursor.format = type(cursor.format).BINARY


def _take_turn(conn: Connection) -> None:
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN})")


def _queue_for_turn(conn: Connection) -> None:
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({QUEUE}), pg_advisory_xact_lock({TURN})")


class Listener:
    """Hears the bell of a desk in a thread of its own and calls `heard`; also whenever it may have missed it."""

    def __init__(self, server: Server, heard: Callable[[], None]) -> None:
        self._engine, self._heard = _engine(server, 1, {}, isolation_level="AUTOCOMMIT"), heard
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="desk-bell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._over.set()
        self._thread.join(2 * LISTEN_AGAIN_S + 5)
        self._engine.dispose()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._listen()
            except DBAPIError as error:
                log.warning("desk_bell_lost", error=type(error).__name__)
                self._over.wait(LISTEN_AGAIN_S)

    def _listen(self) -> None:
        with self._engine.connect() as conn:
            conn.exec_driver_sql(f"LISTEN {BELL}")
            driver: Any = conn.connection.driver_connection
            try:
                self._heard()  # what was committed while nobody listened
                while not self._over.is_set():
                    for _ in driver.notifies(timeout=LISTEN_AGAIN_S, stop_after=1):
                        self._heard()
            except driver_error(self._engine) as error:
                conn.invalidate()
                raise DBAPIError("LISTEN", None, error, connection_invalidated=True) from error
            finally:
                if not conn.invalidated:
                    conn.exec_driver_sql(f"UNLISTEN {BELL}")


def driver_error(engine: Engine) -> type[Exception]:
    """What the driver raises by itself, where SQLAlchemy does not stand between."""
    found: type[Exception] = engine.dialect.loaded_dbapi.Error
    return found


# SQLite keeps any length in a String(64) and compares bytes. So that the two databases take the same and put it in the
# same order, PostgreSQL does as well: lengths are bounded where things come in, not by the table.
@compiles(String, "postgresql")
@compiles(Text, "postgresql")
def _as_text(_type: String, _compiler: Any, type_expression: Any = None, **_options: Any) -> str:
    return 'TEXT COLLATE "C"' if isinstance(type_expression, Column) else "TEXT"


# An expression's number has no column to take its width from, and may be a time.
@compiles(Integer, "postgresql")
def _as_wide(_type: Integer, _compiler: Any, type_expression: Any = None, **_options: Any) -> str:
    return "INTEGER" if isinstance(type_expression, Column) else "BIGINT"
