"""R52 and "not watched": who cannot call, why, and since when."""

from __future__ import annotations

from typing import Any

import pytest

from rules.effects import Observe
from tests.support.home_story import HomeStory


def heard(story: HomeStory) -> None:
    """The pendant has been heard: it is installed."""
    story.event("battery.level", story.at("07:00"), role="pendant", percent=80)


def told(story: HomeStory) -> list[tuple[str, str]]:
    """(watched or not, reason) in order."""
    kinds = ("watched", "not_watched")
    return [(e.kind, e.reason.code) for e in story.effects if isinstance(e, Observe) and e.kind in kinds]


@pytest.mark.parametrize(
    ("type_", "content", "way"),
    [
        ("battery.level", {"percent": 2}, "trigger_flat"),
        ("trigger.out_of_range", {}, "out_of_range"),
        ("accumulator.low", {}, "accumulator_low"),
        ("device.offline", {}, "device_silent"),
    ],
)
def test_the_alert_says_which_way_is_broken(type_: str, content: dict[str, Any], way: str) -> None:
    """P2 at once, with the way, the device, and since when."""
    story = HomeStory()
    heard(story)
    story.event(type_, story.at("12:00"), role="pendant", **content)
    (alert,) = story.raised("R52")
    assert (alert.priority, alert.at_ms, alert.device, alert.late_ms) == ("P2", story.at("12:00"), "d-pendant", 0)
    assert alert.reason.args["way"] == way
    assert alert.reason.args["since_ms"] == story.at("12:00")
    assert told(story) == [("not_watched", way)]


def test_a_silent_gateway_counts_from_when_it_was_last_heard() -> None:
    """Told at 12:00 of silence since 11:45: the alert comes at 12:00, is not late, and says 11:45."""
    story = HomeStory()
    heard(story)
    story.event("device.offline", story.at("11:45"), heard_ms=story.at("12:00"), role="gateway", quality=("x",))
    (alert,) = story.raised("R52")
    assert (alert.at_ms, alert.late_ms) == (story.at("12:00"), 0)
    assert alert.reason.args == alert.reason.args | {"way": "gateway_silent", "since_ms": story.at("11:45")}


def test_who_has_nothing_to_call_with_loses_nothing() -> None:
    """The pendant was never heard, so it is not yet installed: R52 keeps quiet, the broken way is shown."""
    story = HomeStory()
    story.event("device.offline", story.at("12:00"), role="gateway")
    assert story.raised("R52") == []
    assert told(story) == [("not_watched", "way.broken")]


def test_one_way_left_is_enough() -> None:
    """Flat pendant, but a cord that works: protected. When the cord goes too, one alert names the way lost last."""
    story = HomeStory()
    story.set("device", "d-cord", {"resident": "r1", "role": "cord", "gateway": "gw-1"})
    heard(story)
    story.event("heartbeat", story.at("07:00"), role="cord")
    story.event("battery.level", story.at("12:00"), role="pendant", percent=0)
    assert story.raised("R52") == []
    story.event("device.offline", story.at("13:00"), role="cord")
    assert [alert.reason.args["device"] for alert in story.raised("R52")] == ["d-cord"]
    story.event("battery.level", story.at("14:00"), role="pendant", percent=100)
    assert [clear.retracted for clear in story.cleared("R52")] == [False]


def test_a_new_pendant_restores_protection() -> None:
    """The old one is flat; a new one is registered and heard for the first time: cleared."""
    story = HomeStory()
    heard(story)
    story.event("battery.level", story.at("12:00"), role="pendant", percent=0)
    story.set("device", "d-wrist", {"resident": "r1", "role": "wrist"}, story.at("13:00"))
    assert story.cleared("R52") == []
    story.event("heartbeat", story.at("13:05"), role="wrist")
    assert len(story.cleared("R52")) == 1
    assert told(story)[-1][0] == "watched"


def test_a_pendant_taken_out_of_the_registry_is_no_loss() -> None:
    """She has none any more: that is a decision, not an outage."""
    story = HomeStory()
    heard(story)
    story.event("battery.level", story.at("12:00"), role="pendant", percent=0)
    story.set("device", "d-pendant", None, story.at("13:00"))
    assert len(story.cleared("R52")) == 1


def test_staff_on_the_spot_do_not_hold_it() -> None:
    """A carer who is there will leave again: R52 is told at once."""
    story = HomeStory()
    heard(story)
    story.event("staff.arrived", story.at("11:50"), tag="t1")
    story.event("battery.level", story.at("12:00"), role="pendant", percent=0)
    assert [alert.at_ms for alert in story.raised("R52")] == [story.at("12:00")]


def test_a_lost_feed_is_told_once_and_is_no_r52() -> None:
    """When we hear nothing at all everybody is not watched; nobody is telephoned for that one by one."""
    story = HomeStory()
    heard(story)
    story.event("feed.lost", story.at("12:00"), role="gateway", from_ms=story.at("11:59"))
    story.event("feed.gap", story.at("12:30"), role="gateway", from_ms=story.at("11:59"), to_ms=story.at("12:30"))
    assert story.raised("R52") == []
    assert told(story) == [("not_watched", "way.broken"), ("watched", "way.restored")]


def test_who_moves_away_is_not_shown_as_unwatched_for_ever() -> None:
    """The home's gateway is gone, then she moves out: her line on the list goes with her."""
    story = HomeStory()
    heard(story)
    story.event("device.offline", story.at("12:00"), role="gateway")
    story.set("resident", "r1", {"home": "h2"}, story.at("13:00"))
    assert told(story)[-1][0] == "watched"
    (lost,) = story.raised("R52")
    (clear,) = [clear for clear in story.cleared("R52") if clear.alert_id == lost.alert_id]
    assert (clear.stays, clear.reason.code) == (True, "watch.moved_away")
