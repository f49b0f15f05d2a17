"""Lengths of time and dates as settings write them, turned into milliseconds. Pure; for the registry only.

Messages have a stricter reader (`ingest.wire_time`): what a person types may lack a zone, what a device sends may not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.wire_time import rfc3339_ms

_UNITS_MS = {"ms": 1, "s": 1_000, "sec": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "days": 86_400_000}
_SPAN = re.compile(r"(\d{1,9})\s*(ms|s|sec|min|h|d|days)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def duration_ms(text: object) -> int | None:
    """ "5 min" → 300 000. None for anything that is no positive length of time."""
    found = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    return (int(found[1]) * _UNITS_MS[found[2]]) or None if found is not None else None


def from_time_ms(value: Mapping[str, object]) -> int | None:
    """When an item says that it begins to hold: `from_ms`, else `from` (RFC 3339; a bare date counts from 00:00 UTC,
    since no zone is known here: whoever saves a local date writes `from_ms`). None: it does not say.
    """
    stated = value.get("from_ms")
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    text = value.get("from")
    if not isinstance(text, str):
        return None
    return rfc3339_ms(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
