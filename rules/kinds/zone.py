"""Zone: a position outside an area. The area is a circle of the person's own plan (latitude, longitude, radius).

Theory of operation. The tracker's own word that a zone was left (at_once) fires without waiting; that one was entered
(leave) ends it. Our own fence judges positions (enter), and only where they come at least every `fix_interval`: a
tracker that tells its place a few times a day tells where somebody was, not that they went.

A position with accuracy a, at distance d of the centre, is *outside* when d > radius + a, *inside* when d <= radius,
and else, or when a > accuracy_max, it decides nothing but that positions come. One that does not say how exact it is
counts as the worst that may decide. Outside for `fixes` positions in a row, or `for` with positions still coming: then
it fires. Who is out is in again with d + a <= radius - within: no coming and going at the edge.

Positions count by effective time; one older than the newest is history. What came late settles first. The state holds
whole metres and milliseconds only. The word of a tracker that is of the alarm class (a person with wander risk) is held
by nothing and waits for nothing; what ends it is one more thing said of it. All else is held as its rule says.

A watch begins over the tracker's last word and position, if they are not older than a day: who is outside by its word
is told of (an alarm has been), who is by a position counts as outside once.

| state   | input                                      | next    | outcome                                     |
|---------|--------------------------------------------|---------|---------------------------------------------|
| in      | outside                                    | leaving | - (timer since + for)                       |
| leaving | outside in time, not yet `fixes`           | leaving | -                                           |
| leaving | outside in time, the last of `fixes`       | leaving | - (timer now, or after settle)              |
| leaving | position after more than fix_interval      | leaving, in | - (as the first one)                    |
| leaving | inside, or leave                           | in      | Note recorded_only if it waited to settle   |
| leaving | decides nothing                            | leaving | -                                           |
| leaving | timer, positions come no more              | in      | Note disarmed                               |
| leaving | timer, held                                | held    | Note held                                   |
| leaving | timer                                      | out     | Fire                                        |
| held    | hold ends                                  | leaving | - (timer now)                               |
| held    | inside, or leave                           | in      | -                                           |
| in leaving held | at_once                            | out     | Fire (leaving after settle, if late)        |
| out     | at_once, now an alarm                      | out     | Fire                                        |
| out     | inside by the margin, or leave             | in      | Over (retracted: from before it was due)    |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event, Value
from ingest.vocabulary import alarm_class
from rules.distance import metres_between, micro_degrees
from rules.effects import Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.parameters import Count, Degrees, Duration, LastingValues, Values

POSITION = "position.fixed"
BELIEVED_MS = 24 * 3_600_000  # a watch does not begin over older words of a tracker
INSIDE, OUTSIDE, UNDECIDED = "inside", "outside", "undecided"


class ZoneState(State, frozen=True, gc=False, tag="zone"):
    phase: str = "in"  # in | leaving | held | out
    register_ms: int = NEVER_MS  # effective time of the newest word
    fix_ms: int = NEVER_MS  # … of the newest position, however exact
    since_ms: int = 0  # of the first outside
    fixes: int = 0  # outside in a row
    metres: int = 0  # how far out the last of them was
    first: Event | None = None  # what it began with
    settle_ms: int = NEVER_MS
    law_ms: int | None = None  # when the open one was due
    alarm: str | None = None  # the event whose person alarm the open one is
    earlier: str = ""  # the episode of our own that was open when the tracker said it as an alarm
    begun_ms: int = 0  # taken over when a watch began, then

    @property
    def episode(self) -> str:
        name = self.first.event_id if self.first is not None else str(self.since_ms)
        return f"{name}@{self.begun_ms}" if self.begun_ms else name


class ZoneValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    latitude: Degrees | None = None
    longitude: Degrees | None = None
    radius_metres: Count = 0
    within_metres: Count = 0
    accuracy_max_metres: Count = 0
    fixes: Count = 0
    fix_interval_ms: Duration = 0
    for_ms: Duration = 0


class Zone:
    """See the module's text."""

    name: ClassVar[str] = "zone"
    state_type: ClassVar[type[State]] = ZoneState
    values_type: ClassVar[type[Values]] = ZoneValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[ZoneValues]) -> Step:
        known = state if isinstance(state, ZoneState) else ZoneState()
        if event.effective_at_ms < known.register_ms:
            return known, []  # older than what we know: history only
        if role == "enter" and RETAINED in event.quality:
            return known, []  # where they were when somebody last told a broker
        if role == "at_once":
            return _left(known, event, context)
        if role == "leave":
            return _in(known, event)
        return _position(known, event, context)

    def fire(self, state: State, context: Context[ZoneValues]) -> Step:
        assert isinstance(state, ZoneState)
        assert state.first is not None, "only what began has a timer"
        hold = context.hold
        if hold is not None and state.alarm is None:
            note = Note("held", hold, (cause(state.first),), state.episode)
            return msgspec.structs.replace(state, phase="held", due_ms=None), [note]
        values = context.values
        sure = state.first.type != POSITION or state.fixes >= values.fixes
        if not sure and context.now_ms - state.fix_ms > values.fix_interval_ms:
            reason = Reason("zone.no_more_positions", {"last_ms": state.fix_ms})
            note = Note("disarmed", reason, (cause(state.first),), state.episode)
            return ZoneState(None, "in", state.register_ms, state.fix_ms), [note]
        return _fired(state, context)

    def rearm(self, state: State, context: Context[ZoneValues]) -> State | None:
        assert isinstance(state, ZoneState)
        if state.phase != "held":
            return state
        return msgspec.structs.replace(state, phase="leaving", due_ms=max(context.now_ms, state.settle_ms))

    def initial(self, context: Context[ZoneValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[ZoneValues]) -> State | None:
        assert isinstance(state, ZoneState)
        if state.phase != "leaving" or state.register_ms <= context.now_ms - BELIEVED_MS:
            return ZoneState(None, "in", state.register_ms, state.fix_ms)
        if state.alarm is not None:  # the floor has told it as the alarm it is
            return msgspec.structs.replace(state, phase="out", due_ms=None, law_ms=state.since_ms)
        return msgspec.structs.replace(state, begun_ms=context.now_ms)


def _left(state: ZoneState, event: Event, context: Context[ZoneValues]) -> Step:
    """The tracker says so itself."""
    person = context.facts.residents.get(context.resident or "")
    alarm = alarm_class(event.type, event.content, wander_risk=person is not None and "wander" in person.risks)
    if state.phase == "out" and not (alarm and state.alarm is None):
        return msgspec.structs.replace(state, register_ms=event.effective_at_ms), []
    if RETAINED in event.quality and not alarm:
        return state, []
    late = came_late(event, context.facts) and not alarm
    due_ms = context.now_ms + (SETTLE_MS if late else 0)
    leaving = ZoneState(
        due_ms, "leaving", event.effective_at_ms, state.fix_ms, event.effective_at_ms, first=event,
        settle_ms=due_ms if late else NEVER_MS, alarm=event.event_id if alarm else None,
        earlier=state.episode if state.phase == "out" else "",
    )  # fmt: skip
    return leaving, []


def _in(state: ZoneState, event: Event) -> Step:
    """In the area, by the tracker's own word or by a position."""
    at_ms = event.effective_at_ms
    after = ZoneState(None, "in", at_ms, at_ms if event.type == POSITION else state.fix_ms)
    if state.phase == "in" or state.first is None:
        return after, []
    episode = state.episode
    if state.phase == "out":
        retracted = state.law_ms is not None and at_ms < state.law_ms
        args: dict[str, object] = {"at_ms": at_ms, "since_ms": state.since_ms}
        reason = Reason("zone.retracted" if retracted else "zone.over", args)
        over = [Over(episode, reason, (cause(event),), retracted, state.alarm)]
        if state.earlier:
            over.append(Over(state.earlier, Reason("zone.over", args), (cause(event),)))
        return after, list[Outcome](over)
    if state.settle_ms == NEVER_MS:
        return after, []
    reason = Reason("zone.over_before_heard", {"at_ms": at_ms})
    return after, [Note("recorded_only", reason, (cause(state.first), cause(event)), episode)]


def _judge(event: Event, values: ZoneValues, *, margin: int) -> tuple[str, int]:
    """(inside, outside or undecided; metres beyond the radius)."""
    latitude, longitude = event.content.get("latitude"), event.content.get("longitude")
    if values.latitude is None or values.longitude is None or values.radius_metres == 0:
        return UNDECIDED, 0
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return UNDECIDED, 0
    said = event.content.get("accuracy_metres")
    accuracy = -int(-said // 1) if isinstance(said, int | float) else values.accuracy_max_metres  # rounded up
    metres = metres_between(micro_degrees(latitude), micro_degrees(longitude), values.latitude, values.longitude)
    if accuracy > values.accuracy_max_metres:
        return UNDECIDED, 0
    if metres > values.radius_metres + accuracy:
        return OUTSIDE, metres - values.radius_metres
    near = metres + accuracy <= values.radius_metres - margin if margin else metres <= values.radius_metres
    return INSIDE if near else UNDECIDED, 0


def _position(state: ZoneState, event: Event, context: Context[ZoneValues]) -> Step:
    values, at_ms = context.values, event.effective_at_ms
    is_out = state.phase == "out"
    where, metres = _judge(event, values, margin=values.within_metres if is_out else 0)
    heard = msgspec.structs.replace(state, register_ms=at_ms, fix_ms=at_ms)
    if where == INSIDE:
        return _in(state, event)
    if is_out or (where == UNDECIDED and state.phase == "in"):
        return heard, []
    if state.phase in ("leaving", "held") and state.first is not None and state.first.type != POSITION:
        return heard, []  # the tracker has said it, and we wait for nothing more
    in_time = state.phase in ("leaving", "held") and at_ms - state.fix_ms <= values.fix_interval_ms
    if where == UNDECIDED:
        return (heard, []) if in_time else (ZoneState(None, "in", at_ms, at_ms), [])
    late = came_late(event, context.facts)
    settle_ms = context.now_ms + SETTLE_MS if late else state.settle_ms if in_time else NEVER_MS
    if not in_time:
        due_ms = max(at_ms + values.for_ms, settle_ms, context.now_ms)
        return ZoneState(due_ms, "leaving", at_ms, at_ms, at_ms, 1, metres, event, settle_ms), []
    fixes = state.fixes + 1
    leaving = msgspec.structs.replace(heard, fixes=fixes, metres=metres, settle_ms=settle_ms)
    if state.phase == "held" or fixes < values.fixes:
        return leaving, []
    return msgspec.structs.replace(leaving, due_ms=max(settle_ms, context.now_ms)), []


def _fired(state: ZoneState, context: Context[ZoneValues]) -> Step:
    first = state.first
    assert first is not None, "its caller has looked"
    own = first.type == POSITION
    law_ms = state.since_ms
    args: dict[str, object] = {"since_ms": state.since_ms, "at_ms": context.now_ms}
    if own:
        law_ms = state.since_ms + context.values.for_ms
        if state.fixes >= context.values.fixes:
            law_ms = min(law_ms, state.register_ms)
        args["metres"] = state.metres
    content: dict[str, Value] = {**first.content, "type": first.type}
    alarm = state.alarm is not None
    fire = Fire(
        state.episode, Reason("zone.outside" if own else "zone.told", args), (cause(first),), law_ms, state.due_ms,
        event=first if alarm else None, content=content, device=first.device,
        late=state.settle_ms != NEVER_MS or alarm, begun_ms=state.since_ms,
    )  # fmt: skip
    return msgspec.structs.replace(state, phase="out", due_ms=None, law_ms=law_ms), [fire]
