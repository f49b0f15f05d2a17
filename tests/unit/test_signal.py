"""Signals: presses, falls, smoke, unknown devices."""

from __future__ import annotations

import msgspec
import pytest

from ingest.event import UNASSIGNED
from ingest.record import Input
from rules.effects import alarm_alert_id
from tests.support.home_story import HomeStory


def test_a_press_is_an_alert_at_once_under_the_floors_id() -> None:
    """R01 says what the floor has raised: same id, P1, never self-resolving."""
    story = HomeStory()
    story.event("alarm.pressed", story.at("03:00"), trigger="pendant")
    (alert,) = story.raised()
    assert (alert.rule, alert.priority, alert.alarm, alert.self_resolves) == ("R01", "P1", True, False)
    assert alert.alert_id == alarm_alert_id("solbakken", alert.causes[0].event_id)


@pytest.mark.parametrize("held_by", ["staff.arrived", "away.started"])
def test_no_hold_touches_a_persons_alarm(held_by: str) -> None:
    """Staff on the spot or a resident who should be away: a press rings all the same."""
    story = HomeStory()
    story.event(held_by, story.at("02:00"), tag="t1")
    story.event("alarm.pressed", story.at("03:00"), trigger="pendant")
    rung = [alert for alert in story.raised() if alert.alarm]
    assert [(alert.at_ms, alert.priority) for alert in rung] == [(story.at("03:00"), "P1")]


def test_a_press_while_staff_are_there_is_their_own() -> None:
    """R53 instead of R01, standing alone."""
    story = HomeStory()
    story.event("staff.arrived", story.at("19:36"), tag="t1")
    story.event("alarm.pressed", story.at("19:41"), trigger="pendant")
    assert [(alert.rule, alert.staff_alarm) for alert in story.raised() if alert.alarm] == [("R53", True)]


def test_a_suspected_fall_waits_and_can_be_cancelled() -> None:
    """Cancelled within 30 s it is recorded only; left alone it is P1 after 30 s."""
    cancelled, alone = HomeStory(), HomeStory()
    for story in (cancelled, alone):
        story.event("fall.suspected", story.at("02:13:00"))
    cancelled.event("fall.cancelled", cancelled.at("02:13:10"))
    for story in (cancelled, alone):
        story.until(story.at("02:20"))
    assert cancelled.raised() == []
    assert [note.reason.code for note in cancelled.noted("recorded_only")] == ["signal.cancelled"]
    assert [(alert.rule, alert.at_ms) for alert in alone.raised()] == [("R03", alone.at("02:13:30"))]


def test_a_confirmed_fall_replaces_the_suspicion() -> None:
    """Suspected 02:13:00, confirmed 02:13:20: one alert, at 02:13:20."""
    story = HomeStory()
    story.event("fall.suspected", story.at("02:13:00"))
    story.event("fall.confirmed", story.at("02:13:20"))
    story.until(story.at("02:20"))
    assert [alert.at_ms for alert in story.raised("R03")] == [story.at("02:13:20")]


def test_thirty_seconds_still_is_a_fall_at_once() -> None:
    """A suspicion that already says 'still for 30 s' does not wait."""
    story = HomeStory()
    story.event("fall.suspected", story.at("02:13:00"), still_seconds=30)
    assert len(story.raised("R03")) == 1


def test_an_hour_old_press_says_how_late_it_is() -> None:
    """Buffered for four hours: P1 now, with its delay."""
    story = HomeStory()
    story.event("alarm.pressed", story.at("18:40"), heard_ms=story.at("22:40"), trigger="pendant")
    assert [(alert.priority, alert.late_ms) for alert in story.raised("R01")] == [("P1", 4 * 3_600_000)]


@pytest.mark.parametrize(("severity", "expected"), [(40, "P1"), (30, "P2"), (20, "P3"), (10, None)])
def test_the_devices_own_conclusion_by_severity(severity: int, expected: str | None) -> None:
    """R51 follows the severity the device gives; under 20 it is nobody's business."""
    story = HomeStory()
    story.event("condition.reported", story.at("12:00"), code="4.9", severity=severity)
    assert [alert.priority for alert in story.raised("R51")] == ([expected] if expected else [])


def unassigned(story: HomeStory, type_: str, clock: str) -> None:
    """The same event from a device nobody registered."""
    story.event(type_, story.at(clock))
    story.effects.clear()
    given = story.inputs.pop()
    assert given.event is not None
    event = msgspec.structs.replace(
        given.event,
        event_id=f"u-{type_}-{clock}",
        home="address:x",
        subject="x",
        address="x",
        device=None,
        resident=None,
        role=None,
        gateway=None,
        quality=(UNASSIGNED,),
    )
    story.give(Input(given.kind, given.received_at_ms, "address:x", event=event))


def test_an_unknown_device_is_one_line_a_day() -> None:
    """Chatter of a device nobody registered is P4 once a day, not once a message."""
    story = HomeStory()
    for clock in ("10:00", "10:01", "10:02"):
        unassigned(story, "motion.detected", clock)
        story.effects = [effect for effect in story.effects if getattr(effect, "rule", None) == "R43"]
        assert len(story.raised("R43")) == (1 if clock == "10:00" else 0)


def test_an_alarm_of_an_unknown_device_reaches_a_person_each_time() -> None:
    """Two presses of an unregistered pendant are two P1, under the floor's ids."""
    story = HomeStory()
    for clock in ("10:00", "11:00"):
        unassigned(story, "alarm.pressed", clock)
        assert [(alert.rule, alert.priority, alert.alarm) for alert in story.raised()] == [("R43", "P1", True)]


def test_protection_lost_and_restored() -> None:
    """The pendant's gateway goes silent: R52 at once, cleared when it is heard again."""
    story = HomeStory()
    story.event("alarm.pressed", story.at("08:00"), trigger="pendant")
    story.event("device.offline", story.at("12:00"), role="gateway")
    (alert,) = story.raised("R52")
    assert (alert.priority, alert.subject) == ("P2", "r1")
    story.event("device.online", story.at("12:40"), role="gateway")
    assert alert.alert_id in [clear.alert_id for clear in story.cleared()]


def test_a_hub_gone_for_an_hour_is_a_repair() -> None:
    """R36 counts from when the gateway was last heard, and is P4."""
    story = HomeStory()
    story.event("device.offline", story.at("12:00"), heard_ms=story.at("12:00:30"), role="gateway")
    story.until(story.at("14:00"))
    assert [(alert.at_ms, alert.priority) for alert in story.raised("R36")] == [(story.at("13:00"), "P4")]
