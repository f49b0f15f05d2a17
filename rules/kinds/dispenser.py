"""Dispenser: what it says of itself stands until it is put right: a fault, an open lid, a message nobody read.

Theory of operation. Each word of each dispenser (`fault`, else the last part of the event's type) is a state of its
own, a register by effective time: an older one changes nothing. It is told after `for`; what came late settles first.
With `with_dose` it is of that priority when a dose falls due before the next staffed check (`checks` on `check_days`,
holidays as Sundays; a dose at the check itself is before it), and becomes so when a check goes by and that is true by
then. A dose that is presented shows that what kept it from dispensing is over. A break-in is momentary.

| word    | input                          | next    | outcome                               |
|---------|--------------------------------|---------|---------------------------------------|
| -       | enter                          | waiting | - (timer)                             |
| waiting held | leave                     | -       | Note recorded_only if it came late    |
| waiting | timer, held                    | held    | Note held                             |
| waiting | timer                          | open    | Fire; - if momentary                  |
| held    | hold ends                      | waiting | - (timer now)                         |
| open    | timer, a check goes by         | open    | Grow when a dose is before the next   |
| open    | leave                          | -       | Over                                  |
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from ingest.event import RETAINED, Event
from rules.doses import upcoming
from rules.effects import Cause, Reason
from rules.kinds.kind import SETTLE_MS, Context, Fire, Grow, Note, Outcome, Over, State, Step, came_late, cause
from rules.parameters import Days, Duration, LastingValues, Priority, Times, Values
from rules.staffed import next_check_ms

WORDS_MAX = 32
KEEP_MS = 31 * 86_400_000
WORDS = {"battery.level": "battery_empty", "device.misplaced": "misplaced"}  # of types whose last part says too little
MOMENTARY = ("break_in",)
_WORKS = ("jam", "roll_fault", "bag_unreadable", "technical", "no_schedule", "waiting", "battery_empty",
          "misplaced")  # fmt: skip
ENDS = {
    "dispenser.message_read": ("message_unread",),
    "dispenser.closed": ("opened",),
    "dispenser.locked": ("opened",),
    "dispenser.refilled": ("shortage", "travel_short"),
    "battery.level": ("battery_empty",),
    "battery.ok": ("battery_empty",),
    "dose.dispensed": _WORKS,
}
"""What ends which words, where it is not the same word that is cleared."""


class DispenserTerms(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What rules on dispensers share: how urgent it is by the next dose."""

    with_dose: Priority | None = None
    checks: Times = ()
    check_days: Days = ()


class DispenserValues(DispenserTerms, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0


class Word(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    phase: str  # waiting | held | open | over
    since_ms: int
    due_ms: int | None
    cause: Cause | None = None
    late: bool = False
    urgent: bool = False  # its priority is that with a dose


class DispenserState(State, frozen=True, gc=False, omit_defaults=True, tag="dispenser"):
    words: dict[str, Word] = msgspec.field(default_factory=dict)  # "device/word"


def priority_by_dose(context: Context[Any], device: str, from_ms: int) -> tuple[str | None, int | None, int | None]:
    """(priority or None, when that next dose is due, the next check). Doses since `from_ms` that are not over count."""
    values: DispenserTerms = context.values
    facts = context.facts
    if values.with_dose is None:
        return None, None, None
    check_ms = next_check_ms(context.now_ms, values.checks, values.check_days, facts.timezone)
    if check_ms is None:
        return values.with_dose, None, None  # nobody ever looks
    dose = upcoming(facts, device, from_ms, check_ms)
    return (None, None, check_ms) if dose is None else (values.with_dose, dose.at_ms, check_ms)


class Dispenser:
    """See the module's text."""

    name: ClassVar[str] = "dispenser"
    state_type: ClassVar[type[State]] = DispenserState
    values_type: ClassVar[type[Values]] = DispenserValues
    stands: ClassVar[bool] = False
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[DispenserValues]) -> Step:
        known = dict(state.words) if isinstance(state, DispenserState) else {}
        outcomes: list[Outcome] = []
        if role == "leave":
            for key in _ended(known, event):
                known[key] = _over(known[key], event, outcomes)
            return _state(known, context.now_ms), outcomes
        key = f"{_device(event)}/{_word(event)}"
        old = known.get(key)
        if old is not None and (old.phase != "over" or event.effective_at_ms < old.since_ms):
            return state, []
        late = came_late(event, context.facts)
        settle_ms = SETTLE_MS if late or RETAINED in event.quality else 0
        due_ms = max(event.effective_at_ms + context.values.for_ms, context.now_ms + settle_ms)
        known[key] = Word("waiting", event.effective_at_ms, due_ms, cause(event), late)
        return _state(known, context.now_ms), outcomes

    def fire(self, state: State, context: Context[DispenserValues]) -> Step:
        assert isinstance(state, DispenserState)
        known = dict(state.words)
        outcomes: list[Outcome] = []
        for key in sorted(known):
            word = known[key]
            if word.due_ms is not None and word.due_ms <= context.now_ms:
                known[key] = _due(key, word, outcomes, context)
        return _state(known, context.now_ms), outcomes

    def rearm(self, state: State, context: Context[DispenserValues]) -> State | None:
        assert isinstance(state, DispenserState)
        known = {
            key: msgspec.structs.replace(word, phase="waiting", due_ms=context.now_ms) if word.phase == "held" else word
            for key, word in state.words.items()
        }
        return _state(known, context.now_ms)

    def initial(self, context: Context[DispenserValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[DispenserValues]) -> State:
        return state


def _device(event: Event) -> str:
    return event.device or event.address


def _word(event: Event) -> str:
    fault = event.content.get("fault")
    return str(fault) if fault else WORDS.get(event.type, event.type.partition(".")[2])


def _ended(known: dict[str, Word], event: Event) -> list[str]:
    """Keys that an event ends, and that are not newer than it."""
    words = ENDS.get(event.type, (_word(event),))
    keys = [f"{_device(event)}/{word}" for word in words]
    return [key for key in keys if key in known and event.effective_at_ms >= known[key].since_ms]


def _over(word: Word, event: Event, outcomes: list[Outcome]) -> Word:
    causes = (cause(event),)
    if word.phase == "open" and word.cause is not None:
        reason = Reason("dispenser.over", {"at_ms": event.effective_at_ms, "since_ms": word.since_ms})
        outcomes.append(Over(word.cause.event_id, reason, causes))
    elif word.phase == "waiting" and word.late and word.cause is not None:
        reason = Reason("dispenser.over_before_heard", {"at_ms": event.effective_at_ms})
        outcomes.append(Note("recorded_only", reason, (word.cause, *causes), word.cause.event_id))
    return Word("over", event.effective_at_ms, None)


def _due(key: str, word: Word, outcomes: list[Outcome], context: Context[DispenserValues]) -> Word:
    device, _, name = key.rpartition("/")
    assert word.cause is not None, "only what is over has none"
    if word.phase == "open":
        priority, dose_ms, check_ms = priority_by_dose(context, device, context.now_ms)
        if priority is None:
            return msgspec.structs.replace(word, due_ms=check_ms)
        reason = Reason("dispenser.dose_comes", {"scheduled_ms": dose_ms})
        outcomes.append(Grow(word.cause.event_id, priority, reason))
        return msgspec.structs.replace(word, due_ms=None, urgent=True)
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, (word.cause,), word.cause.event_id))
        return msgspec.structs.replace(word, phase="held", due_ms=None)
    priority, dose_ms, check_ms = priority_by_dose(context, device, word.since_ms)
    reason = Reason("dispenser.says", {"word": name, "since_ms": word.since_ms, "scheduled_ms": dose_ms})
    momentary = name in MOMENTARY
    outcomes.append(
        Fire(
            word.cause.event_id, reason, (word.cause,), word.since_ms, word.due_ms, content={"fault": name},
            device=word.cause.device_id, momentary=momentary, late=word.late, waited_ms=context.values.for_ms,
            begun_ms=word.since_ms, priority=priority,
        )
    )  # fmt: skip
    if momentary:
        return Word("over", word.since_ms, None)
    waits = priority is None and context.values.with_dose is not None
    return msgspec.structs.replace(word, phase="open", due_ms=check_ms if waits else None, urgent=not waits)


def _state(known: dict[str, Word], now_ms: int) -> DispenserState | None:
    left = {key: word for key, word in known.items() if word.phase != "over" or word.since_ms > now_ms - KEEP_MS}
    if len(left) > WORDS_MAX:
        newest = sorted(left, key=lambda key: (left[key].phase != "over", left[key].since_ms, key))[-WORDS_MAX:]
        left = {key: left[key] for key in newest}
    if not left:
        return None
    dues = [word.due_ms for word in left.values() if word.due_ms is not None]
    return DispenserState(min(dues) if dues else None, dict(sorted(left.items())))
