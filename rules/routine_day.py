"""What is counted of a person's day for the rule kind `routine`: the features, and how an event changes them. Pure.

A *day* is a local date and the night that begins on it: what happens in the night window belongs to the day the night
starts, getting up to the night before it, everything else to its date, by effective time. What comes out of a buffer
counts while its day is still open, but for a pulse older than the last of its room. Counted are visits (pulses of a
room less than VISIT_GAP_MS apart are one), minutes with movement in steps of SLOT_MS, and times of day in minutes
after the midnight that begins the date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import msgspec

from ingest.event import Event
from rules.doses import dose_key
from rules.facts import Device, Facts, Trace
from rules.local_time import Window, instant_ms, local_date, to_local, window_at, window_on
from rules.presence import ENTRY_ROLE, EXIT_ROLES

MINUTE_MS = 60_000
DAY_MIN = 1_440
SLOT_MS = 5 * MINUTE_MS
VISIT_GAP_MS = 10 * MINUTE_MS
EXIT_GAP_MS = 2 * MINUTE_MS  # a bed mat that flutters is one exit
UP_FROM_MIN = 4 * 60  # who leaves the bed before that is up at night …
BACK_IN_BED_MIN = 60  # … and who is back within that has not got up
TO_BED_FROM_MIN = 18 * 60
NOT_YET_IN_BED_MIN = 30
DOSE_LATE_MS = 30 * MINUTE_MS
BLIND_MAX_MS = 120 * MINUTE_MS  # so much of a day or night unseen, and it says nothing about what is usual

BATHROOMS = ("bathroom", "bathroom_2", "toilet", "wc")
KITCHENS = ("kitchen",)
PULSES = ("motion.detected", "room.entered")
OPENINGS = ("door.opened",)  # of a fridge or a kitchen cupboard

COUNT, CLOCK, ACTIVE = "count", "clock", "active"


class Feature(msgspec.Struct, frozen=True):
    """`least`: a smaller difference is not worth telling. `night`: part of the night, not of the date."""

    name: str
    how: str  # count | clock | active (steps of SLOT_MS with movement)
    least: int
    source: str  # bed | bathroom | kitchen | motion | exit | dispenser: what must be heard for a 0 to mean 0
    night: bool = False
    only_more: bool = False


FEATURES = (
    Feature("bed_exits", COUNT, 2, "bed", night=True),
    Feature("up", CLOCK, 60, "bed", night=True),
    Feature("to_bed", CLOCK, 90, "bed", night=True),
    Feature("bathroom_night", COUNT, 2, "bathroom", night=True),
    Feature("kitchen", COUNT, 3, "kitchen"),
    Feature("outings", COUNT, 2, "exit"),
    Feature("active_night", ACTIVE, 6, "motion", night=True),
    Feature("active_morning", ACTIVE, 12, "motion"),
    Feature("active_afternoon", ACTIVE, 12, "motion"),
    Feature("active_evening", ACTIVE, 12, "motion"),
    Feature("doses_late", COUNT, 1, "dispenser", only_more=True),
)

Span = tuple[int, int]
Counts = dict[int, dict[str, int]]
"""Ordinal of a local date -> feature -> what was counted so far."""


class Counted(msgspec.Struct):
    """The open days while one event is taken; `last` has the last pulse of what is counted by gaps."""

    days: Counts
    last: dict[str, int]


def is_old_news(event: Event, last: Mapping[str, int]) -> bool:
    """Whether a pulse tells nothing new, as most of them: the same five minutes, a room whose visits nobody counts."""
    if event.type not in PULSES or event.effective_at_ms - event.effective_at_ms % SLOT_MS > last.get("slot", 0):
        return False
    return not (is_kitchen(event.room, event.role) or is_bathroom(event.room, event.role))


def take(counted: Counted, event: Event, facts: Facts, night: Window) -> None:
    """Change the counts of the day that an event belongs to; days that are not open are left out."""
    kind, at_ms = event.type, event.effective_at_ms
    if kind in PULSES:
        _pulse(counted, event, facts, night)
    elif kind in ("bed.left", "bed.occupied"):
        if _is_change(event, facts):
            _bed(counted, event, facts, night)
    elif kind in OPENINGS:
        if is_kitchen(event.room, event.role):
            _visit(counted, "kitchen", _ordinal(at_ms, facts), at_ms)
    elif kind == "home.left":
        if event.content.get("origin") == "guessed":
            _add(counted, _ordinal(at_ms, facts), "outings")
    elif kind == "dose.missed" or (kind == "dose.taken" and _dose_late(event, facts)):
        _add(counted, _ordinal(at_ms, facts), "doses_late")


def values_of(counts: Mapping[str, int], facts: Facts, resident: str, *, day: bool, night: bool) -> dict[str, int]:
    """Feature -> value of one day that is over, without what nobody could see. `day`, `night`: which part counts."""
    found = {}
    for feature in FEATURES:
        if not (night if feature.night else day) or not heard(facts, resident, feature.source):
            continue
        if feature.how != CLOCK or feature.name in counts:
            found[feature.name] = counts.get(feature.name, 0)
    return found


def spans_of(ordinal: int, night: Window, timezone: str) -> tuple[Span, Span]:
    """[start, end) of the date and of its night."""
    day = date.fromordinal(ordinal)
    return (instant_ms(day, 0, timezone), instant_ms(day + timedelta(days=1), 0, timezone)), window_on(
        day, night, timezone
    )


def heard(facts: Facts, resident: str, source: str) -> bool:
    """Whether anything that could tell of it is heard now."""
    if source == "exit":
        return len(facts.residents) == 1 and any(
            device.role in (*EXIT_ROLES, ENTRY_ROLE) and not _silent(facts, device.id, device.gateway)
            for device in facts.devices.values()
        )
    if source == "dispenser":
        return any(
            _mine(facts.devices.get(device), resident) and not _silent(facts, device, None)
            for device in facts.dispensers
        )
    return any(
        _of(source, family, trace) and trace.last.resident in (None, resident)
        and not _silent(facts, trace.last.device, trace.last.gateway)
        for family, trace in _traces(facts)
    )  # fmt: skip


def is_kitchen(room: str | None, role: str | None) -> bool:
    return room in KITCHENS or role in ("kitchen_motion", "fridge_door")


def is_bathroom(room: str | None, role: str | None) -> bool:
    return room in BATHROOMS or role == "bathroom_motion"


# -- events ----------------------------------------------------------------------------------------------------


def _pulse(counted: Counted, event: Event, facts: Facts, night: Window) -> None:
    at_ms, room, role = event.effective_at_ms, event.room, event.role
    slot_ms = at_ms - at_ms % SLOT_MS
    news, kitchen, bathroom = slot_ms > counted.last.get("slot", 0), is_kitchen(room, role), is_bathroom(room, role)
    window = window_at(at_ms, night, facts.timezone)
    evening = None if window is None else _ordinal(window[0], facts)  # the day this night belongs to
    if news:
        counted.last["slot"] = slot_ms
        local = to_local(at_ms, facts.timezone)
        part = "morning" if local.hour < 12 else "afternoon" if local.hour < 18 else "evening"
        if evening is not None:
            _add(counted, evening, "active_night")
        else:
            _add(counted, local.date().toordinal(), f"active_{part}")
    if kitchen:
        _visit(counted, "kitchen", _ordinal(at_ms, facts), at_ms)
    elif bathroom and evening is not None:
        _visit(counted, "bathroom_night", evening, at_ms)


def _bed(counted: Counted, event: Event, facts: Facts, night: Window) -> None:
    at_ms = event.effective_at_ms
    local = to_local(at_ms, facts.timezone)
    today, minute = local.date().toordinal(), local.hour * 60 + local.minute
    if event.type == "bed.left":
        window = window_at(at_ms, night, facts.timezone)
        if window is not None and at_ms >= counted.last.get("bed_exits", 0) + EXIT_GAP_MS:
            counted.last["bed_exits"] = at_ms
            _add(counted, _ordinal(window[0], facts), "bed_exits")
        _unless_soon(counted, "to_bed", *_evening(today, minute), NOT_YET_IN_BED_MIN)
        if minute >= UP_FROM_MIN and today - 1 in counted.days:
            counted.days[today - 1].setdefault("up", minute)
        return
    _unless_soon(counted, "up", today - 1, minute, BACK_IN_BED_MIN)
    label, bed_min = _evening(today, minute)
    if bed_min >= TO_BED_FROM_MIN and label in counted.days:
        counted.days[label].setdefault("to_bed", bed_min)


def _evening(today: int, minute: int) -> tuple[int, int]:
    """(day, minutes after its midnight) of the evening that a minute of a date belongs to."""
    return (today, minute) if minute >= UP_FROM_MIN else (today - 1, minute + DAY_MIN)


def _unless_soon(counted: Counted, name: str, day: int, minute: int, within_min: int) -> None:
    """Take a time back that the next word of the bed shows to be none."""
    known = counted.days.get(day, {}).get(name)
    if known is not None and known <= minute < known + within_min:
        del counted.days[day][name]


def _visit(counted: Counted, name: str, day: int, at_ms: int) -> None:
    last_ms = counted.last.get(name, 0)
    if at_ms >= last_ms + VISIT_GAP_MS:
        _add(counted, day, name)
    counted.last[name] = max(last_ms, at_ms)


def _add(counted: Counted, day: int, name: str) -> None:
    counts = counted.days.get(day)
    if counts is not None:
        counts[name] = counts.get(name, 0) + 1


def _dose_late(event: Event, facts: Facts) -> bool:
    dose = facts.doses.get(dose_key(facts, event) or "")
    return dose is not None and event.effective_at_ms - dose.scheduled_ms > DOSE_LATE_MS


def _is_change(event: Event, facts: Facts) -> bool:
    """Gateways repeat how a bed stands; what is no state is always news."""
    trace = facts.trace("bed", event.address)
    return not event.state or (trace is not None and trace.runs[-1].event_id == event.event_id)


def _ordinal(at_ms: int, facts: Facts) -> int:
    return local_date(at_ms, facts.timezone).toordinal()


# -- who is heard ----------------------------------------------------------------------------------------------


def _traces(facts: Facts) -> Iterator[tuple[str, Trace]]:
    for family in facts.families:
        yield from ((family, trace) for trace in facts.traces(family))


def _of(source: str, family: str, trace: Trace) -> bool:
    if source == "bed":
        return family == "bed"
    moves, last = family in ("motion", "room"), trace.last
    if source == "kitchen":
        return (moves or family == "door") and is_kitchen(last.room, last.role)
    return moves and (source == "motion" or is_bathroom(last.room, last.role))


def _silent(facts: Facts, device: str | None, gateway: str | None) -> bool:
    return device in facts.offline_since_ms or gateway in facts.offline_since_ms


def _mine(device: Device | None, resident: str) -> bool:
    return device is not None and device.resident in (None, resident)
