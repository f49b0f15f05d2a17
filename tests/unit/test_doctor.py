"""What `doctor` makes of what it sees: levels, limits, and what to do."""

from __future__ import annotations

import pytest

from api.doctor.lines import DAY_MS, Level, bad, expiry, ok, text, warn, worst
from api.doctor.machine import clock_line, has_wal_reset_fault


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
        ((4, 0, 0), False),
    ],
)
def test_versions_with_the_wal_reset_fault(version: tuple[int, ...], faulty: bool) -> None:
    """Fixed in 3.51.3 and in the backports 3.50.7 and 3.44.6, and in nothing between them."""
    assert has_wal_reset_fault(version) is faulty


@pytest.mark.parametrize(
    ("days", "level"), [(-1, "bad"), (0, "bad"), (6, "bad"), (7, "warn"), (29, "warn"), (30, "ok"), (800, "ok")]
)
def test_a_certificate_is_told_of_before_it_ends(days: int, level: Level) -> None:
    """A month before it is a warning, a week before it is bad."""
    now_ms = 1_772_370_000_000
    line = expiry("certificate", "the broker's", now_ms + days * DAY_MS, now_ms, "renew it")
    assert line.level == level
    assert bool(line.todo) is (level != "ok")


def test_the_worst_line_decides_and_each_says_what_to_do() -> None:
    """Levels are ordered; what is not ok has a second line with a remedy."""
    lines = [ok("a", "fine"), warn("b", "odd", "look"), bad("c", "broken", "mend")]
    assert [worst(lines[:count]) for count in range(4)] == ["ok", "ok", "warn", "bad"]
    told = list(text(lines))
    assert [line.split()[0] for line in told] == ["ok", "warn", "->", "bad", "->"]


@pytest.mark.parametrize(("known", "level"), [(True, "ok"), (False, "bad"), (None, "warn")])
def test_a_clock_that_nobody_sets_is_bad(known: bool | None, level: Level) -> None:
    """Not synchronised is bad; not knowing is no comfort either."""
    assert clock_line(known).level == level
