"""Pure: how a channel does, judged from one result after the other.

| now | a try ends | then |
|---|---|---|
| any | ok within 3 s | ok |
| any | ok, but slower | slow |
| any | refused (a bad number) | as before: the carrier works |
| ok, slow | failed or unknown, once or twice in a row | slow |
| ok, slow | failed or unknown, three times in a row | down: a technical alert opens |
| down | failed or unknown | down |
| down | ok | ok or slow: the technical alert closes |
"""

from __future__ import annotations

import msgspec

from alerts.channels.channel import OK, Result

WORKS, SLOW, DOWN = "ok", "slow", "down"
SLOW_AFTER_MS = 3_000
DOWN_AFTER = 3


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
        state = before.state if result.refused else DOWN if failures >= DOWN_AFTER else _not_yet(before.state)
        known = msgspec.structs.replace(before, failures=failures, last_failed_ms=now_ms, detail=result.detail[:200])
    since_ms = before.since_ms if state == before.state and before.since_ms else now_ms
    return msgspec.structs.replace(known, state=state, since_ms=since_ms)


def _not_yet(state: str) -> str:
    return DOWN if state == DOWN else SLOW
