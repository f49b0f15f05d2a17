"""Doses: not fetched (R22), unknown (R23); the edges of each stand in rules/book/medication.test.yaml."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
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


def test_a_dose_announced_for_another_time_moves() -> None:
    """Due at 08:00, then announced for 10:00: told at 11:00 only; an older announcement changes nothing."""
    story = HomeStory()
    story.event("dose.due", story.at("07:00"), dose_id="d1", scheduled_at_ms=story.at("08:00"))
    story.event("dose.due", story.at("07:30"), dose_id="d1", scheduled_at_ms=story.at("10:00"))
    story.event(
        "dose.due", story.at("06:00"), heard_ms=story.at("07:40"), dose_id="d1", scheduled_at_ms=story.at("08:00")
    )
    story.event("dose.reminded", story.at("10:05"), dose_id="d1")
    story.until(story.at("12:00"))
    assert [alert.at_ms for alert in story.raised("R22")] == [story.at("11:00")]
    assert story.raised("R23") == []


def test_nothing_said_later_takes_back_that_a_dose_was_fetched() -> None:
    """Fetched at 08:10; "missed" and "withheld" after it are the dispenser's own confusion."""
    story = HomeStory()
    due(story)
    story.event("dose.taken", story.at("08:10"), dose_id="d1")
    for word, clock in (("dose.missed", "08:40"), ("dose.withheld", "08:50")):
        story.event(word, story.at(clock), dose_id="d1")
    story.until(story.at("12:00"))
    assert story.raised() == []


def test_a_dispenser_of_nobody_in_a_shared_home_speaks_for_itself() -> None:
    """Two live there and nobody said whose it is: the alert names the dispenser, and no person is guessed."""
    story = HomeStory()
    story.set("resident", "r2", {"home": "h1"})
    story.set("device", "d-dispenser", {"home": "h1", "role": "dispenser", "gateway": "gw-1"})
    story.event("dose.due", story.at("08:00"), resident=None, dose_id="d1", scheduled_at_ms=story.at("08:00"))
    story.until(story.at("12:00"))
    (alert,) = story.raised("R22")
    assert (alert.subject, alert.resident, alert.device) == ("d-dispenser", None, "d-dispenser")


def silent_since_evening(day: date, clock: str) -> HomeStory:
    """A dispenser that reports each quarter of an hour, had a dose at that time the day before, and falls silent."""
    story = HomeStory(day)
    story.event("dose.due", story.at(clock, -1), dose_id="before", scheduled_at_ms=story.at(clock, -1))
    story.event("dose.taken", story.at(clock, -1) + 60_000, dose_id="before")
    story.event("heartbeat", story.at("22:00", -1), role="dispenser", interval_seconds=900)
    story.until(story.at("12:00"))
    return story


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 28), 24.0), (date(2026, 3, 29), 23.0), (date(2026, 10, 25), 25.0)]
)
def test_what_is_expected_is_so_by_the_local_clock(day: date, hours: float) -> None:
    """The dose of 08:00 is expected at 08:00 local time, also when the night was 23 or 25 hours from it."""
    story = silent_since_evening(day, "08:00")
    (unknown,) = story.raised("R23")
    assert unknown.at_ms == story.at("08:30")
    assert unknown.at_ms - story.at("08:30", -1) == hours * 3_600_000


def test_staff_settle_a_dose_that_nobody_announced_by_the_name_it_was_given() -> None:
    """Given by hand: the unknown dose is over, and the pages stop warning."""
    story = silent_since_evening(date(2026, 3, 3), "08:00")
    (unknown,) = story.raised("R23")
    name = unknown.causes[0].content["dose_id"]
    story.event("dose.taken", story.at("12:05"), role="tablet", dose_id=name, assisted=True)
    assert unknown.alert_id in [clear.alert_id for clear in story.cleared()]
    assert [note.reason.code for note in story.noted("dose_sure")] == ["dose.given_by_hand"]


def test_a_word_out_of_the_buffer_is_the_dose_that_was_expected() -> None:
    """Silent at 08:00; at 13:00 the buffer says it was fetched at 08:04: retracted, and no other alert."""
    story = silent_since_evening(date(2026, 3, 3), "08:00")
    story.event("dose.taken", story.at("08:04"), heard_ms=story.at("13:00"), dose_id="now")
    story.until(story.at("13:30"))
    (unknown,) = story.raised("R23")
    assert unknown.alert_id in [clear.alert_id for clear in story.cleared() if clear.retracted]
    assert story.raised("R22") == []


def test_what_is_unknown_while_she_is_away_is_warned_of_all_the_same() -> None:
    """No alert while she is away; the page warns until the dispenser has said what became of it."""
    story = HomeStory()
    story.event("away.started", story.at("07:00"))
    story.event("dose.due", story.at("07:30"), dose_id="d1", scheduled_at_ms=story.at("08:00"))
    story.until(story.at("08:31"))
    assert story.raised("R23") == []
    assert [note.at_ms for note in story.noted("dose_unsure")] == [story.at("08:30")]
    story.event("dose.taken", story.at("08:45"), dose_id="d1")
    assert [note.at_ms for note in story.noted("dose_sure")] == [story.at("08:45")]


def test_doses_are_forgotten() -> None:
    """A month of four doses a day: what is kept of them stays small."""
    story = HomeStory(date(2026, 1, 5))
    for number in range(120):
        at_ms = story.at("06:00") + number * 6 * 3_600_000
        story.event("dose.due", at_ms, dose_id=f"n{number}", scheduled_at_ms=at_ms)
        story.event("dose.taken", at_ms + 60_000, dose_id=f"n{number}")
    facts = story.fold.state.homes["h1"].facts
    assert len(facts.doses) <= 20
    assert len(facts.dispensers["d-dispenser"].slots) == 4
    home = story.fold.state.homes["h1"]
    assert sum(len(msgspec.msgpack.encode(home.instances[f"{rule}/r1"])) for rule in ("R22", "R23")) < 2_000


def test_a_device_cannot_speak_for_the_rules() -> None:
    """What rules tell each other is believed of the fold alone: a device that uses these words changes nothing."""
    story = HomeStory()
    due(story)
    story.event("dose.out_of_reach", story.at("08:05"), dose_id="d1", scheduled_at_ms=story.at("08:00"))
    for name in ("d1", "d2", "d3"):
        story.event("dose.not_fetched", story.at("08:06"), dose_id=name, scheduled_at_ms=story.at("08:00"))
    story.event("dose.taken", story.at("08:10"), dose_id="d1")
    assert [story.raised(rule) for rule in ("R22", "R23", "R24")] == [[], [], []]
