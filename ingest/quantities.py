"""Durations and clock times as people write them: "35 min", "4 h", "22:00-06:00". Pure; one parser for every file.

Used by the rule book, plans, site files and pages, so that a value means the same wherever it is written.
"""

from __future__ import annotations

import re

_UNITS_MS = {
    "ms": 1, "s": 1_000, "sec": 1_000, "min": 60_000, "h": 3_600_000, "hour": 3_600_000, "hours": 3_600_000,
    "d": 86_400_000, "day": 86_400_000, "days": 86_400_000, "week": 604_800_000, "weeks": 604_800_000,
}  # fmt: skip
_DURATION = re.compile(r"(\d{1,9}) ?([a-z]{1,5})")
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
DURATION_MAX_MS = 400 * 86_400_000


def parse_duration_ms(text: object) -> int:
    """Milliseconds of "35 min", "90 s", "12 h", "7 d". ValueError names what is allowed."""
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or match[2] not in _UNITS_MS:
        raise ValueError(f"{text!r} is not a duration; write a whole number and s, min, h or d, such as 35 min")
    duration_ms = int(match[1]) * _UNITS_MS[match[2]]
    if duration_ms > DURATION_MAX_MS:
        raise ValueError(f"{text!r} is longer than 400 d")
    return duration_ms


def format_duration(duration_ms: int) -> str:
    """The shortest way to write a duration in whole units; the parser reads it back unchanged."""
    for unit, size_ms in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if duration_ms and duration_ms % size_ms == 0 and (unit != "d" or duration_ms >= 3 * size_ms):
            return f"{duration_ms // size_ms} {unit}"
    return f"{duration_ms} ms" if duration_ms % 1_000 else f"{duration_ms // 1_000} s"


def parse_clock_min(text: object) -> int:
    """Minutes after local midnight of "22:00"; "24:00" is 1440. ValueError otherwise."""
    match = _CLOCK.fullmatch(text.strip()) if isinstance(text, str) else None
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if not 0 <= minutes <= 1_440:
        raise ValueError(f"{text!r} is not a time of day; write it in quotes as HH:MM")
    return minutes


def parse_window(text: object) -> tuple[int, int]:
    """("22:00-06:00") -> (1320, 360): half-open, over midnight when the end is not after the start."""
    parts = text.split("-") if isinstance(text, str) else []
    if len(parts) != 2:
        raise ValueError(f"{text!r} is not a time window; write it in quotes as HH:MM-HH:MM")
    start_min, end_min = parse_clock_min(parts[0]), parse_clock_min(parts[1])
    if start_min % 1_440 == end_min % 1_440 and (start_min, end_min) != (0, 1_440):
        raise ValueError(f"{text!r} is empty; a whole day is 00:00-24:00")
    return start_min % 1_440, end_min


def format_window(window: tuple[int, int]) -> str:
    """The way `parse_window` reads it."""
    return "-".join(f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in window)
