"""Absence, told with R16: no activity for twelve hours."""

from __future__ import annotations

import msgspec

from ingest.event import RETAINED
from tests.support.home_story import BOOK, HomeStory, changed

HOUR = 3_600_000


def test_twelve_silent_hours_raise_and_a_sign_of_life_clears() -> None:
    """Last motion at 08:00: an alert at 20:00, cleared by the next motion."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.until(story.at("19:59"))
    assert story.raised("R16") == []
    story.until(story.at("20:30"))
    (alert,) = story.raised("R16")
    assert alert.at_ms == story.at("20:00")
    story.event("chair.occupied", story.at("20:40"), role="chair")
    assert [clear.retracted for clear in story.cleared() if clear.alert_id == alert.alert_id] == [False]


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
    """The gateway comes back with a sign of life of 22:00 in its buffer: twelve hours count from there."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("device.offline", story.at("09:00"), role="gateway")
    story.event("device.online", story.at("23:00"), role="gateway")
    story.event("chair.left", story.at("22:00"), heard_ms=story.at("23:00:02"), role="chair")
    story.until(story.at("09:30", 1))
    assert story.raised("R16") == []


def test_away_restarts_the_patience() -> None:
    """Away from 08:10, home at 21:00: nothing before 21:30."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("away.started", story.at("08:10"))
    story.event("away.ended", story.at("21:00"))
    story.until(story.at("21:29"))
    assert story.raised("R16") == []
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
    """At 20:10 we hear that she sat down at 19:00: the alert of 20:00 was never true."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.until(story.at("20:05"))
    (alert,) = story.raised("R16")
    story.event("chair.occupied", story.at("19:00"), heard_ms=story.at("20:10"), role="chair")
    assert [clear.retracted for clear in story.cleared() if clear.alert_id == alert.alert_id] == [True]


WARNED = changed("R16", set={**next(rule for rule in BOOK.rules if rule.id == "R16").set, "warn_before": "10 min"})


def test_a_hub_is_told_ahead_once_and_a_sign_of_life_takes_it_back() -> None:
    """Ten minutes ahead it is told what is due; she sits down, and the next silence is told of again."""
    story = HomeStory(book=WARNED)
    story.event("motion.detected", story.at("08:00"))
    story.until(story.at("19:55"))
    (told,) = story.noted("prewarning", "R16")
    assert (told.at_ms, told.reason.args["due_ms"]) == (story.at("19:50"), story.at("20:00"))
    story.event("chair.occupied", story.at("19:56"), role="chair")
    story.until(story.at("08:00", 1))
    assert [note.at_ms for note in story.noted("prewarning", "R16")] == [story.at("19:50"), story.at("07:46", 1)]
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("07:56", 1)]


def test_a_pause_in_between_warns_nobody_twice() -> None:
    """It was told at 19:50; a plan made at 19:55 moves the limit, and the warning stands."""
    story = HomeStory(book=WARNED)
    story.event("motion.detected", story.at("08:00"))
    story.set("plan", "p1", {"resident": "r1", "rule": "R16", "set": {"for": "13 h"}}, story.at("19:55"))
    story.until(story.at("21:00"))
    assert [note.at_ms for note in story.noted("prewarning", "R16")] == [story.at("19:50")]
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("21:00")]


def test_two_pulses_of_one_sensor_are_no_proof() -> None:
    """A detector that a curtain sets off twice: the third time within five minutes would be somebody."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    for clock in ("15:00", "15:01"):
        story.event("motion.detected", story.at(clock))
    story.event("motion.detected", story.at("15:30"), role="bathroom_motion")
    story.until(story.at("20:00"))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("20:00")]


def test_a_single_pulse_clears_nothing() -> None:
    """She lies there with an alert open: a PIR that a draught sets off does not say that all is well."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.until(story.at("20:05"))
    (alert,) = story.raised("R16")
    story.event("motion.detected", story.at("20:30"))
    assert [clear for clear in story.cleared() if clear.alert_id == alert.alert_id] == []
    story.event("motion.detected", story.at("20:31"), role="bathroom_motion")
    assert [clear.at_ms for clear in story.cleared() if clear.alert_id == alert.alert_id] == [story.at("20:31")]


def test_a_dead_bed_sensor_is_no_sleep() -> None:
    """The bed says occupied, but is silent as a device: what it said last is not known to hold."""
    story = HomeStory()
    story.event("motion.detected", story.at("10:00"))
    story.event("motion.detected", story.at("20:59"), role="bathroom_motion")
    story.event("bed.occupied", story.at("21:00"))
    story.event("device.offline", story.at("03:00", 1), role="bed")
    story.event("motion.detected", story.at("03:10", 1))
    story.until(story.at("09:30", 1))
    story.set("plan", "p1", {"resident": "r1", "rule": "R16", "set": {"for": "12 h"}}, story.at("09:30", 1))
    story.until(story.at("12:00", 1))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("09:30", 1)]


def test_a_state_that_is_only_repeated_is_no_sign_of_life() -> None:
    """The gateway says every hour that the door is closed; she is silent since 08:00 all the same."""
    story = HomeStory()
    for hour in range(7, 21):
        story.event("door.closed", story.at(f"{hour:02}:00"), role="fridge_door", state=True)
        if hour == 8:
            story.event("chair.left", story.at("08:00"), role="chair", state=True)
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("20:00")]
