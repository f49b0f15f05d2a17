"""Limits of a measurement: which values pass them, which clear them, and in which unit they are written. Pure.

For: what the kind `threshold` compares. Everything is in whole thousandths of the metric's usual unit
(`ingest/metrics.py`), so that a comparison is exact and no float enters a state.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ingest.event import Event, Value
from ingest.metrics import LEVELS, UNITS, converted_milli, in_usual_milli
from rules.book import Rule
from rules.effects import Cause
from rules.facts import NEVER_MS
from rules.parameters import LastingValues, Milli, Priority, Unit, Written

LOW, HIGH, WORD = "low", "high", "word"


class LimitValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What a rule says of a measurement; below and above are what raises."""

    below: Milli | None = None
    above: Milli | None = None
    hysteresis: Milli = 0
    unit: Unit = ""  # "" = the metric's usual one
    severe_below: Milli | None = None
    severe_above: Milli | None = None
    severe_to: Priority | None = None


class Register(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How one measured thing stands. `milli`: thousandths of the metric's usual unit; None = the device's own word."""

    phase: str = "inside"  # inside | asked | over | held | open | ending
    written_ms: int = NEVER_MS
    milli: int | None = None
    side: str = ""  # low | high | word, while not inside
    since_ms: int = 0  # when the run began
    inside_ms: int = 0  # of `ending`: since when it is inside again
    due_ms: int | None = None
    settle_ms: int = NEVER_MS
    first: Cause | None = None  # what began the run
    last: Cause | None = None
    fired_due_ms: int | None = None
    fired_ms: int = NEVER_MS  # when it was raised last
    severe: bool = False
    metric: str = ""
    refused: str = ""  # the unit that was refused last
    begun_ms: int = 0  # the run was taken over when a watch began, then


def measurement(event: Event) -> tuple[str, Value, str]:
    """(metric, value, unit) that an event tells; metric "" where it measures nothing, value None where it gives none.

    Events of a family that has a level ("battery.low") speak of the same metric, with or without a value.
    """
    content = event.content
    if event.type == "measured":
        return str(content.get("metric", "")), content.get("value"), str(content.get("unit", ""))
    fields = _FAMILIES.get(event.type.partition(".")[0])
    return ("", None, "") if fields is None else (fields[1], content.get(fields[0]), fields[2])


_FAMILIES = {name.partition(".")[0]: fields[0] for name, fields in LEVELS.items()}


def fitting_milli(register: Register, value: Value, unit: str, values: LimitValues) -> int | None:
    """A value in thousandths of the usual unit; None when its unit does not fit."""
    if register.metric not in UNITS and values.unit and unit != values.unit:
        return None
    return in_usual_milli(register.metric, value, unit)


def limit(milli: int | None, register: Register, values: LimitValues) -> int | None:
    """A limit in the metric's usual unit. ValueError for a unit that says nothing about the metric."""
    if milli is None or not values.unit:
        return milli
    found = converted_milli(register.metric, milli, values.unit)
    if found is None:
        raise ValueError(f"limits in {values.unit} say nothing about {register.metric}")
    return found


def passes(register: Register, values: LimitValues, *, severe: bool = False) -> str:
    """The side on which the last value passes a limit; "" when it does not."""
    milli = register.milli
    if milli is None:
        return "" if severe else register.side
    low = limit(values.severe_below if severe else values.below, register, values)
    high = limit(values.severe_above if severe else values.above, register, values)
    if low is not None and milli < low:
        return LOW
    return HIGH if high is not None and milli > high else ""


def clears(register: Register, values: LimitValues) -> bool:
    """Whether the last value is inside of the limits to clear. Where they leave nothing between them, none passes."""
    milli = register.milli
    if milli is None:
        return not register.side
    if passes(register, values):
        return False
    step = _difference(values.hysteresis, register, values)
    low, high = limit(values.below, register, values), limit(values.above, register, values)
    if low is not None and high is not None and high - low < 2 * step:
        return True
    return (low is None or milli >= low + step) and (high is None or milli <= high - step)


def _difference(milli: int, register: Register, values: LimitValues) -> int:
    """A difference in the usual unit: what a unit's zero adds falls out."""
    zero, there = limit(0, register, values), limit(milli, register, values)
    assert zero is not None, "it was given"
    assert there is not None, "it was given"
    return there - zero


def unit_problems(rule: Rule, settings: dict[str, Written]) -> Iterator[tuple[str, str]]:
    """(parameter, what is wrong) where the unit of limits does not fit what the rule measures."""
    unit = settings.get("unit")
    if not isinstance(unit, str) or not unit:
        return
    for match in rule.enter:
        metrics = [str(word) for word in match.where.get("metric", ())]
        for metric in [*metrics, *(LEVELS[name][0][1] for name in match.types if name in LEVELS)]:
            known = UNITS.get(metric)
            if known is not None and unit not in known:
                yield "unit", f"{unit!r} is no unit of {metric}; did you mean {known[0]}?"
                return


def told(register: Register, values: LimitValues, now_ms: int) -> dict[str, object]:
    """Arguments of a reason: the value and the limit that it passes, in the metric's usual unit."""
    args: dict[str, object] = {"metric": register.metric, "since_ms": register.since_ms, "at_ms": now_ms}
    if register.milli is None:
        return args
    passed = limit(values.below if register.side == LOW else values.above, register, values)
    known = UNITS.get(register.metric)
    return args | {
        "value": register.milli / 1_000,
        "limit": None if passed is None else passed / 1_000,
        "side": register.side,
        "unit": known[0] if known is not None else values.unit,
    }
