"""The canonical vocabulary of contracts §1 as data: every type, its typed fields, and which types a person must see.

Pure. Wire words do not live here (they are the codecs'), and neither do trust, assignment or time of arrival. What
`content` holds for each kind of field, `ingest/field_kinds.py` says; a time is renamed: `scheduled_at_ms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from ingest.bounds import bounded_extra
from ingest.event import Value
from ingest.field_kinds import FLAG, INTEGER, NAME, NESTED, NUMBER, SCALAR, TEXT, TIME, WORD, Field, plan

UNKNOWN_WORDS = "unknown_words"
"""Key in `extra`: names of WORD fields whose word is not on the list. The word itself stays in content."""

MAX_TYPE = 100  # characters of a type's name; longer ones are cut


def _word(*words: str, required: bool = False) -> Field:
    return Field(WORD, required=required, words=words)


_NAME = Field(NAME)
_TEXT = Field(TEXT)
_FLAG = Field(FLAG)
_COUNT = Field(INTEGER, low=0)
_AMOUNT = Field(NUMBER, low=0)
_PERCENT = Field(NUMBER, low=0, high=100)
_SEVERITY = Field(INTEGER, low=0, high=100)

# One row per row of contracts §1: types, fields they share.
_ROWS: tuple[tuple[str, dict[str, Field]], ...] = (
    ("alarm.pressed alarm.cancelled alarm.reset", {
        "trigger": _word("pendant", "wrist", "cord", "hub", "panic", "door"), "presses": _COUNT, "room": _NAME}),
    ("fall.suspected fall.confirmed fall.cancelled", {
        "source": _word("worn", "radar", "camera", "mat"), "still_seconds": _AMOUNT, "impact_g": _AMOUNT}),
    ("nursecall.called nursecall.assist nursecall.emergency nursecall.reset", {"room": _NAME, "level": _NAME}),
    ("staff.arrived staff.left staff.alarm", {"tag": _NAME}),
    ("condition.reported condition.cleared", {"code": Field(NAME, required=True), "severity": _SEVERITY,
        "text": _TEXT}),
    ("contact.requested", {}),
    ("motion.detected room.entered room.left person.lying person.still", {
        "room": _NAME, "count": _COUNT, "seconds": _AMOUNT}),
    ("presence.started presence.ended away.started away.ended", {"room": _NAME, "reason": _TEXT}),
    ("bed.occupied bed.left bed.sitting chair.occupied chair.left", {}),
    ("door.opened door.closed", {"door": _NAME}),
    (("dose.due dose.reminded dose.dispensed dose.taken dose.missed dose.withheld dose.skipped"
      " dose.wrong_compartment dose.as_needed"), {
        "dose_id": Field(NAME, required=True), "scheduled_at": Field(TIME), "window_minutes": _COUNT,
        "time_critical": _FLAG, "assisted": _FLAG, "early": _FLAG, "travel": _FLAG}),
    ("dispenser.fault dispenser.fault_cleared", {"fault": _word(
        "jam", "roll_fault", "bag_unreadable", "drawer_full", "empty", "waiting", "shortage", "travel_short",
        "no_schedule", "plan_changed", "technical", "misplaced", required=True)}),
    (("dispenser.stock dispenser.refilled dispenser.opened dispenser.closed dispenser.locked dispenser.break_in"
      " dispenser.message_read dispenser.message_unread"), {"doses_left": _COUNT, "days_left": _AMOUNT}),
    ("smoke.alarm smoke.cleared heat.alarm heat.cleared co.alarm co.cleared gas.alarm gas.cleared", {"ppm": _AMOUNT}),
    ("water.detected water.cleared stove.pre_alarm stove.cut_off stove.rearmed", {}),
    ("epilepsy.started epilepsy.ended continence.wet continence.changed continence.level", {
        "duration_seconds": _AMOUNT, "percent": _PERCENT}),
    ("sound.loud", {"level_db": Field(NUMBER), "duration_seconds": _AMOUNT}),
    ("position.fixed tracking.started tracking.ended", {
        "latitude": Field(NUMBER, low=-90, high=90), "longitude": Field(NUMBER, low=-180, high=180),
        "accuracy_metres": _AMOUNT, "source": _TEXT, "speed_kmh": _AMOUNT}),
    ("zone.entered zone.left beacon.lost beacon.found", {"zone": _NAME}),
    ("tracker.powered_on tracker.powered_off tracker.not_carried tracker.charging tracker.self_check_failed", {}),
    ("measured measurement.missed measurement.failed", {
        "metric": Field(NAME, required=True), "value": Field(SCALAR), "unit": _TEXT, "context": _TEXT}),
    ("answered", {"form": Field(NAME, required=True), "answers": Field(NESTED), "triage": _TEXT}),
    ("voice.connected voice.failed voice.ended", {"alarm_id": _NAME}),
    ("visit.planned visit.requested visit.started visit.ended visit.missed visit.skipped", {
        "visit_id": Field(NAME, required=True), "mode": _TEXT, "planned_at": Field(TIME), "finding": _TEXT}),
    ("camera.covered camera.uncovered camera.blurred privacy.on privacy.off", {}),
    ("lock.locked lock.unlocked lock.failed lock.left_unlocked key.taken key.returned", {
        "actor": _NAME, "method": _TEXT}),
    ("heartbeat device.online device.offline device.rebooted device.misplaced device.end_of_life", {
        "interval_seconds": _COUNT, "reason": _TEXT}),
    ("trigger.out_of_range trigger.in_range trigger.not_worn", {}),
    ("battery.level battery.low battery.ok accumulator.low mains.lost mains.restored", {
        "percent": _PERCENT, "volts": _AMOUNT}),
    ("tamper.opened tamper.closed radio.jammed radio.restored link.lost link.restored", {"path": _NAME}),
    ("test.passed test.failed", {}),
)  # fmt: skip

# Where one type of a row asks for more than its neighbours.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "condition.reported": ("severity",),  # a clearing need not repeat how serious it was
    "position.fixed": ("latitude", "longitude"),
    "measured": ("value", "unit"),
}
OTHER_FIELDS: Mapping[str, Field] = MappingProxyType(
    {"severity": _SEVERITY, "code": _NAME, "text": _TEXT, "room": _NAME},
)
"""What is typed in a type nobody knows: enough to decide whether a person must see it, and to say where."""


def _table() -> dict[str, dict[str, Field]]:
    table: dict[str, dict[str, Field]] = {}
    for names, fields in _ROWS:
        for name in names.split():
            more = _REQUIRED.get(name, ())
            table[name] = {
                key: msgspec.structs.replace(field, required=True) if key in more else field
                for key, field in fields.items()
            }
    return table


_TABLE = _table()
TYPES: Mapping[str, Mapping[str, Field]] = MappingProxyType(_TABLE)
"""Every type of contracts §1 with its fields."""
_NEEDS = {
    name: tuple(key for key, field in fields.items() if field.required)
    for name, fields in _TABLE.items()
    if any(field.required for field in fields.values())
}

ALARM_TYPES = frozenset({
    "alarm.pressed", "fall.confirmed", "smoke.alarm", "heat.alarm", "co.alarm", "gas.alarm", "epilepsy.started",
    "nursecall.assist", "nursecall.emergency", "staff.alarm",
})  # fmt: skip
"""Alarm class by name alone. `fall.suspected` joins after its cancel window, which the floor keeps (floor 2)."""
ALARM_PREFIXES = (
    "alarm.", "fall.", "smoke.", "heat.", "co.", "gas.", "epilepsy.", "nursecall.", "staff.alarm", "zone.left",
)  # fmt: skip
"""An unknown type whose name begins so is an alarm (compared without regard to case)."""
_PERSON_TYPES = ALARM_TYPES | {"fall.suspected", "nursecall.called", "zone.left"}
_FLOOR_HELPERS = frozenset({"fall.suspected", "fall.cancelled"})
SERIOUS = 30
CRITICAL = 40

_PLANS = {name: plan(fields) for name, fields in _TABLE.items()}
_OTHER_PLAN = plan(OTHER_FIELDS)


def typed(
    type: str, raw: Mapping[str, object],
) -> tuple[dict[str, Value], dict[str, object], bool, list[str]]:  # fmt: skip
    """Sort the fields of one object of `type` into what we understand and what we only keep.

    `raw` is JSON-like, without the envelope (type, id, time, seq, test, buffered). Gives (content, extra,
    invalid, missing_required): content as `ingest.field_kinds` says; extra bounded (`ingest.bounds`); invalid =
    some known field had the wrong type or range and stands in extra as it came; missing_required = names of bold
    fields of contracts §1 that are absent, empty or invalid. null counts as absent. Never raises.
    """
    fields = _PLANS.get(type, _OTHER_PLAN)
    content: dict[str, Value] = {}
    rest: dict[str, object] = {}
    strange: list[str] = []
    invalid = False
    for key, value in raw.items():
        known = fields.get(key)
        if known is None:
            rest[key] = value
            continue
        if value is None:
            continue
        name, reader, field, words = known
        understood = reader(value, field)
        if understood is None:
            rest[key] = value
            invalid = invalid or field.kind != NESTED
            continue
        content[name] = understood
        if words is not None and understood not in words:
            strange.append(key)
    needs = _NEEDS.get(type)
    missing = [] if needs is None else [key for key in needs if content.get(key, "") == ""]
    if strange:
        rest[UNKNOWN_WORDS] = strange
    return content, bounded_extra(rest) if rest else rest, invalid, missing


def alarm_class(event_type: str, content: Mapping[str, Value], *, wander_risk: bool) -> bool:
    """Whether promise 3 holds for this event (contracts §1 "Alarm class").

    False for `fall.suspected` itself: it becomes an alarm only after its cancel window.
    """
    if event_type in ALARM_TYPES:
        return True
    if event_type in _TABLE:
        if event_type == "condition.reported":
            return _severity(content) >= CRITICAL
        return event_type == "zone.left" and wander_risk
    return _alarm_name(event_type) or _severity(content) >= CRITICAL


def goes_to_person(event_type: str, content: Mapping[str, Value]) -> bool:
    """Whether a person must see it even when nobody knows whose device it is (R43: P1 to the duty centre)."""
    if event_type in _PERSON_TYPES:
        return True
    if event_type in _TABLE:
        return event_type == "condition.reported" and _severity(content) >= SERIOUS
    return _alarm_name(event_type) or _severity(content) >= SERIOUS


def floor_flag(event_type: str, content: Mapping[str, Value], *, wander_risk: bool) -> int:
    """`Input.floor`: 1 alarm class, 2 the floor needs it to keep the cancel window of a fall, else 0."""
    if event_type in _FLOOR_HELPERS:
        return 2
    return 1 if alarm_class(event_type, content, wander_risk=wander_risk) else 0


def is_known(event_type: str) -> bool:
    """False: an "other" type, kept whole, counted and shown to operators."""
    return event_type in _TABLE


def _alarm_name(event_type: str) -> bool:
    return event_type.strip().casefold().startswith(ALARM_PREFIXES)


def _severity(content: Mapping[str, Value]) -> int:
    value = content.get("severity")
    return value if isinstance(value, int) else 0


def markdown() -> str:
    """The vocabulary as a table for people; `ingest/README.md` holds exactly this (tests/tidy)."""
    lines = ["| type | fields | alarm class |", "|---|---|---|"]
    for names, fields in _ROWS:
        shown = " · ".join(
            f"**`{name}`**" if field.required else f"`{name}`" + (f" ({', '.join(field.words)})" if field.words else "")
            for name, field in fields.items()
        )
        types = names.split()
        alarms = [f"`{name}`" for name in types if name in ALARM_TYPES]
        lines.append(f"| {', '.join(f'`{name}`' for name in types)} | {shown} | {', '.join(alarms)} |")
    return "\n".join(lines)
