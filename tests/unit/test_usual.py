"""Robust statistics in whole numbers: what a median forgives, and what a drift adds up to."""

from __future__ import annotations

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from rules.usual import DRIFT_LIMIT_MILLI, Drift, differs, drifted, usual

values = st.lists(st.integers(-2_000, 2_000), min_size=1, max_size=30)


@given(values)
def test_median_and_mad_are_those_of_the_textbook(some: list[int]) -> None:
    """Twice the median and four times the MAD, to the last digit, and quartiles that are values of the list."""
    found = usual(some)
    middle = median(some)
    assert found.median_2 == 2 * middle
    assert found.mad_4 == 4 * median(abs(value - middle) for value in some)
    assert found.low in some
    assert found.high in some
    assert 2 * found.low <= found.median_2 <= 2 * found.high


@given(values)
def test_order_does_not_matter(some: list[int]) -> None:
    """The same days in another order are as usual."""
    assert usual(some) == usual(sorted(some, reverse=True))


def test_a_week_otherwise_moves_no_median() -> None:
    """Three weeks at 7 and one in hospital food time: 7 is usual, and 9 still differs."""
    known = usual([420] * 21 + [560] * 7)
    assert known.median_2 == 840
    assert differs(known, 540, 60, 3_500)
    assert not differs(known, 479, 60, 3_500)


def test_who_scatters_must_be_further_off() -> None:
    """MAD 20 is a sigma of 29.66: 104 off is over 3.5 of it, 103 is not; on both sides."""
    known = usual([400, 440] * 7)
    assert [differs(known, 420 + off, 60, 3_500) for off in (103, 104, -103, -104)] == [False, True, False, True]


def test_small_differences_that_go_on_are_a_drift() -> None:
    """One and a half sigma a day is no outlier; after six days it is a drift, and only upwards."""
    known, sums = usual([400, 440] * 7), (0, 0)
    days = []
    for day in range(1, 9):
        sums = drifted(sums, known, 420 + 45, 60)
        if max(sums) > DRIFT_LIMIT_MILLI:
            days.append(day)
    assert days[0] == 6
    assert sums[1] == 0


def test_two_strange_days_are_no_drift() -> None:
    """However far off: a sum is not what one day, or two, can fill."""
    known = usual([420] * 14)
    sums: Drift = (0, 0)
    for _ in range(2):
        sums = drifted(sums, known, 5_000, 60)
    assert max(sums) <= DRIFT_LIMIT_MILLI
    assert max(drifted(sums, known, 5_000, 60)) > DRIFT_LIMIT_MILLI


def test_what_is_as_usual_lets_a_drift_fade() -> None:
    """Half a sigma a day is forgotten."""
    assert drifted((1_200, 300), usual([420] * 14), 420, 60) == (700, 0)
