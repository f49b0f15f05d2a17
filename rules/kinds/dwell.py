"""Dwell: a state lasts too long, possibly only inside a window of local time.

Theory of operation. The state is a register: the last writer by *effective* time wins, whatever arrives when; an
older observation changes nothing. `entered` is its last change into the state. While it stands the timer is

    due = max(since, window start unless it must start inside, end of the last hold) + for  (+ extend, once)

A timer already past when it is armed (late input) waits SETTLE_MS for a disproof. The end of the window disarms
and is recorded (and the next window arms again, unless the state must start inside); an alert that is open stays
open. A disproof from before the alert was due retracts it. `for` may be another one for what begins in the `night`. A
watch begins over the states that stand, counted from their own beginning. With `clear_for` an open alert is over only
when the state was left for so long: what comes back within it is the same alert (a hub that flutters).

Where only motion says in which room somebody is (R09), `prove_within` asks that a pulse be borne out
(`presence.proven`: another sensor, or the third of one, so near in time) before it means going in or out: one pulse of
an empty room, and one elsewhere while somebody lies on the bathroom floor, change nothing.

| state    | input                                | next     | outcome                                   |
|----------|--------------------------------------|----------|-------------------------------------------|
| any      | a pulse, not borne out               | same     | -                                         |
| out      | enter                                | armed    | - (or Note disarmed: outside, no prior)   |
| armed    | leave                                | out      | Note recorded_only if it came late        |
| idle armed held | enter from before it, after the last leave | idle armed | as enter then                |
| idle armed held | leave from before its newest enter | idle armed | as that enter (it began again)       |
| armed    | extend (elsewhere, once)             | armed    | - (timer + extend)                        |
| armed    | timer, window over                   | idle     | Note disarmed                             |
| armed    | timer, window over, may start before | armed    | Note disarmed (timer in the next window)  |
| armed    | timer, held                          | held     | Note held                                 |
| armed    | timer                                | open     | Fire                                      |
| armed    | timer, a hold ended since it was set | armed    | - (timer by the law)                      |
| held     | hold ends                            | armed    | - (timer by the law)                      |
| open     | leave, after it was due              | out      | Over                                      |
| open     | leave, with `clear_for`              | ending   | - (timer leave + clear_for)               |
| ending   | enter                                | open     | -                                         |
| ending   | timer                                | out      | Over                                      |
| open     | leave, from before it was due        | out      | Over, retracted                           |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS
from rules.kinds.dwell_state import DwellState, DwellValues, armed, law_ms, limit_ms
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.local_time import next_window, window_at
from rules.parameters import Values
from rules.presence import PROOF_PULSES, PULSES, noted, proven

SAME_PULSE_MS = 30_000


class Dwell:
    """See the module's text."""

    name: ClassVar[str] = "dwell"
    state_type: ClassVar[type[State]] = DwellState
    values_type: ClassVar[type[Values]] = DwellValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[DwellValues]) -> Step:
        if role == "extend":
            return _extend(state, event, context) if isinstance(state, DwellState) else (None, [])
        now = state if isinstance(state, DwellState) else DwellState()
        if event.effective_at_ms < now.register_ms:
            return _older(now, event, role, context)
        if context.values.prove_within_ms and event.type in PULSES:
            borne_out = proven(now.recent, event.effective_at_ms, event.address, context.values.prove_within_ms)
            now = _noted(now, event, context)
            if not borne_out:
                return now, []
        if role == "leave":
            return _leave(now, event, context)
        if now.phase == "ending":
            return msgspec.structs.replace(now, phase="open", due_ms=None, register_ms=event.effective_at_ms), []
        if now.phase != "out":  # it did not begin again
            again = None if context.values.prove_within_ms else cause(event)
            return msgspec.structs.replace(now, register_ms=event.effective_at_ms, again=again), []
        return _enter(now, cause(event), came_late(event, context.facts), context)

    def fire(self, state: State, context: Context[DwellValues]) -> Step:
        assert isinstance(state, DwellState)
        if state.phase == "ending":
            return _left(state, state.left_ms), [_over(state, state.left_ms, state.left)]
        window = context.values.window
        if window is not None and not _still_counts(state, window, context):
            reason = Reason("dwell.window_over", {"since_ms": state.since_ms})
            outcomes: list[Outcome] = [_note("disarmed", reason, state)]
            if context.values.starts_inside:
                return msgspec.structs.replace(state, phase="idle", due_ms=None), outcomes
            next_ms = next_window(context.now_ms, window, context.facts.timezone)[0]
            return armed(state, context, next_ms), outcomes
        hold = context.hold
        if hold is not None:
            return msgspec.structs.replace(state, phase="held", due_ms=None), [_note("held", hold, state)]
        again = armed(state, context)
        if again.due_ms is not None and again.due_ms > context.now_ms:
            return again, []  # a hold has come and gone since: the patience begins at its end
        fired_ms = law_ms(state, context)
        opened = msgspec.structs.replace(state, phase="open", due_ms=None, fired_due_ms=fired_ms)
        return opened, [_fired(state, fired_ms, context)]

    def rearm(self, state: State, context: Context[DwellValues]) -> State | None:
        assert isinstance(state, DwellState)
        return armed(state, context) if state.phase in ("armed", "held") else state

    def initial(self, context: Context[DwellValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[DwellValues]) -> State | None:
        assert isinstance(state, DwellState)
        return state if state.phase == "out" else msgspec.structs.replace(state, begun_ms=context.now_ms)


def _noted(state: DwellState, event: Event, context: Context[DwellValues]) -> DwellState:
    recent, at_ms = state.recent, event.effective_at_ms
    if len(recent) == PROOF_PULSES and recent[-1][1] == event.address and 0 <= at_ms - recent[-1][0] < SAME_PULSE_MS:
        return state  # sensors speak in bursts; these few say as much
    within_ms = context.values.prove_within_ms
    return msgspec.structs.replace(state, recent=noted(recent, at_ms, event.address, within_ms))


def _note(kind: str, reason: Reason, state: DwellState, more: tuple[Cause, ...] = ()) -> Note:
    causes = ((state.entered,) if state.entered is not None else ()) + more
    return Note(kind, reason, causes, state.episode)


def _fired(state: DwellState, since_ms: int, context: Context[DwellValues]) -> Fire:
    args: dict[str, object] = {
        "since_ms": state.since_ms, "for_ms": limit_ms(state, context), "at_ms": context.now_ms,
    }  # fmt: skip
    entered = state.entered
    if entered is not None and entered.type.startswith("protection."):
        args |= entered.content  # an occurrence of the fold's own says which way is broken, and since when
    elif context.resident is not None and (way := context.facts.broken_way(context.resident)) is not None:
        args["broken_way"] = way
    return Fire(
        state.episode, Reason("dwell.too_long", args), () if entered is None else (entered,), since_ms, state.due_ms,
        device=None if entered is None else entered.device_id, late=state.settle_ms != NEVER_MS,
        begun_ms=state.since_ms,
    )  # fmt: skip


def _enter(state: DwellState, said: Cause, late: bool, context: Context[DwellValues]) -> Step:
    values, at_ms = context.values, said.effective_at_ms
    entered = DwellState(
        phase="idle",
        register_ms=max(at_ms, state.register_ms),
        since_ms=at_ms,
        entered=said,
        out_since_ms=state.out_since_ms,
        prior_window_ms=state.prior_window_ms,
        recent=state.recent,
        settle_ms=context.now_ms + SETTLE_MS if late else NEVER_MS,
        again=state.again,
    )
    if values.window is not None:
        inside = window_at(at_ms, values.window, context.facts.timezone)
        if inside is None and values.starts_inside:
            return entered, []  # by day this is nothing to tell anybody
        if values.prior_ms and inside is not None:
            present_ms = at_ms - state.out_since_ms if state.out_since_ms is not None else None
            prior_window_ms = state.prior_window_ms
            if present_ms is not None and present_ms >= values.prior_ms:
                prior_window_ms = inside[0]
            entered = msgspec.structs.replace(entered, prior_window_ms=prior_window_ms)
            if prior_window_ms != inside[0]:
                reason = Reason("dwell.no_prior", {"prior_ms": values.prior_ms, "present_ms": present_ms or 0})
                return entered, [_note("disarmed", reason, entered)]
    return armed(entered, context), []


def _still_counts(state: DwellState, window: tuple[int, int], context: Context[DwellValues]) -> bool:
    """The timer's own window still runs; one that must start inside belongs to the window it started in."""
    running = window_at(context.now_ms, window, context.facts.timezone)
    if running is None:
        return False
    return not context.values.starts_inside or running[0] <= state.since_ms < running[1]


def _older(state: DwellState, event: Event, role: str, context: Context[DwellValues]) -> Step:
    """Older than the newest word: history, unless it says when what stands began, or what stood before it."""
    at_ms = event.effective_at_ms
    waits = state.phase in ("idle", "armed", "held") and not context.values.prove_within_ms
    if role == "enter" and waits and (state.out_since_ms or NEVER_MS) < at_ms < state.since_ms:
        known = msgspec.structs.replace(state, again=state.entered if state.again is None else state.again)
        return _enter(known, cause(event), came_late(event, context.facts), context)  # it stood before already
    if role == "leave" and waits and state.again is not None and state.since_ms <= at_ms:
        left = msgspec.structs.replace(state, phase="out", out_since_ms=at_ms, again=None)
        return _enter(left, state.again, True, context)  # over in between, and begun again
    known = _with_prior(state, event, role, context)
    if role == "leave" and waits and at_ms < state.since_ms:
        known = msgspec.structs.replace(known, out_since_ms=max(at_ms, state.out_since_ms or NEVER_MS))
    return known, []


def _with_prior(state: DwellState, event: Event, role: str, context: Context[DwellValues]) -> DwellState:
    """The state before it is heard after it: what was disarmed for want of prior presence had it."""
    values, window = context.values, context.values.window
    if role != "leave" or state.phase != "idle" or not values.prior_ms or window is None:
        return state
    inside = window_at(state.since_ms, window, context.facts.timezone)
    if inside is None or state.prior_window_ms == inside[0] or state.since_ms - event.effective_at_ms < values.prior_ms:
        return state
    settle_ms = context.now_ms + SETTLE_MS
    return armed(msgspec.structs.replace(state, prior_window_ms=inside[0], settle_ms=settle_ms), context)


def _extend(state: DwellState, event: Event, context: Context[DwellValues]) -> Step:
    """Activity elsewhere, seen while it lasts, lengthens it once; never for who may have fallen, or in company."""
    values, facts = context.values, context.facts
    if (
        state.phase != "armed"
        or state.extended
        or not values.extend_ms
        or event.room is None
        or len(facts.residents) != 1
        or event.effective_at_ms < state.since_ms
        or event.state
    ):
        return state, []
    person = facts.residents.get(context.resident or "")
    if (person is not None and "fall" in person.risks) or event.room == _own_room(context):
        return state, []
    return armed(msgspec.structs.replace(state, extended=True), context), []


def _own_room(context: Context[DwellValues]) -> str | None:
    roles = {role for match in context.rule.enter for role in match.roles}
    for device in context.facts.devices.values():
        if device.role in roles:
            return device.room
    return None


def _leave(state: DwellState, event: Event, context: Context[DwellValues]) -> Step:
    at_ms, said = event.effective_at_ms, cause(event)
    if state.phase == "ending":
        return msgspec.structs.replace(state, register_ms=at_ms), []  # left already
    if state.phase == "open":
        retracted = state.fired_due_ms is not None and at_ms < state.fired_due_ms
        due_ms = at_ms + context.values.clear_for_ms
        if due_ms > context.now_ms and not retracted:
            return msgspec.structs.replace(
                state, phase="ending", due_ms=due_ms, register_ms=at_ms, left_ms=at_ms, left=said
            ), []  # fmt: skip
        return _left(state, at_ms), [_over(state, at_ms, said, retracted=retracted)]
    outcomes: list[Outcome] = []
    if state.phase in ("armed", "held") and state.settle_ms != NEVER_MS:
        reason = Reason("dwell.over_before_heard", {"at_ms": at_ms})
        outcomes.append(_note("recorded_only", reason, state, (said,)))
    return _left(state, at_ms), outcomes


def _left(state: DwellState, at_ms: int) -> DwellState:
    return DwellState(
        phase="out",
        register_ms=max(at_ms, state.register_ms),
        prior_window_ms=state.prior_window_ms,
        recent=state.recent,
        out_since_ms=at_ms if state.phase != "out" or state.out_since_ms is None else state.out_since_ms,
    )


def _over(state: DwellState, at_ms: int, left: Cause | None, *, retracted: bool = False) -> Over:
    reason = Reason("dwell.retracted" if retracted else "dwell.over", {"at_ms": at_ms, "since_ms": state.since_ms})
    return Over(state.episode, reason, () if left is None else (left,), retracted)
