"""When many silent gateways are one outage (alerts/quiet/grouping.py)."""

from __future__ import annotations

import pytest

from alerts.quiet.grouping import MINUTE, NO_ANSWER, SPOKE, VISIT, VISITED, enough, left_to_call, outage_of

AT_MS = 1_772_328_600_000


@pytest.mark.parametrize(("gateways", "needed"), [(2, 3), (10, 3), (16, 4), (20, 4), (21, 5), (300, 5), (0, 3)])
def test_how_many_are_enough(gateways, needed):
    """Five, or a fifth of a small ward, but never fewer than three."""
    assert enough(gateways) == needed


def test_five_within_five_minutes_are_an_outage_and_four_are_not():
    """The window is counted back from the newest loss and leaves out what has been gone for long."""
    down = [(AT_MS + number * MINUTE, f"gw-{number}") for number in range(5)]
    old = (AT_MS - 60 * MINUTE, "gw-old")
    assert outage_of([old, *down], 300) == ("gw-0", "gw-1", "gw-2", "gw-3", "gw-4")
    assert outage_of([old, *down[1:]], 300) == ()
    slow = [(AT_MS + number * 75_000, f"gw-{number}") for number in range(5)]
    assert outage_of(slow, 300) == (), "the first went exactly five minutes before the last"


def test_one_gateway_counts_once():
    """A gateway that serves several homes is one loss."""
    assert outage_of([(AT_MS, "gw-1")] * 7, 300) == ()


def test_who_still_waits_for_a_voice():
    """Critical, still cut off, and neither spoken with nor visited."""
    people = [(True, False, outcome) for outcome in (None, NO_ANSWER, VISIT, SPOKE, VISITED)]
    assert left_to_call(people) == 3
    assert left_to_call([(False, False, None), (True, True, None)]) == 0
