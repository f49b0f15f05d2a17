"""Deadline: by a time something must have happened: a local time of day, or one that an event itself names.

Theory of operation. *By local time* (`by` is set) there is one occurrence a local date and time, which counts from
`counts_from` (at the earliest from the limit before it) to its limit, `by` + `grace`. It is satisfied by *effective*
time, whenever we hear of it: leave (done) at any instant it counts; where the rule has an enter, that ends "done", and
who was done already when it began to count is satisfied too. Nobody is missed whose sensor was never heard, unless a
plan of their own says when; nor before the watch began, which begins over the states that stand. *By an id* (no `by`)
the announcing event (enter) names the occurrence and its time; leave with that id satisfies it, at_once (a word that it
was missed) fires without waiting. An announcement may come late, several times, or never: missed alone makes an
occurrence too.

Satisfied before the limit but heard after it: the alert is retracted. Occurrences are forgotten 48 h after their limit,
open ones after 31 days (what a gateway may still have in its buffer); word of an older one is recorded only.

| occurrence | input                             | next      | outcome                       |
|------------|-----------------------------------|-----------|-------------------------------|
| -          | the limit before has passed; enter| waiting   | - (timer at the limit)        |
| -          | enter or at_once, older than 48 h | -         | Note recorded_only            |
| - waiting  | at_once (missed)                  | open      | Fire (settles if it came late)|
| waiting    | leave                             | satisfied | -                             |
| waiting    | timer, held by staff or the way   | held      | Note held                     |
| waiting    | timer, held otherwise             | closed    | Note held (not asked again)   |
| waiting    | timer                             | open      | Fire                          |
| held       | hold ends                         | waiting   | - (timer now, or after settle)|
| open       | leave                             | satisfied | Over (retracted if in time)   |
| open       | the next by local time is not done| closed    | Over                          |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event, Value
from rules.effects import Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.kinds.occurrences import (
    DeadlineState,
    DeadlineValues,
    Occurrence,
    anybody_is_missed,
    done_in,
    next_occurrence,
)  # fmt: skip
from rules.parameters import Values

HOUR_MS = 3_600_000
KEEP_MS = 48 * HOUR_MS
OPEN_KEEP_MS = 31 * 24 * HOUR_MS
SCHEDULE_BELIEVED_MS = 7 * 24 * HOUR_MS  # a schedule further from the announcement is a wrong clock
OCCURRENCES_MAX = 64
CAUSES_MAX = 4
ASKED_AGAIN = ("hold.staff", "hold.way", "hold.sensors")  # holds after which it still matters
_IDS = ("visit_id", "dose_id", "alarm_id")
_TIMES = ("planned_at_ms", "scheduled_at_ms")


class Deadline:
    """See the module's text."""

    name: ClassVar[str] = "deadline"
    state_type: ClassVar[type[State]] = DeadlineState
    values_type: ClassVar[type[Values]] = DeadlineValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[DeadlineValues]) -> Step:
        known = state if isinstance(state, DeadlineState) else DeadlineState(begun_ms=context.now_ms)
        if context.values.by and role != "at_once":
            return _heard(known, event, role, context)
        return _told(known, event, role, context)

    def fire(self, state: State, context: Context[DeadlineValues]) -> Step:
        assert isinstance(state, DeadlineState)
        known = dict(state.occurrences)
        outcomes: list[Outcome] = []
        for key in sorted(known):
            item = known[key]
            if item.due_ms is not None and item.due_ms <= context.now_ms:
                if done_in(state, item, context):
                    known[key] = msgspec.structs.replace(item, phase="satisfied", due_ms=None)
                else:
                    known[key] = _due(key, item, outcomes, context)
                    _follow(key, known, outcomes)
        return _kept(msgspec.structs.replace(state, occurrences=known), context), outcomes

    def rearm(self, state: State, context: Context[DeadlineValues]) -> State | None:
        assert isinstance(state, DeadlineState)
        again_ms = context.now_ms + SETTLE_MS
        known = {
            key: msgspec.structs.replace(item, phase="waiting", due_ms=again_ms if item.late else context.now_ms)
            if item.phase == "held" else item
            for key, item in state.occurrences.items()
            if not (item.phase == "waiting" and item.from_ms != NEVER_MS and not item.missed and not item.causes)
        }  # fmt: skip
        return _kept(msgspec.structs.replace(state, occurrences=known), context)

    def initial(self, context: Context[DeadlineValues]) -> State | None:
        """Watching begins now; what began to count before is left out."""
        return _kept(DeadlineState(begun_ms=context.now_ms), context) if context.values.by else None

    def begun(self, state: State, context: Context[DeadlineValues]) -> State:
        return state


# -- by local time ---------------------------------------------------------------------------------------------


def _heard(state: DeadlineState, event: Event, role: str, context: Context[DeadlineValues]) -> Step:
    """Done, or not any more."""
    at_ms = event.effective_at_ms
    if RETAINED in event.quality and event.observed_at_ms is None:
        return state, []
    if role != "leave":
        state = msgspec.structs.replace(state, entered_ms=max(at_ms, state.entered_ms))
        first = state.undone_ms < state.done_ms or state.undone_ms == NEVER_MS or at_ms < state.undone_ms
        if at_ms >= state.done_ms and first:
            state = msgspec.structs.replace(state, undone_ms=at_ms)
        return _kept(state, context), []
    if at_ms >= state.done_ms:
        undone_ms = state.undone_ms  # the first time after it was done, whichever is heard first
        if undone_ms <= at_ms < state.entered_ms:
            undone_ms = state.entered_ms
        state = msgspec.structs.replace(state, done_ms=at_ms, undone_ms=undone_ms)
    known = dict(state.occurrences)
    outcomes: list[Outcome] = []
    for key, item in state.occurrences.items():
        if item.phase in ("open", "held") and at_ms >= item.from_ms:
            known[key] = _satisfied(item, key, event, outcomes)
    return _kept(msgspec.structs.replace(state, occurrences=known), context), outcomes


def _follow(key: str, known: dict[str, Occurrence], outcomes: list[Outcome]) -> None:
    """Of occurrences by local time one alert is open: the newest takes the place of the one before."""
    now = known[key]
    for other, item in known.items() if now.phase == "open" and now.from_ms != NEVER_MS else ():
        if other != key and item.phase == "open" and item.from_ms != NEVER_MS:
            reason = Reason("deadline.next_came", {"occurrence": key, "limit_ms": now.limit_ms})
            outcomes.insert(0, Over(other, reason))
            known[other] = msgspec.structs.replace(item, phase="closed", due_ms=None)


# -- by an id --------------------------------------------------------------------------------------------------


def _told(state: DeadlineState, event: Event, role: str, context: Context[DeadlineValues]) -> Step:
    known = dict(state.occurrences)
    if role == "leave" and _key(event.content) is None:
        return state, []  # a moment, of which nothing was announced
    key = _key(event.content) or event.event_id
    old = known.get(key)
    outcomes: list[Outcome] = []
    if role == "leave":
        known[key] = (
            _satisfied(old, key, event, outcomes) if old is not None else _announced(event, "satisfied", context)
        )
    elif old is not None and old.phase in ("satisfied", "closed", "open"):
        return state, []
    elif role == "at_once":
        known[key] = _missed(old, event, context)
        for other, item in state.occurrences.items():
            if item.phase == "waiting" and item.from_ms != NEVER_MS and item.from_ms <= event.effective_at_ms:
                known[other] = msgspec.structs.replace(item, phase="closed", due_ms=None)  # told already
    elif old is None:
        known[key] = _announced(event, "waiting", context)
    else:
        return state, []  # reminded of what we wait for
    if role != "leave" and known[key].limit_ms <= context.now_ms - KEEP_MS:
        reason = Reason("deadline.too_old", {"occurrence": key, "limit_ms": known[key].limit_ms})
        return state, [Note("recorded_only", reason, (cause(event),), key)]
    return _kept(msgspec.structs.replace(state, occurrences=known), context), outcomes


def _key(content: Mapping[str, Value]) -> str | None:
    return next((str(content[name]) for name in _IDS if content.get(name)), None)


def _announced(event: Event, phase: str, context: Context[DeadlineValues]) -> Occurrence:
    at_ms = event.effective_at_ms
    said = [value for name in _TIMES if isinstance(value := event.content.get(name), int)]
    scheduled_ms = said[0] if said and abs(said[0] - at_ms) <= SCHEDULE_BELIEVED_MS else at_ms
    limit_ms = scheduled_ms + context.values.grace_ms
    late = came_late(event, context.facts) or limit_ms <= context.now_ms
    due_ms = max(limit_ms, context.now_ms + (SETTLE_MS if late else 0)) if phase == "waiting" else None
    return Occurrence(phase, scheduled_ms, limit_ms, due_ms, (cause(event),), dict(event.content), late=late)


def _missed(old: Occurrence | None, event: Event, context: Context[DeadlineValues]) -> Occurrence:
    """A device's own word. One that a broker had kept, or that came late, may have been put right since."""
    now = _announced(event, "waiting", context)
    scheduled_ms, limit_ms = (now.scheduled_ms, now.limit_ms) if old is None else (old.scheduled_ms, old.limit_ms)
    late = came_late(event, context.facts)
    due_ms = context.now_ms + (SETTLE_MS if late or RETAINED in event.quality else 0)
    causes = (*(old.causes if old is not None else ()), cause(event))[-CAUSES_MAX:]
    limit_ms = min(limit_ms, max(event.effective_at_ms, scheduled_ms))
    return Occurrence("waiting", scheduled_ms, limit_ms, due_ms, causes, now.content, missed=True, late=late)


# -- both ------------------------------------------------------------------------------------------------------


def _satisfied(old: Occurrence, key: str, event: Event, outcomes: list[Outcome]) -> Occurrence:
    at_ms = event.effective_at_ms
    if old.phase == "open":
        in_time = at_ms <= old.limit_ms
        args: dict[str, object] = {"at_ms": at_ms, "limit_ms": old.limit_ms}
        code = "deadline.in_time" if in_time else "deadline.done_late"
        outcomes.append(Over(key, Reason(code, args), (cause(event),), retracted=in_time))
    return msgspec.structs.replace(old, phase="satisfied", due_ms=None)


def _due(key: str, item: Occurrence, outcomes: list[Outcome], context: Context[DeadlineValues]) -> Occurrence:
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, item.causes, key))
        again = hold.code in ASKED_AGAIN
        late = item.late or hold.code == "hold.way"  # what lies in the gateway's buffer comes first
        return msgspec.structs.replace(item, phase="held" if again else "closed", due_ms=None, late=late)
    code = "deadline.device_says_missed" if item.missed else "deadline.not_done"
    args: dict[str, object] = {"occurrence": key, "scheduled_ms": item.scheduled_ms, "limit_ms": item.limit_ms}
    outcomes.append(
        Fire(
            key, Reason(code, args), item.causes, item.limit_ms, item.due_ms, content=item.content, late=item.late,
            begun_ms=item.scheduled_ms, device=item.causes[-1].device_id if item.causes else None,
        )
    )  # fmt: skip
    return msgspec.structs.replace(item, phase="open", due_ms=None)


def _kept(state: DeadlineState, context: Context[DeadlineValues]) -> DeadlineState | None:
    """With the next occurrence by local time, without what is long over; of too many, the settled and oldest go."""
    now_ms = context.now_ms
    kept = {
        key: item
        for key, item in state.occurrences.items()
        if item.limit_ms > now_ms - (OPEN_KEEP_MS if item.phase == "open" else KEEP_MS)
    }
    waiting = any(item.phase in ("waiting", "closed") and item.limit_ms > now_ms for item in kept.values())
    if anybody_is_missed(state, context) and not waiting:
        found = next_occurrence(context, state.begun_ms, kept)
        if found is not None:
            kept[found[0]] = found[1]
    if len(kept) > OCCURRENCES_MAX:
        over = ("satisfied", "closed")
        newest = sorted(kept, key=lambda key: (kept[key].phase not in over, kept[key].limit_ms, key))[-OCCURRENCES_MAX:]
        kept = {key: kept[key] for key in newest}
    if not kept and not context.values.by:
        return None
    dues = [item.due_ms for item in kept.values() if item.due_ms is not None]
    return msgspec.structs.replace(state, due_ms=min(dues) if dues else None, occurrences=dict(sorted(kept.items())))
