"""Where the buckets of a curve lie."""

from __future__ import annotations

import pytest

from ingest.series import MEAN_MS, Grid, grid
from tests.support.journals import NOON_MS

MINUTE_MS = 60_000
DAY_MS = 1_440 * MINUTE_MS


@pytest.mark.parametrize(
    ("begin_ms", "length_ms", "points", "expected"),
    [
        (NOON_MS + 7, DAY_MS, 600, Grid(NOON_MS + 7, 144_000)),
        (NOON_MS, 7 * DAY_MS, 600, Grid(NOON_MS, 20 * MINUTE_MS)),
        (NOON_MS + 13 * MINUTE_MS, 7 * DAY_MS, 504, Grid(NOON_MS + 10 * MINUTE_MS, 30 * MINUTE_MS)),
        (NOON_MS + 59 * MINUTE_MS, 30 * DAY_MS, 500, Grid(NOON_MS + 50 * MINUTE_MS, 90 * MINUTE_MS)),
        (NOON_MS, 10 * MINUTE_MS - 1, 1, Grid(NOON_MS, 10 * MINUTE_MS - 1)),
        (NOON_MS + 1, 10 * MINUTE_MS, 1, Grid(NOON_MS, 20 * MINUTE_MS)),
    ],
)
def test_table(begin_ms, length_ms, points, expected):
    """Narrow ones begin with the curve; those of ten minutes and more lie on whole ten minutes, and suffice."""
    found = grid(begin_ms, begin_ms + length_ms, points)

    assert found == expected
    assert found.start_ms + points * found.width_ms >= begin_ms + length_ms


def test_none_is_narrower_than_the_finest():
    """Where only means are left, a short curve is made of them."""
    assert grid(NOON_MS + 5, NOON_MS + 30 * MINUTE_MS, 500, MEAN_MS) == Grid(NOON_MS, MEAN_MS)
