"""Each kind begins over what is known of a home: a rule or measure that comes late misses nothing that still stands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date

import pytest

from rules.effects import Raise, Update
from rules.kinds import KINDS
from tests.support.home_story import BOOK, HomeStory, retell, without

TUESDAY = date(2026, 3, 3)
Before = Callable[[HomeStory], object]


def monitored(story: HomeStory, *services: str) -> None:
    for service in services:
        story.set("measure", f"m-{service}", {"resident": "r1", "service": service, "from": "2020-01-01"})


def dose_due(story: HomeStory) -> None:
    story.event("dose.due", story.at("08:00"), dose_id="d1", scheduled_at_ms=story.at("08:00"))


def presented(story: HomeStory) -> None:
    dose_due(story)
    story.event("dose.dispensed", story.at("08:20"), dose_id="d1")


def expected_of_a_silent_one(story: HomeStory) -> None:
    due_ms = story.at("09:00", -1)
    story.event("dose.due", due_ms, dose_id="d0", scheduled_at_ms=due_ms)
    story.event("dose.taken", due_ms + 60_000, dose_id="d0")
    story.event("heartbeat", story.at("07:00"), role="dispenser", interval_seconds=900)


def jam(story: HomeStory) -> None:
    story.event("dispenser.fault", story.at("07:00"), role="dispenser", fault="jam")
    story.event("dispenser.stock", story.at("07:30"), role="dispenser", doses_left=50)


def few_doses(story: HomeStory) -> None:
    story.event("dispenser.stock", story.at("07:00"), role="dispenser", doses_left=2)


def cold(story: HomeStory) -> None:
    monitored(story, "digital_supervision")
    for clock, value in (("05:00", 20.0), ("08:20", 12.0)):
        story.event("measured", story.at(clock), role="climate", metric="temperature", value=value, unit="Cel")


def out_of_the_zone(story: HomeStory) -> None:
    monitored(story, "localisation")
    story.event("zone.left", story.at("08:00"), role="tracker")


def unlocked(story: HomeStory) -> None:
    story.event("lock.left_unlocked", story.at("08:25"), role="lock")


def jammed_radio(story: HomeStory) -> None:
    story.event("radio.jammed", story.at("08:20"), role="hub")


@pytest.mark.parametrize(
    ("rule", "before", "at"),
    [
        ("R22", dose_due, "09:00"),
        ("R23", presented, "08:35"),
        ("R23", expected_of_a_silent_one, "09:30"),
        ("R25", jam, "08:30"),
        ("R26", few_doses, "08:30"),
        ("R27", expected_of_a_silent_one, "08:30"),
        ("R34", cold, "09:20"),
        ("R13", out_of_the_zone, "08:30"),
        ("R55b", unlocked, "08:35"),
        ("R40j", jammed_radio, "08:30"),
    ],
)
def test_a_rule_switched_on_at_half_past_eight_finds_what_stands(rule: str, before: Before, at: str) -> None:
    """Off while it began, on at 08:30: told when it would have been, or at once; and a second telling is the same."""
    story = HomeStory(TUESDAY, book=without(rule))
    before(story)
    story.book(BOOK, story.at("08:30"))
    story.until(story.at("09:40"))
    assert [alert.at_ms for alert in story.raised(rule)] == [story.at(at)]
    assert retell(story.inputs, without(rule)) == retell(story.inputs, without(rule))


def given(story: HomeStory) -> None:
    dose_due(story)
    story.event("dose.taken", story.at("08:10"), dose_id="d1")


def of_yesterday(story: HomeStory) -> None:
    due_ms = story.at("19:00", -1)
    story.event("dose.due", due_ms, dose_id="d1", scheduled_at_ms=due_ms)


def works_again(story: HomeStory) -> None:
    jam(story)
    story.event("dose.dispensed", story.at("08:00"), dose_id="d1")
    story.event("dose.taken", story.at("08:01"), dose_id="d1")


def cold_long_ago(story: HomeStory) -> None:
    monitored(story, "digital_supervision")
    story.event("measured", story.at("05:00"), role="climate", metric="temperature", value=12.0, unit="Cel")


def measured_low(story: HomeStory) -> None:
    monitored(story, "home_monitoring")
    story.event("measured", story.at("08:25"), role="pulse_oximeter", metric="spo2", value=90, unit="%")


def left_the_zone_long_ago(story: HomeStory) -> None:
    monitored(story, "localisation")
    story.event("zone.left", story.at("08:00", -2), role="tracker")


def restless_before(story: HomeStory) -> None:
    monitored(story, "digital_supervision")
    for minute in range(5):
        story.event("bed.occupied", story.at(f"06:0{minute}"))
        story.event("bed.left", story.at(f"06:0{minute}:30"))


def lost_before_she_went(story: HomeStory) -> None:
    story.event("tracker.not_carried", story.at("08:00", -1), role="tracker")
    story.event("away.started", story.at("08:10"), role="hub")


@pytest.mark.parametrize(
    ("rule", "before"),
    [
        ("R22", given), ("R23", given), ("R22", of_yesterday), ("R25", works_again), ("R34", cold_long_ago),
        ("R44", measured_low), ("R13", left_the_zone_long_ago), ("R20", restless_before),
        ("R54b", lost_before_she_went),
    ],
)  # fmt: skip
def test_what_is_over_or_long_ago_is_not_begun_over(rule: str, before: Before) -> None:
    """The same rules, where nothing of it stands any more, or nobody can say that it does."""
    story = HomeStory(TUESDAY, book=without(rule))
    before(story)
    story.book(BOOK, story.at("08:30"))
    story.until(story.at("12:00"))
    assert story.raised(rule) == []


def test_an_alarm_of_before_the_rule_is_not_raised_a_second_time() -> None:
    """Wander risk: the floor has told of the zone; the rule that comes says nothing but when it is over."""
    story = HomeStory(TUESDAY, book=without("R13"), risks=("wander",))
    out_of_the_zone(story)
    story.book(BOOK, story.at("08:30"))
    story.until(story.at("09:00"))
    assert story.raised("R13") == []


def vitals(story: HomeStory, clock: str) -> None:
    for metric, value, unit in (("spo2", 91, "%"), ("heart_rate", 135, "/min"), ("systolic", 120, "mm[Hg]")):
        story.event("measured", story.at(clock), role="tablet", metric=metric, value=value, unit=unit)


@pytest.mark.parametrize(("clock", "alerts"), [("08:00", 1), ("07:20", 0)])
def test_a_score_begins_over_the_last_hours_readings(clock: str, alerts: int) -> None:
    """Switched on in her plan at 08:30: what was measured within the hour is a score, what is older is none."""
    story = HomeStory(TUESDAY)
    monitored(story, "home_monitoring")
    vitals(story, clock)
    story.set("plan", "p1", {"resident": "r1", "rule": "R45", "set": {"on": True}}, story.at("08:30"))
    story.until(story.at("09:00"))
    assert [alert.at_ms for alert in story.raised("R45")] == [story.at("08:30")] * alerts


def test_a_trend_compares_with_the_weight_of_before() -> None:
    """82 kg yesterday, the rule on today, 83.5 kg tomorrow's first weighing: one weighing is enough."""
    story = HomeStory(TUESDAY)
    monitored(story, "home_monitoring")
    story.event("measured", story.at("07:00"), role="scale", metric="weight", value=82.0, unit="kg")
    story.set("plan", "p1", {"resident": "r1", "rule": "R46", "set": {"on": True}}, story.at("08:30"))
    story.event("measured", story.at("07:00", 1), role="scale", metric="weight", value=83.5, unit="kg")
    assert [alert.at_ms for alert in story.raised("R46")] == [story.at("07:00", 1)]


def test_a_bed_that_says_left_again_has_not_been_left_again() -> None:
    """Up since 01:00; R20 comes at 01:30, the gateway repeats how the bed stands, then three real exits: not four."""
    story = HomeStory(TUESDAY, book=without("R20"))
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("01:00"))
    story.book(BOOK, story.at("01:30"))
    story.event("bed.left", story.at("01:31"), state=True)
    for minute in (40, 45, 50):
        story.event("bed.occupied", story.at(f"01:{minute}"))
        story.event("bed.left", story.at(f"01:{minute + 2}"))
    assert story.raised("R20") == []


def test_where_a_voice_was_heard_a_rule_of_later_expects_one() -> None:
    """R02 waits for a voice only where there ever was one; it was, before the rule came."""
    story = HomeStory(TUESDAY, book=without("R02"))
    story.event("voice.connected", story.at("07:00"), role="hub")
    story.book(BOOK, story.at("08:00"))
    story.event("alarm.pressed", story.at("08:30"))
    effects = story.until(story.at("08:31"))
    assert [effect.rule for effect in effects if isinstance(effect, Raise | Update) and effect.rule == "R02"] == ["R02"]


def test_each_kind_says_what_a_watch_begins_over() -> None:
    """Its theory of operation has a sentence about it."""
    texts = {name: " ".join((sys.modules[type(kind).__module__].__doc__ or "").split()) for name, kind in KINDS.items()}
    assert [name for name, text in texts.items() if "begins over" not in text] == []
