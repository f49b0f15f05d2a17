"""Changes as they happen: one wake-up for all streams, and the iterator that both SSE faces (REST, board) read from.

Theory of operation. The desk's `changes` table is the only queue: every stream keeps one number, the id of the last
change it gave out, and reads what comes after it. So a slow reader costs nothing but its own delay, nothing can
overflow, and `Last-Event-ID` resumes without a gap by construction. The wake-up carries no data and may be lost or
doubled without harm: a stream looks again after SAFETY_NET_MS whatever happens. Streams that stand at the same id
share one read (`_shared`), so a hundred boards cost one query per change, not a hundred.

While the desk's database is away a stream stays open and says nothing, not even a beat: whoever reads it knows after
5 s that it is blind. It goes on from where it stood when the desk answers again, for which one asks for all.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import anyio.to_thread
import structlog

from alerts.database import AWAY

SAFETY_NET_MS = 1_000
BATCH = 200  # changes per read
RETRY_MS = 1_000  # what a browser waits before it connects again

log = structlog.get_logger()

ReadChanges = Callable[[int, int], list[dict[str, Any]]]  # (after_id, limit) -> rows in id order
LastChange = Callable[[], int]  # id of the newest, 0 when there is none
FirstChange = Callable[[], int]  # id of the oldest still kept, 0 when there is none


class LiveFull(Exception):
    """As many streams are open as the settings allow."""


class Wakeup:
    """A bell any thread may ring and any number of coroutines of one loop may wait for.

    Ringing costs a lock and, when somebody waits, one call into the loop; rings between two looks melt into one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rings = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._scheduled = False

    def notify(self) -> None:
        """Ring. From any thread, also before the loop runs and after it has closed."""
        with self._lock:
            self._rings += 1
            loop = self._loop
            if loop is None or self._scheduled:
                return
            self._scheduled = True
        try:
            loop.call_soon_threadsafe(self._release)
        except RuntimeError:  # the loop has closed: nobody waits any more
            with self._lock:
                self._loop, self._scheduled = None, False

    def rings(self) -> int:
        """How often it rang so far: read before looking, given to `wait`, so that no ring falls in between."""
        with self._lock:
            return self._rings

    async def wait(self, seen: int, timeout_s: float) -> None:
        """Return at once if it rang after `seen` was read, else at the next ring, at latest after `timeout_s`."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._rings != seen:
                return
            if self._loop is not loop:
                self._loop, self._scheduled = loop, False
            waiter = loop.create_future()
            self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _release(self) -> None:
        with self._lock:
            self._scheduled = False
            waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


@dataclass(frozen=True, slots=True)
class LiveItem:
    """What a stream gives out. `kind`: hello (first, carries where the stream stands), change, beat, reset (the
    resume point is unknown here, load everything anew). `rows` only for change, in id order, never empty.
    """

    kind: Literal["hello", "change", "beat", "reset"]
    last_id: int
    rows: tuple[dict[str, Any], ...] = ()


class LiveHub:
    """All open streams of this process. One per application; close it before the server is told to stop."""

    def __init__(
        self,
        wakeup: Wakeup,
        read: ReadChanges,
        last: LastChange,
        *,
        first: FirstChange = lambda: 0,
        clients_max: int,
        beat_ms: int,
    ) -> None:
        self._wakeup = wakeup
        self._read = read
        self._last = last
        self._first = first
        self._clients_max = clients_max
        self._beat_s = beat_ms / 1000
        self._reads: dict[tuple[int, int], asyncio.Task[list[dict[str, Any]]]] = {}
        self._asking: asyncio.Task[bool] | None = None  # whether the desk is back
        # threads of their own, so that a rush of ordinary requests never delays a stream
        self._limiter = anyio.CapacityLimiter(4)
        self._closed = False
        self.clients = 0
        self.resumed_total = 0

    def close(self) -> None:
        """End every stream at its next look; browsers come back by themselves. Callable from any thread."""
        self._closed = True
        self._wakeup.notify()

    def check_room(self) -> None:
        """Before an answer begins, so that a full house is a 503 and not a broken stream: LiveFull when it is."""
        if self.clients >= self._clients_max or self._closed:
            raise LiveFull

    @contextlib.contextmanager
    def _seat(self) -> Iterator[None]:
        self.clients += 1
        try:
            yield
        finally:
            self.clients -= 1

    async def read(self, read: Callable[[Any], Any], *given: Any) -> Any:
        """Run a short read in the streams' own threads."""
        return await anyio.to_thread.run_sync(read, *given, limiter=self._limiter)

    async def last_id(self) -> int:
        """Id of the newest change now."""
        return await anyio.to_thread.run_sync(self._last, limiter=self._limiter)

    async def stream(self, after_id: int | None) -> AsyncIterator[LiveItem]:
        """Changes after `after_id` (None = from now on) and a beat at least every `beat_ms`, until closed.

        Ids only grow within one stream; a stream resumed with the last id it saw gives each later change once. Raises
        what AWAY names: wait for `desk_back`, and resume.
        """
        with self._seat():
            async for item in self._items(after_id):
                yield item

    async def _items(self, after_id: int | None) -> AsyncIterator[LiveItem]:
        newest = await self.last_id()
        if after_id is not None and not await self._knows(after_id, newest):
            yield LiveItem("reset", newest)
            after_id = newest
        if after_id is not None:
            self.resumed_total += 1
        position = newest if after_id is None else after_id
        yield LiveItem("hello", position)
        loop = asyncio.get_running_loop()
        next_beat = loop.time()
        while not self._closed:
            seen = self._wakeup.rings()
            rows = await self._shared(position, seen)
            if rows:
                position = rows[-1]["id"]
                yield LiveItem("change", position, tuple(rows))
            if loop.time() >= next_beat:
                next_beat = loop.time() + self._beat_s
                yield LiveItem("beat", position)
            if not rows:
                pause = min(next_beat - loop.time(), SAFETY_NET_MS / 1000)
                await self._wakeup.wait(seen, max(pause, 0.0))

    async def _knows(self, after_id: int, newest: int) -> bool:
        """Whether everything after `after_id` is still here. Not when the desk was restored from a backup older than
        the reader, nor when old changes have been cut since it last looked.
        """
        first = await anyio.to_thread.run_sync(self._first, limiter=self._limiter)
        return after_id <= newest and after_id + 1 >= first

    async def _shared(self, after_id: int, rings: int) -> list[dict[str, Any]]:
        # `rings` is part of the key: a read begun before a ring may miss what that ring announced
        key = (after_id, rings)
        task = self._reads.get(key)
        if task is None:
            task = asyncio.create_task(anyio.to_thread.run_sync(self._read, after_id, BATCH, limiter=self._limiter))
            self._reads[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: tuple[int, int], done: asyncio.Task[list[dict[str, Any]]]) -> None:
        self._reads.pop(key, None)
        if not done.cancelled():
            done.exception()  # all who asked may have gone: then nobody else would look, and asyncio cry

    async def desk_back(self) -> bool:
        """Wait until the desk answers again; False where the hub was closed meanwhile. One asks for all who wait."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> bool:
        began_s = time.monotonic()
        log.warning("live_streams_wait")
        try:
            while not self._closed:
                await self._wakeup.wait(self._wakeup.rings(), SAFETY_NET_MS / 1000)
                with contextlib.suppress(*AWAY):
                    await self.last_id()
                    log.info("live_streams_go_on", after_s=round(time.monotonic() - began_s, 1))
                    return True
        finally:
            self._asking = None
        return False
