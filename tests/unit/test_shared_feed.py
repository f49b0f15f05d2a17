"""When the feed of two intakes is lost."""

import json

import pytest

from ingest.feed import BLIND_BROKEN_MS, BLIND_MS
from ingest.record import RawRecord
from ingest.shared_feed import SharedFeed

START = 1_780_000_000_000


class Other:
    """Whether the other intake hears."""

    hears = True

    def __call__(self) -> bool:
        return self.hears


@pytest.fixture
def other() -> Other:
    return Other()


@pytest.fixture
def feed(other) -> SharedFeed:
    """Connected and live since START; the other hears too."""
    made = SharedFeed(START, START - 60_000, other)
    assert said(made.on_connected(START, session_present=True)) == []
    assert said(made.on_canary(START)) == []
    return made


def said(facts: list[RawRecord]) -> list[tuple[str, int]]:
    """(type, seconds after START since when) of each fact."""
    found = [json.loads(fact.payload) for fact in facts]
    return [(one["type"], (one["from_ms"] - START) // 1_000) for one in found]


def at(seconds: int) -> int:
    return START + seconds * 1_000


def test_what_one_misses_while_the_other_hears_is_no_gap(feed):
    """Broken, blind and back: nothing is recorded."""
    feed.on_disconnected(at(10))
    assert said(feed.tick(at(10) + BLIND_BROKEN_MS)) == []
    assert feed.state(at(30)) == "blind"
    assert said(feed.on_connected(at(60), session_present=True) + feed.on_canary(at(61))) == []


def test_without_the_other_it_is_as_with_one(feed, other):
    """Alone it says lost, gap and settled, as of when it heard last itself."""
    assert said(feed.tick(at(5))) == []
    other.hears = False
    feed.on_canary(at(20))
    feed.on_disconnected(at(25))

    assert said(feed.tick(at(25) + BLIND_BROKEN_MS)) == [("feed.lost", 20)]
    assert said(feed.tick(at(50))) == []
    assert said(feed.on_connected(at(60), session_present=True)) == [("feed.gap", 20)]
    assert said(feed.on_canary(at(61))) == [("feed.settled", 61)]


def test_blindness_kept_back_is_told_when_the_other_falls_silent(feed, other):
    """The other dies without a word while we are blind: lost as of when it was heard last, once."""
    feed.on_disconnected(at(10))
    feed.tick(at(10) + BLIND_BROKEN_MS)
    assert said(feed.tick(at(100))) == []
    other.hears = False

    assert said(feed.tick(at(111))) == [("feed.lost", 100)]
    assert said(feed.tick(at(112))) == []
    assert said(feed.on_connected(at(130), session_present=True)) == [("feed.gap", 100)]


def test_a_gap_reaches_back_to_the_others_last_word_only(feed, other):
    """We were away for minutes, the other fell silent a moment ago: the gap is that moment."""
    feed.on_disconnected(at(10))
    feed.tick(at(30))
    feed.tick(at(300))
    other.hears = False

    assert said(feed.on_connected(at(302), session_present=True)) == [("feed.gap", 300)]


def test_the_other_falling_silent_while_we_hear_is_nothing(feed, other):
    """One live intake is enough."""
    feed.on_canary(at(50))
    other.hears = False

    assert said(feed.tick(at(51))) == []
    assert said(feed.tick(at(50) + BLIND_MS)) == [("feed.lost", 50)]


def test_who_said_lost_says_that_it_is_back_once_another_hears(feed, other):
    """The other's notes were late, so it has no gap of its own: homes would stay blind. Afterwards all is as before."""
    feed.on_disconnected(at(10))
    other.hears = False
    assert said(feed.tick(at(10) + BLIND_BROKEN_MS)) == [("feed.lost", 0)]
    other.hears = True

    assert said(feed.tick(at(25))) == [("feed.gap", 0), ("feed.settled", 25)]
    assert said(feed.tick(at(26)) + feed.tick(at(40))) == []
    other.hears = False
    assert said(feed.tick(at(51))) == [("feed.lost", 40)]
    assert said(feed.on_connected(at(60), session_present=True) + feed.on_canary(at(61))) == [
        ("feed.gap", 40), ("feed.settled", 61),
    ]  # fmt: skip


def test_a_restart_does_not_forget_that_it_was_lost(other):
    """Its last run said lost; the other hears, so this run keeps its own gap back, but not that one."""
    feed = SharedFeed(at(30), at(9), other, lost_ms=at(10))
    assert feed.lost_ms == at(10)

    assert said(feed.on_connected(at(31), session_present=True)) == [("feed.gap", 10), ("feed.settled", 31)]
    assert (feed.lost_ms, said(feed.on_canary(at(32)))) == (0, [])
