"""Doses of a home: what is known of each, what its dispenser has told, and what falls due next. Pure.

Theory of operation. A dose is a row of registers. Its *plan* (when, which window, time-critical) is that of the newest
announcement by effective time, so a changed plan moves it; one that says no time counts as due when it was told. Its
*word* is the newest that was said of its life, but what ends it stays: once fetched or skipped it is that, whatever a
dispenser says later. Dispensers know what was fetched, never what was swallowed.

    due → reminded → dispensed → fetched (early, late, assisted, for travel)
                               ↘ missed, withheld        skipped
    unknown: none of these was heard; which it is the rules decide (`kinds/dose.py`), by what may be known at that time

A dispenser is *out of reach* when somebody said so (its own silence, its gateway's, our feed's), or when it was not
heard for longer than the interval it reports in and REACH_SPARE_MS. Doses that were not announced yet are *expected* at
the local times at which this dispenser had one within the last 7 days; a guess that only ever makes us ask earlier.

Staff who give a dose by hand tell it as `dose.taken` with `assisted` and the dose's id; one that nobody has announced
has a name of ours (`expected_name`), and keeps what was said of it when its dispenser names it at last.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from ingest.event import RETAINED, Event
from ingest.vocabulary import TYPES
from rules.local_time import instant_ms, local_date, to_local

if TYPE_CHECKING:
    from rules.facts import Facts

MINUTE_MS = 60_000
DAY_MS = 86_400_000
NEVER_MS = -1  # before all that is told here, and one byte in a state
REACH_SPARE_MS = 60_000  # domain §4 R27: one interval and this
AHEAD_MS = 5 * MINUTE_MS  # a word this long before it is due speaks of it as due: clocks differ
SAME_DOSE_MS = 15 * MINUTE_MS  # a dose named within this of one that was expected is that one
SCHEDULE_BELIEVED_MS = 7 * DAY_MS  # a schedule further from its announcement is a wrong clock
WINDOW_MAX_MS = DAY_MS
KEEP_MS = 48 * 60 * MINUTE_MS  # a dose is forgotten this long after it was due
PATTERN_MS = 7 * DAY_MS
DOSES_MAX = 64
SLOTS_MAX = 24
EXPECTED = "expected"  # how the name of a dose begins that nobody has announced
OVER = ("fetched", "skipped")
NOT_FETCHED = ("missed", "withheld")
WORDS = {
    "dose.due": "due", "dose.reminded": "reminded", "dose.dispensed": "dispensed", "dose.taken": "fetched",
    "dose.missed": "missed", "dose.withheld": "withheld", "dose.skipped": "skipped",
    "dose.wrong_compartment": "reminded",
}  # fmt: skip
SPEAKS = frozenset(name for name in TYPES if name.startswith(("dose.", "dispenser.")))
"""What only a dispenser says, whatever role it is registered with."""


class Dose(msgspec.Struct, frozen=True, gc=False, array_like=True):
    dispenser: str  # device, else the address that told of it
    scheduled_ms: int
    plan_ms: int = NEVER_MS  # when it was announced with a time of its own; NEVER_MS: told without one
    window_ms: int | None = None  # the device's own
    critical: bool = False
    travel: bool = False
    word: str = ""
    word_ms: int = NEVER_MS  # effective time of that word
    assisted: bool = False


class Slot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A local time at which a dispenser had a dose."""

    minute: int
    seen_ms: int  # when that dose was due
    critical: bool = False


class Dispenser(msgspec.Struct, frozen=True, gc=False, array_like=True):
    heard_ms: int = NEVER_MS  # arrival of the last live message
    interval_ms: int = 0  # how often it reports, as it says itself; 0: it does not
    refilled_ms: int | None = None
    slots: tuple[Slot, ...] = ()


class Upcoming(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A dose that is not over: announced, or expected."""

    at_ms: int
    critical: bool
    key: str = ""  # of an announced one


def dose_key(facts: Facts, event: Event) -> str | None:
    """Whose dose which: unique in the home. None for an event that names none."""
    dose_id = event.content.get("dose_id")
    if not dose_id:
        return None
    only = next(iter(facts.residents)) if len(facts.residents) == 1 else None
    return f"{event.resident or only or event.device or event.address}/{dose_id}"


def expected_name(device: str, at_ms: int) -> str:
    """The id of a dose of a dispenser that nobody has announced."""
    return f"{EXPECTED}-{device}-{at_ms}"


def expected_of(facts: Facts, dose_id: str) -> tuple[str, int] | None:
    """(dispenser, when) of such an id; None for any other."""
    device, _, at_ms = dose_id.removeprefix(f"{EXPECTED}-").rpartition("-")
    ours = dose_id.startswith(f"{EXPECTED}-") and device in facts.dispensers and at_ms.isdigit()
    return (device, int(at_ms)) if ours else None


def take_dispenser(facts: Facts, event: Event, now_ms: int) -> None:
    """What an event of a dispenser, or about a dose, changes."""
    heard = RETAINED not in event.quality and event.type != "device.offline"
    if event.type == "device.online" and event.content.get("reason") != "heard":
        heard = False  # somebody's word for it
    speaks = event.role == "dispenser" or event.device in facts.dispensers or event.type in SPEAKS
    if event.device is not None and speaks:
        known = facts.dispensers.get(event.device, Dispenser())
        if heard:
            known = msgspec.structs.replace(known, heard_ms=max(known.heard_ms, event.received_at_ms))
        seconds = event.content.get("interval_seconds")
        if isinstance(seconds, int | float) and 1 <= seconds <= DAY_MS // 1_000:
            known = msgspec.structs.replace(known, interval_ms=round(seconds * 1_000))
        if event.type == "dispenser.refilled" and event.effective_at_ms >= (known.refilled_ms or NEVER_MS):
            known = msgspec.structs.replace(known, refilled_ms=event.effective_at_ms)
        facts.dispensers[event.device] = known
    if event.type in WORDS:
        _take_dose(facts, event, now_ms)


def _take_dose(facts: Facts, event: Event, now_ms: int) -> None:
    key = dose_key(facts, event)
    if key is None:
        return
    old = facts.doses.get(key) or _unannounced(facts, key, event)
    dose = _with_word(_with_plan(old, event), event)
    facts.doses[key] = dose
    timed = dose.plan_ms != NEVER_MS or event.type == "dose.due"
    if timed and dose.dispenser in facts.dispensers and event.type in ("dose.due", "dose.reminded", "dose.dispensed"):
        _learn(facts, dose, now_ms)
    _forget(facts, now_ms)


def _unannounced(facts: Facts, key: str, event: Event) -> Dose | None:
    """A dose that is first heard of, as it was expected: by the name we gave it, or named by its dispenser now."""
    whose, _, dose_id = key.partition("/")
    ours = expected_of(facts, dose_id)
    if ours is not None:
        return Dose(ours[0], ours[1], ours[1])
    named = _with_plan(None, event)
    for other, dose in facts.doses.items():
        near = dose.dispenser == named.dispenser and abs(dose.scheduled_ms - named.scheduled_ms) <= SAME_DOSE_MS
        if near and other.startswith(f"{whose}/{EXPECTED}-"):
            return facts.doses.pop(other)
    return None


def _with_plan(old: Dose | None, event: Event) -> Dose:
    """The newest announcement with a time counts; without any, the first word of it."""
    at_ms, content = event.effective_at_ms, event.content
    said_ms = content.get("scheduled_at_ms")
    own_time = isinstance(said_ms, int) and abs(said_ms - at_ms) <= SCHEDULE_BELIEVED_MS
    scheduled_ms = said_ms if own_time and isinstance(said_ms, int) else at_ms
    if old is None:
        dose = Dose(event.device or event.address, scheduled_ms, at_ms if own_time else NEVER_MS)
    elif own_time and at_ms >= old.plan_ms:
        dose = msgspec.structs.replace(old, scheduled_ms=scheduled_ms, plan_ms=at_ms)
    elif old.plan_ms == NEVER_MS and at_ms < old.scheduled_ms:
        dose = msgspec.structs.replace(old, scheduled_ms=at_ms)
    else:
        dose = old
    window = content.get("window_minutes")
    if isinstance(window, int | float) and (dose.window_ms is None or at_ms >= dose.plan_ms):
        dose = msgspec.structs.replace(dose, window_ms=min(WINDOW_MAX_MS, max(0, round(window * MINUTE_MS))))
    critical = dose.critical or content.get("time_critical") is True
    return msgspec.structs.replace(dose, critical=critical, travel=dose.travel or content.get("travel") is True)


def _with_word(dose: Dose, event: Event) -> Dose:
    word, at_ms = WORDS[event.type], event.effective_at_ms
    if dose.word in OVER or (word not in OVER and at_ms < dose.word_ms):
        return dose
    if word in ("due", "reminded") and dose.word in ("dispensed", *NOT_FETCHED):
        return dose  # a reminder does not take back what was said of it
    return msgspec.structs.replace(dose, word=word, word_ms=at_ms, assisted=event.content.get("assisted") is True)


def _learn(facts: Facts, dose: Dose, now_ms: int) -> None:
    """Remember the local time of a dose that was announced."""
    local = to_local(dose.scheduled_ms, facts.timezone)
    minute = local.hour * 60 + local.minute
    known = facts.dispensers[dose.dispenser]
    near = SAME_DOSE_MS // MINUTE_MS  # a clock that runs a little off is no other dose
    same = [slot for slot in known.slots if abs(slot.minute - minute) < near]
    before = [slot for slot in known.slots if slot not in same and slot.seen_ms > now_ms - PATTERN_MS - DAY_MS]
    seen_ms = max([dose.scheduled_ms, *(slot.seen_ms for slot in same)])
    slots = sorted([*before, Slot(minute, seen_ms, dose.critical)], key=lambda slot: slot.seen_ms)[-SLOTS_MAX:]
    slots.sort(key=lambda slot: slot.minute)
    if tuple(slots) != known.slots:
        facts.dispensers[dose.dispenser] = msgspec.structs.replace(known, slots=tuple(slots))


def _forget(facts: Facts, now_ms: int) -> None:
    old = [key for key, dose in facts.doses.items() if dose.scheduled_ms <= now_ms - KEEP_MS - WINDOW_MAX_MS]
    for key in old:
        del facts.doses[key]
    if len(facts.doses) > DOSES_MAX:
        oldest = sorted(facts.doses, key=lambda key: (facts.doses[key].word not in OVER, facts.doses[key].scheduled_ms))
        for key in oldest[: len(oldest) - DOSES_MAX]:
            del facts.doses[key]


# -- questions -------------------------------------------------------------------------------------------------


def interval_ms(facts: Facts, device: str) -> int:
    """How often a dispenser reports: as it says itself, else as it is registered; 0 when nobody says."""
    known, registered = facts.dispensers.get(device), facts.devices.get(device)
    told_ms = known.interval_ms if known is not None else 0
    return told_ms or (registered.interval_ms if registered is not None else 0)


def told_silent_ms(facts: Facts, device: str) -> int | None:
    """Since when its silence is told: its own, its gateway's or the feed's; None when nobody says so."""
    registered = facts.devices.get(device)
    gateway = registered.gateway if registered is not None else None
    told = [facts.offline_since_ms.get(device), facts.offline_since_ms.get(gateway or ""), facts.feed_lost_ms]
    return min((since_ms for since_ms in told if since_ms is not None), default=None)


def silent_since_ms(facts: Facts, device: str, now_ms: int) -> int | None:
    """Since when a dispenser is out of reach at `now_ms`, as far as anybody can know; None while it is in reach."""
    told_ms = told_silent_ms(facts, device)
    if told_ms is not None:
        return told_ms
    known, every_ms = facts.dispensers.get(device), interval_ms(facts, device)
    if known is None or not every_ms or known.heard_ms == NEVER_MS:
        return None
    heard_ms = max(known.heard_ms, facts.gap_until_ms or NEVER_MS)
    return known.heard_ms if heard_ms + every_ms + REACH_SPARE_MS <= now_ms else None


def dispensers_of(facts: Facts, subject: str) -> list[str]:
    """Dispensers of a resident, or one that is itself the subject, of those that were heard."""
    alone = len(facts.residents) == 1
    found = []
    for device in sorted(facts.dispensers):
        registered = facts.devices.get(device)
        owner = registered.resident if registered is not None else None
        if subject in (device, owner) or (owner is None and alone):
            found.append(device)
    return found


def upcoming(facts: Facts, device: str, from_ms: int, until_ms: int) -> Upcoming | None:
    """The first dose of a dispenser due in [from, until]: one that was announced and is not over, or is expected."""
    found = [
        Upcoming(dose.scheduled_ms, dose.critical, key)
        for key, dose in facts.doses.items()
        if dose.dispenser == device and from_ms <= dose.scheduled_ms <= until_ms and dose.word not in OVER
    ]
    found += list(itertools.islice(expected(facts, device, from_ms, until_ms), 1))
    return min(found, key=lambda each: (each.at_ms, not each.critical, each.key), default=None)


def expected(facts: Facts, device: str, from_ms: int, until_ms: int) -> Iterator[Upcoming]:
    """Doses in [from, until] by the pattern of the last 7 days that nobody has announced, in their order."""
    known = facts.dispensers.get(device)
    if known is None or not known.slots:
        return
    day, last = local_date(from_ms, facts.timezone), local_date(until_ms, facts.timezone)
    named = [dose.scheduled_ms for dose in facts.doses.values() if dose.dispenser == device]
    while day <= last:
        for slot in known.slots:
            at_ms = instant_ms(day, slot.minute, facts.timezone)
            seen = slot.seen_ms < at_ms <= slot.seen_ms + PATTERN_MS + DAY_MS // 2
            if seen and from_ms <= at_ms <= until_ms and not any(abs(at_ms - one) <= SAME_DOSE_MS for one in named):
                yield Upcoming(at_ms, slot.critical)
        day += timedelta(days=1)
