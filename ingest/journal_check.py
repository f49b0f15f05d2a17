"""Whether journal.db is whole: at the start what costs little, the rest of a large file beside the service. Edge.

`quick_check` reads the whole file, 3-4 s a gigabyte from memory and more from a disk, and an alarm that comes meanwhile
would wait. So a file over AT_ONCE_BYTES is read at its ends first, where a start and the next rows need it, and then
table by table on a connection of its own. What is found later stops the writer as damage found by a commit does:
nothing more is acknowledged, brokers keep what comes, alarms go to the emergency channel, health says what to do.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import structlog

from ingest.journal import JournalError

AT_ONCE_BYTES = 64 * 1024 * 1024  # some 0.2 s
ENDS_ROWS = 20_000
ENDS = (
    "SELECT sum(length(payload)) FROM (SELECT payload FROM raw ORDER BY seq DESC LIMIT ?)",
    "SELECT sum(length(content)) FROM (SELECT content FROM inputs ORDER BY seq DESC LIMIT ?)",
)
AT_ONCE = ("positions", "acked", "snapshots")  # tables of a few rows
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"

log = structlog.get_logger()


def check_at_start(connection: sqlite3.Connection, path: Path) -> bool:
    """All of a small file, the ends of a large one. JournalError when it is damaged; True when there is a rest."""
    started_s = time.monotonic()
    pages, page_bytes = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    large = int(pages[0]) * int(page_bytes[0]) > AT_ONCE_BYTES
    if large:
        found = [word for table in AT_ONCE for word in _quick_check(connection, table)]
        for query in ENDS:
            connection.execute(query, (ENDS_ROWS,)).fetchone()
    else:
        found = _quick_check(connection, None)
    if found:
        raise JournalError(damaged(path, "; ".join(found)[:300]))
    log.info("journal_checked", path=str(path), whole=not large, seconds=round(time.monotonic() - started_s, 3))
    return large


def damaged(path: Path, why: str, state: str = "the service did not start") -> str:
    """What to tell of a file that cannot be trusted."""
    return (
        f"{path} is damaged or unreadable ({why}). It was left as it is and {state}. Copy {path}* to "
        "another disk, check this one, then restore the newest backup with `vardevakt restore`"
    )


class LaterCheck:
    """The rest of the check in a thread. `on_damage(why)` is called at most once, from there."""

    def __init__(self, path: Path, on_damage: Callable[[str], None]) -> None:
        self._path, self._on_damage = path, on_damage
        self._connection: sqlite3.Connection | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-check", daemon=True)
        self.done = threading.Event()  # all of it was read, whatever was found

    def start(self) -> None:
        self._connection = sqlite3.connect(
            f"file:{quote(str(self._path.resolve()))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        self._thread.start()

    def stop(self) -> None:
        """End it, finished or not."""
        self._stopped.set()
        while self._thread.is_alive():
            if self._connection is not None:
                with contextlib.suppress(sqlite3.ProgrammingError):  # closed: it has ended just now
                    self._connection.interrupt()
            self._thread.join(0.05)

    def _run(self) -> None:
        connection = self._connection
        assert connection is not None, "opened by start"
        started_s = time.monotonic()
        try:
            connection.execute("PRAGMA wal_autocheckpoint=0")
            for (table,) in connection.execute(TABLES).fetchall():  # one by one: no read lasts longer than it must
                found = _quick_check(connection, table)
                if found:
                    self._tell(f"{table}: {'; '.join(found)[:300]}")
                    break
            else:
                seconds = round(time.monotonic() - started_s, 3)
                log.info("journal_checked", path=str(self._path), whole=True, seconds=seconds)
        except sqlite3.Error as error:
            if not self._stopped.is_set():  # else we were interrupted
                self._tell(str(error))
        finally:
            connection.close()
            self.done.set()

    def _tell(self, why: str) -> None:
        text = damaged(self._path, why, "nothing more is taken in")
        log.critical("journal_damaged", reason=text)
        self._on_damage(text)


def _quick_check(connection: sqlite3.Connection, table: str | None) -> list[str]:
    """What it complains of."""
    what = "5" if table is None else f"'{table}'"
    found = [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({what})")]
    return [] if found == ["ok"] else found[:5]
