"""What is known of a home: registers by effective time, settings that come again, and nothing that grows for ever."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.event import RETAINED, TEST
from ingest.record import Setting
from rules.fact_settings import take_setting
from rules.facts import Facts
from tests.support.home_story import HomeStory

HOUR = 3_600_000
MIN = 60_000


def facts(story: HomeStory) -> Facts:
    return story.fold.state.homes["h1"].facts


def test_a_buffered_departure_from_before_the_return_changes_nothing() -> None:
    """Home at 21:00, then we hear of 'went out' at 08:10: she is home, and R16 watches her."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("away.ended", story.at("21:00"))
    story.event("away.started", story.at("08:10"), heard_ms=story.at("21:01"))
    assert facts(story).away_since_ms == {}
    story.until(story.at("22:00"))
    assert len(story.raised("R16")) == 1


def test_where_two_live_somebody_must_say_who_went_out() -> None:
    """A 'nobody home' switch that names nobody holds back nothing for a couple; 'home again' counts for both."""
    story = HomeStory()
    story.set("resident", "r2", {"home": "h1"})
    story.event("away.started", story.at("08:00"), resident=None)
    assert facts(story).away_since_ms == {}
    story.event("away.started", story.at("08:10"), resident="r2")
    assert list(facts(story).away_since_ms) == ["r2"]
    story.event("away.ended", story.at("09:00"), resident=None)
    assert facts(story).away_since_ms == {}


def test_a_staff_hold_needs_somebody() -> None:
    """'Staff arrived' without a tag or actor holds nothing: R05 fires at its time."""
    story = HomeStory()
    story.event("bed.occupied", story.at("23:00", -1))
    story.event("bed.left", story.at("02:10"))
    story.event("staff.arrived", story.at("02:12"))
    story.until(story.at("02:40"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("02:30")]


@pytest.mark.parametrize(("planned", "holds_min"), [(20, 50), (300, 120), (None, 120), (-5, 120)])
def test_a_staff_hold_lasts_the_planned_visit_and_half_an_hour(planned: int | None, holds_min: int) -> None:
    """At most two hours; a visit planned for 20 min holds 50."""
    story = HomeStory()
    content: dict[str, Any] = {} if planned is None else {"planned_minutes": planned}
    story.event("staff.arrived", story.at("10:00"), tag="t1", **content)
    present = facts(story).staff_present
    assert present(story.at("10:00") + holds_min * MIN - 1)
    assert not present(story.at("10:00") + holds_min * MIN)


def test_an_arrival_from_before_the_departure_is_history() -> None:
    """'Left' at 10:30 is heard before 'arrived' at 10:00: nobody is on the spot."""
    story = HomeStory()
    story.event("staff.left", story.at("10:30"), tag="t1")
    story.event("staff.arrived", story.at("10:00"), heard_ms=story.at("10:31"), tag="t1")
    assert not facts(story).staff_present(story.at("10:32"))


def test_what_staff_leave_behind_is_bounded() -> None:
    """A thousand tags in a day leave a few rows, and the last departure is still known."""
    story = HomeStory()
    for index in range(1_000):
        story.event("staff.arrived", story.at("00:00") + index * MIN, tag=f"t{index}")
        if index % 2:
            story.event("staff.left", story.at("00:00") + index * MIN + 30_000, tag=f"t{index}")
    known = facts(story)
    assert len(known.staff) <= 32
    assert len([name for name in known.written_ms if name.startswith("staff/")]) <= 121
    assert known.staff_end_ms == story.at("00:00") + 999 * MIN + 30_000


@pytest.mark.parametrize(
    ("lost", "back"),
    [
        (("battery.level", {"percent": 1}), ("battery.level", {"percent": 90})),
        (("battery.level", {"percent": 1}), ("battery.ok", {})),
        (("battery.level", {"percent": 1}), ("alarm.pressed", {"trigger": "pendant"})),
        (("trigger.out_of_range", {}), ("trigger.in_range", {})),
        (("trigger.out_of_range", {}), ("alarm.pressed", {"trigger": "pendant"})),
        (("accumulator.low", {}), ("mains.restored", {})),
    ],
)
def test_a_device_that_cannot_call_and_can_again(
    lost: tuple[str, dict[str, Any]], back: tuple[str, dict[str, Any]]
) -> None:
    """Each way to lose a pendant has its way back; a press shows by itself that it works."""
    story = HomeStory()
    story.event(lost[0], story.at("10:00"), role="pendant", **lost[1])
    assert facts(story).loss("r1") is not None
    story.event(back[0], story.at("11:00"), role="pendant", **back[1])
    assert facts(story).loss("r1") is None


def test_a_new_battery_does_not_bring_a_pendant_into_range() -> None:
    """Each reason is lifted by its own opposite only."""
    story = HomeStory()
    story.event("trigger.out_of_range", story.at("10:00"), role="pendant")
    story.event("battery.level", story.at("10:01"), role="pendant", percent=100)
    loss = facts(story).loss("r1")
    assert loss is not None
    assert loss.way == "out_of_range"


def test_an_older_press_does_not_prove_the_device_now() -> None:
    """A press of 09:00, heard after 'out of range' at 10:00, lifts nothing."""
    story = HomeStory()
    story.event("trigger.out_of_range", story.at("10:00"), role="pendant")
    story.event("alarm.pressed", story.at("09:00"), heard_ms=story.at("10:05"), trigger="pendant")
    assert facts(story).loss("r1") is not None


def test_a_retained_word_does_not_install_a_device() -> None:
    """What a broker had kept does not prove that the device was ever heard."""
    story = HomeStory()
    story.event("battery.level", story.at("10:00"), role="pendant", quality=(RETAINED,), percent=80)
    assert facts(story).heard == {}


def test_a_test_of_ours_says_nothing_about_the_person() -> None:
    """In a technician's test session a motion is no sign of life; the device is heard all the same."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.event("motion.detected", story.at("15:00"), quality=(TEST,))
    story.until(story.at("20:30"))
    assert [alert.at_ms for alert in story.raised("R16")] == [story.at("20:00")]
    assert facts(story).heard == {"d-motion": story.at("08:00")}


def test_the_same_setting_again_changes_nothing() -> None:
    """A version that comes again (to the homes it hangs on) leaves the bytes of the state as they were."""
    story = HomeStory()
    pause = {"resident": "r1", "from_ms": story.at("10:00"), "until_ms": story.at("12:00")}
    story.set("pause", "p1", pause)
    story.event("motion.detected", story.at("11:00"))
    before = story.fold.snapshot()
    for given in [given for given in story.inputs if given.setting is not None]:
        setting = given.setting
        assert setting is not None
        take_setting(facts(story), setting, story.at("11:00"))
    assert story.fold.snapshot() == before


def test_an_older_version_is_ignored() -> None:
    """Version 1 after version 2 changes nothing."""
    known = Facts("h1")
    assert take_setting(known, Setting("resident/r1", 2, "resident", {"home": "h1", "critical": True}), 0)
    assert not take_setting(known, Setting("resident/r1", 1, "resident", {"home": "h1"}), 0)
    assert known.residents["r1"].critical


def test_who_moves_out_takes_everything_along() -> None:
    """Her devices, measures, plans and pauses go with her, though their own settings did not change."""
    story = HomeStory()
    story.set("plan", "p1", {"resident": "r1", "rule": "R05", "set": {"for": "35 min"}})
    story.event("away.started", story.at("08:00"))
    story.set("resident", "r1", {"home": "h2"})
    for role in ("bed", "pendant"):  # the source fold tells both homes of what hangs on her, in the version that stands
        value = {"resident": "r1", "role": role, "gateway": "gw-1"}
        take_setting(facts(story), Setting(f"device/d-{role}", 1, "device", dict(value)), story.at("09:00"))
    known = facts(story)
    assert (known.residents, known.measures, known.plans, known.away_since_ms) == ({}, {}, {}, {})
    assert sorted(known.devices) == ["d-dispenser", "d-motion"]


def test_pauses_of_the_past_are_forgotten() -> None:
    """After a year of weekly pauses only those of the last weeks are kept, and their versions with them."""
    story = HomeStory()
    for week in range(52):
        start_ms = story.at("10:00", 7 * week)
        story.set("pause", f"p{week}", {"resident": "r1", "from_ms": start_ms, "until_ms": start_ms + HOUR}, start_ms)
    assert len(facts(story).pauses) <= 7
    assert len([name for name in facts(story).versions if name.startswith("pause/")]) <= 7


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("measure", {"resident": "r1", "service": "digital_supervision", "from": "yesterday"}),
        ("plan", {"resident": "r1", "rule": "R05", "set": {}, "until": "2026-13-01"}),
        ("pause", {"resident": "r1", "from_ms": "now", "until_ms": 5}),
    ],
)
def test_a_setting_that_cannot_be_meant_changes_nothing(kind: str, value: dict[str, object]) -> None:
    """A date that is none is refused before anything is written."""
    known = Facts("h1")
    take_setting(known, Setting("resident/r1", 1, "resident", {"home": "h1"}), 0)
    with pytest.raises(ValueError, match=r"isoformat|pause|month"):
        take_setting(known, Setting(f"{kind}/x", 1, kind, value), 0)
    assert (known.measures, known.plans, known.pauses, f"{kind}/x" in known.versions) == ({}, {}, {}, False)


def test_homes_of_unknown_devices_are_forgotten() -> None:
    """Ten thousand addresses that were heard once leave nothing behind after three silent days."""
    import msgspec

    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    given = story.inputs[-1]
    assert given.event is not None
    for index in range(3_000):
        name = f"address:x{index}"
        event = msgspec.structs.replace(
            given.event, event_id=name, address=name, home=name, resident=None, device=None, quality=("unassigned",)
        )
        story.fold.apply(msgspec.structs.replace(given, home=name, event=event))
    assert len(story.fold.state.homes) == 3_001
    story.until(story.at("09:00", 4))
    assert list(story.fold.state.homes) == ["h1"]
