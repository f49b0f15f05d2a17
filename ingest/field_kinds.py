"""Kinds of typed fields and how a JSON value becomes one; the vocabulary's table is written in them.

Pure. What a value of each kind is once it stands in `Event.content`:

    TEXT, WORD, NAME   str (NAME: an identifier; a whole number is written as text)
    INTEGER            int within 64 bits (85.0 arrives as 85)
    NUMBER             float, finite (85 arrives as 85.0)
    FLAG               bool
    TIME               int, milliseconds UTC, under the field's name + "_ms": `scheduled_at` becomes `scheduled_at_ms`
    SCALAR             `measured.value`: float, bool or str (a level of consciousness is a letter)
    NESTED             never in content: kept in extra, and not called invalid
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from ingest.bounds import MAX_TEXT, is_int64
from ingest.event import Value
from ingest.wire_time import rfc3339_ms

TEXT, WORD, NAME, INTEGER, NUMBER, FLAG, TIME, SCALAR, NESTED = (
    "text", "word", "name", "integer", "number", "flag", "time", "scalar", "nested",
)  # fmt: skip


class Field(msgspec.Struct, frozen=True):
    """One typed field. `low` and `high` bound numbers; `words` is the closed list of a WORD."""

    kind: str
    required: bool = False
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def _text(value: object, field: Field) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _name(value: object, field: Field) -> str | None:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    whole = _whole(value)
    return None if whole is None else str(whole)


def _flag(value: object, field: Field) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(value: object, field: Field) -> int | None:
    whole = _whole(value)
    return whole if whole is not None and _in_range(whole, field) else None


def _number(value: object, field: Field) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # the chained comparison is false for NaN too
    if not -1e300 < value < 1e300 or not _in_range(value, field):
        return None
    return float(value)


def _time(value: object, field: Field) -> int | None:
    return rfc3339_ms(value) if isinstance(value, str) else None


def _scalar(value: object, field: Field) -> Value:
    if isinstance(value, bool):
        return value
    return value[:MAX_TEXT] if isinstance(value, str) else _number(value, field)


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    return value if isinstance(value, int) and is_int64(value) else None


def _in_range(value: float, field: Field) -> bool:
    return (field.low is None or value >= field.low) and (field.high is None or value <= field.high)


def _nested(value: object, field: Field) -> None:
    return None


_READERS: dict[str, Callable[[object, Field], Value]] = {
    TEXT: _text, WORD: _text, NAME: _name, INTEGER: _integer, NUMBER: _number, FLAG: _flag, TIME: _time,
    SCALAR: _scalar, NESTED: _nested,
}  # fmt: skip
Plan = dict[str, tuple[str, Callable[[object, Field], Value], Field, frozenset[str] | None]]


def plan(fields: Mapping[str, Field]) -> Plan:
    """What reading needs of each field, looked up once: name in content, reader, field, closed list."""
    return {
        key: (
            key + "_ms" if field.kind == TIME else key,
            _READERS[field.kind],
            field,
            frozenset(field.words) if field.words else None,
        )
        for key, field in fields.items()
    }
