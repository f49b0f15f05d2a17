"""Sequence: then, or not, within a time, told by doors; visits and alarms are in test_sequence_of_alarms.py."""

from __future__ import annotations

from typing import Any

from rules.effects import Raise
from tests.support.home_story import BOOK, HomeStory, changed, effect_bytes, retell

DOOR: dict[str, Any] = {"role": "front_door"}


def night(*, risks: tuple[str, ...] = (), **plan: Any) -> HomeStory:
    story = HomeStory(risks=risks)
    if plan:
        story.set("plan", "p1", {"resident": "r1", "rule": "R10", "set": plan})
    return story


def times(story: HomeStory, rule: str) -> list[tuple[int, str]]:
    return [(alert.at_ms, alert.priority) for alert in story.raised(rule)]


def through_the_door(story: HomeStory, opened: str, closed: str) -> None:
    story.event("door.opened", story.at(opened), **DOOR)
    story.event("door.closed", story.at(closed), **DOOR)


def test_the_wait_counts_from_the_closing() -> None:
    """Opened 01:30, closed 01:31: P2 at 01:36, with both as causes and the opening as its episode."""
    story = night()
    through_the_door(story, "01:30", "01:31")
    story.until(story.at("02:00"))
    (alert,) = story.raised("R10")
    assert (alert.at_ms, alert.priority) == (story.at("01:36"), "P2")
    assert [cause.type for cause in alert.causes] == ["door.opened", "door.closed"]
    assert alert.episode == alert.causes[0].event_id


def test_while_it_stays_open_the_wait_counts_from_the_opening() -> None:
    """Never closed: 01:35; closed afterwards, it is still one alert."""
    story = night()
    through_the_door(story, "01:30", "01:40")
    story.until(story.at("02:00"))
    assert times(story, "R10") == [(story.at("01:35"), "P2")]


def test_motion_between_opening_and_closing_is_no_return() -> None:
    """She puts on her coat in the hall, then the door closes behind her."""
    story = night()
    story.event("door.opened", story.at("01:30"), **DOOR)
    story.event("motion.detected", story.at("01:30:20"))
    story.event("door.closed", story.at("01:31"), **DOOR)
    story.until(story.at("02:00"))
    assert times(story, "R10") == [(story.at("01:36"), "P2")]


def test_motion_in_time_ends_it_and_later_clears_it() -> None:
    """Motion at 01:35:59 is a return; at 01:40 the alert is over; one heard late from 01:33 retracts it."""
    story = night()
    through_the_door(story, "01:30", "01:31")
    story.event("motion.detected", story.at("01:35:59"))
    assert times(story, "R10") == []
    through_the_door(story, "02:30", "02:31")
    story.event("motion.detected", story.at("02:40"))
    through_the_door(story, "03:30", "03:31")
    story.event("motion.detected", story.at("03:33"), heard_ms=story.at("03:45"))
    assert times(story, "R10") == [(story.at("02:36"), "P2"), (story.at("03:36"), "P2")]
    assert [(clear.at_ms, clear.retracted) for clear in story.cleared()] == [
        (story.at("02:40"), False),
        (story.at("03:45"), True),
    ]


def test_motion_from_before_the_door_is_no_return() -> None:
    """Whatever is heard first: only what happened after the door counts."""
    story = night()
    through_the_door(story, "01:30", "01:31")
    story.event("motion.detected", story.at("01:30:30"), heard_ms=story.at("01:31:10"))
    story.until(story.at("01:40"))
    assert times(story, "R10") == [(story.at("01:36"), "P2")]


def test_a_door_heard_after_the_motion_that_followed_it() -> None:
    """The door's word comes 10 s after the motion it preceded: nothing to wait for."""
    story = night()
    story.event("motion.detected", story.at("01:31:05"))
    story.event("door.closed", story.at("01:31"), heard_ms=story.at("01:31:10"), **DOOR)
    story.until(story.at("02:00"))
    assert times(story, "R10") == []


def test_a_late_door_settles_before_it_raises() -> None:
    """Two hours in a buffer: 30 s for the motion that lies behind it, then an alert that says how late it is."""
    story = night()
    story.event("door.closed", story.at("01:31"), heard_ms=story.at("03:31"), **DOOR)
    story.event("motion.detected", story.at("01:33"), heard_ms=story.at("03:31:10"))
    story.event("door.closed", story.at("02:31"), heard_ms=story.at("04:31"), **DOOR)
    story.until(story.at("05:00"))
    (alert,) = story.raised("R10")
    assert (alert.at_ms, alert.late_ms) == (story.at("04:31:30"), story.at("04:31:30") - story.at("02:36"))
    assert [note.reason.code for note in story.noted("recorded_only", "R10")] == ["sequence.over_before_heard"]


def test_wander_risk_and_cold_wait_two_minutes_and_are_p1() -> None:
    """Each alone is enough; 0 °C is not below 0, and a temperature of four hours ago says nothing."""
    story = night(risks=("wander",))
    through_the_door(story, "01:30", "01:31")
    story.until(story.at("01:40"))
    assert times(story, "R10") == [(story.at("01:33"), "P1")]
    for value, heard, expected in (
        (-0.1, "01:00", ("01:33", "P1")),
        (0, "01:00", ("01:36", "P2")),
        (-14, "00:00", ("01:33", "P1")),
    ):
        story = night()
        story.event("measured", story.at(heard), role="outdoor_temperature", metric="temperature", value=value)
        through_the_door(story, "01:30", "01:31")
        story.until(story.at("01:40"))
        assert times(story, "R10") == [(story.at(expected[0]), expected[1])], value
    story = night()
    story.event("measured", story.at("00:10"), role="outdoor_temperature", metric="temperature", value=-14)
    through_the_door(story, "03:30", "03:31")
    story.until(story.at("03:40"))
    assert times(story, "R10") == [(story.at("03:36"), "P2")]


def test_the_cold_may_come_while_we_wait() -> None:
    """At three minutes the outdoor sensor says -1: it fires then, urgent."""
    story = night()
    through_the_door(story, "01:30", "01:31")
    story.event("measured", story.at("01:34"), role="outdoor_temperature", metric="temperature", value=-1)
    story.until(story.at("01:40"))
    assert times(story, "R10") == [(story.at("01:34"), "P1")]


def test_who_lies_in_bed_all_the_time_did_not_go() -> None:
    """A relative leaves at night: the bed says occupied since 23:00, noted; 15 h of it may be a stuck sensor."""
    story = night()
    story.event("bed.occupied", story.at("00:10"))
    through_the_door(story, "01:30", "01:31")
    story.until(story.at("02:00"))
    assert times(story, "R10") == []
    assert [note.reason.code for note in story.noted("disarmed", "R10")] == ["sequence.in_bed"]
    story = night()
    story.event("bed.occupied", story.at("08:00"))
    through_the_door(story, "23:30", "23:31")
    story.until(story.at("23:59"))
    assert times(story, "R10") == [(story.at("23:36"), "P2")]


def test_staffs_own_door_is_not_hers() -> None:
    """Two minutes after they left the door is theirs; three minutes after it is hers; their coming ends a wait."""
    story = night()
    story.event("staff.arrived", story.at("01:00"), role="tag", tag="s1")
    story.event("staff.left", story.at("01:10"), role="tag", tag="s1")
    through_the_door(story, "01:10:20", "01:11:59")
    story.until(story.at("01:30"))
    assert times(story, "R10") == []
    assert {note.reason.code for note in story.noted("disarmed", "R10")} == {"sequence.staff_left"}
    through_the_door(story, "02:00", "02:01")
    story.event("staff.arrived", story.at("02:03"), role="tag", tag="s1")
    story.event("staff.left", story.at("02:30"), role="tag", tag="s1")
    story.event("door.closed", story.at("02:33"), **DOOR)
    story.until(story.at("03:00"))
    assert times(story, "R10") == [(story.at("02:38"), "P2")]


def test_a_hold_withholds_and_asks_again() -> None:
    """Paused until 02:00 with nobody seen: the patience begins there, and the note says why it was quiet."""
    story = night()
    until = {"resident": "r1", "from_ms": story.at("01:00"), "until_ms": story.at("02:00")}
    story.set("pause", "p", until)
    through_the_door(story, "01:30", "01:31")
    story.until(story.at("02:30"))
    assert times(story, "R10") == [(story.at("02:05"), "P2")]
    assert [note.reason.code for note in story.noted("held", "R10")] == ["hold.pause"]


def test_a_measure_that_begins_looks_at_the_door() -> None:
    """Open since before the measure: R11 begins over what is known and fires."""
    story = HomeStory(measure=False)
    story.event("door.opened", story.at("12:00"), **DOOR)
    story.until(story.at("12:30"))
    story.set("measure", "m1", {"resident": "r1", "service": "digital_supervision", "from": "2020-01-01"})
    story.until(story.at("12:40"))
    assert times(story, "R11") == [(story.at("12:30"), "P3")]


def test_a_hall_that_cools_is_cold() -> None:
    """One degree lost since the door opened: 3 min count; the fridge is none of it."""
    for role, fires in (("climate", "12:05"), ("fridge", "12:10")):
        story = HomeStory()
        story.event("measured", story.at("11:00"), role=role, metric="temperature", value=21)
        story.event("door.opened", story.at("12:00"), **DOOR)
        story.event("measured", story.at("12:05"), role=role, metric="temperature", value=20)
        story.until(story.at("13:00"))
        assert times(story, "R11") == [(story.at(fires), "P3")], role


def test_told_twice_it_is_the_same() -> None:
    """The same inputs give the same bytes, whether or not the fold was saved and restored in the middle of a wait."""
    story = night()
    story.event("door.opened", story.at("01:30"), **DOOR)
    story.fold.restore(story.fold.snapshot())
    story.event("door.closed", story.at("01:31"), **DOOR)
    story.fold.restore(story.fold.snapshot())
    story.until(story.at("02:00"))
    assert times(story, "R10") == [(story.at("01:36"), "P2")]
    assert retell(story.inputs) == effect_bytes(story.effects)


def test_a_changed_limit_counts_at_once() -> None:
    """A site's own limit counts at once, also for a wait that has begun."""
    story = night()
    through_the_door(story, "01:30", "01:31")
    rule = next(rule for rule in BOOK.rules if rule.id == "R10")
    story.book(changed("R10", set={**rule.set, "within": "10 min"}), story.at("01:33"))
    story.until(story.at("02:00"))
    assert [effect.at_ms for effect in story.effects if isinstance(effect, Raise) and effect.rule == "R10"] == [
        story.at("01:41")
    ]


def test_the_first_word_of_a_door_is_how_it_stands() -> None:
    """A gateway that tells its cached "closed" at night, the first thing ever heard of it, tells of nobody leaving."""
    story = HomeStory()
    story.event("door.closed", story.at("00:21"), state=True, **DOOR)
    story.until(story.at("05:00"))
    assert [alert.rule for alert in story.raised() if alert.rule in ("R10", "R12")] == []
    story.event("door.opened", story.at("05:10"), state=True, **DOOR)
    story.event("door.closed", story.at("05:11"), state=True, **DOOR)
    story.until(story.at("05:30"))
    assert [alert.rule for alert in story.raised("R10")] == ["R10"]


def test_a_call_is_told_at_once_though_its_message_was_on_the_way() -> None:
    """A nurse call stamped by its device four seconds ago rings now: nothing can follow within no time at all."""
    story = HomeStory()
    at_ms = story.at("02:00")
    story.event("nursecall.called", at_ms, heard_ms=at_ms + 4_000, role="nurse_call")
    assert [alert.at_ms for alert in story.raised("R56")] == [at_ms + 4_000]
