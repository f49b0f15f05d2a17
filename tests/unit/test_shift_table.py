"""A shift's table, its end, and who is on duty: pure decisions, instants written out."""

from __future__ import annotations

import pytest

from alerts.routing.escalation import FUNCTION, Target
from alerts.shifts import coverage
from alerts.shifts import shift as shifts
from alerts.shifts.coverage import Gap, Situation
from alerts.shifts.shift import Planned, Shift, ShiftRefused

HOUR = 3_600_000
NOW = 1_772_328_600_000
CHAIN = tuple(Target(FUNCTION, name, name) for name in ("natt-1", "natt-2"))


@pytest.mark.parametrize("event", [one.event for one in shifts.TABLE if one.origin == shifts.ON])
def test_whoever_is_not_on_shift_ends_none(event):
    """Off shift only a check-in is possible; on shift every line of the table is."""
    assert shifts.decide(shifts.ON, event).event == event
    if event != shifts.CHECK_IN:
        with pytest.raises(ShiftRefused, match="not_on_shift"):
            shifts.decide(shifts.OFF, event)


def test_only_a_check_out_asks_for_empty_hands():
    """Own claims refuse it, with their number; whatever ends by itself offers them instead."""
    with pytest.raises(ShiftRefused, match="own_claims") as refused:
        shifts.decide(shifts.ON, shifts.CHECK_OUT, claims=2)
    assert refused.value.args_of_code == {"count": 2}
    ending = [one for one in shifts.TABLE if one.to == shifts.OFF and one.event != shifts.CHECK_OUT]
    assert {shifts.decide(shifts.ON, one.event, claims=2).claims for one in ending} == {shifts.OFFERED}


@pytest.mark.parametrize(
    ("access_ms", "expected"),
    [
        (None, (NOW + HOUR + 900_000, "overdue")),
        (NOW + HOUR, (NOW + HOUR, "access_ended")),
        (NOW + HOUR + 900_000, (NOW + HOUR + 900_000, "access_ended")),
        (NOW + 9 * HOUR, (NOW + HOUR + 900_000, "overdue")),
    ],
)
def test_a_shift_ends_by_itself_a_quarter_late_or_with_the_persons_access(access_ms, expected):
    """15 min after its end, or at the midnight after a temp's last day, whichever is first."""
    assert shifts.due(Shift("s1", "natt-1", NOW, NOW + HOUR, access_ms)) == expected


def test_the_end_is_as_asked_as_planned_or_in_twelve_hours():
    """Never before now, and never more than 16 h away."""
    planned = Planned("s1", "natt-1", NOW - HOUR, NOW + 7 * HOUR)
    assert shifts.end_of(None, planned, NOW) == NOW + 7 * HOUR
    assert shifts.end_of(None, None, NOW) == NOW + 12 * HOUR
    assert shifts.end_of(NOW + 16 * HOUR, planned, NOW) == NOW + 16 * HOUR
    for wrong_ms in (NOW, NOW - 1, NOW + 16 * HOUR + 1):
        with pytest.raises(ShiftRefused, match="bad_end"):
            shifts.end_of(wrong_ms, planned, NOW)


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (Situation(used=False, checks_in=False), {"natt-1": True, "natt-2": True}),
        (Situation(used=True, checks_in=False), {}),
        (Situation(used=True, checks_in=False, planned=frozenset({"natt-2"})), {"natt-2": True}),
        (Situation(used=True, checks_in=True, planned=frozenset({"natt-2"})), {"natt-2": False}),
        (
            Situation(used=True, checks_in=True, attended=frozenset({"natt-2"}), planned=frozenset({"natt-1"})),
            {"natt-1": False, "natt-2": True},
        ),
        (
            Situation(used=False, checks_in=False, silent=frozenset({"natt-1"})),
            {"natt-1": False, "natt-2": True},
        ),
        (
            Situation(used=True, checks_in=True, attended=frozenset({"natt-1"}), silent=frozenset({"natt-1"})),
            {"natt-1": False},
        ),
    ],
)
def test_who_is_on_duty(situation, expected):
    """As today without shifts; by the rota alone where nobody checks in; by check-in else, and a planned empty
    function or a silent phone is rung with the next one.
    """
    assert {one.id: one.reachable for one in coverage.on_duty(CHAIN, situation)} == expected


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        ([], [(0, 10)]),
        ([(0, 10)], []),
        ([(2, 4), (4, 6)], [(0, 2), (6, 10)]),
        ([(3, 5), (1, 8), (2, 3)], [(0, 1), (8, 10)]),
        ([(-5, 1), (9, 20), (30, 40)], [(1, 9)]),
    ],
)
def test_gaps_are_what_no_plan_covers(planned, expected):
    """In order, within the time asked about, touching plans without a gap between them."""
    assert coverage.gaps(planned, 0, 10) == [Gap(*one) for one in expected]
