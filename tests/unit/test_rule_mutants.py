"""Mutation of the book: every number is moved, and a number that no rule test holds is found."""

from __future__ import annotations

import pytest

from rules.book_file import shipped_book
from rules.rule_test_file import read_tests
from tests.mutants.hunt import hunt
from tests.mutants.moves import mutants, steps

BOOK = shipped_book()
FIRES = """
R05:
  fires:
    timeline: |
      22:00 bed occupied
      02:10 bed left
    expect: |
      02:30 R05 P2
"""
JUST_BELOW = """
  just below:
    timeline: |
      22:00 bed occupied
      02:10 bed left
      02:29:59 bed occupied
      03:00 wait
"""


@pytest.mark.parametrize(
    ("how", "value", "moved"),
    [
        ("duration", "20 min", ["19 min", "21 min"]),
        ("duration", "0 s", ["1 s"]),
        ("time", "00:00", ["23:59", "00:01"]),
        ("window", "22:00-06:00", ["21:59-06:00", "22:01-06:00", "22:00-05:59", "22:00-06:01"]),
        ("flag", True, [False]),
        ("count", 0, [1]),
        ("number", "36.5", [36.4, 36.6]),
        ("number", 5, [4, 6]),
        ("priority", "P1", ["P2"]),
        ("words", "Model A", []),
    ],
)
def test_a_step_is_one_unit_as_written(how, value, moved):
    """Both directions where they mean something."""
    assert steps(how, value) == moved


def test_every_number_of_a_rule_is_moved():
    """R05: limit, both ends of its window, its flag, prior presence and the time for activity elsewhere."""
    names = [mutant.name for mutant in mutants(BOOK) if mutant.rule == "R05"]

    for start in ("for: 20 min -> 19 min", "window: 22:00-06:00 -> 22:00-06:01", "starts_inside: true -> false",
                  "prior: 10 min -> 11 min", "extend: 15 min -> 14 min"):  # fmt: skip
        assert f"R05 {start}" in names


def test_a_number_that_no_test_holds_survives():
    """A story at the edge notices both steps of the limit; nobody has told one about prior presence."""
    found = hunt(BOOK, read_tests(FIRES + JUST_BELOW, "own.test.yaml", BOOK), ["R05"])

    assert "R05 prior: 10 min -> 11 min" in found.survivors
    assert not [name for name in found.survivors if name.startswith("R05 for:")]


def test_tests_that_fail_as_it_is_show_nothing():
    """A rule whose own tests fail is named, and its mutants are not called noticed."""
    found = hunt(BOOK, read_tests(FIRES.replace("02:30", "02:31"), "own.test.yaml", BOOK), ["R05"])

    assert (found.tried, found.ailing) == (0, ("R05",))
