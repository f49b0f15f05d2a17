"""Which alerts are one incident, and which presses are one call."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.incidents.incident import Opening, incident_key, may_merge, merges, queue_rank

KARI_FALL = Opening("a1", "h1", "P1", resident="r1", trigger="fall", alarm=True)


@pytest.mark.parametrize(
    "other",
    [
        Opening("a2", "h1", "P1", resident="r1", trigger="pendant", alarm=True),
        Opening("a2", "h1", "P2", resident="r1"),
        Opening("a2", "h9", "P3", resident="r1"),
    ],
)
def test_open_care_alerts_of_one_person_are_one_incident(other):
    """Fall, press and bed of one person are handled as one, wherever they come from."""
    assert incident_key(other) == incident_key(KARI_FALL)


@pytest.mark.parametrize(
    "other",
    [
        Opening("a2", "h1", "P1", resident="r2", trigger="fall", alarm=True),  # her husband
        Opening("a2", "h1", "P1", resident="r1", trigger="fall", alarm=True, staff_alarm=True),  # R53
        Opening("a2", "h1", "P1", resident="r1", trigger="fall", alarm=True, test=True),
        Opening("a2", "h1", "P4", resident="r1"),  # a flat battery is not her care
        Opening("a2", "h1", "P1", trigger="fall", alarm=True),  # nobody knows whose it is
    ],
)
def test_others_staff_tests_and_technical_things_stand_apart(other):
    """Never across people; R53 always alone; technical alerts are no part of a person's incident."""
    assert incident_key(other) != incident_key(KARI_FALL)


def test_triggers_of_a_shared_home_are_never_one_incident():
    """Two cords of a home without known residents may be two people."""
    one, two = (Opening(f"a{n}", "h1", "P1", trigger=f"cord-{n}", alarm=True) for n in (1, 2))

    assert incident_key(one) != incident_key(two)
    assert incident_key(one) == incident_key(Opening("a3", "h1", "P1", trigger="cord-1", alarm=True))


def test_two_alerts_of_a_thing_are_two_incidents():
    """What has no person is handled one by one."""
    assert incident_key(Opening("a1", "h1", "P4")) != incident_key(Opening("a2", "h1", "P4"))


@pytest.mark.parametrize(
    ("opening", "may"),
    [
        (KARI_FALL, True),
        (Opening("a", "h", "P1", resident="r1", alarm=True), False),  # no trigger: cannot be known to be the same
        (Opening("a", "h", "P2", resident="r1", trigger="t"), False),
        (Opening("a", "h", "P1", resident="r1", trigger="t", alarm=True, staff_alarm=True), False),
        (Opening("a", "h", "P1", resident="r1", trigger="t", alarm=True, test=True), False),
    ],
)
def test_only_alarms_of_a_known_trigger_can_be_further_presses(opening, may):
    """Staff's own alarm and tests never disappear in somebody's press."""
    assert may_merge(opening) is may


@pytest.mark.parametrize(
    ("unattended", "gap_ms", "same"),
    [(False, 0, True), (False, 10**9, True), (True, 120_000, True), (True, 120_001, False), (True, -120_000, True)],
)
def test_presses_merge_while_the_alarm_is_open_or_within_two_minutes_where_nobody_acts(unattended, gap_ms, same):
    """Attended, an open alarm takes every further press; in a replay only those of the next 120 s."""
    assert merges(unattended=unattended, last_press_ms=10**12, press_ms=10**12 + gap_ms) is same


def test_the_queue_begins_with_alarms_nobody_has():
    """Alarms nobody has, then by priority and age; what is taken moves down, whatever its priority."""
    rows: list[tuple[str, dict[str, Any]]] = [
        ("taken P1", {"priority": "P1", "alarm": True, "held": True, "opened_ms": 1}),
        ("old P3", {"priority": "P3", "alarm": False, "held": False, "opened_ms": 1}),
        ("new P2", {"priority": "P2", "alarm": False, "held": False, "opened_ms": 9}),
        ("old P2", {"priority": "P2", "alarm": False, "held": False, "opened_ms": 2}),
        ("new alarm", {"priority": "P1", "alarm": True, "held": False, "opened_ms": 8}),
        ("old alarm", {"priority": "P1", "alarm": True, "held": False, "opened_ms": 7}),
    ]
    ordered = [name for name, row in sorted(rows, key=lambda item: queue_rank(**item[1]))]

    assert ordered == ["old alarm", "new alarm", "old P2", "new P2", "old P3", "taken P1"]
