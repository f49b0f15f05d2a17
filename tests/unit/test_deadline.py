"""Deadline: by a local time of day, or by a time that an event names."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from ingest.event import RETAINED
from rules.book import Book, Match, Rule, with_versions
from tests.support.home_story import HomeStory

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
UP, IN_BED = (Match(types=("bed.left",)),), (Match(types=("bed.occupied",)),)
HOLDS = ("staff", "away", "pause", "gateway")


def book(leave: tuple[Match, ...] = UP, enter: tuple[Match, ...] = (), **values: Any) -> Book:
    """One rule, R91, of kind deadline, under the measure of the story."""
    rule = Rule(
        "R91", "deadline", {"nb": "Innen", "en": "By"}, "For tests.", "P3", enter=enter, leave=leave, holds=HOLDS,
        measure=("digital_supervision",), self_resolves=True, set=values,
    )  # fmt: skip
    return with_versions(Book((rule,)))


def by_id(**values: Any) -> Book:
    """One rule, R92, of kind deadline on visits."""
    rule = Rule(
        "R92", "deadline", {"nb": "Besøk", "en": "Visit"}, "For tests.", "P2", holds=("staff",), self_resolves=True,
        enter=(Match(types=("visit.planned",)),), at_once=(Match(types=("visit.missed",)),),
        leave=(Match(types=("visit.started", "visit.skipped")),), set=values,
    )  # fmt: skip
    return with_versions(Book((rule,)))


def told(story: HomeStory) -> list[int]:
    return [alert.at_ms for alert in story.raised()]


def known(story: HomeStory, days: int = -1) -> None:
    """The bed is heard once before, so that it counts as installed."""
    story.event("bed.occupied", story.at("22:00", days))
    story.event("bed.left", story.at("23:00", days))


@pytest.mark.parametrize(("clock", "alerts"), [("10:29:59", 0), ("10:30", 1), ("10:31", 1)])
def test_by_a_local_time(clock: str, alerts: int) -> None:
    """Not up by 10:30: told at 10:30 exactly; who is up a second before is not missed."""
    story = HomeStory(book=book(by="10:30", counts_from="05:00"))
    known(story)
    story.event("bed.left", story.at(clock))
    assert told(story) == [story.at("10:30")] * alerts


def test_up_before_it_counts_is_not_up_by_then() -> None:
    """Up at 04:59 counts for nothing where the morning begins at 05:00; at 05:00 it does."""
    for clock, alerts in (("04:59", 1), ("05:00", 0)):
        story = HomeStory(book=book(by="10:30", counts_from="05:00"))
        known(story)
        story.event("bed.left", story.at(clock))
        story.until(story.at("12:00"))
        assert len(told(story)) == alerts


@pytest.mark.parametrize(("bed", "alerts"), [("bed.left", 0), ("bed.occupied", 1)])
def test_with_an_enter_it_looks_at_a_state(bed: str, alerts: int) -> None:
    """Who has been up since yesterday is up; who went to bed and lies there is not."""
    story = HomeStory(book=book(enter=IN_BED, by="10:30", counts_from="05:00"))
    known(story, -2)
    story.event("bed.occupied", story.at("21:00", -1))
    story.event(bed, story.at("22:00", -1))
    story.until(story.at("12:00"))
    assert len(told(story)) == alerts


def test_up_for_a_while_and_back_in_bed_was_up() -> None:
    """Up 08:00 to 09:00 and in bed at 10:30: the state ended, but she was up."""
    story = HomeStory(book=book(enter=IN_BED, by="10:30", counts_from="05:00"))
    known(story)
    story.event("bed.occupied", story.at("01:00"))
    story.event("bed.left", story.at("08:00"))
    story.event("bed.occupied", story.at("09:00"))
    story.until(story.at("12:00"))
    assert told(story) == []


def test_over_midnight_belongs_to_the_date_of_its_limit() -> None:
    """Not in bed by 01:00, counted from 18:00: once a night, with grace."""
    story = HomeStory(book=book(leave=IN_BED, by="01:00", counts_from="18:00", grace="15 min"))
    story.event("bed.occupied", story.at("22:00", -1))
    story.event("bed.left", story.at("23:00", -1))
    story.until(story.at("12:00", 1))
    assert told(story) == [story.at("01:15", 1)]
    assert [alert.episode for alert in story.raised()] == ["2026-03-02/01:00"]


def test_several_times_a_day_each_count_from_the_one_before() -> None:
    """By 08:00 and 20:00 with an hour each: what was done at 07:30 is not the evening's."""
    story = HomeStory(book=book(by="08:00, 20:00", grace="60 min"))
    known(story)
    story.event("bed.left", story.at("07:30"))
    story.event("bed.left", story.at("09:00", 1))
    story.until(story.at("12:00", 1))
    assert told(story) == [story.at("21:00"), story.at("09:00", 1)]


def test_the_next_takes_the_place_of_the_one_before() -> None:
    """Not up by 10:30 for two days: the first alert is over when the second begins; one is open at a time."""
    story = HomeStory(book=book(by="10:30", counts_from="05:00"))
    known(story)
    story.until(story.at("12:00", 1))
    first, second = story.raised()
    assert [(clear.alert_id, clear.at_ms, clear.retracted) for clear in story.cleared()] == [
        (first.alert_id, second.at_ms, False)
    ]
    story.event("bed.left", story.at("12:30", 1))
    assert story.cleared()[-1].alert_id == second.alert_id


def test_only_on_its_weekdays() -> None:
    """Mondays and Thursdays, each from the one before; the first Monday counts from before the watch."""
    story = HomeStory(book=book(by="08:00", days="mon, thu"))
    known(story)
    story.until(story.at("23:00", 12))
    assert told(story) == [story.at("08:00", days) for days in (4, 8, 11)]


def test_nobody_is_missed_whose_sensor_was_never_heard() -> None:
    """No bed in the home: no alert; a plan of her own that says when counts all the same."""
    story = HomeStory(book=book(by="10:30", counts_from="05:00"))
    story.until(story.at("12:00", 2))
    assert told(story) == []
    story.set("plan", "p1", {"resident": "r1", "rule": "R91", "set": {"by": "09:00"}}, story.at("12:00", 2))
    story.until(story.at("12:00", 4))
    assert told(story) == [story.at("09:00", 3), story.at("09:00", 4)]


def test_what_began_before_the_watch_is_left_out() -> None:
    """The measure begins at 09:00: the morning that counts from 05:00 is not judged, the next one is."""
    story = HomeStory(measure=False, book=book(by="10:30", counts_from="05:00"))
    known(story)
    measure = {"resident": "r1", "service": "digital_supervision", "from": "2020-01-01"}
    story.set("measure", "m1", measure, story.at("09:00"))
    story.event("bed.occupied", story.at("09:05"))
    story.event("bed.left", story.at("12:00"))
    story.until(story.at("12:00", 1))
    assert told(story) == [story.at("10:30", 1)]


def test_done_in_time_but_heard_late_retracts_the_deadline() -> None:
    """Up at 10:00, heard at 11:00: retracted; up at 10:45 only: over, a little late."""
    for at, retracted in (("10:00", True), ("10:45", False)):
        story = HomeStory(book=book(by="10:30", counts_from="05:00"))
        known(story)
        story.event("bed.left", story.at(at), heard_ms=story.at("11:00"))
        assert [clear.retracted for clear in story.cleared()] == [retracted]


def test_a_retained_word_without_a_time_is_nothing_done() -> None:
    """What a broker had kept, with no time of its own, satisfies nothing."""
    story = HomeStory(book=book(by="10:30", counts_from="05:00"))
    known(story)
    kept = {"received_at_ms": story.at("09:00"), "effective_at_ms": story.at("09:00"), "observed_at_ms": None}
    story.give(_replaced(story, quality=(RETAINED,), **kept))
    story.until(story.at("12:00"))
    assert len(told(story)) == 1


def _replaced(story: HomeStory, **fields: Any) -> Any:
    last = story.inputs[-1]
    assert last.event is not None
    event = msgspec.structs.replace(last.event, event_id="kept", **fields)
    return msgspec.structs.replace(last, received_at_ms=fields["received_at_ms"], event=event)


@pytest.mark.parametrize(("by", "day", "hours"), [("02:30", SPRING, 2), ("03:00", AUTUMN, 4)])
def test_by_a_time_of_the_clock_change_night(by: str, day: date, hours: int) -> None:
    """02:30 is skipped in spring: the instant of the change; 03:00 in autumn is four hours after midnight."""
    story = HomeStory(day, book=book(by=by, counts_from="00:00"))
    known(story)
    story.until(story.at("12:00"))
    assert told(story) == [story.at("00:00") + hours * 3_600_000]


def test_a_plan_moves_the_deadline_of_today() -> None:
    """The plan in force when it falls due counts, and so does what she did before it was made."""
    for up, alerts in ((True, 0), (False, 1)):
        story = HomeStory(book=book(by="10:30", counts_from="05:00"))
        known(story)
        if up:
            story.event("bed.left", story.at("07:00"))
        story.set("plan", "p1", {"resident": "r1", "rule": "R91", "set": {"by": "11:30"}}, story.at("10:00"))
        story.until(story.at("12:00"))
        assert told(story) == [story.at("11:30")] * alerts


def test_a_broken_way_is_asked_again_after_the_buffer() -> None:
    """The feed is down at 10:30; back at 11:00 it settles for 30 s: what the buffer says counts."""
    for up, alerts in ((True, 0), (False, 1)):
        story = HomeStory(book=book(by="10:30", counts_from="05:00"))
        known(story)
        story.event("feed.lost", story.at("09:00"), role="gateway", from_ms=story.at("09:00"))
        story.event("feed.gap", story.at("11:00"), role="gateway", from_ms=story.at("09:00"), to_ms=story.at("11:00"))
        if up:
            story.event("bed.left", story.at("09:30"), heard_ms=story.at("11:00:10"))
        story.until(story.at("12:00"))
        assert told(story) == [story.at("11:00:30")] * alerts


@pytest.mark.parametrize(("hold", "again"), [("staff", 1), ("away", 0)])
def test_held_by_staff_is_asked_again_and_away_is_not(hold: str, again: int) -> None:
    """Staff on the spot at 10:30 are asked again when they leave; who is away has missed nothing."""
    begins, ends = {"staff": ("staff.arrived", "staff.left"), "away": ("away.started", "away.ended")}[hold]
    story = HomeStory(book=book(by="10:30", counts_from="05:00"))
    known(story)
    story.event(begins, story.at("10:20"), tag="t1")
    story.event(ends, story.at("10:40"), tag="t1")
    story.until(story.at("12:00"))
    assert told(story) == [story.at("10:40")] * again
    assert [note.reason.code for note in story.noted("held")] == [f"hold.{hold}"]


def planned(story: HomeStory, clock: str = "14:00", **content: Any) -> None:
    story.event("visit.planned", story.at("12:00"), visit_id="v1", planned_at_ms=story.at(clock), **content)


@pytest.mark.parametrize(("clock", "alerts"), [("14:14:59", 0), ("14:15", 1)])
def test_by_an_id_and_the_time_it_names(clock: str, alerts: int) -> None:
    """A visit planned for 14:00 with 15 min: late from 14:15 exactly."""
    story = HomeStory(book=by_id(grace="15 min"))
    planned(story)
    story.event("visit.started", story.at(clock), visit_id="v1")
    assert told(story) == [story.at("14:15")] * alerts


def test_another_visit_satisfies_nothing() -> None:
    """What was planned is told by its id."""
    story = HomeStory(book=by_id(grace="15 min"))
    planned(story)
    story.event("visit.started", story.at("14:05"), visit_id="v2")
    story.until(story.at("15:00"))
    assert [alert.episode for alert in story.raised()] == ["v1"]


def test_a_word_that_it_was_missed_waits_for_nothing() -> None:
    """Missed at 14:05: told at once, once."""
    story = HomeStory(book=by_id(grace="15 min"))
    planned(story)
    story.event("visit.missed", story.at("14:05"), visit_id="v1", finding="no_view")
    story.until(story.at("15:00"))
    assert told(story) == [story.at("14:05")]
    assert story.raised()[0].reason.code == "deadline.device_says_missed"


def test_word_of_an_old_visit_is_recorded_only() -> None:
    """Heard of three days later: nobody should do anything now."""
    story = HomeStory(book=by_id(grace="15 min"))
    story.event("visit.missed", story.at("14:00"), heard_ms=story.at("15:00", 3), visit_id="v1")
    story.until(story.at("18:00", 3))
    assert told(story) == []
    assert [note.reason.code for note in story.noted("recorded_only")] == ["deadline.too_old"]


def test_a_visit_planned_in_2070_is_not_waited_for() -> None:
    """A time further off than a week is a wrong clock: it counts from when it was said."""
    story = HomeStory(book=by_id(grace="15 min"))
    story.event("visit.planned", story.at("12:00"), visit_id="v1", planned_at_ms=3_155_760_000_000)
    story.until(story.at("13:00"))
    assert told(story) == [story.at("12:15")]
