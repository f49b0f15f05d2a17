"""The pulse of our own feed: what is live, late, blind, and what the folds are told."""

from __future__ import annotations

import msgspec

from ingest.feed import BLIND_BROKEN_MS, BLIND_MS, LATE_MS, FeedMonitor
from ingest.record import RawRecord

T0 = 1_772_000_000_000


def types(facts: list[RawRecord]) -> list[str]:
    """The types of feed records."""
    return [msgspec.json.decode(fact.payload)["type"] for fact in facts]


def live(now_ms: int = T0) -> FeedMonitor:
    """A feed that stands and has just heard its canary."""
    monitor = FeedMonitor(now_ms, 0)
    monitor.on_connected(now_ms, session_present=False)
    monitor.on_canary(now_ms)
    return monitor


def test_a_first_start_is_no_gap() -> None:
    """With nothing in RAW there is nothing to have missed."""
    monitor = FeedMonitor(T0, 0)
    assert monitor.on_connected(T0, session_present=False) == []
    assert types(monitor.on_canary(T0 + 50)) == ["feed.settled"]
    assert monitor.state(T0 + 50) == "live"


def test_a_restart_is_a_gap_from_the_last_row() -> None:
    """The service was down since its last row: the folds are told from when to when, and when it has settled."""
    monitor = FeedMonitor(T0, T0 - 3_600_000)
    (gap,) = monitor.on_connected(T0 + 1_000, session_present=True)
    body = msgspec.json.decode(gap.payload)
    assert (body["from_ms"], body["to_ms"], body["session_lost"]) == (T0 - 3_600_000, T0 + 1_000, False)
    assert types(monitor.on_canary(T0 + 1_100)) == ["feed.settled"]


def test_a_session_the_broker_forgot_is_said() -> None:
    """session_present=0 after a break means that messages may be gone."""
    monitor = live()
    monitor.on_disconnected(T0 + 5_000)
    (gap,) = monitor.on_connected(T0 + 9_000, session_present=False)
    assert msgspec.json.decode(gap.payload)["session_lost"] is True


def test_a_broken_connection_is_late_at_once_and_blind_soon() -> None:
    """A second after the break the pulse is late; after ten it is blind, and the folds are told once."""
    monitor = live()
    monitor.on_disconnected(T0 + 1_000)
    assert monitor.state(T0 + 1_001) == "late"
    assert monitor.tick(T0 + 2_000) == []
    assert types(monitor.tick(T0 + 1_000 + BLIND_BROKEN_MS)) == ["feed.lost"]
    assert monitor.state(T0 + 1_000 + BLIND_BROKEN_MS) == "blind"
    assert monitor.tick(T0 + 60_000) == []


def test_an_open_socket_is_no_proof() -> None:
    """Connected and no canary: late after two missed, blind before a minute is over."""
    monitor = live()
    assert monitor.state(T0 + LATE_MS + 1) == "late"
    assert types(monitor.tick(T0 + BLIND_MS)) == ["feed.lost"]
    assert BLIND_MS < 60_000


def test_hearing_again_closes_the_gap() -> None:
    """A deaf connection that hears its canary again tells the gap and that it has settled."""
    monitor = live()
    monitor.tick(T0 + BLIND_MS)
    assert types(monitor.on_canary(T0 + BLIND_MS + 5_000)) == ["feed.gap", "feed.settled"]
    assert monitor.gap_since_ms() is None


def test_a_broker_that_never_was_there_is_blind_too() -> None:
    """Started without any broker: not 'starting' for ever, but blind."""
    monitor = FeedMonitor(T0, 0)
    assert types(monitor.tick(T0 + BLIND_BROKEN_MS)) == ["feed.lost"]
    assert monitor.state(T0 + BLIND_BROKEN_MS) == "blind"


def test_a_connection_after_a_long_break_has_time_for_its_first_canary() -> None:
    """The broker was away for an hour: the new connection is not deaf before BLIND_MS of its own, and then it is."""
    monitor = live()
    monitor.on_disconnected(T0 + 1_000)
    monitor.tick(T0 + 3_600_000)
    back_ms = T0 + 3_600_500
    monitor.on_connected(back_ms, session_present=True)
    assert monitor.tick(back_ms + BLIND_MS - 1) == []
    assert monitor.state(back_ms + BLIND_MS - 1) == "late"
    assert types(monitor.tick(back_ms + BLIND_MS)) == ["feed.lost"]
