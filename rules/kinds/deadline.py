"""Deadline: by a time that the occurrence itself names, something must have happened. Used for doses.

Theory of operation. One occurrence per dose id; the event that announces it (enter) gives when it was due and the
device's own window; where there is none, `grace` counts, `grace_critical` for time-critical ones. It is satisfied
(leave) by *effective* time, whenever we hear of it; the device's own word that it was missed (at_once) fires without
waiting. An announcement may come late, several times, or never: missed alone makes an occurrence too. Satisfied before
the deadline but heard after it: the alert is retracted. Occurrences are forgotten 48 h after their limit, open ones
after 31 days (what a gateway may still have in its buffer); word of an older dose is recorded only.

| occurrence | input                            | next      | outcome                       |
|------------|----------------------------------|-----------|-------------------------------|
| -          | enter                            | waiting   | - (timer due + window)        |
| -          | enter or at_once, older than 48 h| -         | Note recorded_only            |
| - waiting  | at_once (missed, withheld)       | open      | Fire (settles if it came late)|
| waiting    | leave                            | satisfied | -                             |
| waiting    | timer, held by staff             | held      | Note held                     |
| waiting    | timer, held otherwise            | closed    | Note held (not asked again)   |
| waiting    | timer                            | open      | Fire                          |
| held       | hold ends                        | waiting   | - (timer now)                 |
| open       | leave                            | satisfied | Over (retracted if in time)   |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event
from rules.effects import Cause, Reason
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.parameters import Duration, LastingValues, Values, Words

HOUR_MS = 3_600_000
KEEP_MS = 48 * HOUR_MS
OPEN_KEEP_MS = 31 * 24 * HOUR_MS
SCHEDULE_BELIEVED_MS = 7 * 24 * HOUR_MS  # a schedule further from the announcement is a wrong clock
WINDOW_MAX_MS = 24 * HOUR_MS
OCCURRENCES_MAX = 64
CAUSES_MAX = 4


class Occurrence(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    phase: str  # waiting | held | open | satisfied | closed
    scheduled_ms: int
    limit_ms: int  # when it should have been done
    due_ms: int | None
    causes: tuple[Cause, ...] = ()
    critical: bool = False
    missed: bool = False  # the device itself said so
    late: bool = False  # it was heard of late


class DeadlineState(State, frozen=True, gc=False, omit_defaults=True, tag="deadline"):
    occurrences: dict[str, Occurrence] = msgspec.field(default_factory=dict)


class DeadlineValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    grace_ms: Duration = 0
    grace_critical_ms: Duration | None = None
    fetched_when_dispensed: Words = ()


class Deadline:
    """See the module's text."""

    name: ClassVar[str] = "deadline"
    state_type: ClassVar[type[State]] = DeadlineState
    values_type: ClassVar[type[Values]] = DeadlineValues
    stands: ClassVar[bool] = False
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[DeadlineValues]) -> Step:
        known = dict(state.occurrences) if isinstance(state, DeadlineState) else {}
        key = str(event.content.get("dose_id") or event.event_id)
        old = known.get(key)
        outcomes: list[Outcome] = []
        if role == "leave":
            known[key] = _satisfied(old, key, event, outcomes, context)
        elif old is not None and old.phase in ("satisfied", "closed", "open"):
            return state, []
        elif role == "at_once":
            known[key] = _missed(old, event, context)
        elif old is None:
            known[key] = _announced(event, context)
        else:
            return state, []  # reminded of what we wait for
        if role != "leave" and known[key].limit_ms <= context.now_ms - KEEP_MS:
            reason = Reason("deadline.too_old", {"dose": key, "limit_ms": known[key].limit_ms})
            return state, [Note("recorded_only", reason, (cause(event),), key)]
        return _state(known, context.now_ms), outcomes

    def fire(self, state: State, context: Context[DeadlineValues]) -> Step:
        assert isinstance(state, DeadlineState)
        known = dict(state.occurrences)
        outcomes: list[Outcome] = []
        for key in sorted(known):
            occurrence = known[key]
            if occurrence.due_ms is not None and occurrence.due_ms <= context.now_ms:
                known[key] = _due(key, occurrence, outcomes, context)
        return _state(known, context.now_ms), outcomes

    def rearm(self, state: State, context: Context[DeadlineValues]) -> State | None:
        assert isinstance(state, DeadlineState)
        known = {
            key: msgspec.structs.replace(item, phase="waiting", due_ms=context.now_ms) if item.phase == "held" else item
            for key, item in state.occurrences.items()
        }
        return _state(known, context.now_ms)

    def initial(self, context: Context[DeadlineValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[DeadlineValues]) -> State:
        return state


def _state(known: dict[str, Occurrence], now_ms: int) -> DeadlineState | None:
    """Drop what is long over; of too many, those that are settled and oldest go first."""
    kept = {
        key: item
        for key, item in known.items()
        if item.limit_ms > now_ms - (OPEN_KEEP_MS if item.phase == "open" else KEEP_MS)
    }
    if len(kept) > OCCURRENCES_MAX:
        over = ("satisfied", "closed")
        newest = sorted(kept, key=lambda key: (kept[key].phase not in over, kept[key].limit_ms, key))[-OCCURRENCES_MAX:]
        kept = {key: kept[key] for key in newest}
    if not kept:
        return None
    dues = [item.due_ms for item in kept.values() if item.due_ms is not None]
    return DeadlineState(min(dues) if dues else None, dict(sorted(kept.items())))


def _times(event: Event, context: Context[DeadlineValues]) -> tuple[int, int, bool]:
    """(scheduled, limit, critical) of an announcing event."""
    scheduled_ms = event.effective_at_ms
    said_ms = event.content.get("scheduled_at_ms")
    if isinstance(said_ms, int) and abs(said_ms - event.effective_at_ms) <= SCHEDULE_BELIEVED_MS:
        scheduled_ms = said_ms
    critical = event.content.get("time_critical") is True
    window = event.content.get("window_minutes")
    limit_ms = context.values.grace_ms
    if isinstance(window, int | float):
        limit_ms = min(WINDOW_MAX_MS, max(0, round(window * 60_000)))
    elif critical and context.values.grace_critical_ms is not None:
        limit_ms = context.values.grace_critical_ms
    return scheduled_ms, scheduled_ms + limit_ms, critical


def _announced(event: Event, context: Context[DeadlineValues]) -> Occurrence:
    scheduled_ms, limit_ms, critical = _times(event, context)
    late = came_late(event, context.facts) or limit_ms <= context.now_ms
    due_ms = max(limit_ms, context.now_ms + (SETTLE_MS if late else 0))
    return Occurrence("waiting", scheduled_ms, limit_ms, due_ms, (cause(event),), critical, late=late)


def _missed(old: Occurrence | None, event: Event, context: Context[DeadlineValues]) -> Occurrence:
    """The device's own word. One that a broker had kept, or that came late, may have been put right since."""
    scheduled_ms, limit_ms, critical = _times(event, context)
    if old is not None:
        scheduled_ms, limit_ms, critical = old.scheduled_ms, old.limit_ms, old.critical or critical
    late = came_late(event, context.facts)
    due_ms = context.now_ms + (SETTLE_MS if late or RETAINED in event.quality else 0)
    causes = ((*old.causes, cause(event)) if old is not None else (cause(event),))[-CAUSES_MAX:]
    limit_ms = min(limit_ms, max(event.effective_at_ms, scheduled_ms))
    return Occurrence("waiting", scheduled_ms, limit_ms, due_ms, causes, critical, missed=True, late=late)


def _satisfied(
    old: Occurrence | None, key: str, event: Event, outcomes: list[Outcome], context: Context[DeadlineValues]
) -> Occurrence:
    at_ms = event.effective_at_ms
    if old is None:
        scheduled_ms, limit_ms, critical = _times(event, context)
        return Occurrence("satisfied", scheduled_ms, limit_ms, None, (cause(event),), critical)
    if old.phase == "open":
        in_time = at_ms <= old.limit_ms
        args: dict[str, object] = {"at_ms": at_ms, "limit_ms": old.limit_ms}
        code = "deadline.in_time" if in_time else "deadline.done_late"
        outcomes.append(Over(key, Reason(code, args), (cause(event),), retracted=in_time))
    return msgspec.structs.replace(old, phase="satisfied", due_ms=None)


def _due(key: str, occurrence: Occurrence, outcomes: list[Outcome], context: Context[DeadlineValues]) -> Occurrence:
    hold = context.hold
    if hold is not None:
        outcomes.append(Note("held", hold, occurrence.causes, key))
        again = hold.code == "hold.staff"
        return msgspec.structs.replace(occurrence, phase="held" if again else "closed", due_ms=None)
    code = "deadline.device_says_missed" if occurrence.missed else "deadline.not_done"
    args: dict[str, object] = {"dose": key, "scheduled_ms": occurrence.scheduled_ms, "limit_ms": occurrence.limit_ms}
    outcomes.append(
        Fire(
            key, Reason(code, args), occurrence.causes, occurrence.limit_ms, occurrence.due_ms,
            content={"time_critical": occurrence.critical}, late=occurrence.late, begun_ms=occurrence.scheduled_ms,
            device=occurrence.causes[-1].device_id if occurrence.causes else None,
        )
    )  # fmt: skip
    return msgspec.structs.replace(occurrence, phase="open", due_ms=None)
