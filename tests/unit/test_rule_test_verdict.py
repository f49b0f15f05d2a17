"""The judge of rule tests: every way in which a story can come out otherwise is a failure that says so."""

from __future__ import annotations

import pytest

from rules.book_file import shipped_book
from rules.rule_test_file import read_tests
from rules.rule_test_report import as_json, failure, summary
from rules.rule_test_run import judge

BOOK = shipped_book()
NIGHT = "22:00 bed occupied\n02:10 bed left\n02:50 bed occupied\n03:00 wait"


def verdict(expect: str, timeline: str = NIGHT, quiet: str = "[]"):
    text = "R05:\n  a story:\n    quiet: " + quiet + "\n    timeline: |\n"
    text += "".join(f"      {line}\n" for line in timeline.splitlines())
    if expect:
        text += "    expect: |\n" + "".join(f"      {line}\n" for line in expect.splitlines())
    return judge(read_tests(text, "own.test.yaml", BOOK)[0], BOOK)


def test_what_comes_as_expected_passes():
    """The alert, its code, its person, its end."""
    assert verdict("02:30 R05 P2 4.7 r1, cleared 02:50, because dwell.too_long").ok


@pytest.mark.parametrize(
    "expect",
    [
        "",  # it comes and is not expected
        "02:31 R05 P2, cleared 02:50",
        "02:30 R05 P1, cleared 02:50",
        "02:30 R05 P2 4.8, cleared 02:50",
        "02:30 R05 P2 4.7 r2, cleared 02:50",
        "02:30 R05 P2",  # it clears unsaid
        "02:30 R05 P2, cleared 02:51",
        "02:30 R05 P2, retracted 02:50",
        "02:30 R05 P2, cleared 02:50, late 5 min",
        "02:30 R05 P2, cleared 02:50, as a test",
        "02:30 R05 P2, cleared 02:50, never clears",
        "02:30 R05 P2, cleared 02:50, until the end",
        "02:30 R05 P2, cleared 02:50, because dwell.over",
        "02:30 R05 P2, P1 at 02:40, cleared 02:50",
        "02:30 R05 P2, cleared 02:50\n02:40 R05 P2",
        "02:30 R05 P2, cleared 02:50\n02:30 R05 held hold.staff",
    ],
)
def test_what_comes_otherwise_fails(expect):
    """One thing that differs is enough, and the failure shows the story with what came."""
    judged = verdict(expect)

    assert not judged.ok
    told = failure(judged)
    assert "own.test.yaml:2" in told
    assert "  + 02:30 R05 P2 4.7 r1, cleared 02:50" in told or "did not come" in told


def test_others_are_judged_only_where_the_case_says_so():
    """A pendant's alarm is nothing to a story about the bed, unless it wants silence."""
    timeline = f"{NIGHT}\n03:10 alarm pressed"
    expect = "02:30 R05 P2, cleared 02:50"

    assert verdict(expect, timeline).ok
    assert not verdict(expect, timeline, "[R01]").ok
    assert not verdict(expect, timeline, "all").ok


def test_a_hold_that_must_not_be():
    """`no R05 held` fails when it is held."""
    timeline = "22:00 bed occupied\n02:10 bed left\n02:20 staff arrives\n02:40 staff leaves\n03:00 wait"
    expect = "03:00 R05 P2, until the end"

    assert verdict(expect, timeline).ok
    assert not verdict(f"{expect}\nno R05 held", timeline).ok


def test_programs_get_the_same():
    """JSON names file, line, what was expected and what came; the summary counts."""
    judged = verdict("02:31 R05 P2, cleared 02:50")

    told = as_json(judged)
    assert (told["file"], told["line"], told["ok"]) == ("own.test.yaml", 2, False)
    assert told["problems"] == [
        {"at": "02:30", "expected": None, "came": "02:30 R05 P2 4.7 r1, cleared 02:50", "reason": "dwell.too_long"},
        {"at": "02:31", "expected": "02:31 R05 P2, cleared 02:50", "came": None, "reason": None},
    ]
    assert summary([judged]) == "1 rule test, 1 failed"
