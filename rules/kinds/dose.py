"""Dose: one that was not fetched (R22).

Theory of operation. What is known of a dose stands in the home's facts (`rules/doses.py`), which R23 (`dose_unknown`)
reads too. The rule asks once, at the end of the device's own window (else `grace`, `grace_critical` for time-critical
ones), whether the dose was fetched; the device's own word that it was missed or locked in needs no asking. A dose whose
dispenser is out of reach then is *unknown*, never "not fetched": the rule stays quiet and passes it on to R23
(`dose.out_of_reach`); what it does say, it tells R23 and R24 (`dose.not_fetched`). So a dose has one open alert.
It is satisfied by effective time, whenever we hear of it; heard in time it retracts (`dose.corrected`). Nothing said
later takes back that it was fetched. A dose that is announced for another time moves, and so does its limit. A watch
begins over the doses that the facts know and that are not over: those still to be fetched, or due within 12 h before.

| dose     | input                                      | next    | outcome                                     |
|----------|--------------------------------------------|---------|---------------------------------------------|
| -        | due, reminded                              | waiting | - (timer at the limit)                      |
| -        | any word, limit older than 48 h            | -       | Note recorded_only                          |
| - waiting unknown | missed, withheld                  | waiting | - (timer now, or after settle)              |
| waiting  | timer, held by staff / otherwise           | held / closed | Note held                             |
| waiting  | timer, out of reach and not its own word   | unknown | Note disarmed, Tell dose.out_of_reach       |
| waiting  | timer                                      | open    | Fire, Tell dose.not_fetched (Note dose_unsure ¹) |
| held     | hold ends                                  | waiting | - (timer now)                               |
| any      | fetched, skipped                           | over    | if open: Over (retracted if in time ²)      |
| open     | offline since before the limit ³           | unknown | Over retracted ², Tell dose.out_of_reach    |
| open     | announced for a later time                 | waiting | Over retracted ²                            |
¹ if it was locked in.  ² with Tell dose.corrected.  ³ and it was not the device's own word.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event, Value
from rules import doses
from rules.doses import Dose, dose_key
from rules.effects import Reason
from rules.kinds.dose_life import (
    CORRECTED,
    NOT_FETCHED,
    OUT_OF_REACH,
    DoseTerms,
    Told,
    args_of,
    asked_again,
    begins_with,
    dose_name,
    first_due_ms,
    held,
    kept,
    settle_ms,
    taken_over,
    too_old,
    with_cause,
)
from rules.kinds.kind import Context, Fire, Note, Outcome, Over, State, Step, Tell, came_late, cause
from rules.parameters import Duration, Values


class DoseState(State, frozen=True, gc=False, tag="dose"):
    doses: dict[str, Told] = msgspec.field(default_factory=dict)


class DoseValues(DoseTerms, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    grace_critical_ms: Duration | None = None


class DoseNotFetched:
    """See the module's text."""

    name: ClassVar[str] = "dose"
    state_type: ClassVar[type[State]] = DoseState
    values_type: ClassVar[type[Values]] = DoseValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[DoseValues]) -> Step:
        known = dict(state.doses) if isinstance(state, DoseState) else {}
        outcomes: list[Outcome] = []
        if event.type == "device.offline":
            _silent_since(known, event, outcomes, context)
            return _state(known, context), outcomes
        key = dose_key(context.facts, event)
        if key is None:
            return state, []
        dose = context.facts.doses.get(key)
        old = known.get(key)
        if role == "leave" or (dose is not None and dose.word in doses.OVER):
            known[key] = _fetched(key, old, dose, event, outcomes, context)
        elif dose is None:  # the facts have forgotten it
            return state, too_old(key, event.effective_at_ms - doses.KEEP_MS, event, context)
        elif old is not None and old.phase in ("over", "closed"):
            return state, []
        else:
            told = _missed(key, old, dose, event, context) if role == "at_once" else _due(
                key, old, dose, event, outcomes, context)  # fmt: skip
            if old is None and (note := too_old(key, told.limit_ms, event, context)):
                return state, note
            known[key] = told
        return _state(known, context), outcomes

    def fire(self, state: State, context: Context[DoseValues]) -> Step:
        assert isinstance(state, DoseState)
        known = dict(state.doses)
        outcomes: list[Outcome] = []
        for key in sorted(known):
            told = known[key]
            if told.due_ms is not None and told.due_ms <= context.now_ms:
                known[key] = held(key, told, context, outcomes) or _asked(key, told, outcomes, context)
        return _state(known, context), outcomes

    def rearm(self, state: State, context: Context[DoseValues]) -> State | None:
        assert isinstance(state, DoseState)
        known = asked_again(state.doses, context)
        for key, told in known.items():  # the plan in force when it falls due is the one that counts
            dose = context.facts.doses.get(key)
            if told.phase == "waiting" and not told.said and dose is not None:
                limit_ms = _limit_ms(dose, context.values)
                if limit_ms != told.limit_ms:
                    due_ms = max(limit_ms, context.now_ms)
                    known[key] = msgspec.structs.replace(told, limit_ms=limit_ms, due_ms=due_ms)
        return _state(known, context)

    def initial(self, context: Context[DoseValues]) -> State | None:
        known = {}
        for key, dose in begins_with(context):
            told = taken_over(key, dose, _limit_ms(dose, context.values), context)
            if told is not None and dose.word in doses.NOT_FETCHED:
                known[key] = msgspec.structs.replace(told, said=True, due_ms=context.now_ms)
            elif told is not None:
                known[key] = told
        return _state(known, context)

    def begun(self, state: State, context: Context[DoseValues]) -> State:
        return state


def _state(known: dict[str, Told], context: Context[DoseValues]) -> DoseState | None:
    left = kept(known, context.now_ms)
    return DoseState(first_due_ms(left), left) if left else None


def _limit_ms(dose: Dose, values: DoseValues) -> int:
    """When it should have been fetched: the device's own window, else that of the rule."""
    if dose.window_ms is not None:
        return dose.scheduled_ms + dose.window_ms
    critical = dose.critical and values.grace_critical_ms is not None
    return dose.scheduled_ms + (values.grace_critical_ms or 0 if critical else values.grace_ms)


def _due(
    key: str, old: Told | None, dose: Dose, event: Event, outcomes: list[Outcome], context: Context[DoseValues]
) -> Told:
    """Announced, reminded of, or moved."""
    limit_ms = _limit_ms(dose, context.values)
    moved = old is not None and dose.scheduled_ms != old.scheduled_ms
    if old is not None and (old.said or not (moved or limit_ms != old.limit_ms)):
        return old
    episode = dose_name(key) if old is None else old.episode
    if old is not None and old.phase in ("open", "unknown"):
        if limit_ms <= context.now_ms:
            return old
        if old.phase == "open":
            args: dict[str, object] = {"dose": old.episode, "scheduled_ms": dose.scheduled_ms, "limit_ms": limit_ms}
            reason = Reason("dose.moved", args)
            _over(key, old, reason, event, outcomes, retracted=True)
        episode = f"{dose_name(key)}@{limit_ms}"  # what is raised again is another alert
    late = came_late(event, context.facts) or limit_ms <= context.now_ms
    due_ms = max(limit_ms, settle_ms(context, late=late))
    return Told("waiting", limit_ms, due_ms, episode, dose.scheduled_ms, with_cause(old, event), late=late)


def _missed(key: str, old: Told | None, dose: Dose, event: Event, context: Context[DoseValues]) -> Told:
    """The device's own word. One that a broker had kept, or that came late, may have been put right since."""
    if old is not None and old.phase == "open":
        return old if old.said else msgspec.structs.replace(old, said=True)
    late = came_late(event, context.facts)
    due_ms = settle_ms(context, late=late or RETAINED in event.quality)
    limit_ms = _limit_ms(dose, context.values) if old is None else old.limit_ms
    limit_ms = min(limit_ms, max(event.effective_at_ms, dose.scheduled_ms))
    episode = dose_name(key) if old is None else old.episode
    causes = with_cause(old, event)
    return Told("waiting", limit_ms, due_ms, episode, dose.scheduled_ms, causes, said=True, late=late)


def _fetched(
    key: str, old: Told | None, dose: Dose | None, event: Event, outcomes: list[Outcome], context: Context[DoseValues]
) -> Told:
    at_ms = event.effective_at_ms
    if old is None:
        limit_ms = at_ms if dose is None else _limit_ms(dose, context.values)
        scheduled_ms = at_ms if dose is None else dose.scheduled_ms
        return Told("over", limit_ms, None, dose_name(key), scheduled_ms)
    if old.phase == "open":
        in_time = at_ms <= old.limit_ms
        _over(key, old, _how(dose, event, old), event, outcomes, retracted=in_time)
    return msgspec.structs.replace(old, phase="over", due_ms=None)


def _how(dose: Dose | None, event: Event, told: Told) -> Reason:
    """In which way it is over, as far as anybody can know."""
    args: dict[str, object] = {"dose": told.episode, "at_ms": event.effective_at_ms, "limit_ms": told.limit_ms}
    if dose is not None and dose.word == "skipped":
        return Reason("dose.skipped", args)
    if dose is not None and dose.assisted:
        return Reason("dose.given_by_hand", args)
    return Reason("dose.in_time" if event.effective_at_ms <= told.limit_ms else "dose.fetched_late", args)


def _over(key: str, old: Told, reason: Reason, event: Event, outcomes: list[Outcome], *, retracted: bool) -> None:
    outcomes.append(Over(old.episode, reason, (cause(event),), retracted))
    if old.said and old.causes and old.causes[-1].type == "dose.withheld":
        outcomes.append(Note("dose_sure", reason, (cause(event),), old.episode))
    if retracted:
        outcomes.append(Tell(CORRECTED, old.episode, {"dose_id": dose_name(key)}))


def _asked(key: str, told: Told, outcomes: list[Outcome], context: Context[DoseValues]) -> Told:
    """Its limit has come, or the device has said so."""
    dose = context.facts.doses.get(key)
    args = args_of(dose, told)
    content: dict[str, Value] = {"dose_id": dose_name(key), "scheduled_at_ms": told.scheduled_ms}
    silent_ms = None
    if dose is not None and not told.said:
        silent_ms = doses.silent_since_ms(context.facts, dose.dispenser, context.now_ms)
    if silent_ms is not None:
        reason = Reason("dose.out_of_reach", {**args, "since_ms": silent_ms})
        outcomes += [Note("disarmed", reason, told.causes, dose_name(key)), Tell(OUT_OF_REACH, told.episode, content)]
        return msgspec.structs.replace(told, phase="unknown", due_ms=None)
    withheld = told.said and dose is not None and dose.word == "withheld"
    reason = Reason("dose.said_withheld" if withheld else "dose.said_missed", args)
    if not told.said:
        reason = Reason("dose.not_fetched", args)
    critical = dose is not None and dose.critical
    outcomes += [
        Fire(
            told.episode, reason, told.causes, told.limit_ms, told.due_ms,
            content={"time_critical": critical, "withheld": withheld}, late=told.late, begun_ms=told.scheduled_ms,
            device=told.causes[-1].device_id if told.causes else None,
        ),
        Tell(NOT_FETCHED, told.episode, content),
    ]  # fmt: skip
    if withheld:
        outcomes.append(Note("dose_unsure", reason, told.causes, told.episode))
    return msgspec.structs.replace(told, phase="open", due_ms=None)


def _silent_since(known: dict[str, Told], event: Event, outcomes: list[Outcome], context: Context[DoseValues]) -> None:
    """Only now we hear that it was silent at the limit already: what we said was more than anybody knew."""
    for key, told in sorted(known.items()):
        dose = context.facts.doses.get(key)
        if told.phase != "open" or told.said or dose is None or dose.word_ms >= told.limit_ms:
            continue
        silent_ms = doses.told_silent_ms(context.facts, dose.dispenser)
        if silent_ms is None or silent_ms > told.limit_ms:
            continue
        reason = Reason("dose.out_of_reach", {**args_of(dose, told), "since_ms": silent_ms})
        _over(key, told, reason, event, outcomes, retracted=True)
        content: dict[str, Value] = {"dose_id": dose_name(key), "scheduled_at_ms": told.scheduled_ms}
        outcomes.append(Tell(OUT_OF_REACH, told.episode, content))
        episode = f"{dose_name(key)}@{context.now_ms}"  # should its own word come yet
        known[key] = msgspec.structs.replace(told, phase="unknown", due_ms=None, episode=episode)
