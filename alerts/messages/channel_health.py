"""Pure: how a channel does, judged from one result after the other.

| now | a try ends | then |
|---|---|---|
| any | ok within 3 s | ok |
| any | ok, but slower | slow |
| any | refused (a bad number) | as before: the carrier works |
| ok, slow | failed or unknown, once or twice in a row | slow |
| ok, slow | failed or unknown, three times in a row and for 10 s | down: a technical alert opens |
| down | failed or unknown | down |
| down | ok | ok or slow: the technical alert closes |
"""

from __future__ import annotations

import msgspec

from alerts.channels.channel import OK, Result

WORKS, SLOW, DOWN = "ok", "slow", "down"
SLOW_AFTER_MS = 3_000
DOWN_AFTER = 3
DOWN_AFTER_MS = 10_000  # three messages of one moment are one failure: the broker that is not there yet after a start


class ChannelState(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `channel_states`."""

    state: str = WORKS
    since_ms: int = 0
    failures: int = 0
    latency_ms: int | None = None
    last_ok_ms: int | None = None
    last_failed_ms: int | None = None
    detail: str | None = None
    alert_id: str | None = None


def after(before: ChannelState, result: Result, took_ms: int, now_ms: int) -> ChannelState:
    """The state once this result is known."""
    if result.outcome == OK:
        state = SLOW if took_ms > SLOW_AFTER_MS else WORKS
        known = msgspec.structs.replace(before, failures=0, latency_ms=took_ms, last_ok_ms=now_ms)
    else:
        failures = before.failures + (0 if result.refused else 1)
        lasting = before.state != WORKS and now_ms - before.since_ms >= DOWN_AFTER_MS
        down = before.state == DOWN or (failures >= DOWN_AFTER and lasting)
        state = before.state if result.refused else DOWN if down else SLOW
        known = msgspec.structs.replace(before, failures=failures, last_failed_ms=now_ms, detail=result.detail[:200])
    since_ms = before.since_ms if state == before.state and before.since_ms else now_ms
    return msgspec.structs.replace(known, state=state, since_ms=since_ms)
