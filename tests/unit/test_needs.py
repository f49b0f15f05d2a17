"""What a rule needs in a home: applicable where it hangs, not applicable where it does not, and said so."""

from __future__ import annotations

import msgspec
import pytest

from rules.book import Need
from rules.book_check import problems
from rules.explain import explain
from tests.support.home_story import BOOK, HomeStory

R09 = next(rule for rule in BOOK.rules if rule.id == "R09")


def hang(story: HomeStory, name: str, role: str | None, room: str | None, resident: str | None = "r1") -> None:
    """A device is registered, or registered otherwise."""
    told = {"home": "h1", "role": role, "room": room, "resident": resident, "gateway": "gw-1"}
    story.set("device", name, {key: item for key, item in told.items() if item is not None})


def into_the_bathroom(story: HomeStory, clock: str) -> None:
    story.event("motion.detected", story.at(clock), role="motion")
    story.event("motion.detected", story.at(clock) + 60_000, role="bathroom_motion")


@pytest.mark.parametrize(
    ("role", "room", "resident", "fires"),
    [
        ("bathroom_motion", None, "r1", True),
        ("motion", "wc", None, True),
        (None, "bathroom", "r1", True),
        ("switch", "bathroom", "r1", False),
        ("motion", "kitchen", "r1", False),
        ("bathroom_motion", None, "r2", False),
    ],
)
def test_what_hangs_in_the_bathroom_decides(role: str | None, room: str | None, resident: str, fires: bool) -> None:
    """By role or by role and room; a role that nobody wrote down is no reason to be silent; hers or nobody's."""
    story = HomeStory()
    hang(story, "d-bathroom_motion", role, room, resident)
    into_the_bathroom(story, "10:00")
    story.until(story.at("10:40"))
    assert [alert.at_ms for alert in story.raised("R09")] == [story.at("10:31")] * fires


def test_a_sensor_taken_down_ends_the_watch_and_one_hung_begins_it() -> None:
    """Her alert stays for a person; with the sensor back, the next half an hour is told of."""
    story = HomeStory()
    hang(story, "d-bathroom_motion", "bathroom_motion", "bathroom")
    into_the_bathroom(story, "10:00")
    story.until(story.at("10:40"))
    story.set("device", "d-bathroom_motion", None, story.at("10:41"))
    (clear,) = story.cleared("R09")
    assert (clear.reason.code, clear.stays) == ("watch.lacks", True)
    hang(story, "d-bathroom_motion", "bathroom_motion", "bathroom")
    into_the_bathroom(story, "11:00")
    story.until(story.at("11:40"))
    assert [alert.at_ms for alert in story.raised("R09")] == [story.at("10:31"), story.at("11:31")]


def test_the_explanation_names_what_is_missing() -> None:
    """In both languages, before it speaks of measures."""
    story = HomeStory(measure=False)
    into_the_bathroom(story, "10:00")
    found = explain(story.inputs, BOOK, "solbakken", "r1", "R09", story.at("11:00"))
    assert (found.conclusion, [one["en"] for one in found.lacks]) == ("lacks", ["motion in the bathroom"])
    hang(story, "d-bathroom_motion", "bathroom_motion", "bathroom")
    found = explain(story.inputs, BOOK, "solbakken", "r1", "R09", story.at("11:00"))
    assert (found.conclusion, found.lacks) == ("not_watched", ())


@pytest.mark.parametrize(
    ("need", "place"),
    [
        (Need({"nb": "noe"}, roles=("motion",)), ("needs", 0, "what")),
        (Need({"nb": "noe", "en": "something"}, rooms=("bathroom",)), ("needs", 0)),
    ],
)
def test_a_need_without_words_or_roles_is_refused(need: Need, place: tuple[str | int, ...]) -> None:
    """With the place where it stands."""
    assert [where for where, _ in problems(msgspec.structs.replace(R09, needs=(need,)))] == [place]


def test_an_alarm_needs_nothing() -> None:
    """A person's alarm is never "not applicable here"."""
    alarm = next(rule for rule in BOOK.rules if rule.alarm)
    assert [where for where, _ in problems(msgspec.structs.replace(alarm, needs=R09.needs))] == [("alarm",)]
