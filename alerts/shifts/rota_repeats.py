"""Pure: a repeating event of a calendar as the shifts it means, within bounds.

Theory of operation. What repeats each day, week, month or year is written out from yesterday to half a year ahead, by
the clock on the wall, so that a night shift ends at 07:30 in both nights when the clocks change. Exceptions (`EXDATE`)
and instances that were moved (an event of its own with `RECURRENCE-ID`) are left out. A series without end is written
out as far; the next import carries it on, and an empty week is seen seven days ahead (`coverage.py`). What a program
could abuse (each second, ten thousand years) is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from dateutil.rrule import rrulestr

AHEAD, BEHIND = timedelta(days=183), timedelta(days=1)
OLDEST = timedelta(days=10 * 366)  # of the first event of a series
EVERY = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
KNOWN = EVERY | {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"}


class BadRepeat(ValueError):
    """It repeats in a way that no shift does."""


def begins_of(
    first: datetime, rule: Mapping[str, Any], text: str, without: Collection[date | datetime], now_ms: int
) -> list[datetime]:
    """When each shift of the series begins. `rule`: its parts by name, `text`: as it is written; `without`: days or
    instants that are no shift. Raises BadRepeat.
    """
    now = datetime.fromtimestamp(now_ms / 1_000, UTC)
    if not KNOWN.issuperset(rule) or str(rule.get("FREQ", [""])[0]) not in EVERY:
        raise BadRepeat("repeats in a way that no shift does")
    if _instant(first) < now - OLDEST:
        raise BadRepeat("repeats since more than ten years")
    parts = ";".join(part for part in text.split(";") if not part.upper().startswith("UNTIL="))
    try:
        last = min([now + AHEAD, *(_until(one, first) for one in rule.get("UNTIL", ()))])
        series = rrulestr(parts, dtstart=first)
        found = series.between(_like(now - BEHIND, first), _like(last, first), inc=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadRepeat("repeats in a way that cannot be read") from error
    instants = {_instant(one) for one in without if isinstance(one, datetime)}
    days = {one for one in without if not isinstance(one, datetime)}
    return [one for one in found if _instant(one) not in instants and one.date() not in days]


def end_of(begins: datetime, first: datetime, first_end: datetime) -> datetime:
    """When a shift of the series ends: as long after its begin on the wall's clock as the first one."""
    if first.tzinfo is not None and first_end.tzinfo is not None:
        first_end = first_end.astimezone(first.tzinfo)
    return begins + (first_end.replace(tzinfo=None) - first.replace(tzinfo=None))


def _until(until: date | datetime, first: datetime) -> datetime:
    """The last instant of a series; a day means all of it, a time without an offset is one where the series is."""
    if not isinstance(until, datetime):
        until = datetime.combine(until, time(23, 59, 59))
    return _instant(until if until.tzinfo is not None else until.replace(tzinfo=first.tzinfo))


def _instant(moment: datetime) -> datetime:
    """To be compared: a time without an offset is taken for one in UTC, which is hours off and no more."""
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _like(moment: datetime, first: datetime) -> datetime:
    return moment.astimezone(first.tzinfo) if first.tzinfo is not None else moment.replace(tzinfo=None)
