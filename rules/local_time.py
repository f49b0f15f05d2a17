"""The one module that knows local time. Everything else counts milliseconds in UTC.

Laws (design §4 Home time): windows are half-open; a night belongs to the day it starts; a wall-clock time that
comes twice means the first; one that is skipped means the instant of the transition. Zone data come from the
`tzdata` package alone, never from the machine, so that two machines agree on every instant.
"""

from __future__ import annotations

import functools
import importlib.resources
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

QUARTER_MS = 900_000
MINUTE_MS = 60_000  # windows begin and end on whole minutes, and so do the changes of clocks
Window = tuple[int, int]
"""Minutes after local midnight: start, end. (1320, 360) is 22:00-06:00."""


class UnknownZone(ValueError):
    """No such zone in the tzdata package."""


@functools.cache
def zone(name: str) -> ZoneInfo:
    """The zone from the `tzdata` package; UnknownZone if it has none of that name."""
    package, _, leaf = f"tzdata.zoneinfo.{name.replace('/', '.')}".rpartition(".")
    try:
        with importlib.resources.files(package).joinpath(leaf).open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (ModuleNotFoundError, FileNotFoundError, ValueError, IsADirectoryError) as error:
        raise UnknownZone(f"unknown time zone {name!r}") from error


def to_local(at_ms: int, name: str) -> datetime:
    """Wall-clock time at an instant."""
    return datetime.fromtimestamp(at_ms // 1_000, UTC).astimezone(zone(name)) + timedelta(milliseconds=at_ms % 1_000)


def local_date(at_ms: int, name: str) -> date:
    """The day an instant falls on there."""
    return _date_of_quarter(at_ms // QUARTER_MS, name)


@functools.lru_cache(maxsize=16_384)
def _date_of_quarter(quarter: int, name: str) -> date:
    """Days begin on quarters of an hour everywhere since 1972, and everything that is told here is later."""
    return datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone(name)).date()


@functools.lru_cache(maxsize=16_384)
def instant_ms(day: date, minutes: int, name: str) -> int:
    """The instant of `minutes` after midnight of `day` (may reach into the next day)."""
    tz = zone(name)
    naive = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - made aware below
    first, second = naive.replace(tzinfo=tz, fold=0), naive.replace(tzinfo=tz, fold=1)
    first_ms = round(first.timestamp()) * 1_000
    if first.utcoffset() == second.utcoffset() or to_local(first_ms, name).replace(tzinfo=None) == naive:
        return first_ms  # an ordinary time, or one that comes twice: the first
    return _transition_ms(round(second.timestamp()), round(first.timestamp()), tz)


def _transition_ms(low_s: int, high_s: int, tz: ZoneInfo) -> int:
    """The second in (low_s, high_s] at which the offset changes."""
    before = datetime.fromtimestamp(low_s, UTC).astimezone(tz).utcoffset()
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if datetime.fromtimestamp(middle_s, UTC).astimezone(tz).utcoffset() == before:
            low_s = middle_s
        else:
            high_s = middle_s
    return high_s * 1_000


@functools.lru_cache(maxsize=16_384)
def window_on(day: date, window: Window, name: str) -> tuple[int, int]:
    """Start and end instants of the window that starts on `day`."""
    start_min, end_min = window
    return instant_ms(day, start_min, name), instant_ms(day, end_min if end_min > start_min else end_min + 1_440, name)


def window_at(at_ms: int, window: Window, name: str) -> tuple[int, int] | None:
    """Start and end of the window that holds the instant, or None."""
    return _window_at(at_ms // MINUTE_MS, window, name)


@functools.lru_cache(maxsize=16_384)
def _window_at(minute: int, window: Window, name: str) -> tuple[int, int] | None:
    at_ms = minute * MINUTE_MS
    today = local_date(at_ms, name)
    for day in (today - timedelta(days=1), today):
        start_ms, end_ms = window_on(day, window, name)
        if start_ms <= at_ms < end_ms:
            return start_ms, end_ms
    return None


def next_window(at_ms: int, window: Window, name: str) -> tuple[int, int]:
    """The window that holds the instant, else the next one to start after it."""
    return _next_window(at_ms // MINUTE_MS, window, name)


@functools.lru_cache(maxsize=16_384)
def _next_window(minute: int, window: Window, name: str) -> tuple[int, int]:
    at_ms = minute * MINUTE_MS
    inside = window_at(at_ms, window, name)
    if inside is not None:
        return inside
    today = local_date(at_ms, name)
    for days in (0, 1, 2):
        start_ms, end_ms = window_on(today + timedelta(days=days), window, name)
        if start_ms > at_ms and end_ms > start_ms:
            return start_ms, end_ms
    raise AssertionError("every window starts again within two days")


@functools.lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    from holidays import country_holidays  # here, as it costs a tenth of a second of every start, asked for seldom

    return frozenset(country_holidays("NO", years=year))


def is_holiday(day: date) -> bool:
    """Whether it is a public holiday in Norway, by the `holidays` package."""
    return day in _holidays(day.year)


def day_range_ms(first: date, last: date | None, name: str) -> tuple[int, int | None]:
    """[start of `first`, end of `last`): dates in files include their last day (contracts §3)."""
    end_ms = instant_ms(last + timedelta(days=1), 0, name) if last is not None else None
    return instant_ms(first, 0, name), end_ms
