"""What the home fold keeps: one `Home` for each home, one `Instance` for each rule and subject. Saved as is. Pure.

Integers only, every field with a default, no sets: equal states give equal bytes on every machine. Nothing in here can
be part of a cycle, so the collector need not look at it (`gc=False`): a pause grows with what it has to walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import msgspec

from ingest.event import Event
from rules.book import Book, Rule
from rules.facts import Facts
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

AnyState = (
    SignalState | DwellState | AbsenceState | DeadlineState | ThresholdState | CountState | DoseState | UnknownDoseState
    | SequenceState | ZoneState | MissedState | DispenserState | SilenceState | StockState
    | ScoreState | TrendState | RoutineState
)  # fmt: skip
_STATES = frozenset(get_args(AnyState))
HOME_KEY = ""  # the home's own timer, for what is guessed from silence; before those of its rules
UNKNOWN_HOME = "address:"  # how the home of a device that nobody registered begins


class Instance(msgspec.Struct, gc=False, omit_defaults=True):
    """One rule for one subject."""

    version: str  # of the rule that it follows
    state: AnyState | None = None
    resident: str | None = None
    open_ids: tuple[str, ...] = ()  # alerts that wait for their Clear
    growing: dict[str, int] | None = None  # episode of an open alert -> when it gets a higher priority; never empty
    hold_check_ms: int | None = None  # when the hold that withheld it ends by itself
    watch_check_ms: int | None = None  # when its measure ends, or the next one begins
    quarantined: bool = False


class Home(msgspec.Struct, gc=False, omit_defaults=True):
    """All that is kept of one home."""

    facts: Facts
    now_ms: int = 0
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
    for check_ms in (instance.hold_check_ms, instance.watch_check_ms, *(instance.growing or {}).values()):
        if check_ms is not None and (due_ms is None or check_ms < due_ms):
            due_ms = check_ms
    return due_ms


def timers_of(state: FoldState) -> Iterator[tuple[int, str, str]]:
    """(due, home, key) of every timer: those of the homes themselves and of their instances."""
    for home_id, home in state.homes.items():
        if home.facts.presence.due_ms is not None:
            yield home.facts.presence.due_ms, home_id, HOME_KEY
        for key, instance in home.instances.items():
            due_ms = due_ms_of(instance)
            if due_ms is not None:
                yield due_ms, home_id, key


def set_aside(state: FoldState) -> list[dict[str, str]]:
    """Instances in quarantine, in order: {"rule", "subject"}."""
    return [
        dict(zip(("rule", "subject"), key.split("/", 1), strict=True))
        for _, home in sorted(state.homes.items())
        for key, instance in sorted(home.instances.items())
        if instance.quarantined
    ]


def share_again(state: FoldState) -> None:
    """What is one object while a fold runs is several after a snapshot: made one again.

    It is a seventh of the memory, and the newest event of a trace *is* the one that began the state, or is not.
    """
    versions = {rule.version: rule.version for rule in (() if state.book is None else state.book.rules)}
    for home in state.homes.values():
        for traces in home.facts.traces.values():
            for trace in traces.values():
                if trace.last.event_id == trace.runs[-1].event_id:
                    trace.last = trace.runs[-1]
        people = {resident: resident for resident in home.facts.residents}
        for instance in home.instances.values():
            instance.version = versions.get(instance.version, instance.version)
            if instance.resident is not None:
                instance.resident = people.get(instance.resident, instance.resident)


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
        nobodys = KINDS[rule.kind].nobodys
        if event.resident is not None or nobodys == "subject":
            return [(event.subject, event.resident)]
        people = sorted(facts.residents)
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
    roles = {role for match in rule.enter for role in match.roles}
    return [
        (device.id, device.resident)
        for _, device in sorted(facts.devices.items())
        if device.id in facts.heard and (not roles or device.role in roles)
    ]


def belongs(facts: Facts, rule: Rule, subject: str) -> bool:
    """Whether the subject of an instance is still of this home."""
    if rule.alarm or rule.kind == "signal" or rule.per == "address":
        return True
    if rule.per == "resident":
        return subject in facts.residents or (KINDS[rule.kind].nobodys == "device" and subject in facts.devices)
    return subject in (facts.devices if rule.per == "device" else facts.gateways)


def forget_idle(state: FoldState, now_ms: int, idle_ms: int, homes_max: int) -> None:
    """Forget homes of unknown devices that nothing was heard of for long, or of which there are too many.

    Nobody can tell: they hold signals only, and those that wait are never idle that long. A device that comes back
    begins anew, and what is raised again on the same day has the same id.
    """
    unknown = sorted((home.now_ms, name) for name, home in state.homes.items() if name.startswith(UNKNOWN_HOME))
    excess = len(unknown) - homes_max
    for index, (heard_ms, name) in enumerate(unknown):
        waiting = any(due_ms_of(instance) is not None for instance in state.homes[name].instances.values())
        if not waiting and (heard_ms <= now_ms - idle_ms or index < excess):
            del state.homes[name]
