"""Probably out, or silent at home: what a door, a pulse and a bed say, and what they never may hide."""

from __future__ import annotations

import pytest

from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes, without

MIN = 60_000
HOUR = 60 * MIN
SETTLE = MIN // 2


def goes_out(story: HomeStory, clock: str) -> int:
    """Up since half past six, seen in the hall, out of the front door; the instant at which it closed."""
    at_ms = story.at(clock)
    if "d-bed" not in story.fold.state.homes["h1"].facts.heard:
        story.event("bed.left", story.at("06:30"))
    story.event("motion.detected", at_ms - 10_000)
    story.event("door.opened", at_ms - 5_000, role="front_door")
    story.event("door.closed", at_ms, role="front_door")
    return at_ms


def away(story: HomeStory) -> list[tuple[str, int]]:
    """(away or home, when) as told to the pages."""
    told = [*story.noted("away"), *story.noted("home")]
    return sorted(((note.kind, note.at_ms) for note in told), key=lambda one: one[1])


def test_a_closed_door_and_half_an_hour_of_silence_are_out() -> None:
    """Told with since when and by what; R12 counts four hours from the door."""
    story = HomeStory()
    left_ms = goes_out(story, "10:42")
    story.until(left_ms + 5 * HOUR)
    (told,) = story.noted("away")
    assert (told.at_ms, told.reason.code) == (left_ms + 30 * MIN, "away.by_door")
    assert told.reason.args == {"since_ms": left_ms, "at_ms": left_ms + 30 * MIN, "device": "d-front_door"}
    assert [alert.at_ms for alert in story.raised("R12")] == [left_ms + 4 * HOUR]
    assert story.raised("R17") == []
    assert [note.reason.code for note in story.noted("held", "R17")] == ["hold.out"]


def test_who_is_seen_inside_after_the_door_is_at_home() -> None:
    """The door and a room beyond it within five minutes: somebody let a visitor out."""
    story = HomeStory()
    left_ms = goes_out(story, "10:42")
    story.event("motion.detected", left_ms + 5 * MIN, role="bathroom_motion")
    story.until(left_ms + 3 * HOUR)
    assert away(story) == []


def test_motion_in_the_hall_is_the_leaving_only_in_its_first_minute() -> None:
    """A detector beside the door sees who goes, but not two minutes later."""
    leaving, staying = HomeStory(), HomeStory()
    for story, after_ms in ((leaving, 60_000), (staying, 61_000)):
        left_ms = goes_out(story, "10:42")
        story.event("motion.detected", left_ms + after_ms)
        story.until(left_ms + 2 * HOUR)
    assert (len(away(leaving)), len(away(staying))) == (1, 0)


def test_a_single_pulse_asks_for_as_long_a_silence_again() -> None:
    """One pulse twenty minutes after the door: out since the door, known half an hour after the pulse."""
    story = HomeStory()
    left_ms = goes_out(story, "10:42")
    story.event("motion.detected", left_ms + 20 * MIN, role="bathroom_motion")
    story.until(left_ms + 2 * HOUR)
    (told,) = story.noted("away")
    assert (told.at_ms, told.reason.args["since_ms"]) == (left_ms + 50 * MIN, left_ms)


def test_the_pulses_of_an_empty_home_end_nothing() -> None:
    """Three days away with three single pulses a day, in different rooms: away throughout, and no inactivity."""
    story = HomeStory()
    left_ms = goes_out(story, "07:20")
    for hours in range(4, 76, 8):
        role = ("motion", "bathroom_motion", "kitchen_motion")[hours // 8 % 3]
        story.event("motion.detected", left_ms + hours * HOUR, role=role)
    story.until(left_ms + 80 * HOUR)
    assert away(story) == [("away", left_ms + 30 * MIN)]
    assert story.raised("R16") == story.raised("R17") == story.raised("R09") == []


@pytest.mark.parametrize(
    "seen",
    [
        [(0, "motion.detected", "motion"), (5 * MIN, "motion.detected", "bathroom_motion")],
        [(minutes * MIN, "motion.detected", "motion") for minutes in (0, 2, 5)],
        [(5 * MIN, "chair.occupied", "chair")],
        [(5 * MIN, "door.opened", "fridge_door")],
    ],
)  # fmt: skip
def test_proof_of_life_brings_her_home(seen: list[tuple[int, str, str]]) -> None:
    """Two sensors, three pulses of one, or an act: at home from then on, and told."""
    story = HomeStory()
    back_ms = goes_out(story, "10:42") + 2 * HOUR
    for after_ms, name, role in seen:
        story.event(name, back_ms + after_ms, role=role)
    assert away(story)[1:] == [("home", back_ms + 5 * MIN)]


def test_who_falls_on_the_mat_when_she_comes_home_is_watched() -> None:
    """The door alone ends "out", and closing it again is no second leaving: R17 counts from it."""
    story = HomeStory()
    goes_out(story, "10:42")
    home_ms = story.at("13:00")
    story.event("door.opened", home_ms, role="front_door")
    story.event("door.closed", home_ms + 5_000, role="front_door")
    story.until(home_ms + 5 * HOUR)
    assert away(story)[1:] == [("home", home_ms)]
    assert [alert.at_ms for alert in story.raised("R17")] == [home_ms + 5_000 + 4 * HOUR]


def test_who_is_seen_on_the_mat_and_falls_there_is_watched() -> None:
    """She opens the door, the hall sees her, the door falls shut, silence: that is coming home and no leaving."""
    story = HomeStory()
    goes_out(story, "10:42")
    home_ms = story.at("13:00")
    story.event("door.opened", home_ms, role="front_door")
    story.event("motion.detected", home_ms + 5_000)
    story.event("door.closed", home_ms + 11_000, role="front_door")
    story.until(home_ms + 5 * HOUR)
    assert away(story)[1:] == [("home", home_ms)]
    assert [alert.at_ms for alert in story.raised("R17")] == [home_ms + 11_000 + 4 * HOUR]


def test_she_goes_out_again_after_she_came_home() -> None:
    """Home at 13:00, out again at 14:00: the second leaving is known as the first was."""
    story = HomeStory()
    goes_out(story, "10:42")
    goes_out(story, "13:00")
    story.event("motion.detected", story.at("13:02"), role="bathroom_motion")
    left_ms = goes_out(story, "14:00")
    story.until(left_ms + HOUR)
    assert away(story)[-1] == ("away", left_ms + 30 * MIN)


@pytest.mark.parametrize("family", ["bed", "chair"])
def test_a_taken_bed_or_chair_is_nobody_out(family: str) -> None:
    """A visitor goes, she sits or lies where she was: never taken to be out."""
    story = HomeStory()
    story.event(f"{family}.occupied", story.at("10:00"), role=family)
    left_ms = goes_out(story, "10:42")
    story.until(left_ms + 3 * HOUR)
    assert away(story) == []


@pytest.mark.parametrize("setting", [("resident", "r2", {"home": "h1"}), ("home", "h1", {"kind": "care_home"})])
def test_nobody_is_guessed_out_of_a_shared_home(setting: tuple[str, str, dict[str, object]]) -> None:
    """Where two live, or in a care home, a door says nothing of who lies silent inside."""
    story = HomeStory()
    story.set(*setting)
    left_ms = goes_out(story, "10:42")
    story.until(left_ms + 3 * HOUR)
    assert away(story) == []


def test_who_moves_in_ends_a_guess() -> None:
    """It was made of one who lived alone."""
    story = HomeStory()
    left_ms = goes_out(story, "10:42")
    story.until(left_ms + HOUR)
    story.set("resident", "r2", {"home": "h1"}, left_ms + HOUR)
    assert away(story) == [("away", left_ms + 30 * MIN), ("home", left_ms + HOUR)]


@pytest.mark.parametrize("left", ["10:41", "10:43", "10:30"])
def test_the_door_behind_a_visit_is_the_carers(left: str) -> None:
    """They check out before or after they close it: she is not taken to be out."""
    story = HomeStory()
    story.event("staff.arrived", story.at("10:10"), role="hub", tag="s1")
    for clock, name in sorted([(left, "staff.left"), ("10:42", "door")]):
        if name == "door":
            goes_out(story, clock)
        else:
            story.event("staff.left", story.at(clock), role="hub", tag="s1")
    story.until(story.at("13:00"))
    assert away(story) == []


def test_a_broken_way_is_no_silence() -> None:
    """The gateway goes ten minutes after the door: nobody could have seen her."""
    story = HomeStory()
    left_ms = goes_out(story, "10:42")
    story.event("device.offline", left_ms + 10 * MIN, role="gateway")
    story.until(left_ms + 3 * HOUR)
    assert away(story) == []


def test_a_home_without_a_way_out_is_never_empty() -> None:
    """Motion detectors alone: silence is silence."""
    story = HomeStory()
    story.event("motion.detected", story.at("10:42"))
    story.until(story.at("15:00"))
    assert away(story) == []
    assert [alert.at_ms for alert in story.raised("R17")] == [story.at("14:42")]


@pytest.mark.parametrize(("door", "after"), [(False, 60 * MIN), (True, None)])
def test_an_entrance_detector_stands_for_a_door_that_has_no_sensor(*, door: bool, after: int | None) -> None:
    """With twice the patience; where the door has a sensor, the door decides."""
    story = HomeStory()
    story.event("bed.left", story.at("06:30"))
    if door:
        story.set("device", "d-front_door", {"resident": "r1", "role": "front_door", "gateway": "gw-1"})
    seen_ms = story.at("10:42")
    story.event("motion.detected", seen_ms, role="entry_motion")
    story.until(seen_ms + 3 * HOUR)
    assert away(story) == ([] if after is None else [("away", seen_ms + after)])


def test_a_door_that_repeats_how_it_stands_is_no_way_out() -> None:
    """The gateway says every hour that the door is closed; she sits still."""
    story = HomeStory()
    story.event("bed.left", story.at("06:30"))
    story.event("door.closed", story.at("09:00"), role="front_door", state=True)
    story.event("chair.left", story.at("09:10"), role="chair")
    story.event("door.closed", story.at("10:00"), role="front_door", state=True)
    story.until(story.at("12:00"))
    assert away(story) == []


def test_proof_out_of_a_buffer_takes_the_guess_back() -> None:
    """R12 has rung when two sensors of an hour after the door are heard: once settled, it never was so."""
    story = HomeStory()
    left_ms = goes_out(story, "10:42")
    heard_ms = left_ms + 5 * HOUR
    story.event("motion.detected", left_ms + HOUR, heard_ms=heard_ms)
    story.event("motion.detected", left_ms + HOUR + MIN, heard_ms=heard_ms, role="bathroom_motion")
    story.until(heard_ms + SETTLE)
    (alert,) = story.raised("R12")
    assert [clear.retracted for clear in story.cleared() if clear.alert_id == alert.alert_id] == [True]
    assert away(story)[1:] == [("home", heard_ms + SETTLE)]


def test_a_guess_holds_no_rule_but_those_on_silence() -> None:
    """Up at 02:10, the front door at 02:12: R05 rings, 15 min later for the step into the hall, and is never held."""
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    goes_out(story, "02:12")
    story.until(story.at("05:00"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("02:45")]
    assert story.noted("held", "R05") == []
    assert [alert.at_ms for alert in story.raised("R12")] == [story.at("03:12")]


def test_without_r12_nobody_is_taken_to_be_out() -> None:
    """Switched off, or switched off meanwhile: a guess would leave her unwatched, so R17 counts."""
    never, ended = HomeStory(book=without("R12")), HomeStory()
    for story in (never, ended):
        left_ms = goes_out(story, "10:42")
        story.until(left_ms + HOUR)
        story.book(without("R12"), left_ms + HOUR)
        story.until(left_ms + 5 * HOUR)
    assert away(never) == []
    assert away(ended) == [("away", left_ms + 30 * MIN), ("home", left_ms + HOUR)]
    assert [alert.at_ms for alert in never.raised("R17")] == [left_ms + 4 * HOUR]
    assert [alert.at_ms for alert in ended.raised("R17")] == [left_ms + 4 * HOUR]


def test_said_away_says_why_and_waits_for_nobody() -> None:
    """In hospital: told with its reason, and R12 expects nobody home."""
    story = HomeStory()
    story.event("away.started", story.at("09:00"), role="hub", reason="hospital")
    story.until(story.at("20:00"))
    (told,) = story.noted("away")
    assert (told.reason.code, told.reason.args) == ("away.said", {"since_ms": story.at("09:00"), "why": "hospital"})
    assert story.raised("R12") == []
    story.event("away.ended", story.at("20:00"), role="hub")
    assert away(story)[1:] == [("home", story.at("20:00"))]


@pytest.mark.parametrize(("minutes", "staff", "ends"), [(60, False, True), (50, False, False), (60, True, False)])
def test_an_away_that_nobody_ended_ends_after_an_hour_of_life(*, minutes: int, staff: bool, ends: bool) -> None:
    """She is back from hospital; relatives who fetch clothes are not, nor is the carer who waters the flowers."""
    story = HomeStory()
    story.event("away.started", story.at("08:00"), role="hub", reason="hospital")
    if staff:
        story.event("staff.arrived", story.at("12:00"), role="hub", tag="s1")
    for minute in range(0, minutes + 1, 10):
        story.event("motion.detected", story.at("12:00") + minute * MIN)
        story.event("motion.detected", story.at("12:00") + minute * MIN, role="bathroom_motion")
    story.until(story.at("13:30"))
    assert away(story)[1:] == ([("home", story.at("13:00"))] if ends else [])


def test_cut_while_she_is_leaving_and_restored() -> None:
    """The guess is part of the snapshot: the fold that goes on says the same bytes."""
    story = HomeStory()
    left_ms = goes_out(story, "10:42")
    other = HomeFold(BOOK, "solbakken")
    other.restore(story.fold.snapshot())
    assert other.state.homes["h1"].facts.presence.due_ms == left_ms + 30 * MIN
    assert other.next_due_ms() == story.fold.next_due_ms()
    told = story.until(left_ms + 5 * HOUR)
    assert effect_bytes(other.apply(story.inputs[-1])) == effect_bytes(told)
