"""Occurrences of deadlines: what is kept of each, and which comes next by local time. Pure; no kind itself.

The theory stands in `deadline.py`.
"""

from __future__ import annotations

import functools
from datetime import date, timedelta

import msgspec

from ingest.event import Value
from rules.effects import Cause
from rules.facts import NEVER_MS
from rules.kinds.kind import Context, State
from rules.local_time import instant_ms, local_date
from rules.parameters import WEEKDAYS, Days, Duration, LastingValues, TimeOfDay, Times

DAY_MS = 86_400_000
DAYS_AHEAD = 15  # whatever the weekdays, one occurrence and the one before it lie within


class Occurrence(msgspec.Struct, frozen=True, gc=False, array_like=True):
    phase: str  # waiting | held | open | satisfied | closed
    scheduled_ms: int
    limit_ms: int  # when it should have been done
    due_ms: int | None
    causes: tuple[Cause, ...] = ()
    content: dict[str, Value] = {}  # of the last word about it
    missed: bool = False  # a device itself said so
    late: bool = False  # it was heard of late
    from_ms: int = NEVER_MS  # since when what happens counts


class DeadlineState(State, frozen=True, gc=False, tag="deadline"):
    occurrences: dict[str, Occurrence] = msgspec.field(default_factory=dict)
    begun_ms: int = NEVER_MS  # by local time: since when it is watched
    done_ms: int = NEVER_MS  # the last leave
    undone_ms: int = NEVER_MS  # the first enter after it
    entered_ms: int = NEVER_MS  # the newest enter: a leave from before it may be heard yet


class DeadlineValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    by: Times = ()
    counts_from: TimeOfDay | None = None
    days: Days = ()
    grace_ms: Duration = 0


def done_in(state: DeadlineState, item: Occurrence, context: Context[DeadlineValues]) -> bool:
    """Whether it was done at any instant that counts for a local time."""
    if item.from_ms == NEVER_MS or item.missed:
        return False
    if state.done_ms >= item.from_ms:
        return True
    stands = bool(context.rule.enter) and state.done_ms != NEVER_MS
    return stands and (state.undone_ms < state.done_ms or state.undone_ms > item.from_ms)


def next_occurrence(
    context: Context[DeadlineValues], begun_ms: int, known: dict[str, Occurrence]
) -> tuple[str, Occurrence] | None:
    """The first new occurrence whose limit is still to come, and which the watch has seen from its beginning."""
    values, zone = context.values, context.facts.timezone
    today = local_date(context.now_ms, zone)
    for key, at_ms, limit_ms, from_ms in _around(
        today, values.by, values.days, values.counts_from, values.grace_ms, zone
    ):
        if limit_ms > context.now_ms and from_ms >= begun_ms and key not in known:
            return key, Occurrence("waiting", at_ms, limit_ms, limit_ms, from_ms=from_ms)
    return None


@functools.lru_cache(maxsize=1_024)
def _around(
    today: date, by: Times, days: Days, counts_from: TimeOfDay | None, grace_ms: int, zone: str
) -> list[tuple[str, int, int, int]]:
    """(key, time, limit, since when what happens counts) of those whose limit may be to come: of a day all homes of a
    rule have the same.
    """
    found: list[tuple[str, int, int, int]] = []
    before_ms = NEVER_MS  # the limit of the occurrence before it
    between_days = 7 if days else 1  # the most that lie between two of them
    for offset in range(-(grace_ms // DAY_MS + 2 + between_days), DAYS_AHEAD):
        day = today + timedelta(days=offset)
        if days and WEEKDAYS[day.weekday()] not in days:
            continue
        for minutes in sorted(by):
            at_ms = instant_ms(day, minutes, zone)
            from_ms = before_ms
            if counts_from is not None:
                first = day if counts_from < minutes else day - timedelta(days=1)
                from_ms = max(from_ms, instant_ms(first, counts_from, zone))
            before_ms = at_ms + grace_ms
            found.append((f"{day}/{minutes // 60:02d}:{minutes % 60:02d}", at_ms, before_ms, from_ms))
    return found


def anybody_is_missed(state: DeadlineState, context: Context[DeadlineValues]) -> bool:
    """Whether anybody can be missed: something was heard once, or their own plan says when."""
    if not context.values.by:
        return False
    shown = context.values.shown.get("by")
    heard = state.done_ms != NEVER_MS or state.undone_ms != NEVER_MS
    return heard or (shown is not None and shown.origin.startswith("plan "))
