"""Count: so many events within a time, or within one window of local time.

Theory of operation. Events count at their *effective* time, once an instant, whenever they are heard; what a broker had
kept does not count. Where the rule has a `leave`, only the beginning of a state counts (a bed left again after it was
occupied); with `changes`, only what differs from the last word of that device. The count is reached by `times` (or one
more than `more_than`) events less than `within` apart, or by `times_in_window` in one occurrence of `window`; outside
of a window nothing counts. One card stands from then on until

    over = when the first of them is `within` ago, or the window ends        (with `rest`, at least newest + rest)

and further events only move that. What was over before it was heard is recorded only. With `once_a_day` no second card
comes on a local day (a night belongs to the day it starts). A card of a rule with `shelve_for` says which other rules
the same device would have made to ring meanwhile (`instances.py`): the desk keeps these back for so long.

A watch begins over the last word (a bed that says left again has not been left again), and counts from its beginning:
what happened before was nobody's to count, and the facts keep no list of it.

| state    | input                               | next     | outcome                             |
|----------|-------------------------------------|----------|-------------------------------------|
| counting | event, count not reached            | counting | -                                   |
| counting | event, reached, over already        | counting | Note recorded_only                  |
| counting | event, reached                      | due      | - (timer now; after settle if late) |
| due      | timer, held                         | held     | Note held                           |
| due      | timer, over meanwhile, or told today| counting | -                                   |
| due      | timer                               | open     | Fire (timer over)                   |
| held     | hold ends                           | due      | - (timer now)                       |
| open     | event                               | open     | - (timer over, later)               |
| open     | timer, over                         | counting | Over                                |
"""

from __future__ import annotations

from bisect import bisect_left
from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event, Value
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Over, State, Step, came_late, cause
from rules.local_time import local_date, window_at
from rules.parameters import Count as Whole
from rules.parameters import Duration, Flag, LastingValues, Values, Window

KEPT_MORE = 32  # events kept beyond those that make the count: for what arrives late
CAUSES_MAX = 4


class Reached(msgspec.Struct, frozen=True, gc=False):
    """A count that is full: how many, since when, and when it is over."""

    times: int
    since_ms: int
    at_ms: int
    over_ms: int


class CountState(State, frozen=True, gc=False, tag="count"):
    phase: str = "counting"  # counting | due | held | open
    times: tuple[int, ...] = ()  # effective times, oldest first
    causes: tuple[Cause, ...] = ()  # the last few
    last: str = ""  # the last word: an event's type, or the role it met
    last_ms: int = NEVER_MS
    late: bool = False
    settle_ms: int = NEVER_MS
    episode: str = ""  # of the card that stands, or will
    told: str = ""  # local date of the last card


class CountValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    times: Whole = 0
    more_than: Whole = 0
    within_ms: Duration = 0
    window: Window | None = None
    times_in_window: Whole = 0
    changes: Flag = False
    rest_ms: Duration = 0
    once_a_day: Flag = False
    shelve_for_ms: Duration = 0

    @property
    def needed(self) -> int:
        """How many within the time; 0 = that does not count."""
        return self.times or (self.more_than + 1 if self.more_than else 0)


class Count:
    """See the module's text."""

    name: ClassVar[str] = "count"
    state_type: ClassVar[type[State]] = CountState
    values_type: ClassVar[type[Values]] = CountValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[CountValues]) -> Step:
        if RETAINED in event.quality:
            return state, []
        now = state if isinstance(state, CountState) else CountState()
        counts, now = _heard(now, event, role, context)
        at_ms, values = event.effective_at_ms, context.values
        window = values.window
        if not counts or (window is not None and _window(at_ms, window, context) is None):
            return now, []
        if now.times and at_ms <= now.times[-1] and at_ms in now.times:
            return now, []
        now = _counted(now, event, values)
        if now.phase == "counting" and not values.times_in_window and len(now.times) < values.needed:
            return now, []
        full = reached(now.times, at_ms, context)
        if now.phase == "open":
            rested_ms = now.times[-1] + values.rest_ms if values.rest_ms else 0
            over_ms = max(now.due_ms or 0, rested_ms, 0 if full is None else full.over_ms)
            return msgspec.structs.replace(now, due_ms=over_ms), []
        if full is None or now.phase in ("due", "held"):
            return now, []
        late = came_late(event, context.facts)
        if full.over_ms <= context.now_ms:
            reason = Reason("count.over_before_heard", _told(full))
            return now, [Note("recorded_only", reason, now.causes, event.event_id)] if late else []
        due_ms = context.now_ms + (SETTLE_MS if late else 0)
        return msgspec.structs.replace(now, phase="due", due_ms=due_ms, late=late, episode=event.event_id), []

    def fire(self, state: State, context: Context[CountValues]) -> Step:
        assert isinstance(state, CountState)
        values = context.values
        if state.phase == "open":
            reason = Reason("count.over", {"at_ms": context.now_ms, "last_ms": state.times[-1] if state.times else 0})
            return _resting(state), [Over(state.episode, reason)]
        full = reached(state.times, None, context)
        if full is None or full.over_ms <= context.now_ms:
            return _resting(state), []
        day = _day(full.at_ms, context)
        if values.once_a_day and day == state.told:
            return _resting(state), []
        hold = context.hold
        if hold is not None:
            held = msgspec.structs.replace(state, phase="held", due_ms=None)
            return held, [Note("held", hold, state.causes, state.episode)]
        opened = msgspec.structs.replace(state, phase="open", due_ms=full.over_ms, told=day)
        return opened, [_fired(opened, full, context)]

    def rearm(self, state: State, context: Context[CountValues]) -> State | None:
        """After a hold the timer looks again; other numbers hold from the next event on."""
        assert isinstance(state, CountState)
        if state.phase == "held":
            return msgspec.structs.replace(state, phase="due", due_ms=context.now_ms)
        return state

    def initial(self, context: Context[CountValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[CountValues]) -> State | None:
        """Only the last word, against which the next is compared."""
        assert isinstance(state, CountState)
        return CountState(last=state.last, last_ms=state.last_ms) if state.last else None


def reached(times: tuple[int, ...], among_ms: int | None, context: Context[CountValues]) -> Reached | None:
    """The latest full count, or (with `among_ms`) the latest of those that an event at that time belongs to."""
    values = context.values
    found: list[Reached] = []
    needed = values.needed
    if needed and len(times) >= needed:
        place = len(times) - 1 if among_ms is None else min(bisect_left(times, among_ms) + needed, len(times)) - 1
        first = needed - 1 if among_ms is None else max(bisect_left(times, among_ms), needed - 1)
        for last in range(place, first - 1, -1):
            since_ms = times[last - needed + 1]
            if times[last] - since_ms < values.within_ms:
                found.append(_reached(needed, since_ms, times[last], since_ms + values.within_ms, times, values))
                break
    if values.window is not None and values.times_in_window and times:
        window = _window(times[-1] if among_ms is None else among_ms, values.window, context)
        inside = [] if window is None else [at_ms for at_ms in times if window[0] <= at_ms < window[1]]
        if window is not None and len(inside) >= values.times_in_window:
            found.append(_reached(len(inside), inside[0], inside[-1], window[1], times, values))
    return max(found, key=lambda one: (one.over_ms, one.times), default=None)


def _reached(
    count: int, since_ms: int, at_ms: int, over_ms: int, times: tuple[int, ...], values: CountValues
) -> Reached:
    return Reached(count, since_ms, at_ms, max(over_ms, times[-1] + values.rest_ms if values.rest_ms else over_ms))


def _window(at_ms: int, window: tuple[int, int], context: Context[CountValues]) -> tuple[int, int] | None:
    return window_at(at_ms, window, context.facts.timezone)


def _heard(state: CountState, event: Event, role: str, context: Context[CountValues]) -> tuple[bool, CountState]:
    """Whether an event counts, by what was heard before it; and the state that has heard it."""
    changes = context.values.changes
    if not changes and not context.rule.leave:
        return True, state
    word = event.type if changes else role
    older = event.effective_at_ms < state.last_ms  # what was heard since says nothing of how it was then
    counts = (older or word != state.last) and (bool(state.last) if changes else role == "enter")
    if event.effective_at_ms >= state.last_ms:
        state = msgspec.structs.replace(state, last=word, last_ms=event.effective_at_ms)
    return counts, state


def _counted(state: CountState, event: Event, values: CountValues) -> CountState:
    at_ms, times = event.effective_at_ms, state.times
    place = len(times) if not times or at_ms > times[-1] else bisect_left(times, at_ms)
    times = (*times[:place], at_ms, *times[place:]) if place < len(times) else (*times, at_ms)
    needed = max(values.needed, values.times_in_window)
    first = max(len(times) - needed - KEPT_MORE, 0)
    if values.window is None:  # of a window those of its night are kept, which the limit above bounds
        first = bisect_left(times, times[-1] - values.within_ms, first)
    times = times[first:]
    near = len(times) > needed - CAUSES_MAX  # a motion sensor has many events a day, and none that need be shown
    causes = (*state.causes, cause(event))[-CAUSES_MAX:] if near else ()
    return msgspec.structs.replace(state, times=times, causes=causes)


def _resting(state: CountState) -> CountState:
    return msgspec.structs.replace(state, phase="counting", due_ms=None, late=False, episode="")


def _day(at_ms: int, context: Context[CountValues]) -> str:
    """The local date a card belongs to; that of the window's start where there is one."""
    window = context.values.window
    inside = None if window is None else _window(at_ms, window, context)
    return str(local_date(at_ms if inside is None else inside[0], context.facts.timezone))


def _told(full: Reached) -> dict[str, object]:
    return {"count": full.times, "since_ms": full.since_ms, "at_ms": full.at_ms}


def _fired(state: CountState, full: Reached, context: Context[CountValues]) -> Fire:
    args = _told(full)
    shelve_ms = context.values.shelve_for_ms
    if shelve_ms:
        args["until_ms"] = context.now_ms + shelve_ms
    content: dict[str, Value] = {"count": full.times}
    return Fire(
        state.episode, Reason("count.shelves" if shelve_ms else "count.reached", args), state.causes, full.at_ms,
        state.due_ms, content=content, device=state.causes[-1].device_id if state.causes else None, late=state.late,
        begun_ms=full.since_ms, shelves=bool(shelve_ms),
    )  # fmt: skip
