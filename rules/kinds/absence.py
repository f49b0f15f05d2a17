"""Absence: no sign of life for too long, while the person is watched.

Theory of operation. `last` is the newest sign of life by effective time; it never goes back. The timer is

    due = max(last + for, watched again + again_after_pause)

`watched again` is the end of the last away, pause, staff hold or outage of the way, or the beginning of the measure:
each restarts the patience, never the memory. Who was never seen is given `for` from the beginning of the watch. An
outage is never activity, and no count may lie wholly inside one: while a way is broken the timer is withheld and the
person is *not watched*. What came with the retain flag and no time of its own is no sign of life. A sign that arrives
late can retract.

| state  | input                          | next   | outcome                     |
|--------|--------------------------------|--------|-----------------------------|
| any    | sign of life (effective newer) | armed  | Over if open (retracted when from before it was due) |
| armed  | timer, held                    | held   | Note held                   |
| armed  | timer                          | open   | Fire                        |
| held   | hold ends                      | armed  | - (max(last + for, now + again)) |
| open   | hold begins or ends            | open   | -                           |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event
from rules.effects import Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.parameters import Duration, LastingValues, Values


class AbsenceState(State, frozen=True, gc=False, omit_defaults=True, tag="absence"):
    phase: str = "armed"  # armed | held | open
    last: Event | None = None  # None: nothing seen since watching began
    watch_ms: int = NEVER_MS  # when watching began
    settle_ms: int = NEVER_MS  # what came late does not fire before
    fired_due_ms: int | None = None
    episode: str = ""

    @property
    def last_ms(self) -> int:
        """Since when it is quiet."""
        return self.watch_ms if self.last is None else self.last.effective_at_ms


class AbsenceValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0
    again_after_pause_ms: Duration = 0


class Absence:
    """See the module's text."""

    name: ClassVar[str] = "absence"
    state_type: ClassVar[type[State]] = AbsenceState
    values_type: ClassVar[type[Values]] = AbsenceValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "all"

    def step(self, state: State | None, event: Event, role: str, context: Context[AbsenceValues]) -> Step:
        if RETAINED in event.quality and event.observed_at_ms is None:
            return state, []
        known = state if isinstance(state, AbsenceState) else AbsenceState(watch_ms=context.now_ms)
        at_ms = event.effective_at_ms
        if known.last is not None and at_ms <= known.last.effective_at_ms:
            return known, []
        settle_ms = context.now_ms + SETTLE_MS if came_late(event, context.facts) else NEVER_MS
        if known.phase != "open":
            seen = AbsenceState(None, known.phase, event, known.watch_ms, settle_ms)
            return (seen, []) if known.phase == "held" else (_armed(seen, context), [])
        retracted = known.fired_due_ms is not None and at_ms < known.fired_due_ms
        code = "absence.retracted" if retracted else "absence.over"
        reason = Reason(code, {"at_ms": at_ms, "last_ms": known.last_ms})
        seen = AbsenceState(None, "armed", event, known.watch_ms, settle_ms)
        return _armed(seen, context), [Over(known.episode, reason, (cause(event),), retracted)]

    def fire(self, state: State, context: Context[AbsenceValues]) -> Step:
        assert isinstance(state, AbsenceState)
        last = state.last
        causes = (cause(last),) if last is not None else ()
        hold = context.hold
        if hold is not None:
            return msgspec.structs.replace(state, phase="held", due_ms=None), [Note("held", hold, causes)]
        due_ms = _due_ms(state, context)
        if due_ms > context.now_ms:
            return msgspec.structs.replace(state, phase="armed", due_ms=due_ms), []
        seen_since = last is not None and last.effective_at_ms >= state.watch_ms
        episode = last.event_id if last is not None and seen_since else f"watch:{state.watch_ms}"
        opened = msgspec.structs.replace(state, phase="open", due_ms=None, fired_due_ms=due_ms, episode=episode)
        reason = Reason(
            "absence.silent" if last is not None else "absence.never_seen",
            {"last_ms": state.last_ms, "for_ms": context.values.for_ms, "at_ms": context.now_ms},
        )
        late = state.settle_ms != NEVER_MS
        device = None if last is None else last.device
        outcome: Outcome = Fire(
            episode, reason, causes, _law_ms(state, context), due_ms, device=device, late=late, begun_ms=state.last_ms
        )
        return opened, [outcome]

    def rearm(self, state: State, context: Context[AbsenceValues]) -> State | None:
        assert isinstance(state, AbsenceState)
        return state if state.phase == "open" else _armed(state, context)

    def initial(self, context: Context[AbsenceValues]) -> State | None:
        """Watching begins now: whoever was never seen is given the whole time before anybody worries."""
        return _armed(AbsenceState(watch_ms=context.now_ms), context)

    def begun(self, state: State, context: Context[AbsenceValues]) -> State:
        return state


def _law_ms(state: AbsenceState, context: Context[AbsenceValues]) -> int:
    """When it is due by the law of the module's text, settled or not."""
    values = context.values
    again_ms = max(context.hold_end_ms, state.watch_ms) + values.again_after_pause_ms
    return max(state.last_ms + values.for_ms, again_ms)


def _due_ms(state: AbsenceState, context: Context[AbsenceValues]) -> int:
    return max(_law_ms(state, context), state.settle_ms, context.now_ms)


def _armed(state: AbsenceState, context: Context[AbsenceValues]) -> AbsenceState:
    return AbsenceState(_due_ms(state, context), "armed", state.last, state.watch_ms, state.settle_ms)
