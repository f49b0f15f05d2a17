"""Times as gateways write them, turned into milliseconds UTC. Pure; used by codecs and the vocabulary only.

A time without a zone is no time here: which hour it means is unknown twice a year and guessed all year.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECONDS_BELOW = 100_000_000_000  # as seconds the year 5138, as milliseconds March 1973
_LAST_MS = 253_402_300_799_999  # end of year 9999


def rfc3339_ms(text: str) -> int | None:
    """Milliseconds UTC of an RFC 3339 time with offset; nanoseconds are cut. None when it is anything else."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return _rare_form(text)


def epoch_ms(value: float) -> int | None:
    """Milliseconds UTC of seconds or milliseconds since 1970, told apart by magnitude. None when absurd."""
    if isinstance(value, bool) or not 0 < value <= _LAST_MS:
        return None
    return int(value * 1000) if value < _SECONDS_BELOW else int(value)


def _rare_form(text: str) -> int | None:
    """What RFC 3339 allows and Python 3.11 does not read: small letters and a leap second."""
    upper = text[:64].strip().upper()
    leap = len(upper) > 19 and upper[17:19] == "60"
    if upper == text and not leap:
        return None
    try:
        moment = datetime.fromisoformat(upper[:17] + "59" + upper[19:] if leap else upper)
        return None if moment.tzinfo is None else (moment - _EPOCH) // _MILLISECOND + (1000 if leap else 0)
    except (ValueError, OverflowError):
        return None
