"""Absence: no sign of life for too long, while the person is watched.

Theory of operation. `last` is the newest sign of life by effective time; it never goes back. The timer is

    due = max(last + for, in bed since + in_bed, watched again + again_after_pause)

With a `window` only the time inside it counts, and each begins anew: who is silent from 20:00 is told of at 11:00,
where 07:00-22:00 counts and four hours are too long. `watched again` is the end of the last away, pause, staff hold or
outage of the way, or the beginning of the measure: each restarts the patience, never the memory. A watch begins over
the last sign of life that is known; who was never seen is given `for` from its beginning. An outage is never activity,
and no count may lie wholly inside one: while a way is broken, or every sensor is silent as a device, the timer is
withheld and the person is *not watched*.

What a sign of life is. With `prove_within` a pulse of motion counts only when it is borne out (`presence.proven`:
another sensor, or the third of one, so near in time) or goes on from life just seen; an empty home, and one where
somebody lies on the floor, gives single pulses all day. An act (bed, door, dose, button) counts alone, and so does
whatever comes first of all. What came with the retain flag and no time of its own is no sign of life, nor is a state
that a gateway only repeats. A bed that says occupied is sleep, not silence, for `in_bed` and no longer: who dies in
bed is found. A sign that arrives late can retract. `warn_before` notes so much ahead that it will be told.

| state  | input                          | next   | outcome                     |
|--------|--------------------------------|--------|-----------------------------|
| any    | sign of life (effective newer) | armed  | Over if open (retracted when from before it was due) |
| any    | a pulse, not borne out         | same   | -                           |
| armed  | timer, held                    | held   | Note held                   |
| armed  | timer, `warn_before` ahead     | armed  | Note prewarning, once       |
| armed  | timer                          | open   | Fire                        |
| held   | hold ends                      | armed  | - (timer by the law)        |
| open   | hold begins or ends            | open   | -                           |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event
from rules.effects import Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.local_time import next_window, window_at
from rules.parameters import Duration, LastingValues, Values, Window
from rules.presence import PULSES, Recent, is_news, noted, occupied_since_ms, proven
from rules.sign import Sign, sign_of


class AbsenceState(State, frozen=True, gc=False, tag="absence"):
    phase: str = "armed"  # armed | held | open
    last: Sign | None = None  # None: nothing seen since watching began
    watch_ms: int = NEVER_MS  # when watching began
    settle_ms: int = NEVER_MS  # what came late does not fire before
    fired_due_ms: int | None = None
    episode: str = ""
    recent: Recent = ()  # pulses that are not borne out yet
    warned: bool = False

    @property
    def last_ms(self) -> int:
        """Since when it is quiet."""
        return self.watch_ms if self.last is None else self.last.effective_at_ms


class AbsenceValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0
    again_after_pause_ms: Duration = 0
    window: Window | None = None
    prove_within_ms: Duration = 0
    in_bed_ms: Duration | None = None
    warn_before_ms: Duration | None = None


class Absence:
    """See the module's text."""

    name: ClassVar[str] = "absence"
    state_type: ClassVar[type[State]] = AbsenceState
    values_type: ClassVar[type[Values]] = AbsenceValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "all"

    def step(self, state: State | None, event: Event, role: str, context: Context[AbsenceValues]) -> Step:
        if (RETAINED in event.quality and event.observed_at_ms is None) or (
            event.state and not is_news(context.facts, event)
        ):
            return state, []
        known = state if isinstance(state, AbsenceState) else AbsenceState(watch_ms=context.now_ms)
        at_ms, last, within_ms = event.effective_at_ms, known.last, context.values.prove_within_ms
        if last is not None:
            since_ms = at_ms - last.effective_at_ms
            if since_ms <= 0:
                return known, []
            if since_ms > within_ms > 0 and not _is_life(known, event, within_ms):
                recent = noted(known.recent, at_ms, event.address, within_ms)
                return msgspec.structs.replace(known, recent=recent), []
        late = came_late(event, context.facts)
        if not late and _keeps_timer(known, at_ms, context):
            return AbsenceState(known.due_ms, "armed", sign_of(event), known.watch_ms), []
        settle_ms = context.now_ms + SETTLE_MS if late else NEVER_MS
        if known.phase != "open":
            seen = AbsenceState(None, known.phase, sign_of(event), known.watch_ms, settle_ms)
            return (seen if known.phase == "held" else _armed(seen, context)), []
        retracted = known.fired_due_ms is not None and at_ms < known.fired_due_ms
        code = "absence.retracted" if retracted else "absence.over"
        reason = Reason(code, {"at_ms": at_ms, "last_ms": known.last_ms})
        seen = AbsenceState(None, "armed", sign_of(event), known.watch_ms, settle_ms)
        return _armed(seen, context), [Over(known.episode, reason, (cause(event),), retracted)]

    def fire(self, state: State, context: Context[AbsenceValues]) -> Step:
        assert isinstance(state, AbsenceState)
        last = state.last
        causes = (cause(last),) if last is not None else ()
        due_ms, ahead_ms = _due_ms(state, context), context.values.warn_before_ms
        early = due_ms > context.now_ms
        if early and (state.warned or ahead_ms is None or due_ms - ahead_ms > context.now_ms):
            return _armed(state, context), []
        hold = context.hold
        if hold is not None:
            return msgspec.structs.replace(state, phase="held", due_ms=None), [Note("held", hold, causes)]
        if early:
            told = Reason("absence.prewarning", {"last_ms": state.last_ms, "due_ms": due_ms})
            warned = msgspec.structs.replace(state, phase="armed", due_ms=due_ms, warned=True)
            return warned, [Note("prewarning", told, causes)]
        seen_since = last is not None and last.effective_at_ms >= state.watch_ms
        episode = last.event_id if last is not None and seen_since else f"watch:{state.watch_ms}"
        law_ms = _law_ms(state, context)  # what lived on after that did not take it back
        opened = msgspec.structs.replace(state, phase="open", due_ms=None, fired_due_ms=law_ms, episode=episode)
        reason = Reason(
            "absence.silent" if last is not None else "absence.never_seen",
            {"last_ms": state.last_ms, "for_ms": context.values.for_ms, "at_ms": context.now_ms},
        )
        late = state.settle_ms != NEVER_MS
        device = None if last is None else last.device
        outcome: Outcome = Fire(
            episode, reason, causes, law_ms, due_ms, device=device, late=late, begun_ms=state.last_ms
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


def _is_life(state: AbsenceState, event: Event, within_ms: int) -> bool:
    """Whether what does not go on from life just seen is a sign of it, and no pulse of an empty room."""
    return event.type not in PULSES or proven(state.recent, event.effective_at_ms, event.address, within_ms)


def _keeps_timer(known: AbsenceState, at_ms: int, context: Context[AbsenceValues]) -> bool:
    """Whether the timer may stay where it is: it comes no later than the law wants, and then the law is asked.

    So each of the many pulses of a day costs no law of windows, holds and beds.
    """
    due_ms, values = known.due_ms, context.values
    if due_ms is None or due_ms <= context.now_ms or known.phase != "armed" or known.settle_ms != NEVER_MS:
        return False
    if values.warn_before_ms is not None:
        return False
    return due_ms <= at_ms + values.for_ms or due_ms <= _counted_ms(at_ms, context)  # the window is no earlier


def _law_ms(state: AbsenceState, context: Context[AbsenceValues]) -> int:
    """When it is due by the law of the module's text, settled or not."""
    values = context.values
    due_ms = _counted_ms(state.last_ms, context)
    not_before_ms = max(context.hold_end_ms, state.watch_ms) + values.again_after_pause_ms
    if values.in_bed_ms is not None and context.resident is not None:
        bed_ms = occupied_since_ms(context.facts, context.resident)
        if bed_ms is not None:
            not_before_ms = max(not_before_ms, bed_ms + values.in_bed_ms)
    if not_before_ms <= due_ms:
        return due_ms
    window = values.window
    if window is None or window_at(not_before_ms, window, context.facts.timezone) is not None:
        return not_before_ms
    return _counted_ms(not_before_ms, context)


def _counted_ms(from_ms: int, context: Context[AbsenceValues]) -> int:
    """`for` after an instant, counted inside one window."""
    window, for_ms = context.values.window, context.values.for_ms
    if window is None:
        return from_ms + for_ms
    start_ms, end_ms = next_window(from_ms, window, context.facts.timezone)
    start_ms = max(start_ms, from_ms)
    if start_ms + for_ms >= end_ms and start_ms == from_ms:
        start_ms = next_window(end_ms, window, context.facts.timezone)[0]
    return start_ms + for_ms


def _due_ms(state: AbsenceState, context: Context[AbsenceValues]) -> int:
    return max(_law_ms(state, context), state.settle_ms, context.now_ms)


def _armed(state: AbsenceState, context: Context[AbsenceValues]) -> AbsenceState:
    due_ms, ahead_ms = _due_ms(state, context), context.values.warn_before_ms
    if ahead_ms is not None and not state.warned:
        due_ms = max(due_ms - ahead_ms, context.now_ms)
    return AbsenceState(
        due_ms, "armed", state.last, state.watch_ms, state.settle_ms, recent=state.recent, warned=state.warned
    )
