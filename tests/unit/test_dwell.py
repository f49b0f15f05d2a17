"""Dwell, told with R05: out of bed too long."""

from __future__ import annotations

from datetime import date

import pytest

from rules.local_time import instant_ms
from tests.support.home_story import ZONE, HomeStory

MIN = 60_000


def in_bed_then_out(story: HomeStory, left: str = "02:10") -> int:
    """An evening in bed, then up; the instant she left."""
    story.event("bed.occupied", story.at("23:00", -1))
    left_ms = story.at(left)
    story.event("bed.left", left_ms)
    return left_ms


def test_fires_at_its_limit_and_not_a_moment_before() -> None:
    """Out of bed at 02:10 with a limit of 20 min is an alert at 02:30:00, and nothing at 02:29:59."""
    story = HomeStory()
    left_ms = in_bed_then_out(story)
    story.until(left_ms + 20 * MIN - 1_000)
    assert story.raised() == []
    story.until(left_ms + 25 * MIN)
    (alert,) = story.raised("R05")
    assert (alert.at_ms, alert.priority, alert.code) == (left_ms + 20 * MIN, "P2", "4.7")
    assert alert.parameters["for"].value == "20 min"
    assert alert.parameters["for"].origin == "book"


def test_back_in_bed_clears_it() -> None:
    """Back in bed after the alert clears its condition, and says that it was not retracted."""
    story = HomeStory()
    left_ms = in_bed_then_out(story)
    story.event("bed.occupied", left_ms + 30 * MIN)
    (alert,), (clear,) = story.raised("R05"), story.cleared()
    assert (clear.alert_id, clear.retracted) == (alert.alert_id, False)


def test_back_in_time_raises_nothing() -> None:
    """A walk of ten minutes is nobody's business."""
    story = HomeStory()
    left_ms = in_bed_then_out(story)
    story.event("bed.occupied", left_ms + 10 * MIN)
    story.until(left_ms + 120 * MIN)
    assert story.raised() == []


def test_a_late_disproof_retracts() -> None:
    """The gateway delivers at 02:40 that she was back at 02:20: the alert of 02:30 was never true."""
    story = HomeStory()
    left_ms = in_bed_then_out(story)
    story.event("bed.occupied", left_ms + 10 * MIN, heard_ms=left_ms + 30 * MIN)
    assert [clear.retracted for clear in story.cleared()] == [True]


def test_late_news_settles_before_it_raises() -> None:
    """Bed left 22:05 heard at 22:40 raises at 22:40:30; had she been back by then, nothing."""
    out, back = HomeStory(), HomeStory()
    for story in (out, back):
        story.event("bed.occupied", story.at("20:00"))
        story.event("bed.left", story.at("22:05"), heard_ms=story.at("22:40"))
    back.event("bed.occupied", back.at("22:11"), heard_ms=back.at("22:40:05"))
    out.until(out.at("22:50"))
    back.until(back.at("22:50"))
    assert [alert.at_ms for alert in out.raised("R05")] == [out.at("22:40:30")]
    assert back.raised("R05") == []
    assert [note.reason.code for note in back.noted("recorded_only")] == ["dwell.over_before_heard"]


def test_an_older_observation_changes_nothing() -> None:
    """A bed exit from 01:00 that is heard after 'in bed since 01:30' does not arm the rule."""
    story = HomeStory()
    story.event("bed.occupied", story.at("01:30"))
    story.event("bed.left", story.at("01:00"), heard_ms=story.at("01:35"))
    story.until(story.at("04:00"))
    assert story.raised() == []


@pytest.mark.parametrize(("left", "alerts"), [("21:59", 0), ("22:00", 1), ("05:59", 0)])
def test_the_absence_must_start_inside_the_window(left: str, alerts: int) -> None:
    """Half-open 22-06: 21:59 is evening, 22:00 counts, and what begins at 05:59 is disarmed by the morning."""
    story = HomeStory()
    story.event("bed.occupied", story.at("20:00", -1))
    story.event("bed.left", story.at(left))
    story.until(story.at("23:59"))
    assert len(story.raised("R05")) == alerts


def test_window_end_disarms_and_says_so() -> None:
    """Left bed at 05:50: at 06:10 it is morning, no alert, and the log says why."""
    story = HomeStory()
    in_bed_then_out(story, "05:50")
    story.until(story.at("07:00"))
    assert story.raised() == []
    assert [note.reason.code for note in story.noted("disarmed", "R05")] == ["dwell.window_over"]


def test_no_alert_without_prior_presence() -> None:
    """Two minutes in bed are no night's sleep: not armed, and recorded."""
    story = HomeStory()
    story.event("bed.occupied", story.at("22:10"))
    story.event("bed.left", story.at("22:12"))
    story.until(story.at("23:59"))
    assert story.raised("R05") == []
    assert [note.reason.code for note in story.noted("disarmed")] == ["dwell.no_prior"]


@pytest.mark.parametrize(("risks", "after_min"), [((), 35), (("fall",), 20)])
def test_activity_elsewhere_extends_once_but_not_for_who_may_fall(risks: tuple[str, ...], after_min: int) -> None:
    """Motion in the hall gives 15 min more, once; with fall risk it gives none."""
    story = HomeStory(risks=risks)
    left_ms = in_bed_then_out(story)
    story.event("motion.detected", left_ms + 5 * MIN)
    story.event("motion.detected", left_ms + 15 * MIN)
    story.until(left_ms + 60 * MIN)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [after_min * MIN]


def test_a_persons_own_limit_wins_and_says_whence() -> None:
    """Kari's plan of 35 min overrides the book's 20, and the alert says so."""
    story = HomeStory()
    story.set("plan", "p1", {"resident": "r1", "rule": "R05", "set": {"for": "35 min"}, "from": "2026-01-01"})
    left_ms = in_bed_then_out(story)
    story.until(left_ms + 60 * MIN)
    (alert,) = story.raised("R05")
    assert alert.at_ms == left_ms + 35 * MIN
    assert (alert.parameters["for"].value, alert.parameters["for"].origin) == ("35 min", "plan r1")


def test_a_plan_made_while_she_is_up_counts_at_once() -> None:
    """The limit is lengthened while the timer runs: the timer follows."""
    story = HomeStory()
    left_ms = in_bed_then_out(story)
    story.set("plan", "p1", {"resident": "r1", "rule": "R05", "set": {"for": "40 min"}}, left_ms + 5 * MIN)
    story.until(left_ms + 60 * MIN)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [40 * MIN]


def test_staff_on_the_spot_hold_it_until_they_leave() -> None:
    """With a carer in the room nothing rings; when she leaves at 02:50 the patience begins anew."""
    story = HomeStory()
    left_ms = in_bed_then_out(story)
    story.event("staff.arrived", left_ms + 5 * MIN, tag="t1")
    story.until(left_ms + 30 * MIN)
    assert story.raised() == []
    assert [note.reason.code for note in story.noted("held", "R05")] == ["hold.staff"]
    story.event("staff.left", left_ms + 40 * MIN, tag="t1")
    story.until(left_ms + 90 * MIN)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [60 * MIN]


def test_a_staff_hold_ends_by_itself() -> None:
    """Nobody pressed 'left': after two hours the hold is over and the rule asks again."""
    story = HomeStory()
    left_ms = in_bed_then_out(story, "00:30")
    story.event("staff.arrived", left_ms + 5 * MIN, tag="t1")
    story.until(left_ms + 300 * MIN)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [(5 + 120 + 20) * MIN]


def test_a_hold_that_came_and_went_restarts_the_patience() -> None:
    """A carer who looked in from 02:12 to 02:16 moves the limit to 02:36."""
    story = HomeStory()
    left_ms = in_bed_then_out(story)
    story.event("staff.arrived", left_ms + 2 * MIN, tag="t1")
    story.event("staff.left", left_ms + 6 * MIN, tag="t1")
    story.until(left_ms + 60 * MIN)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [26 * MIN]


def test_nobody_is_watched_without_a_measure() -> None:
    """No decision, no behaviour rule: not even with a bed sensor at work."""
    story = HomeStory(measure=False)
    left_ms = in_bed_then_out(story)
    story.until(left_ms + 60 * MIN)
    assert story.raised() == []


def test_a_measure_that_ended_stops_the_rule() -> None:
    """The decision ran out yesterday; its last day counted whole."""
    story = HomeStory(measure=False)
    measure = {"resident": "r1", "service": "digital_supervision", "from": "2026-01-01", "until": "2026-02-28"}
    story.set("measure", "m1", measure)
    left_ms = in_bed_then_out(story)
    story.until(left_ms + 60 * MIN)
    assert story.raised() == []


def test_retained_state_arms_from_its_own_time() -> None:
    """After our restart the broker says 'bed empty since 02:10': the limit is 02:30, not a fresh one."""
    story = HomeStory()
    story.event("bed.occupied", story.at("23:00", -1))
    story.event("bed.left", story.at("02:10"), heard_ms=story.at("02:10:50"), quality=("retained",), state=True)
    story.until(story.at("03:00"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("02:30")]


@pytest.mark.parametrize(("day", "left_min", "hours_utc"), [(date(2026, 3, 29), 110, 1), (date(2026, 10, 25), 110, 1)])
def test_a_dwell_over_the_clock_change_counts_real_minutes(day: date, left_min: int, hours_utc: int) -> None:
    """Out of bed at 01:50 on either clock-change night is an alert after 20 real minutes."""
    story = HomeStory(day)
    story.event("bed.occupied", instant_ms(day, -60, ZONE))
    left_ms = instant_ms(day, left_min, ZONE)
    story.event("bed.left", left_ms)
    story.until(left_ms + hours_utc * 3_600_000)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [20 * MIN]


def test_a_new_exit_is_a_new_episode() -> None:
    """Two exits over the limit in one night are two alerts with two ids."""
    story = HomeStory()
    first_ms = in_bed_then_out(story)
    story.event("bed.occupied", first_ms + 30 * MIN)
    story.event("bed.left", first_ms + 60 * MIN)
    story.until(first_ms + 120 * MIN)
    assert len({alert.alert_id for alert in story.raised("R05")}) == 2
