"""Debounce of an end: with `clear_for` an alert is over only when its state was left for so long."""

from __future__ import annotations

import pytest

from rules.home_fold import HomeFold
from tests.support.home_story import HomeStory, changed, effect_bytes

MIN = 60_000
BOOK = changed("R30", set={"for": "30 s", "clear_for": "10 min"})


def leaks(*words: tuple[str, str], until: str = "12:00") -> HomeStory:
    """A water sensor says these words at these times of the morning."""
    story = HomeStory(book=BOOK)
    for clock, word in words:
        story.event(f"water.{word}", story.at(clock), role="water")
    story.until(story.at(until))
    return story


def test_what_comes_back_within_it_is_the_same_alert() -> None:
    """Wet at 08:00, dry for 9 min 59 s, wet, dry for good at 08:30: one alert, over at 08:40, since 08:30."""
    story = leaks(("08:00", "detected"), ("08:10", "cleared"), ("08:19:59", "detected"), ("08:30", "cleared"))
    assert [alert.at_ms for alert in story.raised("R30")] == [story.at("08:00:30")]
    (clear,) = story.cleared("R30")
    assert (clear.at_ms, clear.reason.args["at_ms"]) == (story.at("08:40"), story.at("08:30"))


def test_what_comes_back_after_it_is_another_one() -> None:
    """Dry for ten minutes: over; wet again a second later is told again."""
    story = leaks(("08:00", "detected"), ("08:10", "cleared"), ("08:20:01", "detected"))
    assert [alert.at_ms for alert in story.raised("R30")] == [story.at("08:00:30"), story.at("08:20:31")]
    assert [clear.at_ms for clear in story.cleared("R30")] == [story.at("08:20")]


@pytest.mark.parametrize(("heard", "at"), [("08:30", "08:30"), ("08:05", "08:15")])
def test_an_end_that_was_heard_late_counts_from_its_own_time(heard: str, at: str) -> None:
    """Dry since 08:05: told at 08:15, or as soon as it is heard."""
    story = HomeStory(book=BOOK)
    story.event("water.detected", story.at("08:00"), role="water")
    story.event("water.cleared", story.at("08:05"), heard_ms=story.at(heard), role="water")
    story.until(story.at("12:00"))
    assert [(clear.at_ms, clear.retracted) for clear in story.cleared("R30")] == [(story.at(at), False)]


def test_what_was_over_before_it_was_due_is_taken_back_at_once() -> None:
    """Dry after ten seconds, heard a minute later: it never was a leak of half a minute."""
    story = HomeStory(book=BOOK)
    story.event("water.detected", story.at("08:00"), role="water")
    story.event("water.cleared", story.at("08:00:10"), heard_ms=story.at("08:01"), role="water")
    assert [(clear.at_ms, clear.retracted) for clear in story.cleared("R30")] == [(story.at("08:01"), True)]


def test_cut_and_restored_while_it_ends() -> None:
    """A restart in those ten minutes changes nothing."""
    whole = leaks(("08:00", "detected"), ("08:10", "cleared"))
    fold, effects = HomeFold(BOOK, "solbakken"), []
    for given in whole.inputs:
        effects += fold.apply(given)
        again = HomeFold(BOOK, "solbakken")
        again.restore(fold.snapshot())
        fold = again
    assert effect_bytes(effects) == effect_bytes(whole.effects)
