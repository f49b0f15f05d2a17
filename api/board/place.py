"""Where and when a page is: the site's clock as the formatting modules want it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from api.board.band import Span
from api.board.format import LocalClock
from rules import local_time


def local_clock(timezone: str) -> LocalClock:
    """Milliseconds UTC to the naive wall clock of that zone."""

    def local(at_ms: int) -> datetime:
        return local_time.to_local(at_ms, timezone).replace(tzinfo=None)

    return local


def day_span(day: date, timezone: str) -> Span:
    """A local day, 23 to 25 hours long."""
    return Span(local_time.instant_ms(day, 0, timezone), local_time.instant_ms(day + timedelta(days=1), 0, timezone))


def hour_ticks(day: date, timezone: str) -> list[tuple[int, str]]:
    """Every third hour of the local day, with its text."""
    return [(local_time.instant_ms(day, hour * 60, timezone), f"{hour % 24:02d}") for hour in range(0, 25, 3)]


SHIFT_STARTS = (7 * 60 + 30, 15 * 60, 22 * 60 + 30)  # until there is a rota: the usual three shifts


def shift_end_ms(now_ms: int, timezone: str) -> int:
    """When the shift of now ends: the latest that a mute may last."""
    today = local_time.local_date(now_ms, timezone)
    ends = [
        local_time.instant_ms(today + timedelta(days=days), minutes, timezone)
        for days in (0, 1)
        for minutes in SHIFT_STARTS
    ]
    return next(end for end in ends if end > now_ms)
