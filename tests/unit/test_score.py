"""The kind score: when NEWS2 is told, when it is over, and what an incomplete set may not do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rules.book import Book, Match, Variant, with_versions
from rules.book_check import check_book, problems, set_problems
from rules.effects import Update
from rules.home_fold import HomeFold
from rules.kinds.score import ScoreState
from tests.support.home_story import BOOK, HomeStory, changed, effect_bytes, retell

R45 = next(rule for rule in BOOK.rules if rule.id == "R45")
ON = changed("R45", set={**R45.set, "on": True}, measure=())
UNITS = {"respiration_rate": "/min", "spo2": "%", "oxygen": "L/min", "systolic": "mm[Hg]", "heart_rate": "/min",
         "consciousness": "1", "body_temperature": "Cel"}  # fmt: skip
WELL: dict[str, Any] = {"respiration_rate": 16, "spo2": 97, "oxygen": 0, "systolic": 120, "consciousness": "A",
                        "body_temperature": 37, "heart_rate": 70}  # fmt: skip


def one(story: HomeStory, metric: str, value: object, at_ms: int, **more: Any) -> None:
    story.event("measured", at_ms, role="tablet", metric=metric, value=value, unit=UNITS[metric], **more)


def whole(story: HomeStory, at_ms: int, **values: object) -> None:
    """All seven at one instant; `values` differ from those of who is well."""
    for metric, value in {**WELL, **values}.items():
        one(story, metric, value, at_ms)


def state_of(story: HomeStory) -> ScoreState:
    state = story.fold.state.homes["h1"].instances["R45/r1"].state
    assert isinstance(state, ScoreState)
    return state


def test_an_incomplete_set_does_not_end_an_alert() -> None:
    """A good pulse alone says nothing of the breathing that was too fast; a whole set does."""
    story = HomeStory(book=ON)
    whole(story, story.at("08:00"), respiration_rate=25)
    for metric in ("heart_rate", "spo2", "respiration_rate"):
        one(story, metric, WELL[metric], story.at("12:00"))
    assert (len(story.raised("R45")), story.cleared()) == (1, [])
    whole(story, story.at("18:00"))
    assert [clear.reason.code for clear in story.cleared()] == ["score.over"]


def test_an_incomplete_set_is_nothing_to_have_risen_from() -> None:
    """A part that adds up to 0 is not a score of 0: two points the next hour are no rise."""
    story = HomeStory(book=ON)
    one(story, "heart_rate", 70, story.at("08:00"))
    one(story, "spo2", 97, story.at("08:01"))
    whole(story, story.at("12:00"), respiration_rate=22)
    assert story.raised("R45") == []
    assert state_of(story).history == ((story.at("12:00"), 2),)


def test_it_is_said_when_the_score_is_whole_and_when_it_gets_worse() -> None:
    """Raised at the third point; the whole score follows as an update, and so does "call now"."""
    story = HomeStory(book=ON)
    at_ms = story.at("08:00")
    one(story, "spo2", 91, at_ms)
    for metric, value in WELL.items():
        if metric != "spo2":
            one(story, metric, value, at_ms + 60_000)
    one(story, "respiration_rate", 25, at_ms + 120_000)
    one(story, "heart_rate", 95, at_ms + 180_000)
    told = [effect for effect in story.effects if isinstance(effect, Update)]
    assert [alert.reason.code for alert in story.raised("R45")] == ["score.single_incomplete"]
    assert [(update.reason.code, update.reason.args["score"]) for update in told] == [
        ("score.single", 3),
        ("score.call_now", 7),
    ]
    assert len({update.effect_id for update in told}) == 2


def test_nobody_is_told_of_what_a_bed_counts_all_night() -> None:
    """Pulse and breathing of a bed are no attempt at a score, so nothing is said to be missing."""
    story = HomeStory(book=ON)
    for hour in range(6):
        one(story, "heart_rate", 60, story.at(f"0{hour}:00"))
        one(story, "respiration_rate", 14, story.at(f"0{hour}:00"))
    story.until(story.at("12:00"))
    assert story.noted("recorded_only", "R45") == []


def test_readings_heard_in_the_wrong_order() -> None:
    """The newest by its own time counts; an older one that comes later changes nothing."""
    story = HomeStory(book=ON)
    one(story, "spo2", 97, story.at("08:00"))
    one(story, "spo2", 85, story.at("07:50"), heard_ms=story.at("08:10"))
    story.until(story.at("09:00"))
    assert story.raised("R45") == []


def test_what_a_broker_kept_without_a_time_is_no_reading() -> None:
    """Nobody knows when it was measured."""
    story = HomeStory(book=ON)
    event = HomeStory(book=ON)
    event.event("measured", event.at("08:00"), role="tablet", metric="spo2", value=80, unit="%", quality=("retained",))
    given = msgspec.structs.replace(event.inputs[-1])
    assert given.event is not None
    story.give(msgspec.structs.replace(given, event=msgspec.structs.replace(given.event, observed_at_ms=None)))
    story.until(story.at("09:00"))
    assert story.raised("R45") == []


def test_a_year_of_scores_keeps_little() -> None:
    """Only totals that may be the lowest of their day are kept: never more than there are different ones."""
    story = HomeStory(book=ON)
    for hour in range(0, 24 * 20, 2):
        whole(story, story.at("00:00") + hour * 3_600_000, heart_rate=70 + (hour * 7) % 60)
    history = state_of(story).history
    assert 0 < len(history) < 6
    assert [total for _, total in history] == sorted({total for _, total in history})


def test_cut_and_restored_anywhere_it_says_the_same() -> None:
    """Snapshots between any two readings change no byte of what is told."""
    story = HomeStory(book=ON)
    whole(story, story.at("08:00"))
    whole(story, story.at("10:00"), respiration_rate=22, spo2=94)
    whole(story, story.at("12:00"), respiration_rate=26)
    whole(story, story.at("20:00"))
    expected = effect_bytes(story.effects)
    assert retell(story.inputs, ON) == expected
    for cut in range(0, len(story.inputs), 3):
        first, second = HomeFold(ON, "solbakken"), HomeFold(ON, "solbakken")
        effects = [effect for given in story.inputs[:cut] for effect in first.apply(given)]
        second.restore(first.snapshot())
        effects += [effect for given in story.inputs[cut:] for effect in second.apply(given)]
        assert effect_bytes(effects) == expected


@pytest.mark.parametrize(
    "change",
    [{"priority": "P1"}, {"variants": (Variant(Match(), priority="P1"),)}, {"set": {"severe_to": "P1"}}],
)
def test_a_score_is_never_p1(change: dict[str, Any]) -> None:
    """Neither rule, variant nor parameter can make an alarm of it, whoever writes the book or the plan."""
    rule = msgspec.structs.replace(R45, **change)
    said = [message for _, message in problems(rule)]
    assert said == ["P1 is too urgent for kind score; P2 at most"]
    with pytest.raises(ValueError, match="too urgent"):
        check_book(with_versions(Book((rule,))))
    assert [name for name, _ in set_problems(R45, {"severe_to": "P1"})] == ["severe_to"]
