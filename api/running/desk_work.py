"""What goes on at the desk by itself: timers, messages out, settings and acts to the folds, the checks. Edge: threads.

One set of it in the embedded service; on many machines one in each desk process, whose rows keep them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alerts.desk import Desk
from alerts.messages.outbox import Outbox
from alerts.relay import Relay
from api.running.background import Background
from api.running.watch import HEARTBEAT_S, Watch

RECONCILE_S = 10.0
P1_WORKERS = 3
TICK_REST_S = 0.1  # what is due is due by time: to look after each commit of a storm keeps others from the desk

Ends = Callable[[], Mapping[int, int]]


class DeskWork:
    """`start` last, when folds and desk stand where the logs do: nobody is rung for what the log knows to be over."""

    def __init__(
        self, desk: Desk, outbox: Outbox, relay: Relay, watch: Watch, now_ms: Callable[[], int], ends: Ends
    ) -> None:
        """`ends`: the last row of each partition of INPUTS that the checks read."""
        self._desk, self.outbox, self._now_ms = desk, outbox, now_ms
        self.relaying = Background("relay", lambda: 0.0 if relay.run_once() else None, 1.0)
        self._sending = Background("outbox", self._send, 0.5)
        # several, so that a gateway that hangs holds up only those who wait for it
        self._sending_p1 = [Background(f"outbox-p1-{n}", self._send_p1, 0.5) for n in range(1, P1_WORKERS + 1)]
        self._ticking = Background("desk-timers", self._tick, 1.0, rest_s=TICK_REST_S)
        self.background = [self._ticking, self.relaying, self._sending, *self._sending_p1]
        # not at once: after an outage everything is late, and whoever follows the logs needs a moment
        work = _Settled(watch.auditor.run_once, now_ms, ends)
        self.background.append(Background("reconciler", work, RECONCILE_S, first_after_s=RECONCILE_S))
        if (heartbeat := watch.heartbeat) is not None:
            ping = Background(
                "heartbeat", lambda: _none(heartbeat.run_once(now_ms())), HEARTBEAT_S, first_after_s=2 * RECONCILE_S
            )
            self.background.append(ping)

    def on_change(self) -> None:
        """A desk transaction was committed: messages and relayed acts may be waiting for it."""
        for work in (*self._sending_p1, self._sending, self.relaying, self._ticking):
            work.notify()

    def _tick(self) -> float | None:
        now_ms = self._now_ms()
        due_ms = self._desk.tick(now_ms)
        return None if due_ms is None else max(0.0, (due_ms - now_ms) / 1_000)

    def _send(self) -> float | None:
        return 0.0 if self.outbox.run_once(self._now_ms()) else None

    def _send_p1(self) -> float | None:
        return 0.0 if self.outbox.run_once(self._now_ms(), only_p1=True) else None


class _Settled:
    """The reconciler, which judges only what INPUTS held when it ran before (or at the start): after an outage rows are
    written long after they were received, and the crash rounds saw it "find" what the floor was about to raise.
    """

    def __init__(self, run: Callable[[int, Mapping[int, int]], object], now_ms: Callable[[], int], ends: Ends) -> None:
        self._run, self._now_ms, self._ends, self._known = run, now_ms, ends, ends()

    def __call__(self) -> None:
        ends = self._ends()
        self._run(self._now_ms(), self._known)
        self._known = ends


def _none(_value: object) -> None:
    return None
