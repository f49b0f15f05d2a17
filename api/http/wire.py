"""How times and pages look on the outside: RFC 3339 in UTC with Z, and opaque cursors. Pure."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import overload

from alerts.reads.alert_view import instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_MIN, YEAR_MAX = 1970, 9000
CURSOR_MAX = 200


@overload
def utc_text(at_ms: int) -> str: ...
@overload
def utc_text(at_ms: None) -> None: ...
@overload
def utc_text(at_ms: int | None) -> str | None: ...
def utc_text(at_ms: int | None) -> str | None:
    """Milliseconds since 1970 as "2026-03-01T21:14:05.301Z", milliseconds only where there are some."""
    return instant(at_ms)


def milliseconds(moment: datetime) -> int:
    """An aware time as milliseconds UTC. ValueError when it has no offset or lies outside the years we keep."""
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, for example Z")
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ValueError(f"a time lies between {YEAR_MIN} and {YEAR_MAX}")
    return (moment - EPOCH) // timedelta(milliseconds=1)


def cursor_of(value: str | int) -> str:
    """An opaque page mark."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def cursor_value(cursor: str) -> str:
    """What `cursor_of` hid. ValueError for anything it did not make."""
    if len(cursor) > CURSOR_MAX or not cursor.isascii():
        raise ValueError("not a cursor of ours")
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not a cursor of ours") from error
