"""Dose unknown: one of which nobody can say whether it was fetched (R23).

Theory of operation. Once for each dose, at due + `grace` (for one that was presented: then + `grace_dispensed`), the
rule asks the home's facts (`rules/doses.py`) what can be known. No word since it was due, only "presented" from a model
that tells more, or a dispenser out of reach: unknown, never "not fetched". It is also told of a dose whose limit passed
out of reach (R22's `dose.out_of_reach`). While a dispenser is silent, doses nobody announced are expected at the local
times of the 7 days before (a dispenser names them when due); the first word of one of about that time is taken for
it. Any word that settles the dose ends it: fetched before we asked retracts. From its beginning to its end the pages
warn against a second dose (`dose_unsure`, `dose_sure`), also while the alert itself is withheld. A watch
begins over the doses that the facts know, as R22's does, and over those that a silent dispenser should have had.

| dose    | input                                         | next   | outcome                     |
|---------|-----------------------------------------------|--------|-----------------------------|
| -       | due, reminded, dispensed                      | waiting| - (timer)                   |
| waiting | announced for another time                    | waiting| - (timer)                   |
| waiting | timer, in reach and a word since it was due   | closed | -                           |
| waiting | timer, held by staff / otherwise              | held / closed | Note held, dose_unsure |
| waiting | timer                                         | open   | Fire, Note dose_unsure      |
| -       | timer of an expected dose, silent since before| open   | as above                    |
| any     | dose.out_of_reach, and not fetched or missed  | waiting| - (timer now)               |
| open    | announced for a later time                    | waiting| Over retracted, Note dose_sure |
| any     | fetched, skipped, missed, withheld, dose.not_fetched | over | Over if open, Note dose_sure |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.doses import (
    AHEAD_MS,
    NOT_FETCHED,
    OVER,
    SAME_DOSE_MS,
    Dose,
    dispensers_of,
    dose_key,
    expected,
    expected_name,
    silent_since_ms,
)  # fmt: skip
from rules.effects import Reason
from rules.kinds.dose_life import (
    PRESENTED,
    DoseTerms,
    Told,
    args_of,
    asked_again,
    begins_with,
    dose_name,
    evidence,
    first_due_ms,
    held,
    is_ours,
    kept,
    settle_ms,
    taken_over,
    too_old,
    with_cause,
)
from rules.kinds.kind import Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.parameters import Duration, Values

LOOK_AHEAD_MS = 48 * 3_600_000


class UnknownDoseState(State, frozen=True, gc=False, tag="dose_unknown"):
    doses: dict[str, Told] = msgspec.field(default_factory=dict)
    unsure: tuple[str, ...] = ()  # those the pages warn of


class UnknownDoseValues(DoseTerms, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    grace_dispensed_ms: Duration = 0


class DoseUnknown:
    """See the module's text."""

    name: ClassVar[str] = "dose_unknown"
    state_type: ClassVar[type[State]] = UnknownDoseState
    values_type: ClassVar[type[Values]] = UnknownDoseValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[UnknownDoseValues]) -> Step:
        now = state if isinstance(state, UnknownDoseState) else UnknownDoseState()
        key = dose_key(context.facts, event)
        if key is None or not is_ours(event):
            return state, []
        known, dose = dict(now.doses), context.facts.doses.get(key)
        _same_as_expected(known, key, dose)
        old = known.get(key)
        outcomes: list[Outcome] = []
        if role == "leave" or (dose is not None and dose.word in OVER):
            known[key] = _settled(key, old, dose, event, outcomes, now.unsure)
        elif dose is None or dose.word in NOT_FETCHED:
            return state, []
        elif role == "at_once":
            if old is not None and old.phase == "open":
                return state, []
            told_before = old is not None and old.phase in ("over", "closed")
            episode = dose_name(key) if old is None else old.episode
            if told_before:
                episode = f"{dose_name(key)}@{context.now_ms}"
            causes = with_cause(old, event)
            now_ms = context.now_ms
            known[key] = Told("waiting", now_ms, now_ms, episode, dose.scheduled_ms, causes, said=True)
        elif old is not None and old.phase == "over":
            return state, []
        else:
            told = _told(key, old, dose, event, outcomes, context)
            if old is None and too_old(key, told.limit_ms, event, context):
                return state, []  # R22 records it
            known[key] = told
        return _state(now, known, outcomes, context), outcomes

    def fire(self, state: State, context: Context[UnknownDoseValues]) -> Step:
        assert isinstance(state, UnknownDoseState)
        known = dict(state.doses)
        outcomes: list[Outcome] = []
        _expect(known, context)
        for key in sorted(known):
            told = known[key]
            if told.due_ms is None or told.due_ms > context.now_ms:
                continue
            reason = _why(key, told, context)
            if reason is None:
                known[key] = msgspec.structs.replace(told, phase="closed", due_ms=None)
                continue
            outcomes.append(Note("dose_unsure", reason, told.causes, told.episode))
            known[key] = held(key, told, context, outcomes) or _fired(key, told, reason, outcomes, context)
        return _state(state, known, outcomes, context), outcomes

    def rearm(self, state: State, context: Context[UnknownDoseValues]) -> State | None:
        assert isinstance(state, UnknownDoseState)
        return _state(state, asked_again(state.doses, context), [], context)

    def initial(self, context: Context[UnknownDoseValues]) -> State | None:
        known = {}
        for key, dose in begins_with(context):
            told = taken_over(key, dose, _ask_ms(dose, context.values), context)
            if told is not None and dose.word not in NOT_FETCHED:
                known[key] = told
        return _state(UnknownDoseState(), known, [], context)

    def begun(self, state: State, context: Context[UnknownDoseValues]) -> State:
        return state


def _state(
    before: UnknownDoseState, known: dict[str, Told], outcomes: list[Outcome], context: Context[UnknownDoseValues]
) -> UnknownDoseState | None:
    left = kept(known, context.now_ms)
    unsure = set(before.unsure)
    for note in [each for each in outcomes if isinstance(each, Note)]:
        if note.kind == "dose_unsure":
            unsure.add(note.episode)
        elif note.kind == "dose_sure":
            unsure.discard(note.episode)
    names = {told.episode for told in left.values()}
    due_ms, next_ms = first_due_ms(left), _next_expected_ms(context)
    if next_ms is not None:
        due_ms = next_ms if due_ms is None else min(due_ms, next_ms)
    if not left and due_ms is None:
        return None
    return UnknownDoseState(due_ms, left, tuple(sorted(unsure & names)))


def _ask_ms(dose: Dose, values: UnknownDoseValues) -> int:
    """When to ask what is known of it."""
    if dose.word == PRESENTED:
        return dose.word_ms + values.grace_dispensed_ms
    return dose.scheduled_ms + values.grace_ms


# -- what is waited for ----------------------------------------------------------------------------------------


def _told(
    key: str, old: Told | None, dose: Dose, event: Event, outcomes: list[Outcome], context: Context[UnknownDoseValues]
) -> Told:
    """Announced, reminded of, moved, or presented."""
    presented, limit_ms = dose.word == PRESENTED, _ask_ms(dose, context.values)
    if old is not None and limit_ms == old.limit_ms and dose.scheduled_ms == old.scheduled_ms:
        return old
    if old is not None and old.phase == "open":
        if presented or limit_ms <= context.now_ms:
            return old  # still nobody knows
        reason = Reason("dose.moved", {"dose": old.episode, "scheduled_ms": dose.scheduled_ms, "limit_ms": limit_ms})
        outcomes.append(Over(old.episode, reason, (cause(event),), retracted=True))
        outcomes.append(Note("dose_sure", reason, (cause(event),), old.episode))
    episode = dose_name(key) if old is None else old.episode
    if old is not None and old.phase == "open":
        episode = f"{dose_name(key)}@{limit_ms}"  # what is raised again is another alert
    late = came_late(event, context.facts) or limit_ms <= context.now_ms
    due_ms = max(limit_ms, settle_ms(context, late=late))
    return Told("waiting", limit_ms, due_ms, episode, dose.scheduled_ms, with_cause(old, event), late=late)


def _same_as_expected(known: dict[str, Told], key: str, dose: Dose | None) -> None:
    """The dose that was expected has got its name."""
    if dose is None or key in known:
        return
    for name in sorted(known):
        if known[name].device == dose.dispenser and _near(known[name], dose):
            known[key] = known.pop(name)
            return


def _near(told: Told, dose: Dose) -> bool:
    return told.phase != "over" and abs(told.scheduled_ms - dose.scheduled_ms) <= SAME_DOSE_MS


def _next_expected_ms(context: Context[UnknownDoseValues]) -> int | None:
    """When to ask for the next dose that nobody has announced."""
    grace_ms = context.values.grace_ms
    from_ms = context.now_ms - grace_ms + 1
    times = [
        next((each.at_ms for each in expected(context.facts, device, from_ms, from_ms + LOOK_AHEAD_MS)), None)
        for device in dispensers_of(context.facts, context.subject)
    ]
    return min((at_ms + grace_ms for at_ms in times if at_ms is not None), default=None)


def _expect(known: dict[str, Told], context: Context[UnknownDoseValues]) -> None:
    """Doses that should have been announced just now `grace` ago, by a dispenser that is silent since before."""
    at_ms = context.now_ms - context.values.grace_ms
    for device in dispensers_of(context.facts, context.subject):
        heard_ms = context.facts.dispensers[device].heard_ms
        if heard_ms >= at_ms or silent_since_ms(context.facts, device, context.now_ms) is None:
            continue
        for dose in expected(context.facts, device, at_ms, at_ms):
            name = expected_name(device, dose.at_ms)
            known[f"{context.resident or device}/{name}"] = Told(
                "waiting", context.now_ms, context.now_ms, name, dose.at_ms, (evidence(name, device, dose.at_ms),),
                said=True, device=device,
            )  # fmt: skip


# -- what is said ----------------------------------------------------------------------------------------------


def _why(key: str, told: Told, context: Context[UnknownDoseValues]) -> Reason | None:
    """Why nobody can say what became of it; None when it is known to be waiting in time."""
    facts = context.facts
    dose = facts.doses.get(key)
    args = args_of(dose, told)
    device = told.device or (dose.dispenser if dose is not None else "")
    silent_ms = silent_since_ms(facts, device, context.now_ms)
    if dose is not None and dose.word == PRESENTED:
        return Reason("dose.not_confirmed", {**args, "at_ms": dose.word_ms})
    if silent_ms is not None:
        return Reason("dose.unknown_silent", {**args, "since_ms": silent_ms})
    if told.said or dose is None or dose.word_ms < dose.scheduled_ms - AHEAD_MS:
        return Reason("dose.unknown", args)
    return None


def _fired(key: str, told: Told, reason: Reason, outcomes: list[Outcome], context: Context[UnknownDoseValues]) -> Told:
    dose = context.facts.doses.get(key)
    device = told.device or (dose.dispenser if dose is not None else "")
    outcomes.append(
        Fire(
            told.episode, reason, told.causes, told.limit_ms, told.due_ms,
            content={"time_critical": dose is not None and dose.critical}, late=told.late,
            begun_ms=told.scheduled_ms, device=device if device in context.facts.devices else None,
        )
    )  # fmt: skip
    return msgspec.structs.replace(told, phase="open", due_ms=None)


def _settled(
    key: str, old: Told | None, dose: Dose | None, event: Event, outcomes: list[Outcome], unsure: tuple[str, ...]
) -> Told:
    """Somebody knows: it was fetched, or it was not."""
    at_ms = event.effective_at_ms
    if old is None:
        return Told("over", at_ms, None, dose_name(key), at_ms)
    over = dose is not None and dose.word in OVER
    not_fetched = event.type == "dose.not_fetched" or (dose is not None and dose.word in NOT_FETCHED)
    args: dict[str, object] = {"dose": old.episode, "at_ms": at_ms, "scheduled_ms": old.scheduled_ms}
    if over and dose is not None and dose.assisted:
        reason = Reason("dose.given_by_hand", {"dose": old.episode, "at_ms": at_ms, "limit_ms": old.limit_ms})
    else:
        reason = Reason("dose.known_not_fetched" if not_fetched and not over else "dose.known", args)
    if old.phase == "open":
        in_time = at_ms <= old.limit_ms and not not_fetched
        outcomes.append(Over(old.episode, reason, (cause(event),), retracted=in_time))
    if old.episode in unsure:
        outcomes.append(Note("dose_sure", reason, (cause(event),), old.episode))
    return msgspec.structs.replace(old, phase="over", due_ms=None)
