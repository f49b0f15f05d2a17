"""What a sequence keeps of each thing that began, when it is due and what it then says. Part of `sequence.py`; pure."""

from __future__ import annotations

import msgspec

from ingest.event import Event, Value
from ingest.vocabulary import alarm_class, goes_to_person
from rules.book import Rule
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import Context, Fire, More, Outcome, State, cause
from rules.local_time import next_window
from rules.parameters import Duration, Flag, LastingValues, Milli, Window, Words
from rules.readings import camera_out, indoor_milli, outdoor_milli
from rules.sign import Sign, event_of

HOUR_MS = 3_600_000
KEEP_MS = 48 * HOUR_MS
SCHEDULE_BELIEVED_MS = 7 * 24 * HOUR_MS  # a time that is named further from now is a wrong clock
ENTRIES_MAX = 64


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One thing that began."""

    phase: str  # waiting | held | open | done
    since_ms: int  # it counts from here
    events: tuple[Sign, ...]  # what began it, and the newest that counts; none where only B is known
    due_ms: int | None
    then_ms: int = NEVER_MS  # the newest B
    settle_ms: int = NEVER_MS  # what came late does not fire before
    law_ms: int | None = None  # when the open one was due by the law
    then: tuple[Cause, ...] = ()  # B, or the word that it will not come: all is said, it only settles
    indoor: int | None = None  # how warm it was inside
    alarm: str | None = None  # the event whose person alarm this is about
    visit: str = ""  # the visit it is about
    begun_ms: int = 0  # it was taken over when a watch began, then
    again: Sign | None = None  # newest A while it waits: a B from before that may be heard later

    @property
    def episode(self) -> str:
        name = self.visit or (self.events[0].event_id if self.events else str(self.since_ms))
        return f"{name}@{self.begun_ms}" if self.begun_ms else name

    @property
    def causes(self) -> tuple[Cause, ...]:
        return (*(cause(event) for event in self.events), *self.then)

    def own_alarm(self, rule: Rule) -> str | None:
        """The event of the alarm class whose alert this rule itself raises."""
        return None if rule.adds_to else self.alarm


class SequenceState(State, frozen=True, gc=False, tag="sequence"):
    entries: dict[str, Entry] = msgspec.field(default_factory=dict)
    seen: bool = False  # B was ever heard here


class SequenceValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    within_ms: Duration = 0
    absent: Flag = False
    not_before_ms: Duration = 0
    other_device: Flag = False
    renew: Flag = False
    once_seen: Flag = False
    unless_in_bed: Flag = False
    if_camera_out: Flag = False
    after_staff_ms: Duration = 0
    window: Window | None = None
    window_within_ms: Duration | None = None
    urgent_within_ms: Duration | None = None
    urgent_risks: Words = ()
    urgent_below: Milli | None = None
    urgent_fall: Milli | None = None


def kept(state: SequenceState, entries: dict[str, Entry], now_ms: int) -> SequenceState | None:
    """The state with these entries, without what is long over; of too many, the settled and oldest go first."""
    if len(entries) == 1:  # so it is mostly: what each motion moves
        (entry,) = entries.values()
        if entry.due_ms is not None or max(entry.since_ms, entry.then_ms) > now_ms - KEEP_MS:
            return SequenceState(entry.due_ms, entries, state.seen)
    known = {
        key: entry
        for key, entry in entries.items()
        if entry.phase in ("open", "held") or entry.due_ms is not None
        or max(entry.since_ms, entry.then_ms) > now_ms - KEEP_MS
    }  # fmt: skip
    if len(known) > ENTRIES_MAX:
        order = sorted(known, key=lambda key: (known[key].phase != "done", known[key].since_ms, key))
        known = {key: known[key] for key in order[-ENTRIES_MAX:]}
    if not known and not state.seen:
        return None
    dues = [entry.due_ms for entry in known.values() if entry.due_ms is not None]
    return SequenceState(min(dues, default=None), dict(sorted(known.items())), state.seen)


def after_done(state: SequenceState, event: Event, context: Context[SequenceValues]) -> SequenceState | None:
    """B where nothing waits for it, as each motion mostly is: only its time is kept. None where more is to be done."""
    if not context.values.absent or len(state.entries) != 1 or visit_of(event):
        return None
    ((key, entry),) = state.entries.items()
    if entry.phase != "done":
        return None
    if event.effective_at_ms <= entry.then_ms:
        return state
    return SequenceState(None, {key: msgspec.structs.replace(entry, then_ms=event.effective_at_ms)}, True)


def due_ms(entry: Entry, context: Context[SequenceValues]) -> int:
    """When the absence of B is due, by the law of the kind's text, settled or not."""
    values, start_ms = context.values, max(entry.since_ms, context.hold_end_ms)
    limit_ms = values.within_ms
    if urgent(entry, context):
        limit_ms = min(limit_ms, values.urgent_within_ms or 0)
    law_ms = start_ms + limit_ms
    if values.window is not None and values.window_within_ms is not None:
        from_ms, until_ms = next_window(start_ms, values.window, context.facts.timezone)
        inside_ms = max(start_ms, from_ms) + values.window_within_ms
        if inside_ms < until_ms:
            law_ms = min(law_ms, inside_ms)
    return law_ms


def taken_over(state: SequenceState, context: Context[SequenceValues]) -> dict[str, Entry]:
    """The entries of before a watch that it goes on with: what B can follow no more is none of them."""
    absent, within_ms = context.values.absent, context.values.within_ms
    entries = {}
    for key, entry in state.entries.items():
        if entry.phase == "waiting" and (absent or not within_ms or entry.since_ms > context.now_ms - within_ms):
            taken = msgspec.structs.replace(entry, begun_ms=context.now_ms, settle_ms=NEVER_MS)
            entries[key] = armed(taken, context) if absent else taken
        elif entry.phase != "waiting":
            entries[key] = entry
    return entries


def is_alarm(event: Event, context: Context[SequenceValues]) -> bool:
    """Whether it is a person's alarm, which waits for nothing."""
    person = context.facts.residents.get(event.resident or "")
    wander = person is not None and "wander" in person.risks
    return alarm_class(event.type, event.content, wander_risk=wander)


def key_of(event: Event, context: Context[SequenceValues]) -> str:
    """Which entry it begins."""
    if visit := visit_of(event):
        return visit
    if context.values.other_device:
        return event.address
    own = goes_to_person(event.type, event.content) and not context.rule.adds_to
    return event.event_id if own else ""  # a person who calls again is not the same call


def visit_of(event: Event | Sign) -> str:
    return str(event.content.get("visit_id") or "")


def counts_from_ms(event: Event | Sign) -> int:
    """When it is to be counted from: the time it names, where that can be believed."""
    at_ms = event.effective_at_ms
    planned_ms = event.content.get("planned_at_ms")
    believed = isinstance(planned_ms, int) and abs(planned_ms - at_ms) <= SCHEDULE_BELIEVED_MS
    return planned_ms if believed and isinstance(planned_ms, int) else at_ms


def armed(entry: Entry, context: Context[SequenceValues]) -> Entry:
    law_ms = NEVER_MS if entry.then else due_ms(entry, context)
    waits_ms = max(law_ms, entry.settle_ms, context.now_ms)
    return msgspec.structs.replace(entry, phase="waiting", due_ms=waits_ms)


def is_history(old: Entry, event: Event, at_ms: int) -> bool:
    """Whether A tells nothing new of an entry that is over or open."""
    if old.phase == "open" or event.effective_at_ms <= old.then_ms:
        return True
    return bool(old.visit) and (old.law_ms is not None or at_ms == old.since_ms or at_ms <= old.then_ms)


def was_followed(entries: dict[str, Entry], key: str, event: Event) -> bool:
    """Whether B of a call of its own was heard before it: what ends one call ends all that were before it."""
    if key != event.event_id:
        return False
    return any(not each.visit and event.effective_at_ms <= each.then_ms for each in entries.values())


def staffs_door(event: Event, context: Context[SequenceValues]) -> bool:
    after_ms, end_ms = context.values.after_staff_ms, context.facts.staff_end_ms
    return 0 <= event.effective_at_ms - end_ms < after_ms


def urgent(entry: Entry, context: Context[SequenceValues]) -> bool:
    """Whether the shorter time applies."""
    values, facts = context.values, context.facts
    if values.urgent_within_ms is None:
        return False
    person = facts.residents.get(context.resident or "")
    if person is not None and not set(values.urgent_risks).isdisjoint(person.risks):
        return True
    outside = outdoor_milli(facts, context.now_ms) if values.urgent_below is not None else None
    if outside is not None and values.urgent_below is not None and outside < values.urgent_below:
        return True
    if values.urgent_fall is None or entry.indoor is None:
        return False
    inside = indoor_milli(facts, context.now_ms)
    return inside is not None and inside <= entry.indoor - values.urgent_fall


def fired(entry: Entry, context: Context[SequenceValues], outcomes: list[Outcome]) -> Entry:
    """The alert, or what is said of another's."""
    rule, facts, newest = context.rule, context.facts, entry.events[-1]
    absent = context.values.absent
    told_ms = entry.then[-1].effective_at_ms if entry.then else None
    law_ms = due_ms(entry, context) if told_ms is None else told_ms
    args: dict[str, object] = {"type": newest.type, "since_ms": entry.since_ms, "at_ms": context.now_ms}
    content: dict[str, Value] = {**newest.content, "type": newest.type, "urgent": urgent(entry, context)}
    if told_ms is None:
        args["for_ms"] = law_ms - max(entry.since_ms, context.hold_end_ms)
    if absent and rule.then:
        args["awaited"] = rule.then[0].types[0]
    if newest.type.startswith("visit."):
        content["why"] = args["why"] = _why(entry, context)
    code = "sequence.not_followed" if absent else "sequence.followed"
    if entry.then:
        args["type"] = entry.then[-1].type
        code = "sequence.told" if absent else "sequence.followed"
    if rule.adds_to:
        outcomes.append(More(entry.episode, Reason(code, args), entry.causes, entry.alarm))
        return msgspec.structs.replace(entry, phase="done", due_ms=None, law_ms=law_ms)
    momentary = not rule.leave and not (absent and rule.then)
    alarm = entry.own_alarm(rule)
    event = None if alarm is None else event_of(newest, facts.site, facts.home)
    outcomes.append(
        Fire(
            entry.episode, Reason(code, args), entry.causes, law_ms, entry.due_ms,
            event=event, content=content, device=newest.device, momentary=momentary,
            late=entry.settle_ms != NEVER_MS or alarm is not None, begun_ms=entry.since_ms,
        )
    )  # fmt: skip
    phase = "done" if momentary else "open"
    return msgspec.structs.replace(entry, phase=phase, due_ms=None, law_ms=law_ms)


def _why(entry: Entry, context: Context[SequenceValues]) -> str:
    """Which it is, of a visit that did not come about: the camera, the person, or the operator."""
    camera = camera_out(context.facts, context.resident)
    if camera is not None:
        return f"camera_{camera}"
    finding = entry.then[-1].content.get("finding") if entry.then else None
    if isinstance(finding, str) and finding:
        return finding
    return "late" if not entry.then else "missed"
