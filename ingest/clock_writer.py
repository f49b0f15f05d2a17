"""Moves the folds' time when nothing arrives: asks receive for a `clock` record when a timer is due. Edge: a thread.

Nothing else moves time. A clock record names no rule and no timer; it only says that this much time has passed and
nothing came. It is written when a registered fold waits for a time that has come and no clock record that late is on
its way. Other rows do not count: a fold sees only those that became inputs, the floor only alarms.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec
import structlog

from ingest.journal import JournalError
from ingest.record import CLOCK, FEED, RawRecord

LOOK_EVERY_S = 0.25
DOWNTIME_MS = 15_000

log = structlog.get_logger()


class ClockWriter:
    """`submit` is receive's (it stamps the time); `now_ms` the clock it stamps with.

    `register` each fold's `next_due` before `start`.
    """

    def __init__(
        self,
        submit: Callable[[Sequence[RawRecord]], Future[int]],
        now_ms: Callable[[], int],
    ) -> None:
        self._submit, self._now_ms = submit, now_ms
        self._last_ms = 0  # time of the last clock record asked for
        self._waiting: list[Callable[[], int | None]] = []
        self._pending: Future[int] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.written = 0

    def register(self, next_due: Callable[[], int | None]) -> None:
        self._waiting.append(next_due)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="clock-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def run_once(self) -> bool:
        """Look once; True when a clock record was asked for."""
        if self._pending is not None and not self._pending.done():
            return False
        if self._pending is not None and (error := self._pending.exception()) is not None:
            log.warning("clock_not_written", reason=str(error))
            self._last_ms = 0  # no such record is on its way, so whoever waits for it still waits
        self._pending = None
        dues = [due_ms for next_due in self._waiting if (due_ms := next_due()) is not None and due_ms > self._last_ms]
        due_ms, now_ms = min(dues, default=None), self._now_ms()
        if due_ms is None or due_ms > now_ms:
            return False
        try:
            self._pending = self._submit([RawRecord(now_ms, CLOCK)])
        except JournalError as error:
            log.warning("clock_not_written", reason=str(error))
            return False
        self._last_ms = now_ms
        self.written += 1
        return True

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            self.run_once()


def downtime(last_received_at_ms: int, now_ms: int, *, feed: bool) -> list[RawRecord]:
    """What to append first after a start: since RAW's last row we heard nothing, so nobody's silence since means
    anything. Nothing for an empty RAW or a short pause. `feed`: there is a feed monitor, which will say when the feed
    is back; without one (HTTP only) it is back now.
    """
    if last_received_at_ms == 0 or now_ms - last_received_at_ms < DOWNTIME_MS:
        return []
    span = {"from_ms": last_received_at_ms, "to_ms": now_ms, "reason": "restart"}
    kinds = ("feed.lost",) if feed else ("feed.lost", "feed.gap")
    return [RawRecord(now_ms, FEED, payload=msgspec.json.encode({"type": kind, **span})) for kind in kinds]
