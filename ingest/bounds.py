"""Bounds on what one message may carry into the folds: lengths, counts, and integers every store can hold.

Pure. A payload stays whole in RAW; what is cut here is only the copy that travels with the event.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MAX_TEXT = 1_000  # characters of one text
MAX_FIELD_NAME = 100
MAX_EXTRAS = 64  # unknown fields of one event
MAX_NESTED_BYTES = 4_096  # one unknown field that is an object or a list, as JSON
CUT = "fields_cut"
"""Key in `extra`: how many further unknown fields there were."""

_INT64 = 2**63


def is_int64(value: int) -> bool:
    """Whether msgpack and SQLite can hold it."""
    return -_INT64 <= value < _INT64


def bounded_extra(fields: Mapping[str, object]) -> dict[str, object]:
    """Unknown fields, cut to size: at most MAX_EXTRAS, the number of the others under CUT. Never raises."""
    extra: dict[str, object] = {}
    for key, value in fields.items():
        if len(extra) == MAX_EXTRAS:
            extra[CUT] = len(fields) - MAX_EXTRAS
            break
        extra[key[:MAX_FIELD_NAME]] = bounded(value)
    return extra


def bounded(value: object) -> object:
    """A JSON-like value that survives msgpack: big integers as text, long texts cut, large nests as cut JSON text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, int):
        return value if is_int64(value) else str(value)[:MAX_TEXT]
    if isinstance(value, float):
        return value if abs(value) < 1e300 else repr(value)  # also NaN, which only other wire formats can send
    if isinstance(value, list | tuple | dict):
        text = msgspec.json.encode(value)
        if len(text) > MAX_NESTED_BYTES:
            return text[:MAX_TEXT].decode(errors="replace")
        return _small_integers(value)
    return str(value)[:MAX_TEXT]


def _small_integers(value: object) -> object:
    if isinstance(value, dict):
        return {str(key)[:MAX_FIELD_NAME]: _small_integers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_small_integers(item) for item in value]
    return bounded(value)
