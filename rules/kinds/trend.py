"""Trend: a measurement has risen or fallen too much within a time.

Theory of operation. The values of one metric are kept by *effective* time. The newest is compared with those before it
that are not older than a span: with the lowest of them for a rise, with the highest for a fall, or with their median
(`against_median`). There are two spans: `rise` and `fall` within `within`, and `rise_long` and `fall_long` within
`within_long`; `slack` lengthens both, since nobody steps on the scale at the same minute. As much as the limit counts.
Fewer than `fewest` values to compare with: nothing is said. Where a difference from the last value is `implausible`
(somebody else on the scale), the value is set aside; if the next one bears it out, the two are the new beginning.
A watch begins over the last value of each device, and tells nothing before the next.

    change = newest - lowest (or highest, or median) of [newest - span - slack, newest)
    trend  = rise <= change, or change <= -fall, in one of the two spans

| state  | input                                | next   | outcome                                   |
|--------|--------------------------------------|--------|-------------------------------------------|
| quiet  | value, trend                         | due    | - (timer now; after settle if it is late) |
| due    | timer, no trend any more             | quiet  | Note recorded_only                        |
| due    | timer, held                          | held   | Note held                                 |
| due    | timer                                | open   | Fire                                      |
| held   | hold ends                            | due    | - (timer now)                             |
| open   | value, no trend                      | quiet  | Over (retracted if from before the alert) |
| any    | value, implausible                   | same   | Note recorded_only, the first time        |
| any    | unit does not fit                    | same   | Note recorded_only                        |
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event, Value
from ingest.metrics import UNITS, converted_milli, in_usual_milli
from rules.effects import Cause, Reason
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.limits import measurement
from rules.parameters import Count, Duration, Flag, LastingValues, Milli, Unit, Values

VALUES_MAX = 64  # of one metric; of more, those nearest in time to another go
METRICS_MAX = 8

Point = tuple[int, int]  # (effective time, thousandths of the usual unit)


class Track(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One metric: its values, oldest first, and how it stands."""

    points: tuple[Point, ...] = ()
    odd: Point | None = None  # an implausible value that waits to be borne out
    phase: str = "quiet"  # quiet | due | held | open
    due_ms: int | None = None
    late: bool = False
    fired_ms: int = 0
    episode: str = ""
    last: Cause | None = None  # the newest value


class TrendState(State, frozen=True, gc=False, tag="trend"):
    tracks: dict[str, Track] = msgspec.field(default_factory=dict)


class TrendValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    rise: Milli | None = None
    fall: Milli | None = None
    within_ms: Duration = 0
    rise_long: Milli | None = None
    fall_long: Milli | None = None
    within_long_ms: Duration = 0
    slack_ms: Duration = 0
    against_median: Flag = False
    fewest: Count = 1
    implausible: Milli | None = None
    unit: Unit = ""


class Change(msgspec.Struct, frozen=True, gc=False):
    """A trend: by how much, from which value, since when, and which limit it reached."""

    milli: int
    from_milli: int
    since_ms: int
    limit: int


class Trend:
    """See the module's text."""

    name: ClassVar[str] = "trend"
    state_type: ClassVar[type[State]] = TrendState
    values_type: ClassVar[type[Values]] = TrendValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[TrendValues]) -> Step:
        metric, value, unit = measurement(event)
        if not metric or value is None or (RETAINED in event.quality and event.observed_at_ms is None):
            return state, []
        milli = in_usual_milli(metric, value, unit)
        if milli is None:
            args: dict[str, object] = {"metric": metric, "unit": unit, "at_ms": event.effective_at_ms}
            reason = Reason("trend.unit", args)
            return state, [Note("recorded_only", reason, (cause(event),), event.event_id)]
        tracks = dict(state.tracks) if isinstance(state, TrendState) else {}
        outcomes: list[Outcome] = []
        tracks[metric] = _taken(tracks.get(metric, Track()), metric, milli, event, outcomes, context)
        return _state(tracks), outcomes

    def fire(self, state: State, context: Context[TrendValues]) -> Step:
        assert isinstance(state, TrendState)
        tracks, outcomes = dict(state.tracks), list[Outcome]()
        for metric in sorted(tracks):
            due_ms = tracks[metric].due_ms
            if due_ms is not None and due_ms <= context.now_ms:
                tracks[metric] = _due(tracks[metric], metric, outcomes, context)
        return _state(tracks), outcomes

    def rearm(self, state: State, context: Context[TrendValues]) -> State | None:
        """A hold has ended: what it withheld is looked at again. Other limits count from the next value."""
        assert isinstance(state, TrendState)
        return _state({
            metric: msgspec.structs.replace(track, phase="due", due_ms=context.now_ms)
            if track.phase == "held" else track
            for metric, track in state.tracks.items()
        })  # fmt: skip

    def initial(self, context: Context[TrendValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[TrendValues]) -> State | None:
        """The last value alone shows no trend; the next is compared with it."""
        assert isinstance(state, TrendState)
        return _state({name: Track(points=one.points, last=one.last) for name, one in state.tracks.items()})


def change_of(points: tuple[Point, ...], metric: str, values: TrendValues) -> Change | None:
    """The trend that the newest value makes, the longer span first; None when there is none."""
    if not points:
        return None
    at_ms, milli = points[-1]
    spans = (
        (values.rise_long, values.fall_long, values.within_long_ms), (values.rise, values.fall, values.within_ms),
    )  # fmt: skip
    for rise, fall, within_ms in spans:
        before = points[bisect_left(points, (at_ms - within_ms - values.slack_ms,)) : -1] if within_ms else ()
        if len(before) < max(values.fewest, 1):
            continue
        median = sorted(one for _, one in before)[(len(before) - 1) // 2] if values.against_median else None
        low, high = min((one, -when) for when, one in before), max(before, key=lambda one: (one[1], one[0]))
        for least, since_ms, from_milli, sign in ((rise, -low[1], low[0], 1), (fall, high[0], high[1], -1)):
            start, begun_ms = (from_milli, since_ms) if median is None else (median, before[0][0])
            limit = None if least is None else _difference(least, metric, values.unit)
            if limit is not None and sign * (milli - start) >= limit:
                return Change(milli - start, start, begun_ms, limit)
    return None


def _difference(milli: int, metric: str, unit: str) -> int:
    """A difference in the metric's usual unit: what a unit's zero adds falls out."""
    there, zero = converted_milli(metric, milli, unit), converted_milli(metric, 0, unit)
    return milli if not unit or there is None or zero is None else there - zero


def _taken(
    track: Track, metric: str, milli: int, event: Event, outcomes: list[Outcome], context: Context[TrendValues]
) -> Track:
    """The track with one more value, and what it makes of it."""
    values, at_ms = context.values, event.effective_at_ms
    point, now_points = (at_ms, milli), list(track.points)
    if point in now_points:
        return track
    far = None if values.implausible is None else _difference(values.implausible, metric, values.unit)
    if far is not None and now_points and abs(milli - now_points[-1][1]) >= far:
        if track.odd is None or abs(milli - track.odd[1]) >= far:
            args = _args(metric, milli, at_ms) | {"from": now_points[-1][1] / 1_000}
            reason = Reason("trend.implausible", args)
            outcomes.append(Note("recorded_only", reason, (cause(event),), event.event_id))
            return msgspec.structs.replace(track, odd=point)
        now_points = [track.odd]  # borne out: another scale, or an older measurement was wrong
    insort(now_points, point)
    newest = now_points[-1] == point
    kept = _thinned(now_points, max(values.within_ms, values.within_long_ms) + values.slack_ms)
    now = msgspec.structs.replace(track, points=kept, odd=None, last=cause(event) if newest else track.last)
    change = change_of(kept, metric, values)
    if now.phase == "quiet" and change is not None:
        late = came_late(event, context.facts)
        due_ms = context.now_ms + (SETTLE_MS if late else 0)
        return msgspec.structs.replace(now, phase="due", due_ms=due_ms, late=late, episode=f"{metric}/{event.event_id}")
    if now.phase == "open" and change is None:
        reason = Reason("trend.over", _args(metric, kept[-1][1], kept[-1][0]))
        outcomes.append(Over(now.episode, reason, (cause(event),), retracted=at_ms < now.fired_ms))
        return msgspec.structs.replace(now, phase="quiet", episode="", fired_ms=0)
    return now


def _due(track: Track, metric: str, outcomes: list[Outcome], context: Context[TrendValues]) -> Track:
    change, hold = change_of(track.points, metric, context.values), context.hold
    at_ms, milli = track.points[-1]
    causes = () if track.last is None else (track.last,)
    args = _args(metric, milli, at_ms)
    if change is None:
        outcomes.append(Note("recorded_only", Reason("trend.over_before_heard", args), causes, track.episode))
        return msgspec.structs.replace(track, phase="quiet", due_ms=None, episode="", late=False)
    if hold is not None:
        outcomes.append(Note("held", hold, causes, track.episode))
        return msgspec.structs.replace(track, phase="held", due_ms=None)
    args |= {
        "from": change.from_milli / 1_000, "change": abs(change.milli) / 1_000, "since_ms": change.since_ms,
        "limit": change.limit / 1_000,
    }  # fmt: skip
    rises = change.milli > 0
    content: dict[str, Value] = {"metric": metric, "side": "rise" if rises else "fall", "change": change.milli / 1_000}
    outcomes.append(
        Fire(
            track.episode, Reason("trend.rises" if rises else "trend.falls", args), causes, at_ms, track.due_ms,
            content=content, device=causes[0].device_id if causes else None, late=track.late,
        )
    )  # fmt: skip
    return msgspec.structs.replace(track, phase="open", due_ms=None, fired_ms=at_ms)


def _args(metric: str, milli: int, at_ms: int) -> dict[str, object]:
    known = UNITS.get(metric)
    return {"metric": metric, "value": milli / 1_000, "unit": known[0] if known else "", "at_ms": at_ms}


def _thinned(points: list[Point], span_ms: int) -> tuple[Point, ...]:
    """Values that can still be compared with; of too many, those close behind another go."""
    kept = points[bisect_left(points, (points[-1][0] - span_ms,)) :]
    while len(kept) > VALUES_MAX:
        gaps = [(kept[place][0] - kept[place - 1][0], place) for place in range(1, len(kept) - 1)]
        del kept[min(gaps)[1]]
    return tuple(kept)


def _state(tracks: dict[str, Track]) -> TrendState:
    if len(tracks) > METRICS_MAX:
        newest = sorted(tracks, key=lambda name: (tracks[name].points[-1:], name))[-METRICS_MAX:]
        tracks = {name: tracks[name] for name in newest}
    dues = [each.due_ms for each in tracks.values() if each.due_ms is not None]
    return TrendState(min(dues) if dues else None, dict(sorted(tracks.items())))
