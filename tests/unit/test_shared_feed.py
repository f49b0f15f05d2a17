"""When the feed of two intakes is lost."""

import json

import msgspec
import pytest

from ingest.feed import BLIND_BROKEN_MS, BLIND_MS
from ingest.intake_notes import ALIVE_MS, Note, Others, others_say
from ingest.record import RawRecord
from ingest.shared_feed import SharedFeed

START = 1_780_000_000_000


NONE = Note("a", "r", 0)


class Other:
    """What the notes of the other intake come to."""

    hears = True
    left_ms = undone_ms = 0

    def __call__(self) -> Others:
        return Others(self.hears, self.left_ms, self.undone_ms)


@pytest.fixture
def other() -> Other:
    return Other()


@pytest.fixture
def feed(other) -> SharedFeed:
    """Connected and live since START; the other hears too."""
    made = SharedFeed(START, START - 60_000, other, NONE)
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
    feed = SharedFeed(at(30), at(9), other, Note("a", "r", at(20), lost_ms=at(10)))
    assert feed.lost_ms == at(10)

    assert said(feed.on_connected(at(31), session_present=True)) == [("feed.gap", 10), ("feed.settled", 31)]
    assert (feed.lost_ms, said(feed.on_canary(at(32)))) == (0, [])


def test_a_word_that_nobody_is_left_to_take_back_is_taken_back_by_who_hears(feed, other):
    """The other said lost and is gone for good: said once, by one that hears itself, and known after a restart."""
    other.hears, other.left_ms = False, at(3)
    feed.on_disconnected(at(14))
    assert said(feed.tick(at(15))) == [], "nor do we hear"
    assert said(feed.on_connected(at(16), session_present=True)) == [("feed.gap", 0)]
    assert said(feed.on_canary(at(17))) == [("feed.settled", 17)]
    assert said(feed.tick(at(18))) == [("feed.gap", 3), ("feed.settled", 18)]
    assert said(feed.tick(at(19)) + feed.on_canary(at(22))) == []
    assert feed.back_ms == at(18)


def test_what_was_said_before_anything_was_ever_heard_is_taken_back_too(other):
    """Its last run said lost, and RAW has no row: a connection to an empty RAW has no gap of its own."""
    other.hears = False
    feed = SharedFeed(at(30), 0, other, Note("a", "r", at(20), lost_ms=at(10)))

    assert said(feed.on_connected(at(31), session_present=False)) == []
    assert said(feed.on_canary(at(32))) == [("feed.settled", 32)]
    assert said(feed.tick(at(33))) == [("feed.gap", 10), ("feed.settled", 33)]


def test_another_lists_return_is_not_ours(feed, other):
    """Homes know one feed: after another list's feed.gap ours is said to be lost again, once for each."""
    other.hears = False
    feed.on_disconnected(at(10))
    assert said(feed.tick(at(20))) == [("feed.lost", 0)]
    other.undone_ms = at(60)

    assert said(feed.tick(at(61))) == [("feed.lost", 0)]
    assert said(feed.tick(at(62))) == []
    other.undone_ms = at(90)
    assert said(feed.tick(at(91))) == [("feed.lost", 0)]
    assert said(feed.on_connected(at(95), session_present=True)) == [("feed.gap", 0)]


def note(intake: str, seconds: int, **said: object) -> dict[str, Note]:
    return {intake: msgspec.structs.replace(Note(intake, "r", at(seconds)), **said)}


def test_notes_say_who_hears_for_us():
    """Who lives, hears, and hears all that we do."""
    now_ms = at(100)
    for gateways, theirs in (("", ""), ("", "n"), ("n", ""), ("n", "n"), ("n", "s")):
        hears = theirs in {"", gateways}
        notes = note("a", 100) | note("b", 95, feed="live", gateways=theirs)
        assert others_say(notes, "a", gateways, now_ms).hear is hears, (gateways, theirs)
    assert not others_say(note("b", 89, feed="live"), "a", "", now_ms).hear, "gone"
    assert not others_say(note("b", 95, feed="late"), "a", "", now_ms).hear
    assert not others_say(note("a", 100, feed="live"), "a", "", now_ms).hear, "that is us"


def test_notes_say_whose_word_stands():
    """Of those gone, until anybody has said after their last note that the feed is back; clocks differ by seconds."""
    gone = note("b", 80, feed="blind", lost_ms=at(50))
    now_ms = at(80) + ALIVE_MS + 1

    assert others_say(gone, "a", "", now_ms).left_ms == at(50)
    assert others_say(gone, "a", "", now_ms - 1).left_ms == 0, "it may live, and takes it back itself"
    assert others_say(gone | note("a", 90, back_ms=at(40)), "a", "", now_ms).left_ms == at(50)
    assert others_say(gone | note("a", 90, back_ms=at(82)), "a", "", now_ms).left_ms == at(50), "in doubt once more"
    assert others_say(gone | note("a", 90, back_ms=at(90)), "a", "", now_ms).left_ms == 0
    assert others_say(gone | note("c", 90, back_ms=at(90)), "a", "", now_ms).left_ms == 0
    assert others_say(note("b", 80, lost_ms=at(50), gateways="n"), "a", "s", now_ms).left_ms == 0, "another list's"
    assert others_say(note("b", 80, lost_ms=at(50), gateways="n"), "a", "n", now_ms).left_ms == at(50)


def test_notes_say_when_homes_were_told_too_much():
    """A feed.gap of another list, or of one that is gone; one who hears for us tells it by hearing."""
    now_ms = at(100)
    assert others_say(note("b", 99, back_ms=at(98), gateways="s"), "a", "n", now_ms).undone_ms == at(98)
    assert others_say(note("b", 99, back_ms=at(98)), "a", "n", now_ms).undone_ms == 0
    assert others_say(note("b", 80, back_ms=at(79)), "a", "", now_ms).undone_ms == at(79)
