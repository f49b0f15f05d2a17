"""Silence: a dispenser that is not heard, told the sooner the nearer its next dose is (R27).

Theory of operation. Any message of a dispenser is a sign of life (the home's facts keep the last, `rules/doses.py`).
With i = the interval it reports in, the timer is the first of

    last heard + max(for, i + spare)          not while its gateway or our feed is silent: that is told elsewhere
    max(last heard + i + spare, next dose - soon)

After our own feed was lost everything counts from its return. Where nobody knows an interval, somebody else's word that
it, or its gateway, is offline takes the place of "i + spare"; without one nothing can be said. Doses count as in
`rules/doses.py`: announced, or expected as in the 7 days before. With `with_dose` the priority is that one when a dose
falls due before the next staffed check, now or at a later check; once staff have given it by hand, it is urgent no
more, as with `dispenser`. A watch begins over what was heard of each dispenser before.

| dispenser | input                          | next    | outcome                               |
|-----------|--------------------------------|---------|---------------------------------------|
| heard     | any message, offline, online   | heard   | - (timer by the law)                  |
| heard     | timer, not due by the law now  | heard   | - (timer by the law)                  |
| heard     | timer, held                    | held    | Note held                             |
| heard     | timer                          | open    | Fire                                  |
| held      | hold ends                      | heard   | - (timer by the law)                  |
| open      | timer, a check goes by         | open    | Grow when a dose is before the next   |
| open      | that dose is settled by hand   | open    | Over, Fire anew; More by another dose |
| open held | any message                    | heard   | Over if open                          |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.doses import dispensers_of, interval_ms, told_silent_ms, upcoming
from rules.effects import Reason
from rules.facts import NEVER_MS
from rules.kinds.dispenser import DispenserTerms, dose_settled, urgency, worse
from rules.kinds.kind import Context, Fire, More, Note, Outcome, Over, State, Step, cause
from rules.parameters import Duration, Values

HORIZON_MS = 48 * 3_600_000
DISPENSERS_MAX = 8
SETTLES = ("dose.taken", "dose.skipped")


class Quiet(msgspec.Struct, frozen=True, gc=False, array_like=True):
    phase: str = "heard"  # heard | held | open
    due_ms: int | None = None
    heard_ms: int = NEVER_MS  # when it was heard last, once that is too long ago
    dose: str = ""  # the dose by which it is urgent
    episode: str = ""


class SilenceState(State, frozen=True, gc=False, tag="silence"):
    dispensers: dict[str, Quiet] = msgspec.field(default_factory=dict)
    begun_ms: int = 0  # the watch began over what was known, then


class SilenceValues(DispenserTerms, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0
    soon_ms: Duration = 0
    spare_ms: Duration = 0


class Silence:
    """See the module's text."""

    name: ClassVar[str] = "silence"
    state_type: ClassVar[type[State]] = SilenceState
    values_type: ClassVar[type[Values]] = SilenceValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[SilenceValues]) -> Step:
        before = state if isinstance(state, SilenceState) else SilenceState()
        known = dict(before.dispensers)
        outcomes: list[Outcome] = []
        device = event.device
        if device is not None and device in context.facts.dispensers:
            known.setdefault(device, Quiet())
            if context.facts.dispensers[device].heard_ms > known[device].heard_ms:
                known[device] = _heard(known[device], event, outcomes)
        if event.type in SETTLES:
            for each in sorted(known):
                if known[each].phase == "open" and known[each].dose:
                    known[each] = _settled(each, known[each], event, outcomes, context)
        return _state(before, _by_law(known, context), context), outcomes

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
                known[device] = _silent(device, law_ms, state.begun_ms, outcomes, context)
        return _state(state, known, context), outcomes

    def rearm(self, state: State, context: Context[SilenceValues]) -> State | None:
        assert isinstance(state, SilenceState)
        known = {
            device: Quiet() if quiet.phase == "held" else quiet for device, quiet in state.dispensers.items()
        }  # fmt: skip
        return _state(state, _by_law(known, context), context)

    def initial(self, context: Context[SilenceValues]) -> State | None:
        found = {device: Quiet() for device in dispensers_of(context.facts, context.subject)}
        return _state(SilenceState(begun_ms=context.now_ms), _by_law(found, context), context)

    def begun(self, state: State, context: Context[SilenceValues]) -> State:
        assert isinstance(state, SilenceState)
        return msgspec.structs.replace(state, begun_ms=context.now_ms)


def _state(
    before: SilenceState, known: dict[str, Quiet], context: Context[SilenceValues]
) -> SilenceState | None:  # fmt: skip
    left = {device: known[device] for device in sorted(known)[:DISPENSERS_MAX] if device in context.facts.dispensers}
    if not left:
        return None
    dues = [quiet.due_ms for quiet in left.values() if quiet.due_ms is not None]
    return SilenceState(min(dues) if dues else None, left, before.begun_ms)


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


def _heard(quiet: Quiet, event: Event, outcomes: list[Outcome]) -> Quiet:
    if quiet.phase == "open":
        reason = Reason("silence.over", {"at_ms": event.received_at_ms, "since_ms": quiet.heard_ms})
        outcomes.append(Over(quiet.episode, reason, (cause(event),)))
    return Quiet()


def _silent(
    device: str, law_ms: int, begun_ms: int, outcomes: list[Outcome], context: Context[SilenceValues]
) -> Quiet:  # fmt: skip
    heard_ms = context.facts.dispensers[device].heard_ms
    episode = f"{device}@{heard_ms}" + (f"@{begun_ms}" if heard_ms < begun_ms else "")
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, (), episode))
        return Quiet("held", None, heard_ms)
    return _fired(device, Quiet("open", law_ms, heard_ms, episode=episode), law_ms, outcomes, context)


def _fired(
    device: str, quiet: Quiet, since_ms: int, outcomes: list[Outcome], context: Context[SilenceValues]
) -> Quiet:  # fmt: skip
    now = urgency(context, device, quiet.heard_ms)
    args: dict[str, object] = {"since_ms": quiet.heard_ms, "at_ms": context.now_ms, "scheduled_ms": now.dose_ms}
    reason = Reason("silence.dose_comes" if now.dose_ms is not None else "silence.too_long", args)
    outcomes.append(
        Fire(
            quiet.episode, reason, now.causes, since_ms, since_ms, device=device, late=False, begun_ms=quiet.heard_ms,
            priority=now.priority, content={"dose": now.dose_ms is not None},
        )
    )  # fmt: skip
    return msgspec.structs.replace(quiet, due_ms=now.check_ms, dose=now.dose)


def _check(device: str, quiet: Quiet, outcomes: list[Outcome], context: Context[SilenceValues]) -> Quiet:
    """A check has gone by and it is still silent."""
    now = urgency(context, device, context.now_ms)
    if now.priority is not None:
        outcomes += worse(quiet.episode, now)
    return msgspec.structs.replace(quiet, due_ms=now.check_ms, dose=now.dose)


def _settled(
    device: str, quiet: Quiet, event: Event, outcomes: list[Outcome], context: Context[SilenceValues]
) -> Quiet:  # fmt: skip
    """A dose was given by hand: is it still urgent?"""
    now = urgency(context, device, quiet.heard_ms)
    if now.priority is None:
        outcomes.append(Over(quiet.episode, dose_settled(event), (cause(event),)))
        anew = msgspec.structs.replace(quiet, episode=f"{device}@{quiet.heard_ms}@{context.now_ms}")
        return _fired(device, anew, context.now_ms, outcomes, context)
    if now.dose != quiet.dose:
        reason = Reason("dispenser.dose_comes", {"scheduled_ms": now.dose_ms})
        outcomes.append(More(quiet.episode, reason, now.causes))
    return msgspec.structs.replace(quiet, dose=now.dose)
