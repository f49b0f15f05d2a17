"""The kind threshold: limits, their hysteresis and debounce, units, re-measurement, severity, time and disorder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rules.book import Book, Match, Rule, with_versions
from rules.book_check import check_book
from rules.effects import Update
from rules.kinds.threshold import REGISTERS_MAX, ThresholdState
from rules.parameters import Written
from tests.support.home_story import HomeStory, retell

MEASURED = Match(types=("measured",), where={"metric": ("temperature",)})
SET: Mapping[str, Written] = {"below": 15, "above": 30, "hysteresis": 1, "unit": "Cel", "for": "60 min"}


def book(**changes: object) -> Book:
    """A book of one rule R34: too cold or too hot for an hour; `changes` are fields or, in lower case, parameters."""
    fields: dict[str, object] = {"enter": (MEASURED,), "self_resolves": True}
    parameters = dict(SET)
    for name, value in changes.items():
        if name in Rule.__struct_fields__:
            fields[name] = value
        else:
            parameters |= {name: value}  # type: ignore[dict-item]  # fields by name
    names = {"nb": "Kaldt", "en": "Cold"}
    # any field by name
    rule = Rule("R34", "threshold", names, "A test.", "P3", set={**parameters}, **fields)  # type: ignore[arg-type]
    return check_book(with_versions(Book((rule,))))


def cold(story: HomeStory, clock: str, value: float, unit: str = "Cel", **more: Any) -> None:
    story.event("measured", story.at(clock), role="climate", metric="temperature", value=value, unit=unit, **more)


def test_it_raises_after_an_hour_past_the_limit_and_not_a_second_before() -> None:
    """14.9 degrees from 12:00 on is told at 13:00:00, with value, limit and since when."""
    story = HomeStory(book=book())
    cold(story, "12:00", 14.9)
    story.until(story.at("12:59:59"))
    assert story.raised() == []
    story.until(story.at("13:00"))
    (alert,) = story.raised()
    assert (alert.rule, alert.priority, alert.at_ms, alert.late_ms) == ("R34", "P3", story.at("13:00"), 0)
    assert alert.reason.code == "threshold.passed"
    assert (alert.reason.args["value"], alert.reason.args["limit"], alert.reason.args["unit"]) == (14.9, 15.0, "Cel")
    assert alert.reason.args["since_ms"] == story.at("12:00")


@pytest.mark.parametrize(("value", "raised"), [(15.0, 0), (14.999, 1), (30.0, 0), (30.001, 1)])
def test_a_value_at_the_limit_does_not_pass_it(value: float, raised: int) -> None:
    """Under 15 and over 30, not at them."""
    story = HomeStory(book=book())
    cold(story, "12:00", value)
    story.until(story.at("14:00"))
    assert len(story.raised()) == raised


def test_separate_limits_to_raise_and_to_clear() -> None:
    """An alert under 15 stands at 15.9 and clears at 16."""
    story = HomeStory(book=book())
    cold(story, "12:00", 14)
    cold(story, "13:10", 15.9)
    assert story.cleared() == []
    cold(story, "13:20", 16)
    (clear,) = story.cleared()
    assert (clear.reason.code, clear.retracted, clear.reason.args["at_ms"]) == (
        "threshold.over", False, story.at("13:20"),
    )  # fmt: skip


def test_between_the_limits_the_next_value_that_passes_decides() -> None:
    """Cold, then 15.5 for an hour raises nothing; the next 14.9 does so at once, for it never was warm between."""
    story = HomeStory(book=book())
    cold(story, "12:00", 14.9)
    cold(story, "12:30", 15.5)
    story.until(story.at("13:30"))
    assert story.raised() == []
    cold(story, "13:40", 14.9)
    assert [alert.at_ms for alert in story.raised()] == [story.at("13:40")]


def test_a_value_that_clears_begins_the_count_anew() -> None:
    """16 degrees after 50 min: the hour begins again with the next cold value."""
    story = HomeStory(book=book())
    cold(story, "12:00", 14)
    cold(story, "12:50", 16)
    cold(story, "12:55", 14)
    story.until(story.at("13:54:59"))
    assert story.raised() == []
    story.until(story.at("13:55"))
    assert len(story.raised()) == 1


def test_from_too_cold_to_too_hot_is_another_run() -> None:
    """Half an hour too cold and half an hour too hot are not an hour of either."""
    story = HomeStory(book=book())
    cold(story, "12:00", 10)
    cold(story, "12:30", 35)
    story.until(story.at("13:29:59"))
    assert story.raised() == []
    story.until(story.at("13:30"))
    assert story.raised()[0].reason.args["side"] == "high"


def test_clearing_has_a_debounce_of_its_own() -> None:
    """With clear_for an alert stands until it has been inside for so long; a relapse keeps it standing."""
    story = HomeStory(book=book(clear_for="10 min"))
    cold(story, "12:00", 14)
    cold(story, "13:10", 17)
    cold(story, "13:15", 14)
    story.until(story.at("13:30"))
    assert story.cleared() == []
    cold(story, "13:40", 17)
    story.until(story.at("13:49:59"))
    assert story.cleared() == []
    story.until(story.at("13:50"))
    assert len(story.cleared()) == 1
    assert len(story.raised()) == 1


def test_a_value_in_another_unit_is_converted() -> None:
    """57 degrees Fahrenheit is 13.9 degrees Celsius; limits may be written in Fahrenheit just as well."""
    story = HomeStory(book=book())
    cold(story, "12:00", 57, "[degF]")
    story.until(story.at("13:00"))
    assert story.raised()[0].reason.args["value"] == 13.889
    other = HomeStory(book=book(below=59, above=86, hysteresis=2, unit="[degF]"))
    cold(other, "12:00", 14.9)
    cold(other, "13:10", 16.0)
    cold(other, "13:11", 16.2)
    assert len(other.raised()) == 1
    assert [clear.at_ms for clear in other.cleared()] == [other.at("13:11")]


def test_a_unit_that_does_not_fit_is_refused_and_told_once() -> None:
    """Kilograms of warmth count for nothing, and a person can find out why."""
    story = HomeStory(book=book())
    cold(story, "12:00", 4, "kg")
    cold(story, "12:10", 4, "kg")
    story.until(story.at("14:00"))
    assert story.raised() == []
    (note,) = story.noted("recorded_only")
    assert (note.reason.code, note.reason.args["unit"]) == ("threshold.unit", "kg")


def test_another_measurement_is_asked_for_before_anybody_is_called() -> None:
    """The first value that passes asks; a good second one ends it, a bad one raises, and so does silence."""
    quick = {"for": "0 s", "remeasure_within": "15 min"}
    fine, bad, silent = (HomeStory(book=book(**quick)) for _ in range(3))
    for story in (fine, bad, silent):
        cold(story, "12:00", 10)
        assert [note.reason.code for note in story.noted("ask_again")] == ["threshold.ask_again"]
        assert story.raised() == []
    cold(fine, "12:05", 20)
    fine.until(fine.at("13:00"))
    assert fine.raised() == []
    cold(bad, "12:05", 10)
    assert [alert.at_ms for alert in bad.raised()] == [bad.at("12:05")]
    silent.until(silent.at("12:14:59"))
    assert silent.raised() == []
    silent.until(silent.at("12:15"))
    assert len(silent.raised()) == 1


def test_a_severe_value_is_more_urgent_at_once_and_later() -> None:
    """Past the severe limit the alert is born P2; one that stands becomes it, once."""
    born = HomeStory(book=book(severe_below=5, severe_to="P2"))
    cold(born, "12:00", 4)
    born.until(born.at("13:00"))
    assert [alert.priority for alert in born.raised()] == ["P2"]
    grown = HomeStory(book=book(severe_below=5, severe_to="P2"))
    cold(grown, "12:00", 14)
    grown.until(grown.at("13:00"))
    for clock in ("13:10", "13:20"):
        cold(grown, clock, 4)
    updates = [effect for effect in grown.effects if isinstance(effect, Update)]
    assert [(each.priority, each.reason.code) for each in updates] == [("P2", "threshold.worse")]
    assert [alert.priority for alert in grown.raised()] == ["P3"]


def test_after_an_alert_it_is_quiet_for_a_while() -> None:
    """again_after: a value that comes and goes raises once a day, not once an hour."""
    story = HomeStory(book=book(again_after="24 h", **{"for": "0 s"}))
    for clock, value in (("12:00", 10), ("12:30", 20), ("13:00", 10), ("13:30", 20), ("14:00", 10)):
        cold(story, clock, value)
    assert [alert.at_ms for alert in story.raised()] == [story.at("12:00")]
    story.until(story.at("12:00", 1))
    assert [alert.at_ms for alert in story.raised()] == [story.at("12:00"), story.at("12:00", 1)]


def test_each_device_counts_for_itself_where_the_rule_says_so() -> None:
    """A cold bathroom and a warm kitchen do not take turns."""
    for each_device, raised in ((True, 1), (False, 0)):
        story = HomeStory(book=book(each_device=each_device))
        for clock in ("12:00", "12:30", "12:59"):
            cold(story, clock, 10)
            story.event("measured", story.at(clock) + 1_000, role="stove", metric="temperature", value=20, unit="Cel")
        story.until(story.at("13:01"))
        assert len(story.raised()) == raised


def test_held_by_a_pause_it_is_looked_at_again_when_that_ends() -> None:
    """What is still too cold when the person is back is told after its time, counted from then."""
    story = HomeStory(book=book(holds=("away",)))
    story.event("away.started", story.at("11:00"))
    cold(story, "12:00", 10)
    story.until(story.at("13:30"))
    assert (len(story.raised()), len(story.noted("held"))) == (0, 1)
    story.event("away.ended", story.at("14:00"))
    story.until(story.at("14:59:59"))
    assert story.raised() == []
    story.until(story.at("15:00"))
    assert len(story.raised()) == 1


def test_a_hold_that_came_and_went_restarts_the_patience() -> None:
    """Staff hold it until 12:30 and never say that they go: the hour counts from then."""
    story = HomeStory(book=book(holds=("staff",)))
    story.event("staff.arrived", story.at("11:50"), role="hub", tag="s1", planned_minutes=10)
    cold(story, "12:00", 10)
    story.until(story.at("15:00"))
    assert [alert.at_ms for alert in story.raised()] == [story.at("13:30")]


def test_an_older_value_changes_nothing() -> None:
    """A buffered warm value from before the cold one is history."""
    story = HomeStory(book=book())
    cold(story, "12:00", 10)
    cold(story, "11:50", 20, heard_ms=story.at("12:30"))
    story.until(story.at("13:00"))
    assert len(story.raised()) == 1


def test_a_late_value_settles_and_a_late_disproof_retracts() -> None:
    """Cold since long, heard now: 30 s for its disproof. One from before it was due takes the alert back."""
    story = HomeStory(book=book())
    cold(story, "12:00", 10, heard_ms=story.at("14:00"))
    story.until(story.at("14:00:29"))
    assert story.raised() == []
    story.until(story.at("14:00:30"))
    assert story.raised()[0].late_ms == 3_630_000
    cold(story, "12:40", 20, heard_ms=story.at("14:05"))
    (clear,) = story.cleared()
    assert (clear.retracted, clear.reason.code) == (True, "threshold.retracted")


def test_what_was_over_before_we_heard_of_it_is_recorded_only() -> None:
    """Cold and warm again, both in one buffer."""
    story = HomeStory(book=book())
    cold(story, "12:00", 10, heard_ms=story.at("14:00"))
    cold(story, "12:20", 20, heard_ms=story.at("14:00:01"))
    story.until(story.at("15:00"))
    assert story.raised() == []
    assert [note.reason.code for note in story.noted("recorded_only")] == ["threshold.over_before_heard"]


def test_other_limits_look_at_what_is_known() -> None:
    """A plan with a higher limit raises over the value that stands; one with a lower limit ends the alert."""
    story = HomeStory(book=book())
    cold(story, "12:00", 17)
    story.set("plan", "p1", {"resident": "r1", "rule": "R34", "set": {"below": 18}}, story.at("12:10"))
    story.until(story.at("13:00"))
    assert [alert.parameters["below"].origin for alert in story.raised()] == ["plan r1"]
    story.set("plan", "p1", None, story.at("14:00"))
    story.until(story.at("14:01"))
    assert len(story.cleared()) == 1


def test_the_same_inputs_twice_give_the_same_bytes_and_the_state_is_bounded() -> None:
    """Retold from the inputs, byte for byte; a device of a hundred addresses does not fill the memory."""
    one = book(each_device=True)
    story = HomeStory(book=one)
    for number in range(100):
        story.event(
            "measured", story.at("12:00") + number, role=f"climate-{number:03d}", metric="temperature", value=10,
            unit="Cel",
        )  # fmt: skip
    state = story.fold.state.homes["h1"].instances["R34/r1"].state
    assert isinstance(state, ThresholdState)
    assert len(state.registers) == REGISTERS_MAX
    story.until(story.at("13:01"))
    assert retell(story.inputs, one) == retell(story.inputs, one)
