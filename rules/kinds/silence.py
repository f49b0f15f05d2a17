"""Silence: a dispenser that is not heard, told the sooner the nearer its next dose is (R27).

Theory of operation. Any message of a dispenser is a sign of life (the home's facts keep the last, `rules/doses.py`).
With i = the interval it reports in, the timer is the first of

    last heard + max(for, i + spare)          not while its gateway or our feed is silent: that is told elsewhere
    max(last heard + i + spare, next dose - soon)

After our own feed was lost everything counts from its return. Where nobody knows an interval, somebody else's word that
it, or its gateway, is offline takes the place of "i + spare"; without one nothing can be said. Doses count as in
`rules/doses.py`: announced, or expected as in the 7 days before. With `with_dose` the priority is that one when a dose
falls due before the next staffed check, now or at a later check.

| dispenser | input                          | next    | outcome                               |
|-----------|--------------------------------|---------|---------------------------------------|
| heard     | any message, offline, online   | heard   | - (timer by the law)                  |
| heard     | timer, not due by the law now  | heard   | - (timer by the law)                  |
| heard     | timer, held                    | held    | Note held                             |
| heard     | timer                          | open    | Fire                                  |
| held      | hold ends                      | heard   | - (timer by the law)                  |
| open      | timer, a check goes by         | open    | Grow when a dose is before the next   |
| open held | any message                    | heard   | Over if open                          |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.doses import interval_ms, told_silent_ms, upcoming
from rules.effects import Reason
from rules.facts import NEVER_MS
from rules.kinds.dispenser import DispenserTerms, priority_by_dose
from rules.kinds.kind import Context, Fire, Grow, Note, Outcome, Over, State, Step, cause
from rules.parameters import Duration, Values

HORIZON_MS = 48 * 3_600_000
DISPENSERS_MAX = 8


class Quiet(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    phase: str = "heard"  # heard | held | open
    due_ms: int | None = None
    heard_ms: int = NEVER_MS  # when it was heard last, once that is too long ago


class SilenceState(State, frozen=True, gc=False, omit_defaults=True, tag="silence"):
    dispensers: dict[str, Quiet] = msgspec.field(default_factory=dict)


class SilenceValues(DispenserTerms, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0
    soon_ms: Duration = 0
    spare_ms: Duration = 0


class Silence:
    """See the module's text."""

    name: ClassVar[str] = "silence"
    state_type: ClassVar[type[State]] = SilenceState
    values_type: ClassVar[type[Values]] = SilenceValues
    stands: ClassVar[bool] = False
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[SilenceValues]) -> Step:
        known = dict(state.dispensers) if isinstance(state, SilenceState) else {}
        outcomes: list[Outcome] = []
        device = event.device
        if device is not None and device in context.facts.dispensers:
            known.setdefault(device, Quiet())
            if context.facts.dispensers[device].heard_ms > known[device].heard_ms:
                known[device] = _heard(device, known[device], event, outcomes)
        return _state(_by_law(known, context), context), outcomes

    def fire(self, state: State, context: Context[SilenceValues]) -> Step:
        assert isinstance(state, SilenceState)
        known = dict(state.dispensers)
        outcomes: list[Outcome] = []
        for device in sorted(known):
            quiet = known[device]
            if quiet.due_ms is None or quiet.due_ms > context.now_ms:
                continue
            if quiet.phase == "open":
                known[device] = _check(device, quiet, outcomes, context)
                continue
            law_ms = _law_ms(device, context)
            if law_ms is None or law_ms > context.now_ms:
                known[device] = Quiet(due_ms=law_ms)
            else:
                known[device] = _silent(device, law_ms, outcomes, context)
        return _state(known, context), outcomes

    def rearm(self, state: State, context: Context[SilenceValues]) -> State | None:
        assert isinstance(state, SilenceState)
        known = {
            device: Quiet() if quiet.phase == "held" else quiet for device, quiet in state.dispensers.items()
        }  # fmt: skip
        return _state(_by_law(known, context), context)

    def initial(self, context: Context[SilenceValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[SilenceValues]) -> State:
        return state


def _state(known: dict[str, Quiet], context: Context[SilenceValues]) -> SilenceState | None:
    left = {device: known[device] for device in sorted(known)[:DISPENSERS_MAX] if device in context.facts.dispensers}
    if not left:
        return None
    dues = [quiet.due_ms for quiet in left.values() if quiet.due_ms is not None]
    return SilenceState(min(dues) if dues else None, left)


def _by_law(known: dict[str, Quiet], context: Context[SilenceValues]) -> dict[str, Quiet]:
    """Timers of those that are not told of yet."""
    return {
        device: quiet if quiet.phase != "heard" else _waiting(_law_ms(device, context), context)
        for device, quiet in known.items()
    }


def _waiting(law_ms: int | None, context: Context[SilenceValues]) -> Quiet:
    return Quiet(due_ms=None if law_ms is None else max(law_ms, context.now_ms))


def _law_ms(device: str, context: Context[SilenceValues]) -> int | None:
    """When its silence is to be told, by the law of the module's text."""
    facts, values = context.facts, context.values
    every_ms = interval_ms(facts, device)
    last_ms = facts.dispensers[device].heard_ms
    heard_ms = max(last_ms, facts.gap_until_ms or NEVER_MS)
    own_ms, told_ms = facts.offline_since_ms.get(device), told_silent_ms(facts, device)
    elsewhere = facts.feed_lost_ms is not None or (told_ms is not None and own_ms is None)
    dues = []
    if every_ms and not elsewhere:
        dues.append(heard_ms + max(values.for_ms, every_ms + values.spare_ms))
    elif not every_ms and own_ms is not None:
        dues.append(own_ms + values.for_ms)
    silent_ms = heard_ms + every_ms + values.spare_ms if every_ms else told_ms
    if silent_ms is not None:
        dose = upcoming(facts, device, max(last_ms, context.now_ms - HORIZON_MS), context.now_ms + HORIZON_MS)
        if dose is not None:
            dues.append(max(silent_ms, dose.at_ms - values.soon_ms))
    return min(dues, default=None)


def _heard(device: str, quiet: Quiet, event: Event, outcomes: list[Outcome]) -> Quiet:
    if quiet.phase == "open":
        reason = Reason("silence.over", {"at_ms": event.received_at_ms, "since_ms": quiet.heard_ms})
        outcomes.append(Over(f"{device}@{quiet.heard_ms}", reason, (cause(event),)))
    return Quiet()


def _silent(device: str, law_ms: int, outcomes: list[Outcome], context: Context[SilenceValues]) -> Quiet:
    heard_ms = context.facts.dispensers[device].heard_ms
    episode = f"{device}@{heard_ms}"
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, (), episode))
        return Quiet("held", None, heard_ms)
    priority, dose_ms, check_ms = priority_by_dose(context, device, heard_ms)
    args: dict[str, object] = {"since_ms": heard_ms, "at_ms": context.now_ms, "scheduled_ms": dose_ms}
    reason = Reason("silence.dose_comes" if dose_ms is not None else "silence.too_long", args)
    outcomes.append(
        Fire(
            episode, reason, (), law_ms, law_ms, device=device, late=False, begun_ms=heard_ms,
            priority=priority, content={"dose": dose_ms is not None},
        )
    )  # fmt: skip
    waits = priority is None and context.values.with_dose is not None
    return Quiet("open", check_ms if waits else None, heard_ms)


def _check(device: str, quiet: Quiet, outcomes: list[Outcome], context: Context[SilenceValues]) -> Quiet:
    """A check has gone by and it is still silent."""
    priority, dose_ms, check_ms = priority_by_dose(context, device, context.now_ms)
    if priority is None:
        return Quiet("open", check_ms, quiet.heard_ms)
    reason = Reason("dispenser.dose_comes", {"scheduled_ms": dose_ms})
    outcomes.append(Grow(f"{device}@{quiet.heard_ms}", priority, reason))
    return Quiet("open", None, quiet.heard_ms)
