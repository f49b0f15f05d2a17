"""How events change what is known of a home. Pure.

Each fact is a register: the last writer by *effective* time wins, whatever arrives when. So a buffered "went out" that
is heard after "came home" changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.event import RETAINED, TEST, Event
from ingest.vocabulary import TYPES
from rules import doses, late_signs, presence
from rules.facts import (
    ACCUMULATOR_LOW,
    CALL_ROLES,
    FLAT,
    NEVER_MS,
    OUT_OF_RANGE,
    Facts,
    Family,
    Trace,
    Visit,
)
from rules.sign import sign_of

MINUTE_MS = 60_000
STAFF_HOLD_MAX_MS = 120 * MINUTE_MS  # design §4 Holds: a staff hold ends by itself
STAFF_AFTER_VISIT_MS = 30 * MINUTE_MS  # … this long after the visit as planned, where its length is known
STAFF_MAX = 32  # in one home at once; beyond it those whose hold ends first are forgotten
FLAT_PERCENT = 2
STAFF_ACTOR = "staff"  # how the actor of a lock begins where it is one of the staff: a resident's key is no visit
ON_SITE_MODES = ("physical", "in_person", "on_site")  # of visits; one over a camera puts nobody on the spot
REASON_MAX = 64

_FAMILIES = ("accumulator", "alarm", "answered", "away", "beacon", "bed", "camera", "chair", "contact", "continence",
             "device", "door", "lock", "mains", "motion", "person", "presence", "privacy", "radio", "room", "tamper",
             "tracker", "tracking", "trigger", "voice", "water", "zone")  # fmt: skip
FAMILY = {name: family for name in TYPES if (family := name.partition(".")[0]) in _FAMILIES} | {
    "position.fixed": "position", "dose.dispensed": "dispensed", "dispenser.stock": "stock",
    "dispenser.refilled": "stock", "dispenser.opened": "lid", "dispenser.closed": "lid", "dispenser.locked": "lid",
    "dispenser.message_read": "message", "dispenser.message_unread": "message",
}  # fmt: skip
"""Event type -> family whose state is remembered, so that a new rule or measure begins from how things stand."""
READINGS = frozenset({"temperature", "position", "dispensed", "stock"})
"""Families of which only the newest says something."""
VITALS = frozenset({"spo2", "oxygen", "systolic", "heart_rate", "respiration_rate", "consciousness",
                    "body_temperature", "glucose", "weight"})  # fmt: skip
_ALL_NIGHT = ("bed", "radar")  # what these count of a sleeper comes again within the minute
FAULTS = frozenset(TYPES["dispenser.fault"]["fault"].words)


def take_event(facts: Facts, event: Event, now_ms: int) -> bool:
    """Apply one event; whether somebody's Situation may have changed."""
    moved = False
    device = event.device
    type_, quality = event.type, event.quality
    if device is not None and device not in facts.heard and RETAINED not in quality and type_ != "device.offline":
        facts.heard[device] = event.received_at_ms
        moved = event.role in CALL_ROLES
    if TEST in quality:
        return moved  # a test of ours proves that the device lives, and nothing about the person
    family = FAMILY.get(type_) or _family(event)
    if family is not None:
        _trace(facts, event, family)
    if device in facts.dispensers or event.role == "dispenser" or type_ in doses.SPEAKS:
        doses.take_dispenser(facts, event, now_ms)
    if type_ in presence.SIGNS and presence.tells(facts, event):
        taken = late_signs.keep if facts.came_late(event) else presence.take_sign
        moved = taken(facts, event, now_ms) or moved
    handler = _HANDLERS.get(type_)
    if handler is not None:
        moved = handler(facts, event, now_ms) or moved
    return moved


def _family(event: Event) -> str | None:
    """The family of what one device tells in several: each metric and each fault stands for itself."""
    if event.type == "measured":
        metric = event.content.get("metric")
        if metric == "temperature":
            return "temperature"
        return str(metric) if metric in VITALS and event.role not in _ALL_NIGHT else None
    if event.type in ("dispenser.fault", "dispenser.fault_cleared"):
        fault = event.content.get("fault")
        return f"fault/{fault}" if fault in FAULTS else None
    return None


def _trace(facts: Facts, event: Event, family: str) -> None:
    known = facts.families.get(family)
    if known is None:
        known = facts.families[family] = Family()
    trace = known.traces.get(event.address)
    if trace is None:
        sign = sign_of(event)
        known.traces[event.address] = Trace(sign, (sign,))
    elif event.effective_at_ms >= trace.last.effective_at_ms:
        sign = sign_of(event)
        if family in READINGS or family in VITALS:
            trace.runs = (sign,)
        elif event.type != trace.last.type:
            trace.runs = (trace.runs[-1], sign)
        trace.last = sign


def _newest(facts: Facts, register: str, event: Event) -> bool:
    """Whether this event is the last writer of a register by effective time; then it is noted as that."""
    if event.effective_at_ms < facts.written_ms.get(register, NEVER_MS):
        return False
    facts.written_ms[register] = event.effective_at_ms
    return True


def _offline(facts: Facts, event: Event, now_ms: int) -> bool:
    what = event.device or event.gateway or event.address
    # told by whoever watches silence: its effective time is when it was last heard, so it is compared as told
    facts.offline_since_ms[what] = event.effective_at_ms
    return True


def _online(facts: Facts, event: Event, now_ms: int) -> bool:
    return facts.offline_since_ms.pop(event.device or event.gateway or event.address, None) is not None


def _battery(facts: Facts, event: Event, now_ms: int) -> bool:
    percent = event.content.get("percent")
    flat = event.type == "battery.level" and isinstance(percent, int | float) and percent <= FLAT_PERCENT
    return _able(facts, event, FLAT, able=not flat)


def _out_of_range(facts: Facts, event: Event, now_ms: int) -> bool:
    return _able(facts, event, OUT_OF_RANGE, able=False)


def _in_range(facts: Facts, event: Event, now_ms: int) -> bool:
    return _able(facts, event, OUT_OF_RANGE, able=True)


def _accumulator_low(facts: Facts, event: Event, now_ms: int) -> bool:
    return _able(facts, event, ACCUMULATOR_LOW, able=False)


def _mains_restored(facts: Facts, event: Event, now_ms: int) -> bool:
    return _able(facts, event, ACCUMULATOR_LOW, able=True)


def _pressed(facts: Facts, event: Event, now_ms: int) -> bool:
    """A press that reached us shows that the device can call, whatever was said of it before."""
    known = facts.unable_since_ms.get(event.device or "")
    if known is None or RETAINED in event.quality:
        return False
    moved = [_able(facts, event, why, able=True) for why in sorted(known)]  # each, so no short cut
    return any(moved)


def _able(facts: Facts, event: Event, why: str, *, able: bool) -> bool:
    device = event.device
    if device is None:
        return False
    known = facts.unable_since_ms.get(device)
    if not _newest(facts, f"{why}/{device}", event):
        return False
    if not able:
        facts.unable_since_ms.setdefault(device, {}).setdefault(why, event.effective_at_ms)
        return True
    if known is None or why not in known:
        return False
    del known[why]
    if not known:
        del facts.unable_since_ms[device]
    return True


def _actor(event: Event) -> str | None:
    """Who of the staff it was. A hold needs one: a door that opens is nobody, nor is a lock that a resident turns."""
    family = event.type.partition(".")[0]
    if family == "visit":
        return f"visit/{event.content.get('visit_id')}" if event.content.get("mode") in ON_SITE_MODES else None
    if family == "lock" and not str(event.content.get("actor") or "").startswith(STAFF_ACTOR):
        return None
    for value in (event.content.get("tag"), event.content.get("actor"), event.extra.get("actor")):
        if isinstance(value, str) and value:
            return value
    return None


def _staff_arrived(facts: Facts, event: Event, now_ms: int) -> bool:
    actor = _actor(event)
    if actor is None:
        return False
    planned = event.content.get("planned_minutes", event.extra.get("planned_minutes"))
    hold_ms = STAFF_HOLD_MAX_MS
    if isinstance(planned, int) and not isinstance(planned, bool) and planned >= 0:
        hold_ms = min(hold_ms, planned * MINUTE_MS + STAFF_AFTER_VISIT_MS)
    _forget_visits(facts, now_ms)
    if not _newest(facts, f"staff/{actor}", event):
        return False
    facts.staff[actor] = Visit(event.effective_at_ms, event.effective_at_ms + hold_ms)
    presence.take_staff(facts, event.effective_at_ms, now_ms)
    return True


def _staff_left(facts: Facts, event: Event, now_ms: int) -> bool:
    actor = _actor(event)
    if actor is None or not _newest(facts, f"staff/{actor}", event):
        return False
    visit = facts.staff.pop(actor, None)
    _forget_visits(facts, now_ms)
    if visit is not None:
        facts.staff_end_ms = max(facts.staff_end_ms, min(visit.until_ms, now_ms))
    return True


def _forget_visits(facts: Facts, now_ms: int) -> None:
    """Visits whose hold has ended by itself, and registers of actors that are too old to matter."""
    for actor, visit in sorted(facts.staff.items(), key=lambda item: (item[1].until_ms, item[0])):
        if visit.until_ms <= now_ms or len(facts.staff) >= STAFF_MAX:
            facts.staff_end_ms = max(facts.staff_end_ms, min(visit.until_ms, now_ms))
            del facts.staff[actor]
    old = [
        name
        for name, at_ms in facts.written_ms.items()
        if name.startswith("staff/") and at_ms <= now_ms - STAFF_HOLD_MAX_MS
    ]
    for name in old:  # whatever such an actor did before that would hold nothing any more
        del facts.written_ms[name]


def _away_started(facts: Facts, event: Event, now_ms: int) -> bool:
    """Where several live, it must say who: to guess would stop watching the one who stayed."""
    resident = event.resident or (next(iter(facts.residents)) if len(facts.residents) == 1 else None)
    if resident is None or not _newest(facts, f"away/{resident}", event):
        return False
    facts.away_since_ms.setdefault(resident, event.effective_at_ms)
    reason = event.content.get("reason")
    if isinstance(reason, str) and reason:
        facts.away_reasons[resident] = reason[:REASON_MAX]
    presence.take_word(facts, event.effective_at_ms, now_ms)
    return True


def _away_ended(facts: Facts, event: Event, now_ms: int) -> bool:
    moved = False
    for resident in [event.resident] if event.resident is not None else sorted(facts.residents):
        if not _newest(facts, f"away/{resident}", event):
            continue
        facts.away_reasons.pop(resident, None)
        moved = facts.out_since_ms(resident) is not None or moved
        presence.take_word(facts, event.effective_at_ms, now_ms)
        if facts.away_since_ms.pop(resident, None) is not None:
            facts.away_end_ms[resident] = now_ms
            moved = True
    return moved


def _feed_lost(facts: Facts, event: Event, now_ms: int) -> bool:
    from_ms = event.content.get("from_ms")
    facts.feed_lost_ms = from_ms if isinstance(from_ms, int) else event.effective_at_ms
    return True


def _feed_gap(facts: Facts, event: Event, now_ms: int) -> bool:
    from_ms, to_ms = event.content.get("from_ms"), event.content.get("to_ms")
    facts.feed_lost_ms = None
    if isinstance(from_ms, int) and isinstance(to_ms, int):
        facts.gap_from_ms, facts.gap_until_ms = from_ms, to_ms
    return True


_HANDLERS: dict[str, Callable[[Facts, Event, int], bool]] = {
    "accumulator.low": _accumulator_low,
    "alarm.pressed": _pressed,
    "away.ended": _away_ended,
    "away.started": _away_started,
    "battery.level": _battery,
    "battery.ok": _battery,
    "device.offline": _offline,
    "device.online": _online,
    "feed.gap": _feed_gap,
    "feed.lost": _feed_lost,
    "key.returned": _staff_left,
    "key.taken": _staff_arrived,
    "lock.unlocked": _staff_arrived,
    "mains.restored": _mains_restored,
    "staff.arrived": _staff_arrived,
    "staff.left": _staff_left,
    "trigger.in_range": _in_range,
    "trigger.out_of_range": _out_of_range,
    "visit.ended": _staff_left,
    "visit.started": _staff_arrived,
}
