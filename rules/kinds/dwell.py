"""Dwell: a state lasts too long, possibly only inside a window of local time.

Theory of operation. The state is a register: the last writer by *effective* time wins, whatever arrives when; an
older observation changes nothing. `entered` is its last change into the state. While it stands the timer is

    due = max(since, window start unless it must start inside, end of the last hold) + for  (+ extend, once)

A timer already past when it is armed (late input) waits SETTLE_MS for a disproof. The end of the window disarms
and is recorded (and the next window arms again, unless the state must start inside); an alert that is open stays
open. A disproof from before the alert was due retracts it. `for` may be another one for what begins in the `night`.

Where only motion says in which room somebody is (R09), `prove_within` asks that a pulse be borne out
(`presence.proven`: another sensor, or the third of one, so near in time) before it means going in or out: one pulse of
an empty room, and one elsewhere while somebody lies on the bathroom floor, change nothing.

| state    | input                                | next     | outcome                                   |
|----------|--------------------------------------|----------|-------------------------------------------|
| any      | a pulse, not borne out               | same     | -                                         |
| out      | enter                                | armed    | - (or Note disarmed: outside, no prior)   |
| armed    | leave                                | out      | Note recorded_only if it came late        |
| armed    | extend (elsewhere, once)             | armed    | - (timer + extend)                        |
| armed    | timer, window over                   | idle     | Note disarmed                             |
| armed    | timer, window over, may start before | armed    | Note disarmed (timer in the next window)  |
| armed    | timer, held                          | held     | Note held                                 |
| armed    | timer                                | open     | Fire                                      |
| armed    | timer, a hold ended since it was set | armed    | - (timer by the law)                      |
| held     | hold ends                            | armed    | - (timer by the law)                      |
| open     | leave, after it was due              | out      | Over                                      |
| open     | leave, from before it was due        | out      | Over, retracted                           |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.local_time import next_window, window_at
from rules.parameters import Count, Duration, Flag, LastingValues, Values, Window, Words
from rules.presence import PROOF_PULSES, PULSES, Recent, noted, proven

SAME_PULSE_MS = 30_000
LOW_RISK = "low"  # a risk a site file can give: what is broken here may wait


class DwellState(State, frozen=True, gc=False, omit_defaults=True, tag="dwell"):
    phase: str = "out"  # out | idle (in the state, not armed) | armed | held | open
    register_ms: int = NEVER_MS  # effective time of the last write
    since_ms: int = 0
    entered: Cause | None = None
    out_since_ms: int | None = None  # since when out of the state, for "prior presence"
    prior_window_ms: int | None = None  # start of the window in which enough prior presence was seen
    extended: bool = False
    settle_ms: int = NEVER_MS  # what came late does not fire before
    fired_due_ms: int | None = None  # when the open alert was due by the law
    begun_ms: int = 0  # this episode was taken over when a watch began, then
    recent: Recent = ()  # the last pulses, where they must be borne out


class DwellValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0
    window: Window | None = None
    prior_ms: Duration = 0
    extend_ms: Duration = 0
    starts_inside: Flag = False
    for_at_night_ms: Duration | None = None
    night: Window | None = None
    prove_within_ms: Duration = 0
    for_critical_ms: Duration | None = None
    for_low_risk_ms: Duration | None = None
    intervals: Count = 0
    cap_ms: Duration | None = None
    cap_critical_ms: Duration | None = None
    critical_roles: Words = ()


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
            return now, []  # older than what we know: history only
        if context.values.prove_within_ms and event.type in PULSES:
            borne_out = proven(now.recent, event.effective_at_ms, event.address, context.values.prove_within_ms)
            now = _noted(now, event, context)
            if not borne_out:
                return now, []
        if role == "leave":
            return _leave(now, event)
        if now.phase != "out":
            return now, []  # already in the state: it did not begin again
        return _enter(now, event, context)

    def fire(self, state: State, context: Context[DwellValues]) -> Step:
        assert isinstance(state, DwellState)
        window = context.values.window
        if window is not None and not _still_counts(state, window, context):
            reason = Reason("dwell.window_over", {"since_ms": state.since_ms})
            outcomes: list[Outcome] = [_note("disarmed", reason, state)]
            if context.values.starts_inside:
                return msgspec.structs.replace(state, phase="idle", due_ms=None), outcomes
            next_ms = next_window(context.now_ms, window, context.facts.timezone)[0]
            return _arm(state, context, next_ms), outcomes
        hold = context.hold
        if hold is not None:
            return msgspec.structs.replace(state, phase="held", due_ms=None), [_note("held", hold, state)]
        again = _arm(state, context)
        if again.due_ms is not None and again.due_ms > context.now_ms:
            return again, []  # a hold has come and gone since: the patience begins at its end
        law_ms = _law_ms(state, context)
        opened = msgspec.structs.replace(state, phase="open", due_ms=None, fired_due_ms=law_ms)
        return opened, [_fired(state, law_ms, context)]

    def rearm(self, state: State, context: Context[DwellValues]) -> State | None:
        assert isinstance(state, DwellState)
        return _arm(state, context) if state.phase in ("armed", "held") else state

    def initial(self, context: Context[DwellValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[DwellValues]) -> State:
        assert isinstance(state, DwellState)
        return state if state.phase == "out" else msgspec.structs.replace(state, begun_ms=context.now_ms)


def _noted(state: DwellState, event: Event, context: Context[DwellValues]) -> DwellState:
    recent, at_ms = state.recent, event.effective_at_ms
    if len(recent) == PROOF_PULSES and recent[-1][1] == event.address and 0 <= at_ms - recent[-1][0] < SAME_PULSE_MS:
        return state  # sensors speak in bursts; these few say as much
    within_ms = context.values.prove_within_ms
    return msgspec.structs.replace(state, recent=noted(recent, at_ms, event.address, within_ms))


def _episode(state: DwellState) -> str:
    name = state.entered.event_id if state.entered is not None else str(state.since_ms)
    return f"{name}@{state.begun_ms}" if state.begun_ms else name


def _note(kind: str, reason: Reason, state: DwellState, more: tuple[Cause, ...] = ()) -> Note:
    causes = ((state.entered,) if state.entered is not None else ()) + more
    return Note(kind, reason, causes, _episode(state))


def _fired(state: DwellState, law_ms: int, context: Context[DwellValues]) -> Fire:
    args: dict[str, object] = {
        "since_ms": state.since_ms, "for_ms": _limit_ms(state, context), "at_ms": context.now_ms,
    }  # fmt: skip
    entered = state.entered
    if entered is not None and entered.type.startswith("protection."):
        args |= entered.content  # an occurrence of the fold's own says which way is broken, and since when
    elif context.resident is not None and (way := context.facts.broken_way(context.resident)) is not None:
        args["broken_way"] = way
    return Fire(
        _episode(state), Reason("dwell.too_long", args), () if entered is None else (entered,), law_ms, state.due_ms,
        device=None if entered is None else entered.device_id, late=state.settle_ms != NEVER_MS,
        begun_ms=state.since_ms,
    )  # fmt: skip


def _enter(state: DwellState, event: Event, context: Context[DwellValues]) -> Step:
    values = context.values
    at_ms = event.effective_at_ms
    entered = DwellState(
        phase="idle",
        register_ms=at_ms,
        since_ms=at_ms,
        entered=cause(event),
        out_since_ms=state.out_since_ms,
        prior_window_ms=state.prior_window_ms,
        recent=state.recent,
        settle_ms=context.now_ms + SETTLE_MS if came_late(event, context.facts) else NEVER_MS,
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
    return _arm(entered, context), []


def _law_ms(state: DwellState, context: Context[DwellValues], from_ms: int = NEVER_MS) -> int:
    """When it is due by the law of the module's text, settled or not."""
    start_ms = max(state.since_ms, context.hold_end_ms, from_ms)
    window = context.values.window
    if window is not None:
        start_ms = max(start_ms, next_window(start_ms, window, context.facts.timezone)[0])
    return start_ms + _limit_ms(state, context)


def _arm(state: DwellState, context: Context[DwellValues], from_ms: int = NEVER_MS) -> DwellState:
    due_ms = max(_law_ms(state, context, from_ms), state.settle_ms, context.now_ms)
    return msgspec.structs.replace(state, phase="armed", due_ms=due_ms)


def _limit_ms(state: DwellState, context: Context[DwellValues]) -> int:
    """How long is too long: `for`, another one by who it concerns, or a multiple of the device's own interval."""
    values = context.values
    limit_ms = values.for_ms
    if values.for_at_night_ms is not None and values.night is not None:
        by_night = window_at(state.since_ms, values.night, context.facts.timezone) is not None
        limit_ms = values.for_at_night_ms if by_night else limit_ms
    if values.for_critical_ms is not None or values.for_low_risk_ms is not None:
        people = context.facts.residents
        person = people.get(context.resident or "")
        concerned = [person] if person is not None else list(people.values())
        if any(each.critical for each in concerned):
            limit_ms = limit_ms if values.for_critical_ms is None else values.for_critical_ms
        elif concerned and values.for_low_risk_ms is not None and all(LOW_RISK in each.risks for each in concerned):
            limit_ms = values.for_low_risk_ms
    if values.intervals and state.entered is not None:
        interval_s = state.entered.content.get("interval_seconds")
        if isinstance(interval_s, int | float):
            limit_ms = max(limit_ms, round(interval_s * 1_000) * values.intervals)
    device = context.facts.devices.get(context.subject) if values.critical_roles else None
    critical = device is not None and device.role in values.critical_roles
    cap_ms = values.cap_critical_ms if critical and values.cap_critical_ms is not None else values.cap_ms
    if cap_ms is not None:
        limit_ms = min(limit_ms, cap_ms)
    return limit_ms + (values.extend_ms if state.extended else 0)


def _still_counts(state: DwellState, window: tuple[int, int], context: Context[DwellValues]) -> bool:
    """The timer's own window still runs; one that must start inside belongs to the window it started in."""
    running = window_at(context.now_ms, window, context.facts.timezone)
    if running is None:
        return False
    return not context.values.starts_inside or running[0] <= state.since_ms < running[1]


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
    return _arm(msgspec.structs.replace(state, extended=True), context), []


def _own_room(context: Context[DwellValues]) -> str | None:
    roles = {role for match in context.rule.enter for role in match.roles}
    for device in context.facts.devices.values():
        if device.role in roles:
            return device.room
    return None


def _leave(state: DwellState, event: Event) -> Step:
    at_ms = event.effective_at_ms
    left = DwellState(
        phase="out",
        register_ms=at_ms,
        prior_window_ms=state.prior_window_ms,
        recent=state.recent,
        out_since_ms=at_ms if state.phase != "out" or state.out_since_ms is None else state.out_since_ms,
    )
    outcomes: list[Outcome] = []
    if state.phase == "open":
        retracted = state.fired_due_ms is not None and at_ms < state.fired_due_ms
        reason = Reason("dwell.retracted" if retracted else "dwell.over", {"at_ms": at_ms, "since_ms": state.since_ms})
        outcomes.append(Over(_episode(state), reason, (cause(event),), retracted))
    elif state.phase in ("armed", "held") and state.settle_ms != NEVER_MS:
        reason = Reason("dwell.over_before_heard", {"at_ms": at_ms})
        outcomes.append(_note("recorded_only", reason, state, (cause(event),)))
    return left, outcomes
