"""Absence, told with R16: no activity for twelve hours."""

from __future__ import annotations

import msgspec

from ingest.event import RETAINED
from tests.support.home_story import HomeStory

HOUR = 3_600_000


def test_twelve_silent_hours_raise_and_a_sign_of_life_clears() -> None:
    """Last motion at 08:00: an alert at 20:00, cleared by the next motion."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.until(story.at("19:59"))
    assert story.raised() == []
    story.until(story.at("20:30"))
    (alert,) = story.raised("R16")
    assert alert.at_ms == story.at("20:00")
    story.event("motion.detected", story.at("20:40"))
    assert [(clear.alert_id, clear.retracted) for clear in story.cleared()] == [(alert.alert_id, False)]


def test_who_never_moved_is_not_forgotten() -> None:
    """Watched since midnight and never seen: an alert after twelve hours all the same."""
    story = HomeStory()
    story.until(story.at("13:00"))
    assert [alert.reason.code for alert in story.raised("R16")] == ["absence.never_seen"]


def test_an_outage_is_not_silence() -> None:
    """The gateway is gone from 09:00 to 23:00: no alert inside, patience of 30 min after it."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("device.offline", story.at("09:00"), role="gateway")
    story.until(story.at("22:59"))
    assert story.raised("R16") == []
    assert [note.reason.code for note in story.noted("held", "R16")] == ["hold.way"]
    assert [note.subject for note in story.noted("not_watched")] == ["r1"]
    story.event("device.online", story.at("23:00"), role="gateway")
    story.until(story.at("23:29"))
    assert story.raised("R16") == []
    story.until(story.at("23:40"))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("23:30")]


def test_buffered_motion_after_the_outage_is_believed() -> None:
    """The gateway comes back with motion of 22:00 in its buffer: twelve hours count from there."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("device.offline", story.at("09:00"), role="gateway")
    story.event("device.online", story.at("23:00"), role="gateway")
    story.event("motion.detected", story.at("22:00"), heard_ms=story.at("23:00:02"))
    story.until(story.at("09:30", 1))
    assert story.raised("R16") == []


def test_away_restarts_the_patience() -> None:
    """Away from 08:10, home at 21:00: nothing before 21:30."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("away.started", story.at("08:10"))
    story.event("away.ended", story.at("21:00"))
    story.until(story.at("21:29"))
    assert story.raised() == []
    story.until(story.at("22:00"))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("21:30")]


def test_a_retained_value_is_no_sign_of_life() -> None:
    """The broker repeats a retained motion without a time of its own: she is still silent since 08:00."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    last = story.inputs[-1]
    assert last.event is not None
    at_ms = story.at("18:00")
    again = msgspec.structs.replace(
        last.event,
        event_id="again",
        received_at_ms=at_ms,
        effective_at_ms=at_ms,
        observed_at_ms=None,
        quality=(RETAINED,),
    )
    story.give(msgspec.structs.replace(last, received_at_ms=at_ms, event=again))
    story.until(story.at("20:30"))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("20:00")]


def test_a_pause_withholds_and_ends_by_itself() -> None:
    """In hospital till 21:00: nothing before half an hour later, without anybody ending the pause."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    pause = {"resident": "r1", "from_ms": story.at("08:30"), "until_ms": story.at("21:00")}
    story.set("pause", "p1", pause)
    story.until(story.at("21:29"))
    assert story.raised() == []
    story.until(story.at("22:00"))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("21:30")]


def test_a_late_sign_of_life_retracts() -> None:
    """At 20:10 we hear of motion at 19:00: the alert of 20:00 was never true."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.until(story.at("20:05"))
    story.event("motion.detected", story.at("19:00"), heard_ms=story.at("20:10"))
    assert [clear.retracted for clear in story.cleared()] == [True]
