"""Parameters of rules: how people write them, what they mean, and where a value in force came from. Pure.

Each rule kind declares its own parameters as a struct of typed fields (`class DwellValues(Values)`); the type of a
field says how it is written, a duration's field ends in `_ms` and is written without it: `for_ms` <-> `for: 20 min`.
So a parameter is one line in its kind's file, and book, plans, pages and their errors follow from it. The same name
means the same, written the same way, in every kind.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from ingest.metrics import UNITS, meant
from ingest.quantities import format_duration, format_window, parse_clock_min, parse_duration_ms, parse_window
from rules.effects import Parameter

PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
COUNT_MAX = 1_000_000
DEGREES_MAX = 180
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Written = str | int | float | bool
"""A parameter as YAML, JSON and forms give it."""


def _written_as(name: str) -> msgspec.Meta:
    return msgspec.Meta(extra={"written": name})


Duration = Annotated[int, _written_as("duration")]  # "20 min"; milliseconds
Window = Annotated[tuple[int, int], _written_as("window")]  # "22:00-06:00"; minutes after local midnight
TimeOfDay = Annotated[int, _written_as("time")]  # "10:30"; minutes after local midnight
Times = Annotated[tuple[int, ...], _written_as("times")]  # "08:00, 20:00"; minutes after local midnight, in order
Days = Annotated[tuple[str, ...], _written_as("days")]  # "mon, thu"
Flag = Annotated[bool, _written_as("flag")]
Count = Annotated[int, _written_as("count")]
Priority = Annotated[str, _written_as("priority")]
Unit = Annotated[str, _written_as("unit")]  # a UCUM code: "Cel"
Words = Annotated[tuple[str, ...], _written_as("words")]  # "Model A, Model B"
Milli = Annotated[int, _written_as("number")]  # "36.5": a decimal number, kept in thousandths so that sums are exact
Degrees = Annotated[int, _written_as("degrees")]  # "59.913868"; a latitude or longitude, kept in micro-degrees

V = TypeVar("V", bound="Values")


class Values(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """Parameters in force for one rule and person, parsed, and where each came from."""

    shown: dict[str, Parameter] = {}
    on: Flag = True  # whether the rule is switched on for this person: a book may ship it switched off


class LastingValues(Values, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """… of kinds whose alerts stay open while the condition lasts: its severity may grow (`instances.py`)."""

    grow_after_ms: Duration | None = None  # how long after its beginning an open alert becomes …
    grow_to: Priority | None = None  # … this priority


@functools.cache
def parameters_of(values_type: type[Values]) -> dict[str, tuple[str, str]]:
    """Parameter -> (field of the struct, how it is written)."""
    found = {}
    hints = get_type_hints(values_type, include_extras=True)
    common = LastingValues.__struct_fields__
    for field in sorted(values_type.__struct_fields__, key=lambda field: field in common):  # a kind's own first
        written = _how(hints[field])
        if written is not None:
            found[field.removesuffix("_ms") if written == "duration" else field] = (field, written)
    return found


def _how(annotation: Any) -> str | None:
    if get_origin(annotation) is Annotated:
        return next((str(meta.extra["written"]) for meta in get_args(annotation)[1:] if meta.extra), None)
    return next((how for part in get_args(annotation) if (how := _how(part)) is not None), None)


def parse_parameter(written: str, value: object) -> object:
    """The typed value of what is written in one of the ways above. ValueError says in words what is allowed."""
    return _PARSERS[written](value)


def _flag(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")
    return value


def _priority(value: object) -> object:
    if value not in PRIORITIES:
        raise ValueError(f"{value!r} is not one of P1 to P5")
    return value


def _words(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a list of words separated by commas")
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _unit(value: object) -> object:
    known = sorted({unit for units in UNITS.values() for unit in units})
    if not isinstance(value, str) or value not in known:
        right = meant(value) if isinstance(value, str) else ""
        raise ValueError(f"{value!r} is no unit" + (f"; did you mean {right}?" if right in known else f" of {known}"))
    return value


def _times(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a time of day; write one or more in quotes, as 08:00, 20:00")
    return tuple(sorted({parse_clock_min(part.strip()) for part in value.split(",")}))


def _days(value: object) -> object:
    words = _words(value)
    assert isinstance(words, tuple), "that is what it gives"
    if unknown := [word for word in words if word not in WEEKDAYS]:
        raise ValueError(f"{unknown[0]!r} is no weekday; write {', '.join(WEEKDAYS)}")
    return words


def _count(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= COUNT_MAX:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _decimal(value: object, most: int, meant: str) -> float:
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= most:
        raise ValueError(f"{value!r} is not {meant}")
    return number


def _milli(value: object) -> object:
    number = _decimal(value, COUNT_MAX, "a number such as 36.5")
    milli = round(number * 1_000)
    if abs(milli - number * 1_000) > 1e-6:
        raise ValueError(f"{value!r} has more than three decimals")
    return milli


def _degrees(value: object) -> object:
    return round(_decimal(value, DEGREES_MAX, "degrees such as 59.913868") * 1_000_000)


_PARSERS = {
    "duration": parse_duration_ms,
    "window": parse_window,
    "time": parse_clock_min,
    "times": _times,
    "days": _days,
    "flag": _flag,
    "count": _count,
    "priority": _priority,
    "words": _words,
    "number": _milli,
    "unit": _unit,
    "degrees": _degrees,
}
WAYS = tuple(_PARSERS)


def as_written(written: str, value: object) -> str:
    """A parsed value as people write it."""
    if written == "duration" and isinstance(value, int):
        return format_duration(value)
    if written == "time" and isinstance(value, int):
        return f"{value // 60:02d}:{value % 60:02d}"
    if written == "times" and isinstance(value, tuple):
        return ", ".join(f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in value)
    if written == "number" and isinstance(value, int):
        return f"{value / 1_000:g}"
    if written == "degrees" and isinstance(value, int):
        return f"{value / 1_000_000:.6f}"
    if isinstance(value, tuple):
        return format_window(value) if written == "window" else ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def values_in_force(values_type: type[V], layers: list[tuple[str, dict[str, Written]]]) -> V:
    """Merge (origin, settings) pairs, lowest first. Names and values were checked when they were saved."""
    fields: dict[str, object] = {}
    shown: dict[str, Parameter] = {}
    known = parameters_of(values_type)
    for origin, settings in layers:
        for name, given in settings.items():
            field, written = known[name]
            fields[field] = parse_parameter(written, given)
            shown[name] = Parameter(as_written(written, fields[field]), origin)
    return msgspec.convert({**fields, "shown": dict(sorted(shown.items()))}, values_type)
