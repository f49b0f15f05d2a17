"""What holds a rule back and when it lets go: staff on the spot, pauses by class, each link of the way to a person."""

from __future__ import annotations

from typing import Any

import pytest

from rules.effects import Observe
from tests.support.home_story import HomeStory

MIN = 60_000
HOUR = 60 * MIN

LINKS = {
    "gateway": (("device.offline", "gateway"), ("device.online", "gateway"), "hold.way", "way.broken"),
    "feed": (("feed.lost", "gateway"), ("feed.gap", "gateway"), "hold.way", "way.broken"),
    "sensors": (("device.offline", "motion"), ("device.online", "motion"), "hold.sensors", "way.sensors_silent"),
}
"""Link of the way -> how its end and its return are told, what holds R16, and why she is not watched."""


def watching(story: HomeStory) -> list[tuple[str, str]]:
    """(kind, code) of each word on whether she is watched."""
    told = [one for one in story.effects if isinstance(one, Observe) and one.kind in ("not_watched", "watched")]
    return [(one.kind, one.reason.code) for one in told]


@pytest.mark.parametrize("link", LINKS)
def test_while_a_link_is_broken_silence_is_not_hers(link: str) -> None:
    """Neither inactive nor forgotten: held, shown as not watched, and half an hour of patience after it is whole."""
    gone, back, hold, why = LINKS[link]
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event(gone[0], story.at("09:00"), role=gone[1])
    story.until(story.at("22:59"))
    assert story.raised("R16") == story.raised("R17") == []
    assert [note.reason.code for note in story.noted("held", "R16")] == [hold]
    story.event(back[0], story.at("23:00"), role=back[1])
    story.until(story.at("23:40"))
    assert watching(story) == [("not_watched", why), ("watched", "way.restored")]
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("23:30")]


@pytest.mark.parametrize("link", LINKS)
def test_what_happened_meanwhile_is_settled_when_the_buffer_arrives(link: str) -> None:
    """She sat down at 21:00 while nobody heard it: twelve hours count from there."""
    gone, back, _, _ = LINKS[link]
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event(gone[0], story.at("09:00"), role=gone[1])
    story.event(back[0], story.at("23:00"), role=back[1])
    story.event("chair.occupied", story.at("21:00"), heard_ms=story.at("23:00:05"), role="chair")
    story.until(story.at("10:00", 1))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("09:00", 1)]


def test_one_sensor_that_lives_is_enough_to_watch() -> None:
    """The hall's detector is dead, the bathroom's is not: silence is hers."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("motion.detected", story.at("08:01"), role="bathroom_motion")
    story.event("device.offline", story.at("09:00"), role="motion")
    story.until(story.at("21:00"))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("20:01")]
    assert watching(story) == []


@pytest.mark.parametrize(
    ("name", "content", "holds"),
    [
        ("staff.arrived", {"tag": "s1"}, True),
        ("staff.arrived", {}, False),
        ("lock.unlocked", {"actor": "staff:s1"}, True),
        ("lock.unlocked", {"actor": "r1"}, False),
        ("lock.unlocked", {}, False),
        ("key.taken", {"actor": "s1"}, True),
        ("visit.started", {"visit_id": "v1", "mode": "physical"}, True),
        ("visit.started", {"visit_id": "v1", "mode": "camera"}, False),
        ("visit.started", {"visit_id": "v1"}, False),
    ],
)
def test_staff_on_the_spot_need_a_name(*, name: str, content: dict[str, Any], holds: bool) -> None:
    """A tag, a lock they open, a visit in person; a resident's key, a camera and a nameless door are nobody."""
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.event(name, story.at("02:15"), role="lock", **content)
    story.until(story.at("02:40"))
    assert [bool(story.noted("held", "R05")), bool(story.raised("R05"))] == [holds, not holds]


@pytest.mark.parametrize(
    ("left", "content"),
    [
        ("staff.left", {"tag": "s1"}),
        ("key.returned", {"actor": "s1"}),
        ("visit.ended", {"visit_id": "v1", "mode": "physical"}),
    ],
)
def test_the_end_of_a_visit_asks_the_rule_again(left: str, content: dict[str, Any]) -> None:
    """Up all the time they were there: the limit counts from when they left."""
    begun = {"staff.left": "staff.arrived", "key.returned": "key.taken", "visit.ended": "visit.started"}[left]
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.event(begun, story.at("02:15"), role="lock", **content)
    story.event(left, story.at("03:00"), role="lock", **content)
    story.until(story.at("04:00"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("03:20")]


@pytest.mark.parametrize(
    ("named", "paused"),
    [
        ([], {"R05", "R07b"}),
        (["bed"], {"R05", "R07b"}),
        (["R07"], {"R07b"}),
        (["R05"], {"R05"}),
        (["behaviour"], {"R05", "R07b"}),
        (["activity"], set()),
        (["doors", "medication"], set()),
    ],
)
def test_a_pause_names_rules_or_classes_and_ends_by_itself(named: list[str], paused: set[str]) -> None:
    """Up at night, then in bed till noon, under a pause: what it names is held till its end, the rest is not."""
    story = HomeStory()
    pause = {"resident": "r1", "from_ms": story.at("00:00"), "until_ms": story.at("11:00", 1), "rules": named}
    story.set("pause", "p1", pause)
    story.event("bed.occupied", story.at("00:05", 1))
    story.event("bed.left", story.at("02:10", 1))
    story.event("alarm.pressed", story.at("02:20", 1), trigger="pendant")
    story.event("bed.occupied", story.at("05:00", 1))
    story.until(story.at("10:45", 1))
    assert {rule for rule in ("R05", "R07b") if story.noted("held", rule)} == paused
    assert {rule for rule in ("R05", "R07b") if story.raised(rule)} == {"R05", "R07b"} - paused
    assert [alert.rule for alert in story.raised("R01")] == ["R01"]
    story.event("bed.left", story.at("22:30", 1))
    story.until(story.at("23:00", 1))
    assert [alert.at_ms for alert in story.raised("R05")][-1] == story.at("22:50", 1)
