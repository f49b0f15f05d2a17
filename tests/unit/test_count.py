"""The kind count: N within T or within a night, distinct events, changes, rest, once a day, late ones at their time."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.event import RETAINED
from rules.book import Book, Match, Rule, with_versions
from rules.book_check import check_book
from rules.kinds.count import KEPT_MORE, CountState
from tests.support.home_story import HomeStory, retell

NAMES = {"nb": "Teller", "en": "Counts"}
OUT, BACK = Match(types=("bed.left",)), Match(types=("bed.occupied",))


def book(**changes: Any) -> Book:
    """A book of one rule R20: the fourth time out of bed within 2 h; `changes` are fields or parameters."""
    fields: dict[str, Any] = {"enter": (OUT,)}
    parameters: dict[str, Any] = {"times": 4, "within": "2 h"}
    for name, value in changes.items():
        (fields if name in Rule.__struct_fields__ else parameters)[name] = value
    parameters = {name: value for name, value in parameters.items() if value is not None}
    rule = Rule("R20", "count", NAMES, "A test.", "P3", set=parameters, **fields)
    return check_book(with_versions(Book((rule,))))


def outs(story: HomeStory, *clocks: str, heard: str | None = None, days: int = 0) -> None:
    for clock in clocks:
        heard_ms = None if heard is None else story.at(heard, days)
        story.event("bed.left", story.at(clock, days), heard_ms=heard_ms)


def test_the_nth_within_the_time_raises_at_once() -> None:
    """Four within 1 h 59 min 59 s: told with the fourth, and what it counted."""
    story = HomeStory(book=book())
    outs(story, "01:00:01", "01:30", "02:00")
    assert story.raised() == []
    outs(story, "03:00")
    (alert,) = story.raised()
    assert (alert.at_ms, alert.priority, alert.condition) == (story.at("03:00"), "P3", "active")
    assert (alert.reason.code, alert.reason.args["count"]) == ("count.reached", 4)
    assert alert.reason.args["since_ms"] == story.at("01:00:01")
    assert len(alert.causes) == 4


def test_exactly_the_time_apart_is_not_within_it() -> None:
    """Half-open as all windows: the first of 01:00 is gone at 03:00."""
    story = HomeStory(book=book())
    outs(story, "01:00", "01:30", "02:00", "03:00")
    assert story.raised() == []


def test_no_more_than_so_many() -> None:
    """more_than: 3 is the fourth."""
    story = HomeStory(book=book(times=None, more_than=3))
    outs(story, "01:10", "01:30", "02:00")
    assert story.raised() == []
    outs(story, "02:30")
    assert len(story.raised()) == 1


def test_one_card_until_it_falls_below() -> None:
    """Further events lengthen the card that stands; two hours after the fourth last it is over."""
    story = HomeStory(book=book())
    outs(story, "01:00", "01:10", "01:20", "01:30", "01:40")
    assert len(story.raised()) == 1
    story.until(story.at("03:09:59"))
    assert story.cleared() == []
    story.until(story.at("03:10"))
    (clear,) = story.cleared()
    assert (clear.reason.code, clear.reason.args["last_ms"]) == ("count.over", story.at("01:40"))
    outs(story, "03:15", "03:16", "03:17", "03:18")
    assert len(story.raised()) == 2


def test_with_a_rest_it_ends_only_after_quiet() -> None:
    """rest: 3 h after the newest, though the count is below long before."""
    story = HomeStory(book=book(rest="3 h"))
    outs(story, "01:00", "01:10", "01:20", "01:30", "04:00")
    story.until(story.at("06:59:59"))
    assert story.cleared() == []
    story.until(story.at("07:00"))
    assert len(story.cleared()) == 1


def test_so_many_in_one_night_count_apart_from_how_close_they_are() -> None:
    """Six in the window of one night, over midnight; by day and in two nights they are none."""
    nightly = {"times": None, "times_in_window": 6, "window": "22:00-07:00"}
    story = HomeStory(book=book(**nightly))
    outs(story, "22:10", "23:50")
    outs(story, "02:00", "04:00", "05:30", days=1)
    assert story.raised() == []
    outs(story, "06:59:59", days=1)
    assert [alert.reason.args["count"] for alert in story.raised()] == [6]
    story.until(story.at("07:00", 1))
    assert len(story.cleared()) == 1
    other = HomeStory(book=book(**nightly))
    outs(other, "05:00", "06:00", "06:30", "07:00", "12:00", "22:00", "23:00")
    other.until(other.at("12:00", 1))
    assert other.raised() == []


def test_at_most_one_card_a_night() -> None:
    """once_a_day: what comes again in the same night is not told again; the next night is."""
    once = {"window": "22:00-07:00", "once_a_day": True}
    story = HomeStory(book=book(**once))
    outs(story, "22:10", "22:20", "22:30", "22:40")
    outs(story, "03:00", "03:10", "03:20", "03:30", days=1)
    assert [alert.at_ms for alert in story.raised()] == [story.at("22:40")]
    outs(story, "23:00", "23:10", "23:20", "23:30", days=1)
    assert len(story.raised()) == 2


def test_only_the_beginning_of_a_state_counts() -> None:
    """With a leave, a sensor that says "left" again and again says it once."""
    story = HomeStory(book=book(leave=(BACK,)))
    outs(story, "01:00", "01:01", "01:02", "01:03", "01:04")
    assert story.raised() == []
    for minute in (10, 20, 30):
        story.event("bed.occupied", story.at(f"01:{minute - 5}"))
        outs(story, f"01:{minute}")
    assert len(story.raised()) == 1


def test_what_is_heard_late_is_not_held_against_what_came_since() -> None:
    """She is out of bed now; two times of earlier tonight come out of a buffer and count."""
    story = HomeStory(book=book(leave=(BACK,)))
    outs(story, "01:10")
    story.event("bed.occupied", story.at("01:15"))
    outs(story, "02:00")
    outs(story, "01:20", "01:40", heard="02:30")
    story.until(story.at("02:31"))
    assert len(story.raised()) == 1


def test_changes_count_what_differs_from_the_last_word() -> None:
    """Chattering: more than 3 changes in 5 min; the same word again is no change."""
    chatter = book(
        enter=(Match(types=("bed.left", "bed.occupied")),), per="device", times=None, more_than=3, within="5 min",
        changes=True,
    )  # fmt: skip
    story = HomeStory(book=chatter)
    words = ("bed.left", "bed.left", "bed.occupied", "bed.left", "bed.left", "bed.occupied")
    for second, word in enumerate(words):
        story.event(word, story.at("01:00") + second * 1_000)
    assert story.raised() == []
    story.event("bed.left", story.at("01:00:10"))
    assert [(alert.subject, alert.reason.args["count"]) for alert in story.raised()] == [("d-bed", 4)]


def test_one_instant_counts_once_and_what_a_broker_kept_not_at_all() -> None:
    """The same event told twice, and a retained one, add nothing."""
    story = HomeStory(book=book())
    outs(story, "01:00", "01:00", "01:00", "01:10", "01:20")
    story.event("bed.left", story.at("01:30"), quality=(RETAINED,))
    assert story.raised() == []
    outs(story, "01:40")
    assert len(story.raised()) == 1


def test_a_late_event_counts_at_its_own_time() -> None:
    """Three live ones and a buffered one between them make four, after the settle."""
    story = HomeStory(book=book())
    outs(story, "01:00", "01:20", "01:40")
    outs(story, "01:10", heard="02:30")
    assert story.raised() == []
    story.until(story.at("02:30:29"))
    assert story.raised() == []
    story.until(story.at("02:30:30"))
    assert len(story.raised()) == 1


def test_a_late_event_outside_of_the_time_makes_none() -> None:
    """It was the fourth to be heard, and hours before the others."""
    story = HomeStory(book=book())
    outs(story, "03:00", "03:20", "03:40")
    outs(story, "00:30", heard="03:50")
    story.until(story.at("06:00"))
    assert story.raised() == []


def test_what_was_over_before_it_was_heard_is_recorded_only() -> None:
    """A restless evening in a buffer of the morning calls nobody."""
    story = HomeStory(book=book())
    outs(story, "01:00", "01:10", "01:20", "01:30", heard="09:00")
    story.until(story.at("10:00"))
    assert story.raised() == []
    assert [note.reason.code for note in story.noted("recorded_only")] == ["count.over_before_heard"]


def test_held_by_staff_it_is_told_when_they_leave_if_it_still_stands() -> None:
    """The count goes on while it is withheld; over meanwhile, it is told to nobody."""
    for leave, raised in (("01:59", 1), ("02:00", 0)):
        story = HomeStory(book=book(holds=("staff",), within="60 min"))
        story.event("staff.arrived", story.at("00:50"), role="hub", tag="s1")
        outs(story, "01:00", "01:10", "01:20", "01:30")
        assert (len(story.raised()), len(story.noted("held"))) == (0, 1)
        story.event("staff.left", story.at(leave), role="hub", tag="s1")
        story.until(story.at("04:00"))
        assert len(story.raised()) == raised


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_disorder_within_the_settle_changes_nothing(order: tuple[int, ...]) -> None:
    """Four events heard in any order within a minute are the same card."""
    story = HomeStory(book=book())
    times = [story.at("01:00") + second * 1_000 for second in (1, 5, 9, 14)]
    for place, number in enumerate(order):
        story.event("bed.left", times[number], heard_ms=story.at("01:00:30") + place)
    assert [alert.reason.args["since_ms"] for alert in story.raised()] == [times[0]]


def test_other_numbers_hold_from_the_next_event_on() -> None:
    """A plan of three counts the two that were there before it."""
    story = HomeStory(book=book())
    outs(story, "01:00", "01:10")
    story.set("plan", "p1", {"resident": "r1", "rule": "R20", "set": {"times": 3}}, story.at("01:15"))
    outs(story, "01:20")
    assert [alert.parameters["times"].origin for alert in story.raised()] == ["plan r1"]


def test_the_state_is_bounded_and_the_same_inputs_give_the_same_bytes() -> None:
    """A sensor gone mad keeps a few dozen times, no more."""
    one = book()
    story = HomeStory(book=one)
    for number in range(500):
        story.event("bed.left", story.at("01:00") + number * 1_000)
    state = story.fold.state.homes["h1"].instances["R20/r1"].state
    assert isinstance(state, CountState)
    assert (len(state.times), len(state.causes)) == (4 + KEPT_MORE, 4)
    assert len(story.raised()) == 1
    assert retell(story.inputs, one) == retell(story.inputs, one)
