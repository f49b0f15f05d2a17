"""What is read from the series where a page or an answer is of use without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ingest.series import SeriesAway

Found = TypeVar("Found")


def unless_away(read: Callable[[], Found]) -> Found | None:
    """None where the store of the series cannot be reached now."""
    try:
        return read()
    except SeriesAway:
        return None
