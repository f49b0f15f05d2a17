"""Work that goes on beside requests: relay, outbox, desk timers, reconciler and whatever else repeats.

Edge: a thread each. Work is done when somebody calls `notify`, when it asked to be called again, and at the latest
every `every_s`. A failure is logged, shown in health, and tried again with growing pauses: a thread that dies in
silence would be an alarm that nobody hears.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()

PAUSE_FIRST_S, PAUSE_MAX_S = 0.2, 10.0


class Background:
    """Calls `work` again and again. `work` answers in how many seconds it wants to be called again, or None.

    The first call comes after `first_after_s`, each other at least `rest_s` after the one before has ended.
    """

    def __init__(
        self, name: str, work: Callable[[], float | None], every_s: float, *, first_after_s: float = 0.0,
        rest_s: float = 0.0,
    ) -> None:  # fmt: skip
        self.name, self._work, self._every_s, self._first_after_s = name, work, every_s, first_after_s
        self._rest_s = rest_s
        self._bell = threading.Condition()
        self._rung, self._stopping = True, False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.healthy = True
        self.failures = 0

    def start(self) -> None:
        self._thread.start()

    def notify(self) -> None:
        """There is something to do. Callable from any thread, cheap, never lost."""
        with self._bell:
            self._rung = True
            self._bell.notify()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish what is under way, and end."""
        with self._bell:
            self._stopping = True
            self._bell.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = PAUSE_FIRST_S
        self._wait(self._first_after_s, wakeable=False)
        while not self._stopping:
            self._rung = False
            try:
                again_s = self._work()
                self.healthy, pause_s = True, PAUSE_FIRST_S
            except Exception as error:
                # the supervisor of this thread: the work is repeatable by design, and standing still is worse
                self.healthy, self.failures = False, self.failures + 1
                first = pause_s == PAUSE_FIRST_S  # a database that is away for an hour is told of in lines
                log.error(
                    "background_failed", work=self.name, pause_s=pause_s, error=type(error).__name__, exc_info=first
                )
                self._wait(pause_s, wakeable=False)
                pause_s = min(PAUSE_MAX_S, pause_s * 2)
                continue
            if self._rest_s:
                self._wait(self._rest_s, wakeable=False)
            self._wait(self._every_s if again_s is None else min(again_s, self._every_s), wakeable=True)

    def _wait(self, wait_s: float, *, wakeable: bool) -> None:
        with self._bell:
            self._bell.wait_for(lambda: self._stopping or (wakeable and self._rung), max(0.0, wait_s))
