"""Is our own feed alive? A pure machine, fed by the MQTT edge with what it sees and asked with a time.

Theory of operation. An open socket proves nothing (lessons §3.2 row 12), so a canary of our own goes round the broker
every CANARY_EVERY_MS; the feed is as old as the last canary that came back. A broken connection is known at once. What
the folds must know becomes facts for RAW: `feed.lost` when we are sure to hear nothing, `feed.gap` with its times when
the connection is back, `feed.settled` when the first canary has come round after it, behind what the broker had kept.

| state    | input                              | next    | facts                                          |
|----------|------------------------------------|---------|------------------------------------------------|
| starting | connected, rows in RAW from before | gap     | feed.gap(last row, now)                        |
| starting | connected, RAW empty               | live    | -                                              |
| live     | disconnected                       | broken  | -                                              |
| broken   | BLIND_BROKEN_MS later              | blind   | feed.lost(last heard)                          |
| live, gap | no canary for BLIND_MS, connected | blind   | feed.lost(last heard)                          |
| broken, blind | connected                     | gap     | feed.gap(last heard, now), session_lost        |
| gap      | canary                             | live    | feed.settled                                   |
| blind    | canary (never disconnected)        | live    | feed.gap(last heard, now), feed.settled        |
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ingest.record import FEED, RawRecord

CANARY_EVERY_MS = 5_000
LATE_MS = 12_000  # two canaries missed: the board shows the age
BLIND_MS = 45_000  # and the board's 60 s are kept with room for a slow tick
BLIND_BROKEN_MS = 10_000  # a broken connection that is back sooner is a gap, but no blindness

Pulse = Literal["live", "late", "blind"]


class FeedMonitor:
    """See the module's text. All times are the service's clock, in milliseconds UTC."""

    def __init__(self, now_ms: int, raw_last_ms: int) -> None:
        self.connected = False
        self.last_canary_ms: int | None = None
        self._state: Literal["starting", "live", "broken", "blind", "gap"] = "starting"
        self._heard_ms = raw_last_ms or now_ms
        self._had_rows = raw_last_ms > 0
        self._broken_ms = self._connected_ms = now_ms

    def on_connected(self, now_ms: int, *, session_present: bool) -> list[RawRecord]:
        """The broker took us back."""
        self.connected, self._connected_ms = True, now_ms
        starting, self._state = self._state == "starting", "gap"
        if starting and not self._had_rows:
            return []
        gap = {"type": "feed.gap", "from_ms": self._heard_ms, "to_ms": now_ms, "session_lost": not session_present}
        return [_fact(gap)]

    def on_disconnected(self, now_ms: int) -> None:
        """The connection is gone."""
        if self.connected:
            self._broken_ms = now_ms
        self.connected = False
        if self._state in ("live", "gap"):
            self._state = "broken"

    def on_canary(self, now_ms: int) -> list[RawRecord]:
        """Our own message came round: everything before it has been heard."""
        facts = []
        if self._state == "blind":
            facts.append(_fact({"type": "feed.gap", "from_ms": self._heard_ms, "to_ms": now_ms, "session_lost": False}))
        if self._state in ("blind", "gap"):
            facts.append(_fact({"type": "feed.settled", "from_ms": now_ms, "to_ms": now_ms}))
        self._state = "live"
        self.last_canary_ms = self._heard_ms = now_ms
        return facts

    def tick(self, now_ms: int) -> list[RawRecord]:
        """Time has passed; call about once a second."""
        broken = (
            not self.connected and self._state in ("broken", "starting") and now_ms - self._broken_ms >= BLIND_BROKEN_MS
        )
        # a new connection's first canary has its time, however long ago the last one was heard
        since_ms = max(self._heard_ms, self._connected_ms)
        deaf = self.connected and self._state in ("live", "gap") and now_ms - since_ms >= BLIND_MS
        if not broken and not deaf:
            return []
        self._state = "blind"
        return [_fact({"type": "feed.lost", "from_ms": self._heard_ms, "to_ms": now_ms})]

    def state(self, now_ms: int) -> Pulse:
        """What the board's pulse shows."""
        if self._state == "blind":
            return "blind"
        if not self.connected or self.last_canary_ms is None or now_ms - self.last_canary_ms > LATE_MS:
            return "late"
        return "live"

    def gap_since_ms(self) -> int | None:
        """Since when nothing is heard; None while live."""
        return self._heard_ms if self._state in ("blind", "broken") else None


def _fact(body: dict[str, object]) -> RawRecord:
    return RawRecord(0, FEED, payload=msgspec.json.encode(body))
