"""How late we heard of something, and what is not called late: waiting for a rule, a hold, or silence to be sure."""

from __future__ import annotations

import msgspec
import pytest

from ingest.event import BUFFERED, LATE, RETAINED, Event
from tests.support.home_story import HomeStory, changed

SECOND, MIN, HOUR = 1_000, 60_000, 3_600_000


def test_a_dwell_told_late_because_it_was_heard_late() -> None:
    """Up since 22:05, due 22:25, heard at 22:40: told at 22:40:30, which is 15 min 30 s late."""
    story = HomeStory()
    story.event("bed.occupied", story.at("20:00"))
    story.event("bed.left", story.at("22:05"), heard_ms=story.at("22:40"))
    story.until(story.at("23:00"))
    assert [(a.at_ms, a.late_ms) for a in story.raised("R05")] == [(story.at("22:40:30"), 15 * MIN + 30 * SECOND)]


def test_a_dwell_heard_late_but_told_in_time_is_not_late() -> None:
    """Heard ten minutes late, but before its limit: on time."""
    story = HomeStory()
    story.event("bed.occupied", story.at("20:00"))
    story.event("bed.left", story.at("22:05"), heard_ms=story.at("22:15"))
    story.until(story.at("23:00"))
    assert [(a.at_ms, a.late_ms) for a in story.raised("R05")] == [(story.at("22:25"), 0)]


def test_what_a_hold_delayed_is_not_late() -> None:
    """Held by a carer for forty minutes: the way was quick."""
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.event("staff.arrived", story.at("02:15"), tag="t1")
    story.event("staff.left", story.at("02:50"), tag="t1")
    story.until(story.at("04:00"))
    assert [(a.at_ms, a.late_ms) for a in story.raised("R05")] == [(story.at("03:10"), 0)]


def test_silence_found_late_by_its_nature_is_not_late() -> None:
    """A device that reports daily is called silent after three days, since it was last heard: nobody was slow."""
    story = HomeStory(measure=False)
    story.event("heartbeat", story.at("00:00"), role="motion")
    told = msgspec.structs.replace(
        story.inputs[-1], received_at_ms=story.at("00:00", 3), event=_silent(story, story.at("00:00", 3))
    )
    story.give(told)
    assert [(alert.at_ms, alert.late_ms) for alert in story.raised("R37")] == [(story.at("00:00", 3), 0)]


def _silent(story: HomeStory, told_ms: int) -> Event:
    """What liveness says of the last event's device."""
    last = story.inputs[-1].event
    assert last is not None
    return msgspec.structs.replace(
        last, event_id="silent", type="device.offline", received_at_ms=told_ms, observed_at_ms=None, state=True
    )


@pytest.mark.parametrize(("delay_s", "late_s"), [(0, 0), (60, 0), (61, 91), (3_600, 3_630)])
def test_a_cancel_window_is_no_delay(delay_s: int, late_s: int) -> None:
    """A suspected fall waits 30 s by its rule; only what the way added makes it late, and then the whole is shown."""
    story = HomeStory()
    at_ms = story.at("02:00")
    story.event("fall.suspected", at_ms, heard_ms=at_ms + delay_s * SECOND)
    story.until(at_ms + 2 * HOUR)
    assert [alert.late_ms for alert in story.raised("R03")] == [late_s * SECOND]


@pytest.mark.parametrize("quality", [(LATE,), (BUFFERED,)])
def test_a_late_signal_that_is_no_alarm_settles_first(quality: tuple[str, ...]) -> None:
    """A conclusion of severity 30 that comes out of a buffer waits 30 s, and is not said to have been cancellable."""
    story = HomeStory()
    at_ms = story.at("12:00")
    story.event("condition.reported", at_ms, quality=quality, code="4.9", severity=30)
    assert story.raised("R51") == []
    story.until(at_ms + MIN)
    assert [(a.at_ms, a.reason.code) for a in story.raised("R51")] == [(at_ms + 30 * SECOND, "signal")]


def test_inside_a_feed_gap_counts_as_late() -> None:
    """After a gap of our own, what happened inside it settles before it raises."""
    story = HomeStory()
    story.event("feed.gap", story.at("12:00"), role="gateway", from_ms=story.at("11:50"), to_ms=story.at("12:00"))
    story.event("condition.reported", story.at("11:59:30"), heard_ms=story.at("12:00:05"), code="4.9", severity=30)
    assert story.raised("R51") == []
    story.until(story.at("12:01"))
    assert [alert.at_ms for alert in story.raised("R51")] == [story.at("12:00:35")]


def test_a_retained_signal_raises_nothing_but_an_alarm_does() -> None:
    """What the broker had kept says how things stand; a press among it may never have been heard."""
    story = HomeStory(measure=False)
    at_ms = story.at("12:00")
    story.event("condition.reported", at_ms, quality=(RETAINED,), code="4.9", severity=30)
    story.event("alarm.pressed", at_ms, quality=(RETAINED,), trigger="pendant")
    story.event("condition.reported", at_ms, quality=(RETAINED,), code="4.1", severity=40)
    assert [(alert.rule, alert.priority) for alert in story.raised()] == [("R01", "P1"), ("R51", "P1")]


def test_a_retained_missed_dose_settles_and_is_one_dose() -> None:
    """A broker's copy of "missed" fires after 30 s, once, however often it comes again."""
    story = HomeStory()
    for clock in ("08:40", "08:41", "12:00"):
        story.event("dose.missed", story.at(clock), quality=(RETAINED,), state=True, dose_id="d1")
    assert [alert.at_ms for alert in story.raised("R22")] == [story.at("08:40:30")]


def test_word_of_an_old_dose_is_recorded_only() -> None:
    """A buffer of five days: the dose of Monday is history, and said to be."""
    story = HomeStory()
    monday_ms = story.at("08:00", -5)
    story.event("dose.missed", monday_ms, heard_ms=story.at("10:00"), dose_id="old", scheduled_at_ms=monday_ms)
    story.until(story.at("12:00"))
    assert story.raised("R22") == []
    assert [note.reason.code for note in story.noted("recorded_only")] == ["dose.too_old"]


def test_a_schedule_in_2070_is_not_waited_for() -> None:
    """A dispenser with a wrong clock: the announcement's own time counts instead."""
    story = HomeStory()
    story.event("dose.due", story.at("08:00"), dose_id="d1", scheduled_at_ms=3_155_760_000_000)
    story.until(story.at("10:00"))
    assert [alert.at_ms for alert in story.raised("R22")] == [story.at("09:00")]


def test_an_older_cancel_does_not_cancel_a_newer_suspicion() -> None:
    """Cancelled at 02:00 (heard late), suspected at 02:05: the suspicion stands."""
    story = HomeStory()
    story.event("fall.suspected", story.at("02:05"))
    story.event("fall.cancelled", story.at("02:00"), heard_ms=story.at("02:05:10"))
    story.until(story.at("02:10"))
    assert len(story.raised("R03")) == 1


def test_an_older_confirmation_does_not_swallow_a_newer_suspicion() -> None:
    """Confirmed at 02:00 out of the buffer, suspected at 02:05: two falls, as the floor says too."""
    story = HomeStory()
    story.event("fall.suspected", story.at("02:05"))
    story.event("fall.confirmed", story.at("02:00"), heard_ms=story.at("02:05:10"))
    story.until(story.at("02:10"))
    assert len(story.raised("R03")) == 2


def test_a_press_from_before_the_visit_is_the_residents_own() -> None:
    """Pressed at 18:40, heard at 22:40 when a carer is there: it is not the carer who pressed."""
    story = HomeStory(measure=False)
    story.event("staff.arrived", story.at("22:30"), tag="t1")
    story.event("alarm.pressed", story.at("18:40"), heard_ms=story.at("22:40"), trigger="pendant")
    assert [alert.rule for alert in story.raised()] == ["R01"]


def test_two_missed_doses_are_two_alerts_and_each_has_its_own_end() -> None:
    """Morning and noon are missed; the morning dose fetched late clears the morning's alert, not noon's."""
    story = HomeStory(measure=False)
    for dose, clock in (("a", "08:00"), ("b", "12:00")):
        story.event("dose.due", story.at(clock), dose_id=dose)
    story.until(story.at("14:00"))
    morning, noon = story.raised("R22")
    story.event("dose.taken", story.at("14:10"), dose_id="a")
    assert [clear.alert_id for clear in story.cleared()] == [morning.alert_id]
    story.event("dose.taken", story.at("14:20"), dose_id="b")
    assert [clear.alert_id for clear in story.cleared()] == [morning.alert_id, noon.alert_id]


@pytest.mark.parametrize(("listed", "alerts"), [("Pille 1, Pille 2", 0), ("Pille 1", 1), ("", 1)])
def test_dispensed_is_fetched_only_for_models_that_say_no_more(listed: str, alerts: int) -> None:
    """A site names its models whose last word is "dispensed"; for all others it is a dose put out, not fetched."""
    story = HomeStory(book=changed("R22", set={"grace": "60 min", "fetched_when_dispensed": listed}))
    value = {"resident": "r1", "role": "dispenser", "model": "Pille 2", "gateway": "gw-1"}
    story.set("device", "d-dispenser", value)
    story.event("dose.due", story.at("08:00"), dose_id="d1")
    story.event("dose.dispensed", story.at("08:02"), dose_id="d1")
    story.until(story.at("10:00"))
    assert len(story.raised("R22")) == alerts


def test_dispensed_heard_late_corrects_the_alert() -> None:
    """Story 3: the buffered "dispensed" of 08:02 arrives at 10:10 and retracts what was said at 09:00."""
    story = HomeStory(book=changed("R22", set={"grace": "60 min", "fetched_when_dispensed": "Pille 2"}))
    story.set("device", "d-dispenser", {"resident": "r1", "role": "dispenser", "model": "Pille 2"})
    story.event("dose.due", story.at("08:00"), dose_id="d1")
    story.event("dose.dispensed", story.at("08:02"), heard_ms=story.at("10:10"), dose_id="d1")
    assert [clear.retracted for clear in story.cleared()] == [True]


def test_a_critical_person_is_no_time_critical_medicine() -> None:
    """P2 belongs to the medicine, not to the person."""
    story = HomeStory()
    story.set("resident", "r1", {"home": "h1", "critical": True})
    story.event("dose.due", story.at("08:00"), dose_id="d1")
    story.until(story.at("10:00"))
    assert [alert.priority for alert in story.raised("R22")] == ["P3"]
