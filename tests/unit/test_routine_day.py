"""What is counted of a day: visits, minutes with movement, times; which day and night an event belongs to."""

from __future__ import annotations

from datetime import date
from typing import Any

from rules.kinds.routine import RoutineState
from rules.local_time import instant_ms
from rules.routine_day import spans_of
from tests.support.home_story import BOOK, ZONE, HomeStory, changed

ROUTINE = next(rule for rule in BOOK.rules if rule.id == "ROUTINE")
ON = changed("ROUTINE", set={**ROUTINE.set, "on": True}, measure=())


def story_of(day: date = date(2026, 1, 5)) -> HomeStory:
    return HomeStory(day, book=ON)


def counts(story: HomeStory, day: int = 0) -> dict[str, int]:
    """What is counted so far of the story's day, or one of those after it."""
    state = story.fold.state.homes["h1"].instances["ROUTINE/r1"].state
    assert isinstance(state, RoutineState)
    return dict(state.counts).get(story.day.toordinal() + day, {})


def motion(story: HomeStory, clock: str, day: int = 0, role: str = "bathroom_motion", **more: Any) -> None:
    story.event("motion.detected", story.at(clock, day), role=role, **more)


def test_a_visit_is_what_no_ten_minutes_interrupt() -> None:
    """Pulses nine minutes apart are one visit to the bathroom, ten minutes apart two."""
    story = story_of()
    for clock in ("23:00", "23:05", "23:14", "23:24"):
        motion(story, clock)
    assert counts(story)["bathroom_night"] == 2


def test_the_night_belongs_to_the_day_it_starts() -> None:
    """22:00 to 06:00 is one night of one day; 21:59 and 06:00 are none of it."""
    story = story_of()
    for clock, day in (("21:59", 0), ("22:00", 0), ("03:00", 1), ("05:59:59", 1), ("06:00", 1)):
        story.event("bed.occupied", story.at(clock, day) - 60_000)
        story.event("bed.left", story.at(clock, day))
    assert (counts(story)["bed_exits"], counts(story, 1).get("bed_exits", 0)) == (3, 0)


def test_movement_is_counted_in_steps_of_five_minutes() -> None:
    """Fifty pulses in five minutes are one step; parts of the day count for themselves."""
    story = story_of()
    for second in range(0, 300, 6):
        story.event("motion.detected", story.at("09:00") + second * 1_000)
    for clock in ("09:05", "13:00", "19:00", "19:05", "23:00"):
        story.event("motion.detected", story.at(clock))
    found = counts(story)
    assert [found[f"active_{part}"] for part in ("morning", "afternoon", "evening", "night")] == [2, 1, 2, 1]


def test_up_is_when_nobody_lies_down_again_within_the_hour() -> None:
    """Out of bed at 05:00 and back at 05:40 is no morning; at 07:10 it is one, whatever comes at noon."""
    story = story_of()
    for type_, clock in (
        ("left", "05:00"),
        ("occupied", "05:40"),
        ("left", "07:10"),
        ("occupied", "09:00"),
        ("left", "10:00"),
    ):
        story.event(f"bed.{type_}", story.at(clock, 1))
    assert counts(story)["up"] == 7 * 60 + 10


def test_to_bed_is_when_nobody_gets_up_within_half_an_hour() -> None:
    """After midnight it is still that evening, and later than before."""
    story = story_of()
    story.event("bed.occupied", story.at("21:00"))
    story.event("bed.left", story.at("21:20"))
    assert "to_bed" not in counts(story)
    story.event("bed.occupied", story.at("00:30", 1))
    assert counts(story)["to_bed"] == 24 * 60 + 30


def test_a_gateway_that_repeats_itself_moves_nobody() -> None:
    """A state told again is no exit from bed; a mat that flutters is one exit."""
    story = story_of()
    story.event("bed.occupied", story.at("22:00"), state=True)
    for clock in ("23:00", "23:30", "00:30"):
        story.event("bed.left", story.at(clock, int(clock < "12")), state=True)
    assert counts(story)["bed_exits"] == 1
    for second in (0, 10, 119):
        story.event("bed.left", story.at("02:00", 1) + second * 1_000)
    assert counts(story)["bed_exits"] == 2


def test_kitchen_outings_and_late_doses() -> None:
    """A fridge door is the kitchen; a way out that doors and silence tell is an outing; half an hour late is late."""
    story = story_of()
    story.event("bed.left", story.at("07:00"))
    story.event("door.opened", story.at("08:00"), role="fridge_door")
    motion(story, "08:05", role="kitchen_motion")
    motion(story, "12:00", role="kitchen_motion")
    story.set("device", "d-front_door", {"resident": "r1", "role": "front_door", "gateway": "gw-1"})
    story.event("door.closed", story.at("13:00"), role="front_door")
    story.event("bed.left", story.at("15:00"))
    for dose, clock in (("a", "18:30"), ("b", "18:31")):
        due_ms = story.at("18:00")
        story.event("dose.due", due_ms, heard_ms=story.now_ms, dose_id=dose, scheduled_at_ms=due_ms)
        story.event("dose.taken", story.at(clock), dose_id=dose)
    found = counts(story)
    assert (found["kitchen"], found["outings"], found["doses_late"]) == (2, 1, 1)


def test_both_clock_change_nights() -> None:
    """The night of the change has 7 and 9 hours, is one night, and the day 23 and 25; local hours name the day."""
    for day, hours in ((date(2026, 3, 28), (24, 7)), (date(2026, 3, 29), (23, 8)), (date(2026, 10, 24), (24, 9)),
                       (date(2026, 10, 25), (25, 8))):  # fmt: skip
        spans = spans_of(day.toordinal(), (1_320, 360), ZONE)
        assert tuple((end - start) // 3_600_000 for start, end in spans) == hours
    story = story_of(date(2026, 10, 24))
    first_ms = instant_ms(date(2026, 10, 25), 150, ZONE)  # 02:30, which comes twice
    for at_ms in (first_ms, first_ms + 3_600_000):
        story.event("bed.occupied", at_ms - 600_000)
        story.event("bed.left", at_ms)
    assert counts(story)["bed_exits"] == 2
    story.event("bed.occupied", first_ms + 4_000_000)
    story.event("bed.left", instant_ms(date(2026, 10, 25), 420, ZONE))
    assert counts(story)["up"] == 7 * 60
