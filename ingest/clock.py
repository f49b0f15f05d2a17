"""The service's one clock (edge), and its double for replay and tests. Nothing else reads the machine's time for data.

Law (design §4): `received_at` = anchor + monotonic clock, so it never goes back whatever happens to the wall clock.
`check`, called about once a second, compares the two; a difference over 2 s is a fact, said once:

| wall clock      | we do                                                                                     |
|-----------------|-------------------------------------------------------------------------------------------|
| stepped back    | "slewed": run at 9/10 speed until the wall has caught up; never stop, never go back       |
| forward <= 10 min | "adopted": jump to it                                                                   |
| forward > 10 min | "waiting": keep our own time until `confirm` by an operator, or by a second source that   |
|                 | agrees with the wall; then "confirmed"                                                    |
| at a restart behind RAW | "restart": anchor at RAW's last time, then slewed                                 |

CLOCK_BOOTTIME, where there is one, also counts the time a machine slept, so a suspended laptop is no step.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

STEP_MS = 2_000
TRUSTED_FORWARD_MS = 600_000
AGREES_MS = 60_000  # a second source within this of the wall confirms it


class ClockStepped(msgspec.Struct, frozen=True):
    """The wall clock and ours disagree. Becomes a `feed` record (ingest.record.FEED)."""

    from_ms: int  # ours at that moment
    to_ms: int  # what the wall clock says
    action: str  # slewed | adopted | waiting | confirmed | restart

    def payload(self) -> bytes:
        """JSON of the feed record, type `clock.stepped`."""
        fact = {"type": "clock.stepped", "from_ms": self.from_ms, "to_ms": self.to_ms, "action": self.action}
        return msgspec.json.encode(fact)


class Clock(Protocol):
    """Milliseconds UTC that never go back. Callable from any thread."""

    def now_ms(self) -> int: ...

    @property
    def waiting(self) -> bool:
        """The wall clock is far ahead of ours and nobody has said which one is right."""
        ...

    def check(self) -> ClockStepped | None:
        """Compare with the wall clock; a difference is returned once."""
        ...

    def confirm(self, second_source_ms: int | None = None) -> ClockStepped | None:
        """Believe the wall clock: an operator says so, or a second source agrees with it. None = nothing to do."""
        ...


class SystemClock:
    """The real one. `not_before_ms`: time of RAW's last row; `wall_ms` and `elapsed_ms` are injected by tests only."""

    def __init__(
        self,
        not_before_ms: int = 0,
        wall_ms: Callable[[], int] | None = None,
        elapsed_ms: Callable[[], int] | None = None,
    ) -> None:
        self._wall_ms, self._elapsed_ms = wall_ms or _wall_ms, elapsed_ms or _elapsed_ms
        self._lock = threading.Lock()
        wall = self._wall_ms()
        self._anchor_ms = max(wall, not_before_ms)
        self._anchored_at_ms = self._elapsed_ms()
        self._slew_ms = 0  # so much of the time since the anchor runs at 9/10
        self._said: str | None = None  # which disagreement has been told already
        self._fact: ClockStepped | None = None
        if not_before_ms - wall > STEP_MS:
            self._fact = ClockStepped(not_before_ms, wall, "restart")
            self._slew_ms = (not_before_ms - wall) * 10
            self._said = "slewed"

    def now_ms(self) -> int:
        with self._lock:
            return self._now()

    @property
    def waiting(self) -> bool:
        return self._said == "waiting"

    def check(self) -> ClockStepped | None:
        with self._lock:
            if self._fact is not None:
                fact, self._fact = self._fact, None
                return fact
            now, wall = self._now(), self._wall_ms()
            ahead = now - wall
            if abs(ahead) <= STEP_MS:
                self._said = None
                return None
            return self._stepped_back(now, wall) if ahead > 0 else self._stepped_forward(now, wall)

    def confirm(self, second_source_ms: int | None = None) -> ClockStepped | None:
        with self._lock:
            now, wall = self._now(), self._wall_ms()
            if wall - now <= STEP_MS:
                return None
            if second_source_ms is not None and abs(second_source_ms - wall) > AGREES_MS:
                return None
            self._jump(wall)
            return ClockStepped(now, wall, "confirmed")

    # ------------------------------------------------------------- locked
    def _now(self) -> int:
        elapsed = self._elapsed_ms() - self._anchored_at_ms
        slewed = min(elapsed, self._slew_ms)
        return self._anchor_ms + slewed * 9 // 10 + elapsed - slewed

    def _stepped_back(self, now: int, wall: int) -> ClockStepped | None:
        """Slewing loses 1 ms in 10, so a lead of N ms needs 10 N; re-aimed at each check in case the wall moves on."""
        self._anchor(now)
        self._slew_ms = (now - wall) * 10
        if self._said == "slewed":
            return None
        self._said = "slewed"
        return ClockStepped(now, wall, "slewed")

    def _stepped_forward(self, now: int, wall: int) -> ClockStepped | None:
        if wall - now <= TRUSTED_FORWARD_MS:
            self._jump(wall)
            return ClockStepped(now, wall, "adopted")
        if self._said == "waiting":
            return None
        self._said = "waiting"
        return ClockStepped(now, wall, "waiting")

    def _anchor(self, at_ms: int) -> None:
        self._anchor_ms, self._anchored_at_ms = at_ms, self._elapsed_ms()

    def _jump(self, to_ms: int) -> None:
        self._anchor(to_ms)
        self._slew_ms = 0
        self._said = None


class VirtualClock:
    """Time that is set: by record times in a replay, by hand in tests. Never goes back either."""

    waiting = False

    def __init__(self, at_ms: int = 0) -> None:
        self._now_ms = at_ms

    def now_ms(self) -> int:
        return self._now_ms

    def set(self, at_ms: int) -> None:
        """Move to `at_ms`; an earlier time changes nothing."""
        self._now_ms = max(self._now_ms, at_ms)

    def advance(self, by_ms: int) -> int:
        self.set(self._now_ms + by_ms)
        return self._now_ms

    def check(self) -> ClockStepped | None:
        return None

    def confirm(self, second_source_ms: int | None = None) -> ClockStepped | None:
        return None


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _elapsed_ms() -> int:
    source = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if source is None else time.clock_gettime_ns(source)) // 1_000_000
