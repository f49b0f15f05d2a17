"""Missed: doses of one person that were not fetched add up: a card for evaluation, not another call-out (R24).

Theory of operation. It counts what R22 has said (`dose.not_fetched`), each dose once, at the time it was due; what
turns out to have been fetched in time (`dose.corrected`) is taken out again. A card stands when the last `times` of
them lie less than `within` apart, or the last `times_long` less than `within_long`, until the last is so long ago;
further ones are causes of it. A watch begins over nothing: what R22 said before it was for others to evaluate.

| state    | input                                | next     | outcome                       |
|----------|--------------------------------------|----------|-------------------------------|
| counting | missed, too few                      | counting | -                             |
| counting | missed, enough                       | open     | Fire, or Note held            |
| open     | missed                               | open     | More (timer later)            |
| any      | corrected, enough are left           | same     | -                             |
| open     | corrected, too few                   | counting | Over retracted                |
| open     | timer, so long ago                   | counting | Over                          |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.effects import Cause, Reason
from rules.kinds.dose_life import is_ours
from rules.kinds.kind import Context, Fire, More, Note, Outcome, Over, State, Step, cause
from rules.parameters import Count, Duration, LastingValues, Values

KEPT_MAX = 32


class MissedDose(msgspec.Struct, frozen=True, gc=False, array_like=True):
    dose: str
    at_ms: int
    cause: Cause


class MissedState(State, frozen=True, gc=False, tag="missed"):
    missed: tuple[MissedDose, ...] = ()  # oldest first
    episode: str = ""  # of the card that stands


class MissedValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    times: Count = 1
    within_ms: Duration = 0
    times_long: Count = 1
    within_long_ms: Duration = 0


class Missed:
    """See the module's text."""

    name: ClassVar[str] = "missed"
    state_type: ClassVar[type[State]] = MissedState
    values_type: ClassVar[type[Values]] = MissedValues
    stands: ClassVar[bool] = False
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[MissedValues]) -> Step:
        now = state if isinstance(state, MissedState) else MissedState()
        if not is_ours(event):
            return state, []
        dose = str(event.content.get("dose_id"))
        others = tuple(each for each in now.missed if each.dose != dose)
        outcomes: list[Outcome] = []
        if role == "leave":
            now = msgspec.structs.replace(now, missed=others)
            if now.episode and _over_ms(now, context) <= context.now_ms:
                reason = Reason("missed.corrected", {"dose": dose})
                outcomes.append(Over(now.episode, reason, (cause(event),), retracted=True))
                now = msgspec.structs.replace(now, episode="")
            return _kept(now, context), outcomes
        said_ms = event.content.get("scheduled_at_ms")
        at_ms = said_ms if isinstance(said_ms, int) else event.effective_at_ms
        found = sorted([*others, MissedDose(dose, at_ms, cause(event))], key=lambda each: (each.at_ms, each.dose))
        now = msgspec.structs.replace(now, missed=tuple(found[-KEPT_MAX:]))
        if _over_ms(now, context) > context.now_ms:
            now = _full(now, event, outcomes, context)
        return _kept(now, context), outcomes

    def fire(self, state: State, context: Context[MissedValues]) -> Step:
        assert isinstance(state, MissedState)
        outcomes: list[Outcome] = []
        if state.episode and _over_ms(state, context) <= context.now_ms:
            outcomes.append(Over(state.episode, Reason("missed.over", {"at_ms": context.now_ms})))
            state = msgspec.structs.replace(state, episode="")
        return _kept(state, context), outcomes

    def rearm(self, state: State, context: Context[MissedValues]) -> State | None:
        assert isinstance(state, MissedState)
        return _kept(state, context)

    def initial(self, context: Context[MissedValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[MissedValues]) -> State:
        return state


def _over_ms(state: MissedState, context: Context[MissedValues]) -> int:
    """Until when there are enough of them; not after now: there are too few."""
    values, missed = context.values, state.missed
    over_ms = context.now_ms
    for times, within_ms in ((values.times, values.within_ms), (values.times_long, values.within_long_ms)):
        if 0 < times <= len(missed) and missed[-1].at_ms - missed[-times].at_ms < within_ms:
            over_ms = max(over_ms, missed[-1].at_ms + within_ms)
    return over_ms


def _full(state: MissedState, event: Event, outcomes: list[Outcome], context: Context[MissedValues]) -> MissedState:
    values = context.values
    newest_ms = state.missed[-1].at_ms
    since_ms = newest_ms - values.within_long_ms
    causes = tuple(each.cause for each in state.missed if each.at_ms > since_ms)[-4:]
    recent = sum(each.at_ms > newest_ms - values.within_ms for each in state.missed)
    week = sum(each.at_ms > since_ms for each in state.missed)
    reason = Reason("missed.often", {"times": recent, "times_long": week, "at_ms": context.now_ms})
    if state.episode:
        outcomes.append(More(state.episode, reason, (cause(event),)))
        return state
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, causes, event.event_id))
        return state
    outcomes.append(Fire(event.event_id, reason, causes, context.now_ms, late=False, device=event.device))
    return msgspec.structs.replace(state, episode=event.event_id)


def _kept(state: MissedState, context: Context[MissedValues]) -> MissedState | None:
    keep_ms = max(context.values.within_ms, context.values.within_long_ms)
    missed = tuple(each for each in state.missed if each.at_ms > context.now_ms - 2 * keep_ms)
    if not missed and not state.episode:
        return None
    over_ms = max(_over_ms(state, context), context.now_ms)
    return MissedState(over_ms if state.episode else None, missed, state.episode)
