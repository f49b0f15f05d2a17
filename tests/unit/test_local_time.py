"""Local time: windows, nights, both clock-change days, and the odd zones."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.local_time import (
    UnknownZone,
    day_range_ms,
    instant_ms,
    local_date,
    next_window,
    to_local,
    window_at,
    window_on,
    zone,
)

OSLO, LORD_HOWE, APIA = "Europe/Oslo", "Australia/Lord_Howe", "Pacific/Apia"
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
HOUR, MIN = 3_600_000, 60_000
NIGHT = (1_320, 360)  # 22:00-06:00


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("day", "minutes", "zone_name", "expected"),
    [
        (date(2026, 3, 1), 130, OSLO, "2026-03-01T01:10"),
        (SPRING, 119, OSLO, "2026-03-29T00:59"),  # the last minute of winter
        (SPRING, 120, OSLO, "2026-03-29T01:00"),  # 02:00 is skipped: the instant of the transition
        (SPRING, 150, OSLO, "2026-03-29T01:00"),  # 02:30 never comes
        (SPRING, 180, OSLO, "2026-03-29T01:00"),  # 03:00 is the first minute of summer
        (AUTUMN, 150, OSLO, "2026-10-25T00:30"),  # 02:30 comes twice: the first
        (AUTUMN, 180, OSLO, "2026-10-25T02:00"),
        (date(2026, 10, 4), 135, LORD_HOWE, "2026-10-03T15:30"),  # half an hour is skipped at 02:00
        (date(2026, 4, 5), 105, LORD_HOWE, "2026-04-04T14:45"),  # 01:45 comes twice, half an hour apart
        (date(2026, 3, 1), 1_500, OSLO, "2026-03-02T00:00"),  # 25:00 is 01:00 the next day
    ],
)
def test_an_instant_of_the_wall_clock(day: date, minutes: int, zone_name: str, expected: str) -> None:
    """Ambiguous means the first, missing means the instant of the transition, in half-hour zones too."""
    assert instant_ms(day, minutes, zone_name) == utc(expected)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 3, 1), 24)])
def test_a_day_has_the_hours_it_has(day: date, hours: int) -> None:
    """From midnight to midnight is 23 h in spring and 25 h in autumn; a date includes its whole last day."""
    start_ms, end_ms = day_range_ms(day, day, OSLO)
    assert end_ms is not None
    assert end_ms - start_ms == hours * HOUR


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9), (date(2026, 3, 1), 8)])
def test_a_night_belongs_to_the_day_it_starts(day: date, hours: int) -> None:
    """22-06 over a clock change is 7 or 9 real hours, and it is one window from end to end."""
    start_ms, end_ms = window_on(day, NIGHT, OSLO)
    assert end_ms - start_ms == hours * HOUR
    assert local_date(start_ms, OSLO) == day
    for inside_ms in (start_ms, (start_ms + end_ms) // 2, end_ms - 1):
        assert window_at(inside_ms, NIGHT, OSLO) == (start_ms, end_ms)
    assert window_at(start_ms - 1, NIGHT, OSLO) is None
    assert window_at(end_ms, NIGHT, OSLO) is None


def test_a_window_inside_the_skipped_hour_is_empty_that_day() -> None:
    """02:00-03:00 does not happen on the spring day; the next one is a day later."""
    window = (120, 180)
    start_ms, end_ms = window_on(SPRING, window, OSLO)
    assert start_ms == end_ms
    assert local_date(next_window(start_ms, window, OSLO)[0], OSLO) == date(2026, 3, 30)


def test_the_hour_that_comes_twice_is_a_window_of_two_hours() -> None:
    """02:00-03:00 on the autumn day lasts from the first 02:00 to the only 03:00."""
    start_ms, end_ms = window_on(AUTUMN, (120, 180), OSLO)
    assert end_ms - start_ms == 2 * HOUR


def test_a_whole_day_is_a_window() -> None:
    """00:00-24:00 is always open, one window a day."""
    start_ms, end_ms = window_on(date(2026, 3, 1), (0, 1_440), OSLO)
    assert end_ms - start_ms == 24 * HOUR
    assert window_at(end_ms, (0, 1_440), OSLO) == (end_ms, end_ms + 24 * HOUR)


def test_a_day_that_a_zone_left_out() -> None:
    """Samoa had no 30 December 2011: its windows are empty, and the next one is found."""
    start_ms, end_ms = day_range_ms(date(2011, 12, 30), date(2011, 12, 30), APIA)
    assert start_ms == end_ms
    assert next_window(start_ms - HOUR, (480, 540), APIA)[0] > start_ms


@pytest.mark.parametrize("name", ["Europe/Olso", "", "../secret", "Europe", "tzdata", "Europe/Oslo/x", "æ/ø"])
def test_an_unknown_zone_is_said(name: str) -> None:
    """A zone that the tzdata package does not have is an error with its name, never the machine's own."""
    with pytest.raises(UnknownZone):
        zone(name)


@given(
    st.integers(utc("2020-01-01T00:00"), utc("2035-01-01T00:00")),
    st.sampled_from([OSLO, LORD_HOWE, "America/St_Johns", "UTC"]),
    st.tuples(st.integers(0, 1_439), st.integers(0, 1_440)).filter(
        lambda w: w[0] % 1_440 != w[1] % 1_440 or w == (0, 1_440)
    ),
)
def test_the_next_window_is_the_first_that_ends_later(at_ms: int, name: str, window: tuple[int, int]) -> None:
    """Whatever the zone, window and instant: it holds the instant or starts after it, within two days."""
    start_ms, end_ms = next_window(at_ms, window, name)
    assert start_ms < end_ms
    assert at_ms < end_ms
    assert start_ms - at_ms <= 49 * HOUR
    if start_ms > at_ms:
        assert window_at(at_ms, window, name) is None
    else:
        assert window_at(at_ms, window, name) == (start_ms, end_ms)


@given(st.integers(utc("2020-01-01T00:00"), utc("2035-01-01T00:00")), st.sampled_from([OSLO, LORD_HOWE]))
def test_wall_clock_and_back(at_ms: int, name: str) -> None:
    """An instant's wall-clock time leads back to it, or to the first of two with that time."""
    at_ms -= at_ms % MIN
    local = to_local(at_ms, name)
    back_ms = instant_ms(local.date(), local.hour * 60 + local.minute, name)
    assert at_ms - back_ms in (0, HOUR, HOUR // 2)
    assert to_local(back_ms, name).replace(tzinfo=None) == local.replace(tzinfo=None)
