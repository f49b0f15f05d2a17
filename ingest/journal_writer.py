"""The one writer of journal.db: a thread that commits whatever is waiting in one transaction, synced (group commit).

Nothing else writes the file or checkpoints it: SQLite below 3.51.3 can lose committed rows when two connections
checkpoint (WAL-reset fault, lessons 3.2 #17). A synced commit costs the same for 1 row as for 1 000, so under load
the batches grow by themselves and alone a row waits for nobody. Rows of a work item stand or fall together; a
fault in one item does not fail its neighbours.

Theory of operation: `submit` queues (and blocks while the queue is full), the thread takes up to MAX_BATCH_ROWS /
MAX_BATCH_BYTES, runs each item inside one transaction, commits, publishes the new tail, then resolves the futures
in order. Futures' callbacks run in this thread: they must be quick and must not wait for another write.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import msgspec
import structlog

from ingest.journal import JournalError
from ingest.journal_file import DiskRoom, JournalHealth, JournalOptions, Tail
from ingest.journal_upkeep import Upkeep

log = structlog.get_logger()

MAX_BATCH_ROWS = 1_000
MAX_BATCH_BYTES = 4 * 1024 * 1024
IDLE_S = 1.0


Run = Callable[[sqlite3.Connection, Tail], int]


class _Work:
    __slots__ = ("future", "queued_s", "rows", "run", "size")

    def __init__(self, run: Run, rows: int, size: int, queued_s: float) -> None:
        self.run, self.rows, self.size, self.queued_s = run, rows, size, queued_s
        self.future: Future[int] = Future()
        self.future.set_running_or_notify_cancel()  # what is queued can no longer be cancelled


class GroupWriter:
    """Owns the writing connection; see the module's docstring. Start with `start`, end with `close`."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, tail: Tail, options: JournalOptions, upkeep: Upkeep
    ) -> None:
        self._connection, self._path, self._options, self._upkeep = connection, path, options, upkeep
        self.tail = tail  # replaced as a whole after each commit, so any thread may read it
        self._disk = DiskRoom(path, options)
        self._queue: deque[_Work] = deque()
        self._rows = self._bytes = 0
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._drained = threading.Condition(self._lock)
        self._committed = threading.Condition(threading.Lock())
        self._acked: dict[str, int] = {}
        self._closing = False
        self._dead: str | None = None
        self._ended = False
        self._current: list[_Work] = []  # the batch in hand, so that its futures fail too if the thread dies
        self._last_error: str | None = None
        self._counts = {"commits": 0, "rows": 0, "failed": 0}
        self._last_commit_s = 0.0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    def start(self) -> None:
        self._disk.check(self._connection)
        self._thread.start()

    # ------------------------------------------------------------- any thread
    def submit(self, run: Run, rows: int, size: int) -> Future[int]:
        """Queue one work item; its future resolves with what `run` returned once that is synced.

        Blocks while the queue is full, at most `block_s`; from the writer's own callbacks it never blocks.
        """
        work = _Work(run, rows, size, time.monotonic())
        with self._lock:
            if not self._has_room(rows, size) and threading.current_thread() is not self._thread:
                self._drained.wait_for(lambda: self._has_room(rows, size), self._options.block_s)
            reason = self._refusal(rows, size)
            if reason is None:
                self._queue.append(work)
                self._rows += rows
                self._bytes += size
                self._filled.notify()
        if reason is not None:
            work.future.set_exception(JournalError(reason))
        return work.future

    @property
    def low_disk(self) -> bool:
        """Only the reserve is left, or the last commit found the disk full."""
        return self._disk.low

    def note_acked(self, link: str, seq: int) -> None:
        """Everything of `link` up to `seq` is acknowledged; written with the next commit, or when idle."""
        with self._lock:
            self._acked[link] = seq

    def give_up(self, reason: str) -> None:
        """Stop for good: what waits fails, and all that comes. Callable from any thread; it happens in the writer's."""

        def run(_connection: sqlite3.Connection, _tail: Tail) -> int:
            self._die(reason)
            return 0

        self.submit(run, 0, 0)

    def wait(self, reached: Callable[[Tail], bool], timeout_s: float) -> bool:
        """Block until a commit makes `reached` true, the writer ends, or the time is up."""
        with self._committed:
            self._committed.wait_for(lambda: reached(self.tail) or self._ended, timeout_s)
        return reached(self.tail)

    def health(self) -> JournalHealth:
        with self._lock:
            oldest = time.monotonic() - self._queue[0].queued_s if self._queue else 0.0
            return JournalHealth(
                alive=self._thread.is_alive() and self._dead is None, error=self._dead or self._last_error,
                low_disk=self._disk.low, free_bytes=self._disk.free_bytes, queue_rows=self._rows,
                queue_bytes=self._bytes, oldest_queued_s=oldest, commits=self._counts["commits"],
                rows=self._counts["rows"], failed_commits=self._counts["failed"], last_commit_s=self._last_commit_s,
                sqlite_version=sqlite3.sqlite_version,
            )  # fmt: skip

    def close(self) -> None:
        """Commit what is queued, move the write-ahead log into the file, close the connection."""
        with self._lock:
            self._closing = True
            self._filled.notify()
            self._drained.notify_all()
        self._thread.join()

    # ------------------------------------------------------------- locked
    def _has_room(self, rows: int, size: int) -> bool:
        if self._dead is not None or self._closing or not self._queue:
            return True
        return self._rows + rows <= self._options.queue_rows and self._bytes + size <= self._options.queue_bytes

    def _refusal(self, rows: int, size: int) -> str | None:
        if self._dead is not None:
            return f"journal {self._path}: the writer has stopped: {self._dead}"
        if self._closing:
            return f"journal {self._path} is closed"
        if not self._has_room(rows, size) and threading.current_thread() is not self._thread:
            return f"journal {self._path}: queue full for {self._options.block_s:g} s; the disk does not keep up"
        return None

    # ------------------------------------------------------------- the writer thread
    def _run(self) -> None:
        try:
            while True:
                batch = self._take()
                if batch is None:
                    break
                self._current = batch
                if batch:
                    self._commit_all(batch)
                else:
                    self._idle()
        except BaseException as error:  # the one place that must not die in silence
            log.exception("journal_writer_died", path=str(self._path))
            self._die(f"{type(error).__name__}: {error}")
        finally:
            self._finish()

    def _take(self) -> list[_Work] | None:
        """Up to one batch; [] after an idle second; None when closed and empty."""
        with self._lock:
            if not self._queue and not self._closing:
                self._filled.wait(IDLE_S)
            if not self._queue:
                return None if self._closing else []
            batch = [self._queue.popleft()]
            rows, size = batch[0].rows, batch[0].size
            while self._queue:
                rows, size = rows + self._queue[0].rows, size + self._queue[0].size
                if rows > MAX_BATCH_ROWS or size > MAX_BATCH_BYTES:
                    break
                batch.append(self._queue.popleft())
            for work in batch:
                self._rows -= work.rows
                self._bytes -= work.size
            self._drained.notify_all()
            return batch

    def _commit_all(self, batch: list[_Work]) -> None:
        """One transaction for all; if that fails, one for each, so that only what is at fault fails."""
        try:
            results = self._transact(batch)
        except JournalError as error:
            if len(batch) == 1 or self._dead is not None:
                results = [error] * len(batch)
            else:
                for work in batch:
                    self._commit_all([work])
                return
        for work, result in zip(batch, results, strict=True):
            if work.future.done():  # the writer stopped for good meanwhile and has said so
                continue
            if isinstance(result, JournalError):
                work.future.set_exception(result)
            else:
                work.future.set_result(result)
        self._disk.check(self._connection)
        row_count, size = sum(one.rows for one in batch), sum(one.size for one in batch)
        self._upkeep.after_commit(self._connection, self.tail, row_count, size)

    def _transact(self, batch: list[_Work]) -> list[int | JournalError]:
        started = time.monotonic()
        tail = msgspec.structs.replace(self.tail)
        results: list[int | JournalError] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for work in batch:
                try:
                    results.append(work.run(self._connection, tail))
                except JournalError as error:  # refused before it wrote anything: fenced
                    results.append(error)
            acked = self._write_acked()
            self._connection.execute("COMMIT")
        except (sqlite3.Error, ValueError, OverflowError, TypeError) as error:
            raise self._failed(error) from error
        self._publish(tail, acked, started, batch)
        return results

    def _publish(self, tail: Tail, acked: dict[str, int], started: float, batch: list[_Work]) -> None:
        with self._lock:
            for link, seq in acked.items():
                if self._acked.get(link) == seq:
                    del self._acked[link]
            self._counts["commits"] += 1
            self._counts["rows"] += sum(work.rows for work in batch)
            self._last_error = None
            self._last_commit_s = time.monotonic() - started
        with self._committed:
            self.tail = tail
            self._committed.notify_all()

    def _write_acked(self) -> dict[str, int]:
        with self._lock:
            acked = dict(self._acked)
        for link, seq in acked.items():
            self._connection.execute("INSERT OR REPLACE INTO acked VALUES (?,?)", (link, seq))
        return acked

    def _failed(self, error: Exception) -> JournalError:
        """Undo, count, and say it in words; a damaged file stops the writer for good."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL:
            self._disk.found_full()
        text = f"journal {self._path}: {error}"
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            self._die(f"{error}; stop the service and restore from a backup")
        with self._lock:
            self._counts["failed"] += 1
            self._last_error = text
        log.error("journal_commit_failed", path=str(self._path), error=str(error), low_disk=self._disk.low)
        return JournalError(text)

    def _idle(self) -> None:
        if self._acked:
            self._commit_all([_Work(lambda _connection, _tail: 0, 0, 0, time.monotonic())])
        self._upkeep.when_idle(self._connection, self.tail)
        self._disk.check(self._connection)

    def _die(self, reason: str) -> None:
        with self._lock:
            self._dead = reason
            orphans, self._queue = [*self._current, *self._queue], deque()
            self._rows = self._bytes = 0
            self._drained.notify_all()
        for work in [one for one in orphans if not one.future.done()]:
            work.future.set_exception(JournalError(f"journal {self._path}: the writer has stopped: {reason}"))

    def _finish(self) -> None:
        if self._dead is None:
            if self._acked:
                self._commit_all([_Work(lambda _connection, _tail: 0, 0, 0, time.monotonic())])
            self._upkeep.at_close(self._connection)
        self._connection.close()
        with self._committed:
            self._ended = True
            self._committed.notify_all()
