"""Severity that grows with time belongs to the kinds: what lasts, of whatever kind, gets its higher priority."""

from __future__ import annotations

from datetime import date

import pytest

from rules.effects import Update
from rules.kinds import KINDS
from rules.parameters import LastingValues
from tests.support.home_story import BOOK, HomeStory, changed

MIN = 60_000
TUESDAY = date(2026, 3, 3)
RULES = {rule.id: rule for rule in BOOK.rules}
MOMENTARY = {"signal", "routine"}

# What begins at 08:00 (a dose was due then, a silence was heard last), and its end, if it has one here.
STORIES: dict[str, list[tuple[str, str, dict[str, object]]]] = {
    "R30": [("08:00", "water.detected", {"role": "water"})],
    "R17": [("08:00", "motion.detected", {})],
    "R07b": [("06:00", "bed.occupied", {})],
    "R34": [("08:00", "measured", {"role": "climate", "metric": "temperature", "value": 12.0, "unit": "Cel"})],
    "R31": [("08:00", "stove.cut_off", {"role": "stove"}), ("08:10", "stove.cut_off", {"role": "stove"}),
            ("08:20", "stove.cut_off", {"role": "stove"})],
    "R22": [("08:00", "dose.due", {"dose_id": "d1"})],
    "R23": [("08:00", "dose.due", {"dose_id": "d1"}), ("08:05", "dose.dispensed", {"dose_id": "d1"}),
            ("08:10", "device.offline", {"role": "dispenser"})],
    "R24": [("08:00", "dose.missed", {"dose_id": "d1"}), ("08:10", "dose.missed", {"dose_id": "d2"})],
    "R57": [("08:00", "dispenser.fault", {"role": "dispenser", "fault": "waiting"})],
    "R26": [("08:00", "dispenser.stock", {"role": "dispenser", "doses_left": 2})],
    "R27": [("08:00", "heartbeat", {"role": "dispenser", "interval_seconds": 900})],
    "R11": [("08:00", "door.opened", {"role": "front_door"})],
    "R13": [("08:00", "zone.left", {"role": "tracker"})],
    "R45": [("08:00", "measured", {"role": "tablet", "metric": "heart_rate", "value": 135, "unit": "/min"})],
    "R46": [("07:59", "measured", {"role": "scale", "metric": "weight", "value": 80, "unit": "kg"}),
            ("08:00", "measured", {"role": "scale", "metric": "weight", "value": 82, "unit": "kg"})],
}  # fmt: skip


def grown(rule_id: str) -> HomeStory:
    """The story under a book in which that rule grows to P1 five hours after its beginning."""
    rule = RULES[rule_id]
    own = {name: value for name, value in rule.set.items() if name != "on"}
    book = changed(rule_id, set={**own, "grow_after": "5 h", "grow_to": "P1"}, kind=rule.kind)
    story = HomeStory(TUESDAY, book=book)
    for service in ("localisation", "home_monitoring"):
        story.set("measure", f"m-{service}", {"resident": "r1", "service": service, "from": "2020-01-01"})
    for clock, type_, fields in STORIES[rule_id]:
        story.event(type_, story.at(clock), **fields)  # type: ignore[arg-type]  # any field by name
    return story


def urgent(story: HomeStory, rule_id: str) -> list[int]:
    ids = {alert.alert_id for alert in story.raised(rule_id)}
    found = [one for one in story.effects if isinstance(one, Update) and one.alert_id in ids and one.priority == "P1"]
    return [one.at_ms for one in found if one.reason.code == "grows"]


@pytest.mark.parametrize("rule_id", STORIES)
def test_what_lasts_grows_once_counted_from_its_beginning(rule_id: str) -> None:
    """Not a millisecond before; later only where it began later than at 08:00, or was told after that."""
    story = grown(rule_id)
    due_ms = story.at("13:00")
    if rule_id == "R07b":
        due_ms = story.at("15:30")  # by half past ten
    if rule_id in ("R26", "R24", "R45", "R46"):
        due_ms = story.raised(rule_id)[0].at_ms + 300 * MIN
    story.until(due_ms - 1)
    assert (len(story.raised(rule_id)), urgent(story, rule_id)) == (1, [])
    story.until(due_ms + 60 * MIN)
    assert urgent(story, rule_id) == [due_ms]


def test_what_is_over_grows_no_more() -> None:
    """Dry at noon: nothing at one."""
    story = grown("R30")
    story.event("water.cleared", story.at("12:00"), role="water")
    story.until(story.at("14:00"))
    assert urgent(story, "R30") == []


def test_every_kind_that_lasts_has_the_parameters() -> None:
    """All but what is over as soon as it is told; and each of them has a story here."""
    lasting = {name for name, kind in KINDS.items() if issubclass(kind.values_type, LastingValues)}
    assert lasting == set(KINDS) - MOMENTARY == {RULES[rule_id].kind for rule_id in STORIES}
