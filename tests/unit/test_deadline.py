"""Deadline, told with R22: dose not fetched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.home_story import HomeStory


def due(story: HomeStory, clock: str = "08:00", **content: Any) -> None:
    """A dose falls due."""
    story.event("dose.due", story.at(clock), dose_id="d1", scheduled_at_ms=story.at(clock), **content)


@pytest.mark.parametrize(
    ("content", "limit", "priority"),
    [({}, "09:00", "P3"), ({"time_critical": True}, "08:30", "P2"), ({"window_minutes": 45}, "08:45", "P3")],
)
def test_not_fetched_by_the_limit(content: dict[str, Any], limit: str, priority: str) -> None:
    """The device's own window counts, else an hour, else half an hour for time-critical medicine."""
    story = HomeStory()
    due(story, **content)
    story.until(story.at("12:00"))
    (alert,) = story.raised("R22")
    assert (alert.at_ms, alert.priority, alert.code) == (story.at(limit), priority, "1.1")


def test_fetched_in_time_is_quiet() -> None:
    """Fetched ten minutes after it was due: no alert."""
    story = HomeStory()
    due(story)
    story.event("dose.taken", story.at("08:10"), dose_id="d1")
    story.until(story.at("12:00"))
    assert story.raised() == []


def test_the_devices_own_word_fires_at_once() -> None:
    """The dispenser says 'missed' at 08:40: nobody waits till 09:00."""
    story = HomeStory()
    due(story)
    story.event("dose.missed", story.at("08:40"), dose_id="d1")
    story.until(story.at("08:41"))
    assert [alert.at_ms for alert in story.raised("R22")] == [story.at("08:40")]


def test_missed_alone_is_enough() -> None:
    """A dispenser that only ever says 'missed' works too, over midnight as well."""
    story = HomeStory()
    story.event("dose.missed", story.at("00:10"), dose_id="late", scheduled_at_ms=story.at("23:30", -1))
    story.until(story.at("00:11"))
    assert len(story.raised("R22")) == 1


def test_fetched_in_time_but_heard_late_retracts() -> None:
    """At 10:10 we hear that it was fetched at 08:02: the alert is retracted."""
    story = HomeStory()
    due(story)
    story.event("dose.taken", story.at("08:02"), heard_ms=story.at("10:10"), dose_id="d1")
    assert len(story.raised("R22")) == 1
    assert [clear.retracted for clear in story.cleared()] == [True]


def test_fetched_late_clears() -> None:
    """Fetched at 09:20: cleared, not retracted; the hour was over."""
    story = HomeStory()
    due(story)
    story.event("dose.taken", story.at("09:20"), dose_id="d1")
    assert [clear.retracted for clear in story.cleared()] == [False]


def test_an_announcement_twice_is_one_dose() -> None:
    """Due and then reminded three times is still one dose and one alert."""
    story = HomeStory()
    due(story)
    for clock in ("08:15", "08:30", "08:45"):
        story.event("dose.reminded", story.at(clock), dose_id="d1")
    story.until(story.at("12:00"))
    assert [alert.at_ms for alert in story.raised("R22")] == [story.at("09:00")]


def test_staff_on_the_spot_withhold_and_it_is_asked_again() -> None:
    """A carer is there at nine; when she leaves at 09:10 without the dose fetched, it is said."""
    story = HomeStory()
    due(story)
    story.event("staff.arrived", story.at("08:50"), tag="t1")
    story.until(story.at("09:05"))
    assert story.raised() == []
    story.event("staff.left", story.at("09:10"), tag="t1")
    story.until(story.at("09:11"))
    assert [alert.at_ms for alert in story.raised("R22")] == [story.at("09:10")]


def test_away_is_recorded_and_not_asked_again() -> None:
    """In hospital at the deadline: withheld with its reason, and no alert about it after the return."""
    story = HomeStory()
    story.event("away.started", story.at("07:00"))
    due(story)
    story.event("away.ended", story.at("15:00"))
    story.until(story.at("20:00"))
    assert story.raised("R22") == []
    assert [note.reason.code for note in story.noted("held", "R22")] == ["hold.away"]
