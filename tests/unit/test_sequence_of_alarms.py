"""Sequences of searches, visits, alarms and outings: what is said of an alarm, and what an id keeps apart."""

from __future__ import annotations

from typing import Any

from rules.effects import Observe, Raise, Update, alarm_alert_id
from tests.support.home_story import HomeStory, changed, without


def updates(story: HomeStory, code: str) -> list[Update]:
    return [effect for effect in story.effects if isinstance(effect, Update) and effect.reason.code == code]


def times(story: HomeStory, rule: str) -> list[tuple[int, str]]:
    return [(alert.at_ms, alert.priority) for alert in story.raised(rule)]


def test_a_search_wants_positions_again_and_again() -> None:
    """30 min after the last one it is stale; the next clears it; after the search nobody asks."""
    story = HomeStory()
    story.set("measure", "m2", {"resident": "r1", "service": "localisation", "from": "2020-01-01"})
    place: dict[str, Any] = {"role": "tracker", "latitude": 59.9, "longitude": 10.7}
    story.event("position.fixed", story.at("12:00"), **place)
    story.until(story.at("13:00"))
    story.event("tracking.started", story.at("13:00"), role="tracker")
    story.event("position.fixed", story.at("13:20"), **place)
    story.until(story.at("13:55"))
    story.event("position.fixed", story.at("14:00"), **place)
    story.event("tracking.ended", story.at("14:10"), role="tracker")
    story.until(story.at("16:00"))
    assert times(story, "R15") == [(story.at("13:50"), "P2")]
    assert [clear.at_ms for clear in story.cleared()] == [story.at("14:00")]


def test_a_visit_is_missed_by_its_own_id_and_time() -> None:
    """Planned for 23:00: missed at 23:15; another visit does not stand for it; started later clears it."""
    story = HomeStory()
    planned: dict[str, Any] = {"role": "tablet", "visit_id": "v1", "planned_at_ms": story.at("23:00")}
    story.event("visit.planned", story.at("20:00"), **planned)
    story.event("visit.planned", story.at("20:05"), **planned)
    story.event("visit.started", story.at("22:58"), role="tablet", visit_id="v0")
    story.until(story.at("23:20"))
    assert times(story, "R35") == [(story.at("23:15"), "P2")]
    assert story.raised("R35")[0].reason.args["why"] == "late"
    story.event("visit.started", story.at("23:25"), role="tablet", visit_id="v1")
    story.event("visit.planned", story.at("23:30"), **planned)
    story.until(story.at("23:59"))
    assert [clear.at_ms for clear in story.cleared()] == [story.at("23:25")]
    assert len(story.raised("R35")) == 1


def test_a_visit_that_moves_or_begins_early() -> None:
    """Moved to 23:30 it is missed at 23:45; begun five minutes early it is not missed."""
    story = HomeStory()
    visit: dict[str, Any] = {"role": "tablet", "visit_id": "v1"}
    story.event("visit.planned", story.at("20:00"), planned_at_ms=story.at("23:00"), **visit)
    story.event("visit.planned", story.at("21:00"), planned_at_ms=story.at("23:30"), **visit)
    story.event("visit.planned", story.at("20:00"), role="tablet", visit_id="v2", planned_at_ms=story.at("22:00"))
    story.event("visit.started", story.at("21:55"), role="tablet", visit_id="v2")
    story.until(story.at("23:59"))
    assert times(story, "R35") == [(story.at("23:45"), "P2")]


def test_a_visit_says_which_it_was() -> None:
    """Not in view, camera covered, or simply late."""
    story = HomeStory()
    visit: dict[str, Any] = {"role": "tablet", "visit_id": "v1"}
    story.event("visit.planned", story.at("20:00"), planned_at_ms=story.at("22:00"), **visit)
    story.event("visit.started", story.at("22:01"), **visit)
    story.event("visit.ended", story.at("22:04"), finding="not_in_view", **visit)
    assert [(alert.at_ms, alert.reason.args["why"]) for alert in story.raised("R35")] == [
        (story.at("22:04"), "not_in_view")
    ]
    story.set("device", "d-camera", {"resident": "r1", "role": "camera", "gateway": "gw-1"})
    story.event("camera.covered", story.at("22:30"), role="camera")
    story.event("visit.planned", story.at("22:31"), role="tablet", visit_id="v2", planned_at_ms=story.at("23:00"))
    story.until(story.at("23:20"))
    assert story.raised("R35")[1].reason.args["why"] == "camera_covered"
    assert [(alert.at_ms, alert.code) for alert in story.raised("R60")] == [(story.at("23:00"), "4.26")]


def test_what_a_visit_needs_is_looked_at_when_it_should_begin() -> None:
    """Uncovered in time, or skipped: nothing; offline at a triggered visit: 4.25 at once, told once."""
    story = HomeStory()
    story.set("device", "d-camera", {"resident": "r1", "role": "camera", "gateway": "gw-1"})
    visit: dict[str, Any] = {"role": "tablet", "visit_id": "v1"}
    story.event("camera.blurred", story.at("20:00"), role="camera")
    story.event("visit.planned", story.at("20:00"), planned_at_ms=story.at("22:00"), **visit)
    story.event("visit.planned", story.at("20:00"), role="tablet", visit_id="v9", planned_at_ms=story.at("21:00"))
    story.event("visit.skipped", story.at("20:30"), role="tablet", visit_id="v9")
    story.event("camera.uncovered", story.at("21:59"), role="camera")
    story.until(story.at("22:10"))
    assert times(story, "R60") == []
    story.event("device.offline", story.at("22:10"), role="camera", state=True)
    story.event("visit.requested", story.at("22:20"), role="tablet", visit_id="v2")
    story.event("visit.started", story.at("22:21"), role="tablet", visit_id="v2")
    assert [(alert.at_ms, alert.code) for alert in story.raised("R60")] == [(story.at("22:20"), "4.25")]


def test_a_failed_call_is_said_of_the_alarm() -> None:
    """No row of its own: an update of the alarm that both lanes know by the same id."""
    story = HomeStory()
    story.event("alarm.pressed", story.at("00:55"), trigger="pendant")
    story.event("voice.failed", story.at("00:55:20"), role="hub")
    story.until(story.at("01:30"))
    press = story.raised("R01")[0]
    assert [(one.alert_id, one.at_ms) for one in updates(story, "sequence.told")] == [
        (press.alert_id, story.at("00:55:20"))
    ]
    assert press.alert_id == alarm_alert_id("solbakken", press.episode)
    assert updates(story, "sequence.not_followed") == []
    assert [alert.rule for alert in story.raised()] == ["R01"]


def test_nobody_answered_only_where_there_is_a_voice() -> None:
    """30 s without voice is told where this home has had voice before, and only there."""
    story = HomeStory()
    story.event("alarm.pressed", story.at("10:00"), trigger="pendant")
    story.until(story.at("10:05"))
    assert updates(story, "sequence.not_followed") == []
    story.event("voice.connected", story.at("10:06"), role="hub")
    story.event("alarm.pressed", story.at("12:00"), trigger="pendant")
    story.until(story.at("12:05"))
    story.event("alarm.pressed", story.at("14:00"), trigger="pendant")
    story.event("voice.connected", story.at("14:00:29"), role="hub")
    story.until(story.at("14:05"))
    assert [one.at_ms for one in updates(story, "sequence.not_followed")] == [story.at("12:00:30")]


def test_a_failed_call_without_an_alarm_is_recorded() -> None:
    """A call that somebody else made is no alarm of the resident."""
    story = HomeStory()
    story.event("voice.failed", story.at("10:00"), role="hub")
    assert [note.reason.code for note in story.noted("recorded_only", "R02")] == ["sequence.nothing_before"]
    assert story.raised() == []


def test_the_earlier_alarm_is_shown_with_the_new_one() -> None:
    """Within 2 min it is the same press, after 75 min the new alarm names the one before; after 6 h it does not."""
    story = HomeStory()
    story.event("alarm.pressed", story.at("08:00"), trigger="pendant")
    story.event("alarm.pressed", story.at("08:01:59"), trigger="pendant")
    story.event("alarm.pressed", story.at("09:15"), trigger="pendant")
    story.event("alarm.pressed", story.at("15:15:01"), trigger="pendant")
    presses = story.raised("R01")
    again = updates(story, "sequence.again")
    assert [(one.alert_id, one.reason.args["since_ms"]) for one in again] == [
        (presses[2].alert_id, story.at("08:01:59"))
    ]


def test_what_is_said_of_an_alarm_comes_after_it() -> None:
    """The floor may be behind: of an alarm that nobody has raised yet nothing can be said."""
    for again in ("alarm.pressed", "fall.confirmed", "epilepsy.started"):
        story = HomeStory()
        story.event("alarm.pressed", story.at("08:00"), trigger="pendant")
        said = story.event(again, story.at("09:00"), role="pendant")
        assert [type(effect) for effect in said if not isinstance(effect, Observe)] == [Raise, Update], again


def test_an_alarm_of_nobodys_device_shows_the_earlier_one_of_each_who_lives_there() -> None:
    """Each earlier press by an effect of its own; what is the same for both is said once."""
    story = HomeStory()
    story.set("resident", "r2", {"home": "h1"})
    story.event("alarm.pressed", story.at("10:00"), trigger="pendant")
    story.event("alarm.pressed", story.at("11:00"), trigger="pendant", resident="r2")
    story.event("alarm.pressed", story.at("12:00"), role="cord", trigger="cord", resident=None)
    story.event("alarm.cancelled", story.at("12:01"), role="cord", trigger="cord", resident=None)
    again = updates(story, "sequence.again")
    assert [effect.reason.args["since_ms"] for effect in again] == [story.at("10:00"), story.at("11:00")]
    assert len({effect.effect_id for effect in again}) == 2
    assert len({effect.effect_id for effect in updates(story, "sequence.followed")}) == 1


def test_what_is_cancelled_at_the_device_is_a_cause() -> None:
    """The alarm stands; its timeline has the cancel and the call."""
    story = HomeStory()
    story.event("alarm.pressed", story.at("08:00"), trigger="pendant")
    story.event("alarm.cancelled", story.at("08:00:20"), trigger="pendant")
    story.event("voice.connected", story.at("08:00:40"), role="hub")
    told = updates(story, "sequence.followed")
    assert [one.causes[-1].type for one in told] == ["alarm.cancelled", "voice.connected"]
    assert {one.alert_id for one in told} == {story.raised("R01")[0].alert_id}
    assert story.cleared() == []


def test_a_second_detector_is_said_of_the_first() -> None:
    """Smoke in the kitchen, then heat in the hall: a note on the kitchen's alarm; the same detector again is none."""
    story = HomeStory()
    story.event("smoke.alarm", story.at("08:00"), role="smoke")
    story.event("smoke.alarm", story.at("08:03"), role="smoke")
    story.event("heat.alarm", story.at("08:05"), role="heat")
    first, again, _ = story.raised("R29")
    assert [(one.alert_id, one.causes[-1].type) for one in updates(story, "sequence.followed")] == [
        (again.alert_id, "heat.alarm")
    ]
    assert first.alert_id != again.alert_id


def test_a_seizure_that_lasts_is_said_of_its_alarm() -> None:
    """Five minutes without an end; ended at 4:59 it is not said."""
    story = HomeStory()
    story.event("epilepsy.started", story.at("08:00"), role="epilepsy")
    story.event("epilepsy.ended", story.at("08:04:59"), role="epilepsy")
    story.event("epilepsy.started", story.at("20:00"), role="epilepsy")
    story.until(story.at("21:00"))
    assert [one.at_ms for one in updates(story, "sequence.not_followed")] == [story.at("20:05")]


def test_a_nurse_call_has_three_levels_and_a_reset() -> None:
    """A call is P2 and cleared by the reset; assist and emergency are alarms: of them the reset is a cause."""
    story = HomeStory()
    for name, clock in (("called", "08:00"), ("assist", "08:01"), ("emergency", "08:02"), ("called", "08:03")):
        story.event(f"nursecall.{name}", story.at(clock), role="nurse_call")
    story.event("nursecall.reset", story.at("08:10"), role="nurse_call")
    found = story.raised("R56")
    assert [(alert.priority, alert.alarm, alert.condition) for alert in found] == [
        ("P2", False, "active"),
        ("P1", True, "momentary"),
        ("P1", True, "momentary"),
        ("P2", False, "active"),
    ]
    assert found[1].alert_id == alarm_alert_id("solbakken", found[1].episode)
    assert {clear.alert_id for clear in story.cleared()} == {found[0].alert_id, found[3].alert_id}
    assert {one.alert_id for one in updates(story, "sequence.over")} == {found[1].alert_id, found[2].alert_id}
    assert [alert.self_resolves for alert in found] == [True, False, False, True]


def test_a_rule_that_comes_into_force_tells_no_old_alarm() -> None:
    """Pressed in the morning; at noon a rule comes that misses a voice in any home: it says nothing of the morning."""
    story = HomeStory(book=without("R02"))
    story.event("alarm.pressed", story.at("08:00"), trigger="pendant")
    story.book(changed("R02", set={"absent": True, "within": "30 s"}), story.at("12:00"))
    story.until(story.at("13:00"))
    assert [one for one in story.effects if isinstance(one, Update) and one.at_ms >= story.at("12:00")] == []


def test_a_tracker_left_at_home() -> None:
    """Nobody carries it, and then she goes: P3; her return clears it."""
    story = HomeStory()
    story.event("tracker.not_carried", story.at("10:00"), role="tracker")
    story.event("away.started", story.at("12:00"), role="presence")
    story.event("away.ended", story.at("13:00"), role="presence")
    assert times(story, "R54b") == [(story.at("12:00"), "P3")]
    assert [clear.at_ms for clear in story.cleared()] == [story.at("13:00")]


def test_left_home_and_not_back_by_day_and_night() -> None:
    """Four hours by day, one by night, the shorter where a night begins; who is in hospital is expected nowhere."""
    for left, fires in (("10:00", "14:00"), ("20:00", "23:00"), ("22:30", "23:30")):
        story = HomeStory()
        story.event("away.started", story.at(left), role="presence")
        story.until(story.at("23:59"))
        assert times(story, "R12") == [(story.at(fires), "P2")], left
    story = HomeStory()
    story.event("away.started", story.at("10:00"), role="presence", reason="hospital")
    story.until(story.at("23:59"))
    assert times(story, "R12") == []
