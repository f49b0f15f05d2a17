"""Times and cursors as the outside sees them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.wire import cursor_of, cursor_value, milliseconds, utc_text


@pytest.mark.parametrize(
    ("at_ms", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_772_399_645_301, "2026-03-01T21:14:05.301Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (None, None),
    ],
)
def test_times_end_in_z(at_ms, expected):
    """Milliseconds become RFC 3339 in UTC, exactly."""
    assert utc_text(at_ms) == expected


@given(st.integers(0, 4_102_444_800_000))
def test_times_come_back_as_they_went(at_ms):
    """Text and milliseconds are two ways to write one instant."""
    assert milliseconds(datetime.fromisoformat(utc_text(at_ms))) == at_ms


@pytest.mark.parametrize("text", ["2026-03-01T21:14:05", "1969-12-31T23:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_times_without_offset_or_out_of_range_are_refused(text):
    """A time that could mean several instants, or none we keep, is an error."""
    with pytest.raises(ValueError):
        milliseconds(datetime.fromisoformat(text))


@given(st.text(max_size=40))
def test_cursors_come_back_as_they_went(value):
    """What a cursor hides is what was put in."""
    assert cursor_value(cursor_of(value)) == value


@given(st.text(max_size=300))
def test_foreign_cursors_are_a_value_error_or_text(cursor):
    """A cursor from elsewhere never raises anything but ValueError."""
    try:
        assert isinstance(cursor_value(cursor), str)
    except ValueError:
        assert True
