"""Threshold: a measurement passes a limit, and stays there for long enough.

Theory of operation. Each metric has a register (each device its own with `each_device`): the last writer by *effective*
time wins. `below` and `above` raise; the limits to clear lie `hysteresis` inside of them, so a value at the limit does
not flutter. A run begins with a value that passes and ends with one that clears, or that passes on the other side; then

    due = max(since, end of the last hold) + for          (an open alert: inside again since + clear_for)

What lies between the two limits when it is due waits for the next value that passes. `at_once` is the device's own word
that a limit is passed (battery.low), `leave` that it is not. With `remeasure_within` the first value that passes only
asks for another measurement; the next one that passes raises, one that clears ends it, and so does silence: then it is
raised after that time, for somebody should have measured. A value that passes `severe_below` or `severe_above` makes
the alert `severe_to`, also later. After an alert the same register is quiet for `again_after`, but for what is severe.
A value whose unit does not fit its metric is refused and told once; limits are checked when the book is read. A watch
begins over the last reading of what is measured by itself (temperatures), if it is not older than 3 h. It begins over
nothing where somebody measures (`remeasure_within`: the watch has asked for nothing yet), and for batteries: devices
tell them every day, and keeping each of them for the case would cost more than that.

| state           | input                                | next    | outcome                                  |
|-----------------|--------------------------------------|---------|------------------------------------------|
| inside          | value passes, at_once                | over    | - (timer by the law; settles if late)    |
| inside          | value passes, remeasure              | asked   | Note ask_again                           |
| asked           | value passes                         | over    | - (timer by the law)                     |
| asked           | timer                                | open    | Fire                                     |
| asked over held | value clears, leave                  | inside  | Note recorded_only if it came late       |
| over            | timer, held                          | held    | Note held                                |
| over            | timer, last value between the limits | over    | - (no timer: the next that passes)       |
| over            | timer                                | open    | Fire                                     |
| held            | hold ends                            | over    | - (timer by the law)                     |
| open            | value passes the severe limit        | open    | Grow                                     |
| open            | value clears, leave                  | ending  | - (timer inside since + clear_for)       |
| open            | the same, from before it was due     | inside  | Over, retracted                          |
| ending          | value passes                         | open    | -                                        |
| ending          | timer                                | inside  | Over                                     |
| any             | unit does not fit                    | same    | Note recorded_only, once                 |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event, Value
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Grow, Note, Outcome, Over, State, Step, came_late, cause
from rules.limits import WORD, LimitValues, Register, clears, fitting_milli, measurement, passes, told
from rules.parameters import Duration, Flag, Values

BELIEVED_MS = 3 * 3_600_000  # a watch does not begin over an older measurement
REGISTERS_MAX = 32  # metrics and devices of one person; beyond them the ones written longest ago are forgotten


class ThresholdState(State, frozen=True, gc=False, tag="threshold"):
    registers: dict[str, Register] = msgspec.field(default_factory=dict)


class ThresholdValues(LimitValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0
    clear_for_ms: Duration = 0
    remeasure_within_ms: Duration = 0
    again_after_ms: Duration = 0
    each_device: Flag = False


class Threshold:
    """See the module's text."""

    name: ClassVar[str] = "threshold"
    state_type: ClassVar[type[State]] = ThresholdState
    values_type: ClassVar[type[Values]] = ThresholdValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[ThresholdValues]) -> Step:
        metric, value, unit = measurement(event)
        if role == "enter" and value is None:
            return state, []  # it measures nothing
        known = dict(state.registers) if isinstance(state, ThresholdState) else {}
        key = f"{metric}@{event.address}" if context.values.each_device else metric
        outcomes: list[Outcome] = []
        for each in list(known) if role == "leave" and not metric else [key]:  # "leave" may be another device's word
            before = known.get(each, Register(metric=metric))
            if event.effective_at_ms < before.written_ms:
                continue  # older than what we know: history only
            milli = None if role == "leave" else fitting_milli(before, value, unit, context.values)
            if milli is None and role == "enter":
                known[each] = _refused(before, value, unit, event, outcomes)
            else:
                known[each] = _written(before, each, event, role, milli, context, outcomes)
        return _state(known), outcomes

    def fire(self, state: State, context: Context[ThresholdValues]) -> Step:
        assert isinstance(state, ThresholdState)
        known = dict(state.registers)
        outcomes: list[Outcome] = []
        for key in sorted(known):
            due_ms = known[key].due_ms
            if due_ms is not None and due_ms <= context.now_ms:
                known[key] = _due(key, known[key], context, outcomes)
        return _state(known), outcomes

    def rearm(self, state: State, context: Context[ThresholdValues]) -> State | None:
        """After a hold or with other limits: what stands is looked at again, each register by its last value."""
        assert isinstance(state, ThresholdState)
        return _state({key: _looked_at(one, context) for key, one in state.registers.items()})

    def initial(self, context: Context[ThresholdValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[ThresholdValues]) -> State | None:
        """What was measured lately stands; what a person measures again when asked was not asked for."""
        assert isinstance(state, ThresholdState)
        return _state({
            key: msgspec.structs.replace(one, begun_ms=context.now_ms)
            for key, one in state.registers.items()
            if one.phase == "over" and one.written_ms > context.now_ms - BELIEVED_MS
        })  # fmt: skip


def _refused(before: Register, value: Value, unit: str, event: Event, outcomes: list[Outcome]) -> Register:
    if isinstance(value, int | float) and (unit != before.refused or not unit):
        args: dict[str, object] = {"metric": before.metric, "unit": unit, "at_ms": event.effective_at_ms}
        outcomes.append(Note("recorded_only", Reason("threshold.unit", args), (cause(event),), event.event_id))
    return msgspec.structs.replace(before, refused=unit)


def _written(
    before: Register, key: str, event: Event, role: str, milli: int | None, context: Context[ThresholdValues],
    outcomes: list[Outcome],
) -> Register:  # fmt: skip
    """The register after a value or a device's own word."""
    values, at_ms = context.values, event.effective_at_ms
    plain = Register(written_ms=at_ms, milli=milli, fired_ms=before.fired_ms, metric=before.metric)
    if before.phase == "inside" and role == "enter" and (milli is None or not passes(plain, values)):
        return plain  # so nearly all values are
    now = msgspec.structs.replace(before, written_ms=at_ms, milli=milli, last=cause(event), refused="")
    side = passes(now, values) if milli is not None else ""
    if role == "at_once" and not side:
        now, side = msgspec.structs.replace(now, milli=None, side=WORD), WORD
    elif role == "leave":
        now = msgspec.structs.replace(now, side="")
    if before.phase == "inside":
        return _begun(now, side, event, context, outcomes) if side else _inside(now)
    if clears(now, values):
        return _cleared(before, now, key, event, context, outcomes)
    turned = bool(side) and WORD not in (side, before.side) and side != before.side
    now = msgspec.structs.replace(now, side=side or before.side)
    if before.phase in ("open", "ending"):
        if before.phase == "ending" and side:
            now = msgspec.structs.replace(now, phase="open", due_ms=None)
        return _worse(now, key, context, outcomes)
    if turned:
        return _begun(now, side, event, context, outcomes)  # past both limits at once: another run
    if before.phase == "held" or (before.phase == "asked" and not side):
        return now
    return _armed(msgspec.structs.replace(now, phase="over"), context)


def _begun(
    now: Register, side: str, event: Event, context: Context[ThresholdValues], outcomes: list[Outcome]
) -> Register:
    at_ms, within_ms = event.effective_at_ms, context.values.remeasure_within_ms
    settle_ms = context.now_ms + SETTLE_MS if came_late(event, context.facts) else NEVER_MS
    run = msgspec.structs.replace(
        now, phase="over", side=side, since_ms=at_ms, first=now.last, settle_ms=settle_ms, severe=False, begun_ms=0
    )
    if within_ms and side != WORD:
        args = told(run, context.values, context.now_ms) | {"until_ms": at_ms + within_ms}
        outcomes.append(Note("ask_again", Reason("threshold.ask_again", args), _causes(run), event.event_id))
        due_ms = max(at_ms + within_ms, settle_ms, context.now_ms)
        return msgspec.structs.replace(run, phase="asked", due_ms=due_ms)
    return _armed(run, context)


def _law_ms(register: Register, context: Context[ThresholdValues]) -> int:
    """When it is due by the law of the module's text, settled or not."""
    values = context.values
    start_ms = max(register.since_ms, context.hold_end_ms)
    due_ms = start_ms if register.side == WORD else start_ms + values.for_ms
    if values.again_after_ms and not passes(register, values, severe=True):
        due_ms = max(due_ms, register.fired_ms + values.again_after_ms)
    return due_ms


def _armed(register: Register, context: Context[ThresholdValues]) -> Register:
    due_ms = max(_law_ms(register, context), register.settle_ms, context.now_ms)
    return msgspec.structs.replace(register, due_ms=due_ms)


def _inside(register: Register) -> Register:
    return Register(
        written_ms=register.written_ms, milli=register.milli, fired_ms=register.fired_ms, metric=register.metric,
    )  # fmt: skip


def _cleared(
    before: Register, now: Register, key: str, event: Event, context: Context[ThresholdValues], outcomes: list[Outcome]
) -> Register:
    """A value has come back inside."""
    at_ms = event.effective_at_ms
    if before.phase in ("asked", "over", "held"):
        if before.settle_ms != NEVER_MS:
            reason = Reason("threshold.over_before_heard", {"at_ms": at_ms})
            outcomes.append(Note("recorded_only", reason, (*_causes(before), cause(event)), _episode(key, before)))
        return _inside(now)
    if before.fired_due_ms is not None and at_ms < before.fired_due_ms:
        reason = Reason("threshold.retracted", {"at_ms": at_ms, "since_ms": before.since_ms})
        outcomes.append(Over(_episode(key, before), reason, (cause(event),), retracted=True))
        return _inside(now)
    inside_ms = before.inside_ms if before.phase == "ending" else at_ms
    due_ms = max(inside_ms + context.values.clear_for_ms, context.now_ms)
    ending = msgspec.structs.replace(now, phase="ending", side=before.side, inside_ms=inside_ms, due_ms=due_ms)
    return _ended(key, ending, outcomes) if due_ms <= context.now_ms else ending


def _ended(key: str, register: Register, outcomes: list[Outcome]) -> Register:
    causes = (register.last,) if register.last is not None else ()
    reason = Reason("threshold.over", {"at_ms": register.inside_ms, "since_ms": register.since_ms})
    outcomes.append(Over(_episode(key, register), reason, causes))
    return _inside(register)


def _worse(register: Register, key: str, context: Context[ThresholdValues], outcomes: list[Outcome]) -> Register:
    """An open alert whose value has passed the severe limit too."""
    values = context.values
    if register.severe or values.severe_to is None or not passes(register, values, severe=True):
        return register
    reason = Reason("threshold.worse", told(register, values, context.now_ms))
    outcomes.append(Grow(_episode(key, register), values.severe_to, reason))
    return msgspec.structs.replace(register, severe=True)


def _due(key: str, register: Register, context: Context[ThresholdValues], outcomes: list[Outcome]) -> Register:
    if register.phase == "ending":
        return _ended(key, register, outcomes)
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, _causes(register), _episode(key, register)))
        return msgspec.structs.replace(register, phase="held", due_ms=None)
    values, asked = context.values, register.phase == "asked"
    law_ms = register.since_ms + values.remeasure_within_ms if asked else _law_ms(register, context)
    if law_ms > context.now_ms:  # a hold has come and gone since: the patience begins at its end
        return msgspec.structs.replace(register, due_ms=law_ms)
    if not passes(register, values):
        return msgspec.structs.replace(register, phase="over", due_ms=None)  # between the limits: the next decides
    severe = values.severe_to is not None and bool(passes(register, values, severe=True))
    opened = msgspec.structs.replace(
        register, phase="open", due_ms=None, fired_due_ms=law_ms, fired_ms=context.now_ms, severe=severe
    )
    outcomes.append(_fired(key, opened, law_ms, register.due_ms, context))
    return opened


def _fired(key: str, register: Register, law_ms: int, due_ms: int | None, context: Context[ThresholdValues]) -> Fire:
    args = told(register, context.values, context.now_ms) | {"for_ms": context.values.for_ms}
    code = "threshold.passed" if register.milli is not None else "threshold.device_says"
    content: dict[str, Value] = {"metric": register.metric, "side": register.side, "severe": register.severe}
    if register.milli is not None:
        content["value"] = register.milli // 1_000 if register.milli % 1_000 == 0 else register.milli / 1_000
    return Fire(
        _episode(key, register), Reason(code, args), _causes(register), law_ms, due_ms, content=content,
        device=None if register.last is None else register.last.device_id, late=register.settle_ms != NEVER_MS,
        begun_ms=register.since_ms, priority=context.values.severe_to if register.severe else None,
    )  # fmt: skip


def _causes(register: Register) -> tuple[Cause, ...]:
    found = [each for each in (register.first, register.last) if each is not None]
    return tuple(found[:1] if len(found) == 2 and found[0] == found[1] else found)


def _episode(key: str, register: Register) -> str:
    name = f"{key}/{register.first.event_id if register.first is not None else register.since_ms}"
    return f"{name}@{register.begun_ms}" if register.begun_ms else name


def _looked_at(register: Register, context: Context[ThresholdValues]) -> Register:
    """By the limits of now. An alert that they would not raise any more ends at its timer, at once."""
    values, side = context.values, passes(register, context.values)
    if register.phase in ("over", "held"):
        if clears(register, values):
            return _inside(register)
        if register.phase == "held" or side:
            return _armed(msgspec.structs.replace(register, phase="over"), context)
    elif register.phase == "open" and clears(register, values):
        return msgspec.structs.replace(register, phase="ending", inside_ms=context.now_ms, due_ms=context.now_ms)
    elif register.phase == "inside" and side:  # another limit than when it was told
        return _armed(msgspec.structs.replace(register, phase="over", side=side, since_ms=register.written_ms), context)
    return register


def _state(known: dict[str, Register]) -> ThresholdState | None:
    if len(known) > REGISTERS_MAX:
        known = dict(sorted(known.items(), key=lambda item: (item[1].written_ms, item[0]))[-REGISTERS_MAX:])
    if not known:
        return None
    dues = [one.due_ms for one in known.values() if one.due_ms is not None]
    return ThresholdState(min(dues) if dues else None, dict(sorted(known.items())) if len(known) > 1 else known)
