"""Sequence: something happened, and then something else followed within a time, or did not (`absent`).

Theory of operation. What begins it (enter, A) opens an *entry*; what follows (then, B) and what ends it (leave) are
compared with it by *effective* time, whatever is heard first. There is one entry per subject, but each visit (by its
`visit_id`) and each event of the alarm class has its own. A counts from its own time, or from the time it names
(`planned_at`). A of another type (door opened, then closed) counts anew; of the same type it is the same, unless it
names another time. The timer of `absent` is
    due = max(A, end of the last hold) + within, or what is shorter and applies:
          urgent_within  for who has one of urgent_risks, or in the cold (urgent_below outside, urgent_fall inside)
          window_within  from the start of `window`, where it ends inside it

With `renew` a B counts as a new A: while it goes on, B must come again and again. Late news settles before it fires.
A rule that `adds_to` an alarm has no alert: what it has to say is said of that of A (first) or B (last).
What begins with an alarm-class event is raised under its id and waits for no settle; what ends it is one more thing
said of it (`outcomes.py`). At_once says that B will not come: of the entry it is about, or as an entry of its own.
A watch begins over doors, beacons, trackers, voices as they stand; visits announced before it are not known to it.

| entry   | input                                     | next    | outcome                                  |
|---------|-------------------------------------------|---------|------------------------------------------|
| - done  | A                                         | waiting | - (absent: timer)                        |
| - done  | A from before the last B, staff's door    | same    | - (staff's door: Note disarmed)          |
| waiting | A of another type or time                 | waiting | - (timer anew)                           |
| waiting | B or leave after A, absent                | done    | Note recorded_only if A came late        |
| waiting | B or leave from before A was said again   | waiting | - (timer anew from that A)               |
| waiting | B after A and within, not absent          | open    | Fire (after settle if late), or More     |
| waiting | leave after A, not absent                 | -       | Note recorded_only if B waits to settle  |
| waiting | timer, held                               | held    | Note held                                |
| waiting | timer, in bed all the time                | done    | Note disarmed                            |
| waiting | timer                                     | open    | Fire, or More                            |
| waiting | at_once                                   | open    | Fire (after settle if late), or More     |
| held    | hold ends                                 | waiting | - (timer by the law)                     |
| open    | B (absent) or leave after A               | done    | Over (retracted: from before it was due) |
| waiting, open | B after A, renew                    | waiting | Over if open (timer anew from B)         |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.effects import Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, More, Note, Outcome, Over, State, Step, came_late, cause
from rules.kinds.sequence_entry import (
    KEEP_MS,
    Entry,
    SequenceState,
    SequenceValues,
    after_done,
    armed,
    counts_from_ms,
    due_ms,
    fired,
    is_alarm,
    is_history,
    kept,
    key_of,
    staffs_door,
    taken_over,
    visit_of,
    was_followed,
)
from rules.parameters import Values
from rules.presence import is_news
from rules.readings import camera_out, in_bed, indoor_milli
from rules.sign import sign_of


class Sequence:
    """See the module's text."""

    name: ClassVar[str] = "sequence"
    state_type: ClassVar[type[State]] = SequenceState
    values_type: ClassVar[type[Values]] = SequenceValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[SequenceValues]) -> Step:
        known = state if isinstance(state, SequenceState) else SequenceState()
        if role == "extend":
            waits = any(entry.phase in ("waiting", "held") for entry in known.entries.values())
            return self.rearm(known, context) if waits else state, []  # the cold may have come: look again
        if role == "then" and known.seen and (after := after_done(known, event, context)) is not None:
            return after, []
        entries, outcomes = dict(known.entries), list[Outcome]()
        if role == "enter" and not is_news(context.facts, event):
            return known, []  # a door that tells how it stands was not just opened or closed
        if role == "then" and not known.seen:
            known = msgspec.structs.replace(known, seen=True)
        if role == "at_once":
            _at_once(entries, event, context, outcomes)
        elif role != "enter":
            _followed(entries, event, role, context, outcomes)
        else:
            if not context.values.absent and not context.rule.then:
                _followed(entries, event, "then", context, outcomes)
            _begun(entries, event, context, outcomes)
        return kept(known, entries, context.now_ms), outcomes

    def fire(self, state: State, context: Context[SequenceValues]) -> Step:
        assert isinstance(state, SequenceState)
        entries, outcomes = dict(state.entries), list[Outcome]()
        for key in sorted(entries):
            due = entries[key].due_ms
            if due is not None and due <= context.now_ms:
                entries[key] = _due(entries[key], state, context, outcomes)
        return kept(state, entries, context.now_ms), outcomes

    def rearm(self, state: State, context: Context[SequenceValues]) -> State | None:
        assert isinstance(state, SequenceState)
        entries = {
            key: armed(entry, context)
            if entry.phase == "held" or (entry.phase == "waiting" and entry.due_ms is not None and not entry.then)
            else entry
            for key, entry in state.entries.items()
        }
        return kept(state, entries, context.now_ms)

    def initial(self, context: Context[SequenceValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[SequenceValues]) -> State | None:
        assert isinstance(state, SequenceState)
        if context.rule.adds_to and context.values.absent:
            return SequenceState(seen=state.seen)  # an alarm of before is no news now
        return kept(state, taken_over(state, context), context.now_ms)


def _begun(entries: dict[str, Entry], event: Event, context: Context[SequenceValues], outcomes: list[Outcome]) -> None:
    key, at_ms = key_of(event, context), counts_from_ms(event)
    old = entries.get(key)
    at_once = is_alarm(event, context) and not context.rule.adds_to  # a person's alarm waits for nothing
    settles = came_late(event, context.facts) and not at_once
    settle_ms = context.now_ms + SETTLE_MS if settles else NEVER_MS
    if old is not None and old.phase in ("waiting", "held"):
        newest = old.events[-1]
        same = event.type == newest.type and counts_from_ms(newest) == counts_from_ms(event)
        restarts = event.type != newest.type or at_ms != event.effective_at_ms or not context.values.absent
        if not same and not restarts and event.effective_at_ms > newest.effective_at_ms and not old.visit:
            entries[key] = msgspec.structs.replace(old, again=sign_of(event))
        if same or not restarts or event.effective_at_ms < newest.effective_at_ms or old.then:
            return
        entry = msgspec.structs.replace(
            old, phase="waiting", since_ms=at_ms, events=(old.events[0], sign_of(event)), settle_ms=settle_ms,
            alarm=None if old.alarm is None else event.event_id,
        )  # fmt: skip
    elif is_history(old, event, at_ms) if old is not None else (not at_once and was_followed(entries, key, event)):
        return
    elif staffs_door(event, context):
        reason = Reason("sequence.staff_left", {"at_ms": event.effective_at_ms})
        outcomes.append(Note("disarmed", reason, (cause(event),), event.event_id))
        return
    else:
        then_ms = NEVER_MS if old is None else old.then_ms
        fall = context.values.urgent_fall
        indoor = indoor_milli(context.facts, context.now_ms) if fall is not None else None
        alarm = event.event_id if at_once or context.rule.adds_to else None
        begun, visit = (sign_of(event),), visit_of(event)
        entry = Entry("waiting", at_ms, begun, None, then_ms, settle_ms, indoor=indoor, alarm=alarm, visit=visit)
    # what nothing is waited for (`within: 0 s`) is due as it happens: the way of a message is no lateness
    waits = context.values.absent and context.values.within_ms > 0 and not at_once
    if waits and entry.settle_ms == NEVER_MS and due_ms(entry, context) < context.now_ms:
        entry = msgspec.structs.replace(entry, settle_ms=context.now_ms + SETTLE_MS)  # due before we heard of it
    entries[key] = armed(entry, context) if context.values.absent else entry


def _followed(
    entries: dict[str, Entry], event: Event, role: str, context: Context[SequenceValues], outcomes: list[Outcome]
) -> None:
    """B or leave. What names a visit is about that one; anything else is about all that it comes after."""
    visit = visit_of(event)
    absent = context.values.absent
    if absent and (visit or not entries):  # heard before what it ends
        entries.setdefault(visit, Entry("done", NEVER_MS, (), None, visit=visit))
    keys = [visit] if visit else sorted(entries, key=lambda key: (-entries[key].since_ms, key))
    for key in (key for key in keys if key in entries):
        entry = entries[key]
        if role == "then" and not absent:
            entries[key], said = _positive(entry, event, context, outcomes)
            if said:
                break  # one is enough: the newest that it may follow
        elif (after := _ended(entry, event, role, context, outcomes)) is not None:
            entries[key] = after
        else:
            del entries[key]


def _ended(
    entry: Entry, event: Event, role: str, context: Context[SequenceValues], outcomes: list[Outcome]
) -> Entry | None:
    """What an entry is after B of an absent one, or after a leave; None = nothing to remember."""
    at_ms = event.effective_at_ms
    then_ms = max(entry.then_ms, at_ms)
    newest_ms = entry.events[-1].effective_at_ms if entry.events else NEVER_MS
    before = at_ms < min(newest_ms, entry.since_ms)  # a visit that begins before its time has begun all the same
    if entry.phase == "done" or before:
        return msgspec.structs.replace(entry, then_ms=then_ms)
    if entry.phase == "open":
        retracted = entry.law_ms is not None and at_ms < entry.law_ms
        reason = Reason(
            "sequence.retracted" if retracted else "sequence.over", {"at_ms": at_ms, "since_ms": entry.since_ms}
        )
        outcomes.append(Over(entry.episode, reason, (cause(event),), retracted, entry.own_alarm(context.rule)))
    elif entry.phase in ("waiting", "held") and entry.settle_ms != NEVER_MS:
        reason = Reason("sequence.over_before_heard", {"at_ms": at_ms})
        outcomes.append(Note("recorded_only", reason, (*entry.causes, cause(event)), entry.episode))
    if entry.again is not None and at_ms < entry.again.effective_at_ms and not context.rule.adds_to:
        settle_ms, since_ms = context.now_ms + SETTLE_MS, entry.again.effective_at_ms
        return armed(Entry("waiting", since_ms, (entry.again,), None, then_ms, settle_ms), context)
    if role == "then" and context.values.renew:
        settle_ms = context.now_ms + SETTLE_MS if came_late(event, context.facts) else NEVER_MS
        return armed(Entry("waiting", at_ms, (sign_of(event),), None, then_ms, settle_ms), context)
    if not context.values.absent:
        return None
    events = entry.events if context.rule.adds_to else ()  # what began it is told of no more
    return msgspec.structs.replace(entry, phase="done", due_ms=None, then_ms=then_ms, events=events)


def _positive(
    entry: Entry, event: Event, context: Context[SequenceValues], outcomes: list[Outcome]
) -> tuple[Entry, bool]:
    """B of a sequence that fires when it follows; whether it has."""
    values, after_ms = context.values, event.effective_at_ms - entry.since_ms
    if values.other_device and entry.events[-1].address == event.address:
        return entry, False
    if after_ms < values.not_before_ms or (values.within_ms and after_ms > values.within_ms):
        return entry, False
    said = cause(event)
    if context.rule.adds_to:
        args: dict[str, object] = {"type": event.type, "at_ms": event.effective_at_ms, "since_ms": entry.since_ms}
        alarm = entry.alarm if context.rule.adds_to == "first" else event.event_id
        code = "sequence.followed" if context.rule.adds_to == "first" else "sequence.again"
        outcomes.append(More(entry.episode, Reason(code, args), (*entry.causes, said), alarm))
        return entry, True
    if entry.phase == "open" or entry.then:
        return entry, False
    settles = came_late(event, context.facts) or entry.settle_ms != NEVER_MS
    waits = msgspec.structs.replace(
        entry, then=(said,), due_ms=context.now_ms + (SETTLE_MS if settles else 0),
        settle_ms=context.now_ms + SETTLE_MS if settles else NEVER_MS, then_ms=event.effective_at_ms,
    )  # fmt: skip
    return waits, True


def _at_once(
    entries: dict[str, Entry], event: Event, context: Context[SequenceValues], outcomes: list[Outcome]
) -> None:
    """Somebody says that B will not come."""
    at_ms, said = event.effective_at_ms, cause(event)
    if context.rule.adds_to:
        args: dict[str, object] = {"type": event.type, "at_ms": at_ms}
        about = entries.get("")
        if about is None or not about.events or not about.since_ms <= at_ms < about.since_ms + KEEP_MS:
            outcomes.append(Note("recorded_only", Reason("sequence.nothing_before", args), (said,), event.event_id))
            return
        outcomes.append(More(about.episode, Reason("sequence.told", args), (said,), about.alarm))
        entries[""] = msgspec.structs.replace(about, phase="done", due_ms=None)
        return
    key = visit_of(event)
    old = entries.get(key)
    if old is not None and (old.phase == "open" or at_ms <= old.then_ms or old.then):
        return
    known = old is not None and old.phase != "done"
    entry = old if known and old is not None else Entry("waiting", at_ms, (sign_of(event),), None, visit=key)
    settle_ms = context.now_ms + SETTLE_MS if came_late(event, context.facts) else NEVER_MS
    entries[key] = msgspec.structs.replace(
        entry, phase="waiting", then=(said,), due_ms=max(context.now_ms, settle_ms), settle_ms=settle_ms
    )


def _due(entry: Entry, state: SequenceState, context: Context[SequenceValues], outcomes: list[Outcome]) -> Entry:
    """The timer of an entry."""
    hold, values = context.hold, context.values
    if hold is not None and entry.own_alarm(context.rule) is None:
        outcomes.append(Note("held", hold, entry.causes, entry.episode))
        return msgspec.structs.replace(entry, phase="held", due_ms=None)
    if not entry.then:
        again = armed(entry, context)
        if again.due_ms is not None and again.due_ms > context.now_ms:
            return again  # a hold has come and gone since, or it is not so urgent
        if values.once_seen and not state.seen:
            return msgspec.structs.replace(entry, phase="done", due_ms=None)
        if values.if_camera_out and camera_out(context.facts, context.resident) is None:
            return msgspec.structs.replace(entry, phase="done", due_ms=None)
        if values.unless_in_bed and in_bed(context.facts, context.resident, context.now_ms):
            reason = Reason("sequence.in_bed", {"at_ms": context.now_ms})
            outcomes.append(Note("disarmed", reason, entry.causes, entry.episode))
            return msgspec.structs.replace(entry, phase="done", due_ms=None)
    return fired(entry, context, outcomes)
