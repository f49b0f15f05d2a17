"""Dispenser: what it says of itself stands until it is put right: a fault, an open lid, a message nobody read.

Theory of operation. Each word of each dispenser (`fault`, else the last part of the event's type) is a state of its
own, a register by effective time: an older one changes nothing. It is told after `for`; what came late settles first.
With `with_dose` it is of that priority when a dose falls due before the next staffed check (`checks` on `check_days`,
holidays as Sundays; a dose at the check itself is before it), and becomes so when a check goes by and that is true by
then. Once nobody waits for a dose before the next check any more (`then`: staff gave it by hand), it is urgent no more:
what was is over, and what is left to mend is told anew. A dose that is presented shows that what kept it from
dispensing is over. A break-in is momentary. A watch begins over the words that stand.

| word    | input                          | next    | outcome                               |
|---------|--------------------------------|---------|---------------------------------------|
| -       | enter                          | waiting | - (timer)                             |
| waiting held | leave                     | -       | Note recorded_only if it came late    |
| any     | leave from before it was said again | waiting | as leave (timer)                   |
| waiting | timer, held                    | held    | Note held                             |
| waiting | timer                          | open    | Fire; - if momentary                  |
| held    | hold ends                      | waiting | - (timer now)                         |
| open    | timer, a check goes by         | open    | Grow when a dose is before the next   |
| open    | then, no dose before the check | open    | Over, Fire anew if it was urgent by it; else More |
| open    | leave                          | -       | Over                                  |
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from ingest.event import RETAINED, Event
from rules.doses import expected_name, upcoming
from rules.effects import Cause, Reason
from rules.kinds.dose_life import NEXT, dose_name, evidence
from rules.kinds.kind import SETTLE_MS, Context, Fire, Grow, More, Note, Outcome, Over, State, Step, came_late, cause
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
SAYS_ITSELF = ("dispenser.fault_cleared", "dispenser.message_read", "dispenser.closed", "dispenser.locked")
"""Kept where the word they end has not been heard yet."""


class DispenserTerms(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What rules on dispensers share: how urgent it is by the next dose."""

    with_dose: Priority | None = None
    checks: Times = ()
    check_days: Days = ()


class DispenserValues(DispenserTerms, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0


class Word(msgspec.Struct, frozen=True, gc=False, array_like=True):
    phase: str  # waiting | held | open | over
    since_ms: int
    due_ms: int | None
    cause: Cause | None = None
    late: bool = False
    dose: str = ""  # the dose by which it is urgent
    told_ms: int = 0  # it is told anew since: a watch began, or its dose was settled
    again: Cause | None = None  # newest word of it while it stands: that it was over in between may be heard later

    @property
    def episode(self) -> str:
        name = self.cause.event_id if self.cause is not None else str(self.since_ms)
        return f"{name}@{self.told_ms}" if self.told_ms else name


class DispenserState(State, frozen=True, gc=False, tag="dispenser"):
    words: dict[str, Word] = msgspec.field(default_factory=dict)  # "device/word"


class Urgency(msgspec.Struct, frozen=True, gc=False):
    """How urgent what is wrong with a dispenser is."""

    priority: str | None = None
    dose: str = ""  # the dose by which it is
    dose_ms: int | None = None
    causes: tuple[Cause, ...] = ()  # names that dose, so that staff can settle it
    check_ms: int | None = None  # when to look again


def urgency(context: Context[Any], device: str, from_ms: int) -> Urgency:
    """By the first dose since `from_ms` that is not over, if it falls due before the next check."""
    values: DispenserTerms = context.values
    facts = context.facts
    if values.with_dose is None:
        return Urgency()
    check_ms = next_check_ms(context.now_ms, values.checks, values.check_days, facts.timezone)
    if check_ms is None:
        return Urgency(values.with_dose)  # nobody ever looks
    dose = upcoming(facts, device, from_ms, check_ms)
    if dose is None:
        return Urgency(check_ms=check_ms)
    name = dose_name(dose.key) if dose.key else expected_name(device, dose.at_ms)
    return Urgency(values.with_dose, name, dose.at_ms, (evidence(name, device, dose.at_ms, NEXT),))


class Dispenser:
    """See the module's text."""

    name: ClassVar[str] = "dispenser"
    state_type: ClassVar[type[State]] = DispenserState
    values_type: ClassVar[type[Values]] = DispenserValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[DispenserValues]) -> Step:
        known = dict(state.words) if isinstance(state, DispenserState) else {}
        outcomes: list[Outcome] = []
        if role == "leave":
            for key in _ended(known, event):
                again = known[key].again
                known[key] = _over(known[key], event, outcomes)
                if again is not None and again.effective_at_ms > event.effective_at_ms:
                    known[key] = _waiting(again, context, late=True)  # over in between, and said again since
            for word in ENDS.get(event.type, (_word(event),)) if event.type in SAYS_ITSELF else ():
                known.setdefault(f"{_device(event)}/{word}", Word("over", event.effective_at_ms, None))
            return _state(known, context.now_ms), outcomes
        if role == "then":
            for key in sorted(known):
                if known[key].phase == "open" and known[key].dose:
                    known[key] = _settled(key, known[key], event, outcomes, context)
            return _state(known, context.now_ms), outcomes
        key = f"{_device(event)}/{_word(event)}"
        old = known.get(key)
        if old is not None and event.effective_at_ms < old.since_ms:
            return state, []
        if old is not None and old.phase != "over":
            known[key] = msgspec.structs.replace(old, again=cause(event))
            return _state(known, context.now_ms), []
        late = came_late(event, context.facts)
        works = context.facts.trace("dispensed", event.address)
        if _word(event) in _WORKS and works is not None and works.last.effective_at_ms > event.effective_at_ms:
            reason = Reason("dispenser.over_before_heard", {"at_ms": works.last.effective_at_ms})
            return state, [Note("recorded_only", reason, (cause(event), cause(works.last)), event.event_id)]
        known[key] = _waiting(cause(event), context, late=late, settles=late or RETAINED in event.quality)
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
        assert isinstance(state, DispenserState)
        words = {
            key: word if word.phase == "over" else msgspec.structs.replace(word, told_ms=context.now_ms)
            for key, word in state.words.items()
        }
        return msgspec.structs.replace(state, words=words)


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


def _waiting(said: Cause, context: Context[DispenserValues], *, late: bool, settles: bool = True) -> Word:
    due_ms = max(said.effective_at_ms + context.values.for_ms, context.now_ms + (SETTLE_MS if settles else 0))
    return Word("waiting", said.effective_at_ms, due_ms, said, late)


def _over(word: Word, event: Event, outcomes: list[Outcome]) -> Word:
    causes = (cause(event),)
    if word.phase == "open" and word.cause is not None:
        reason = Reason("dispenser.over", {"at_ms": event.effective_at_ms, "since_ms": word.since_ms})
        outcomes.append(Over(word.episode, reason, causes))
    elif word.phase == "waiting" and word.late and word.cause is not None:
        reason = Reason("dispenser.over_before_heard", {"at_ms": event.effective_at_ms})
        outcomes.append(Note("recorded_only", reason, (word.cause, *causes), word.cause.event_id))
    return Word("over", event.effective_at_ms, None)


def _due(key: str, word: Word, outcomes: list[Outcome], context: Context[DispenserValues]) -> Word:
    device, _, name = key.rpartition("/")
    assert word.cause is not None, "only what is over has none"
    if word.phase == "open":
        now = urgency(context, device, context.now_ms)
        if now.priority is None:
            return msgspec.structs.replace(word, due_ms=now.check_ms)
        outcomes += worse(word.episode, now)
        return msgspec.structs.replace(word, due_ms=None, dose=now.dose)
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, (word.cause,), word.episode))
        return msgspec.structs.replace(word, phase="held", due_ms=None)
    opened = _fired(key, word, outcomes, context)
    return Word("over", word.since_ms, None) if name in MOMENTARY else opened


def _fired(key: str, word: Word, outcomes: list[Outcome], context: Context[DispenserValues]) -> Word:
    device, _, name = key.rpartition("/")
    assert word.cause is not None, "only what is over has none"
    now = urgency(context, device, word.since_ms)
    reason = Reason("dispenser.says", {"word": name, "since_ms": word.since_ms, "scheduled_ms": now.dose_ms})
    outcomes.append(
        Fire(
            word.episode, reason, (word.cause, *now.causes), max(word.since_ms, word.told_ms), word.due_ms,
            content={"fault": name}, device=word.cause.device_id, momentary=name in MOMENTARY, late=word.late,
            waited_ms=context.values.for_ms, begun_ms=word.since_ms, priority=now.priority,
        )
    )  # fmt: skip
    return msgspec.structs.replace(word, phase="open", due_ms=now.check_ms, dose=now.dose)


def worse(episode: str, now: Urgency) -> list[Outcome]:
    """An alert that stands has become urgent by a dose."""
    reason = Reason("dispenser.dose_comes", {"scheduled_ms": now.dose_ms})
    grown: list[Outcome] = [Grow(episode, now.priority or "", reason)]
    return [*grown, More(episode, reason, now.causes)] if now.causes else grown


def _settled(key: str, word: Word, event: Event, outcomes: list[Outcome], context: Context[DispenserValues]) -> Word:
    """A dose was given by hand: is it still urgent?"""
    device = key.rpartition("/")[0]
    now = urgency(context, device, word.since_ms)
    if now.priority is None:
        outcomes.append(Over(word.episode, dose_settled(event), (cause(event),)))
        return _fired(key, msgspec.structs.replace(word, told_ms=context.now_ms, due_ms=None), outcomes, context)
    if now.dose != word.dose:
        outcomes.append(More(word.episode, Reason("dispenser.dose_comes", {"scheduled_ms": now.dose_ms}), now.causes))
    return msgspec.structs.replace(word, dose=now.dose)


def dose_settled(event: Event) -> Reason:
    """Why it is not urgent any more."""
    return Reason("dispenser.dose_settled", {"dose": event.content.get("dose_id"), "at_ms": event.effective_at_ms})


def _state(known: dict[str, Word], now_ms: int) -> DispenserState | None:
    left = {key: word for key, word in known.items() if word.phase != "over" or word.since_ms > now_ms - KEEP_MS}
    if len(left) > WORDS_MAX:
        newest = sorted(left, key=lambda key: (left[key].phase != "over", left[key].since_ms, key))[-WORDS_MAX:]
        left = {key: left[key] for key in newest}
    if not left:
        return None
    dues = [word.due_ms for word in left.values() if word.due_ms is not None]
    return DispenserState(min(dues) if dues else None, dict(sorted(left.items())))
