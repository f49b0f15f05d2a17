"""What the home fold keeps: one `Home` for each home, one `Instance` for each rule and subject. Saved as is. Pure.

Integers only, every field with a default, no sets: equal states give equal bytes on every machine. Nothing in here can
be part of a cycle, so the collector need not look at it (`gc=False`): a pause grows with what it has to walk.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from ingest.event import Event
from ingest.prepared_types import prepare
from rules.book import Book, Rule
from rules.facts import Device, Facts
from rules.kinds import KINDS
from rules.kinds.absence import AbsenceState
from rules.kinds.count import CountState
from rules.kinds.dispenser import DispenserState
from rules.kinds.dose import DoseState
from rules.kinds.dose_unknown import UnknownDoseState
from rules.kinds.dwell_state import DwellState
from rules.kinds.kind import State
from rules.kinds.missed import MissedState
from rules.kinds.occurrences import DeadlineState
from rules.kinds.routine import RoutineState
from rules.kinds.score import ScoreState
from rules.kinds.sequence_entry import SequenceState
from rules.kinds.signal import SignalState
from rules.kinds.silence import SilenceState
from rules.kinds.stock import StockState
from rules.kinds.threshold import ThresholdState
from rules.kinds.trend import TrendState
from rules.kinds.zone import ZoneState
from rules.timers import First
from rules.watch import FOREVER_MS

AnyState = (
    SignalState | DwellState | AbsenceState | DeadlineState | ThresholdState | CountState | DoseState | UnknownDoseState
    | SequenceState | ZoneState | MissedState | DispenserState | SilenceState | StockState
    | ScoreState | TrendState | RoutineState
)  # fmt: skip
_STATES = frozenset(get_args(AnyState))
HOME_KEY = ""  # the home's own timer, for what is guessed from silence; before those of its rules
UNKNOWN_HOME = "address:"  # how the home of a device that nobody registered begins


class Instance(msgspec.Struct, gc=False, array_like=True):
    """One rule for one subject."""

    state: AnyState | None = None
    resident: str | None = None
    open_ids: tuple[str, ...] = ()  # alerts that wait for their Clear
    growing: dict[str, int] | None = None  # episode of an open alert -> when it gets a higher priority; never empty
    hold_check_ms: int | None = None  # when the hold that withheld it ends by itself
    watch_check_ms: int | None = None  # when its measure ends, or the next one begins
    quarantined: str = ""  # version of the rule that raised for it; "" = it works


class Home(msgspec.Struct, gc=False, array_like=True):
    """All that is kept of one home. `homes.py` reads its beginning alone."""

    now_ms: int
    due_ms: int | None  # its first timer, as of when it was written
    aside: bool  # … and whether a rule was set aside for somebody in it
    facts: Facts
    instances: dict[str, Instance] = {}  # "rule/subject"


class FoldState(msgspec.Struct, omit_defaults=True):
    """All homes of one partition, and the book in force; what a snapshot holds."""

    homes: dict[str, Home] = {}
    site: str = ""
    timezone: str = "Europe/Oslo"
    book: Book | None = None
    seen: dict[str, int] = {}  # versions of settings that concern every home
    skipped: int = 0  # inputs that could not be folded
    swept_ms: int = 0  # when idle homes of unknown devices were forgotten last


def due_ms_of(instance: Instance) -> int | None:
    """The first timer of an instance: its kind's, the end of a hold or of its measure, or a severity that grows."""
    due_ms = instance.state.due_ms if instance.state is not None else None
    if instance.growing is None and instance.hold_check_ms is None and instance.watch_check_ms is None:
        return due_ms
    for check_ms in (instance.hold_check_ms, instance.watch_check_ms):
        if check_ms is not None and (due_ms is None or check_ms < due_ms):
            due_ms = check_ms
    if instance.growing is not None:
        grows_ms = min(instance.growing.values())
        due_ms = grows_ms if due_ms is None or grows_ms < due_ms else due_ms
    return due_ms


def first_timer(home: Home) -> First | None:
    """The timer of a home that fires first: its own (HOME_KEY), or of one of its instances."""
    look_ms = home.facts.look_ms
    first_ms, first = (FOREVER_MS, "") if look_ms is None else (look_ms, HOME_KEY)
    then_ms = FOREVER_MS
    for key, instance in home.instances.items():
        state, check_ms = instance.state, instance.watch_check_ms
        due_ms = None if state is None else state.due_ms
        if instance.growing is not None or instance.hold_check_ms is not None:
            due_ms = due_ms_of(instance)
        elif check_ms is not None and (due_ms is None or check_ms < due_ms):
            due_ms = check_ms
        if due_ms is None or due_ms > then_ms:
            continue
        if due_ms < first_ms or (due_ms == first_ms and key < first):
            first_ms, first, then_ms = due_ms, key, first_ms
        else:
            then_ms = due_ms
    return None if first_ms == FOREVER_MS else (first_ms, first, None if then_ms == FOREVER_MS else then_ms)


def kept(state: State | None) -> AnyState | None:
    """A kind's answer, as a state that can be saved."""
    assert state is None or type(state) in _STATES, f"a kind gave a {type(state).__name__}"
    return state  # type: ignore[return-value]  # looked at above; a cast would cost a call for each event


def subjects(facts: Facts, rule: Rule, event: Event) -> list[tuple[str, str | None]]:
    """(subject, resident) of the instances of a rule that an event is for.

    Whom an event without a resident is for, its kind says (`nobodys`), or a rule for `everyone`.
    """
    per = rule.per
    if per == "resident":
        nobodys, people = KINDS[rule.kind].nobodys, facts.residents
        if event.resident is not None or nobodys == "subject":
            return [(event.subject, event.resident)]
        if nobodys == "all" or rule.everyone or len(people) == 1:
            return [(person, person) for person in people]
        return [(event.subject, None)] if nobodys == "device" else []
    if per == "address":
        return [(event.address, event.resident)]
    if per == "device":
        return [(event.device, event.resident)] if event.device is not None else []
    own = event.gateway is not None and event.device is None and facts.gateways.get(event.gateway, False)
    return [(event.gateway, None)] if own and event.gateway is not None else []


def to_begin(facts: Facts, rule: Rule) -> list[tuple[str, str | None]]:
    """(subject, resident) that a rule watches from the first moment, before an event of theirs; devices once heard."""
    if rule.per == "resident":
        return [(resident, resident) for resident in sorted(facts.residents)]
    if rule.per != "device":
        return []
    return [
        (device.id, device.resident)
        for _, device in sorted(facts.devices.items())
        if device.id in facts.heard and is_watched(device, rule)
    ]


def is_watched(device: Device, rule: Rule) -> bool:
    """Whether a rule per device is for one of this role."""
    any_role = True
    for match in rule.enter:
        if device.role in match.roles:
            return True
        any_role = any_role and not match.roles
    return any_role


def belongs(facts: Facts, rule: Rule, subject: str) -> bool:
    """Whether the subject of an instance is still of this home."""
    if rule.alarm or rule.kind == "signal" or rule.per == "address":
        return True
    if rule.per == "resident":
        return subject in facts.residents or (KINDS[rule.kind].nobodys == "device" and subject in facts.devices)
    return subject in (facts.devices if rule.per == "device" else facts.gateways)


prepare(FoldState)
