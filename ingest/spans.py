"""Lengths of time and dates as settings write them, turned into milliseconds. Pure; for the registry only.

Messages have a stricter reader (`ingest.wire_time`): what a person types may lack a zone, what a device sends may not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.quantities import parse_duration_ms
from ingest.wire_time import rfc3339_ms

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def duration_ms(text: object) -> int | None:
    """ "5 min" → 300 000. None for anything that is no positive length of time."""
    try:
        return parse_duration_ms(text) or None
    except ValueError:
        return None


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
