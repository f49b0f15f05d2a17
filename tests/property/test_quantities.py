"""Durations and windows as people write them: whatever is formatted is read back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.quantities import (
    DURATION_MAX_MS,
    format_duration,
    format_window,
    parse_clock_min,
    parse_duration_ms,
    parse_window,
)

minutes = st.integers(0, 1_439)


written = st.one_of(
    st.integers(0, 999_999_999),
    *(st.integers(0, DURATION_MAX_MS // unit).map(unit.__mul__) for unit in (1_000, 60_000, 3_600_000, 86_400_000)),
)


@given(written)
def test_a_duration_is_read_back(duration_ms: int) -> None:
    """Any duration, written the shortest way, means the same again."""
    assert parse_duration_ms(format_duration(duration_ms)) == duration_ms


@given(minutes, minutes)
def test_a_window_is_read_back(start_min: int, end_min: int) -> None:
    """Any window that is not empty means the same again; an empty one is refused."""
    window = (start_min, end_min)
    if start_min == end_min:
        with pytest.raises(ValueError, match="empty"):
            parse_window(format_window(window))
    else:
        assert parse_window(format_window(window)) == window


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("35 min", 2_100_000),
        ("90s", 90_000),
        ("12 h", 43_200_000),
        ("7 d", 604_800_000),
        ("0 s", 0),
        ("1 hour", 3_600_000),
    ],
)
def test_what_people_write(text: str, expected: int) -> None:
    """Whole numbers with a unit, with or without a space."""
    assert parse_duration_ms(text) == expected


@pytest.mark.parametrize(
    "text", ["", "35", "min", "1.5 h", "-1 min", "35 mn", "1 h 30 min", 35, None, True, "401 d", "9999999999 s"]
)
def test_what_is_no_duration(text: object) -> None:
    """A bare number, a fraction or a strange unit is refused, and the message says what was written."""
    with pytest.raises(ValueError, match=r"is not a duration|longer than") as told:
        parse_duration_ms(text)
    assert repr(text) in str(told.value)


@pytest.mark.parametrize(
    "text", ["22:00", "22-06", "22:00-25:00", "24:30-06:00", 1_320, None, "22:00-22:00", "24:00-00:00", ""]
)
def test_what_is_no_window(text: object) -> None:
    """Half a window, an hour that does not exist or an empty window is refused."""
    with pytest.raises(ValueError, match=r"time window|time of day|empty"):
        parse_window(text)


def test_midnight_can_be_written_either_way() -> None:
    """00:00 begins a day, 24:00 ends it."""
    assert (parse_clock_min("00:00"), parse_clock_min("24:00")) == (0, 1_440)
    assert parse_window("00:00-24:00") == (0, 1_440)
    assert parse_window("22:00-24:00") == (1_320, 1_440)
