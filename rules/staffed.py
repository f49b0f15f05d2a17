"""When somebody of the staff looks: checks of what can wait, and working days. Pure.

A public holiday counts as a Sunday: whoever is staffed on Sundays is staffed on holidays. What is of low priority waits
for the next check, so what will matter to a person before it cannot be of low priority.
"""

from __future__ import annotations

from datetime import date, timedelta

from rules.local_time import instant_ms, is_holiday, local_date
from rules.parameters import WEEKDAYS

_DAYS_AHEAD = 60  # whatever the weekdays, holidays leave one of them within that time


def is_staffed(day: date, days: tuple[str, ...]) -> bool:
    """Whether a day is one of these weekdays, holidays taken as Sundays."""
    return ("sun" if is_holiday(day) else WEEKDAYS[day.weekday()]) in days


def next_check_ms(after_ms: int, times: tuple[int, ...], days: tuple[str, ...], timezone: str) -> int | None:
    """The first check after an instant; None when there is none at all."""
    today = local_date(after_ms, timezone)
    for offset in range(_DAYS_AHEAD):
        day = today + timedelta(days=offset)
        for minutes in sorted(times) if is_staffed(day, days) else ():
            at_ms = instant_ms(day, minutes, timezone)
            if at_ms > after_ms:
                return at_ms
    return None


def staffed_day(day: date, days: tuple[str, ...]) -> date:
    """This day, or the first staffed one after it; itself when none is staffed at all."""
    ahead = (day + timedelta(days=offset) for offset in range(_DAYS_AHEAD))
    return next((each for each in ahead if is_staffed(each, days)), day)
