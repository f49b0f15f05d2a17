"""Score: NEWS2 out of the newest measurements of one person (`rules/news2.py` has the chart).

Theory of operation. Each of the seven has a register: the last writer by *effective* time wins. Those not older than
`age_limit`, counted back from the newest of them, are the set. The sum of what is in the set is what the score is *at
least*; so a set that is incomplete can raise, but it is never 0: it neither ends an alert nor counts as something to
have risen from. Where three or more were taken and nothing more came for `age_limit`, it is told which are missing.

| level    | when (the highest counts)                                                    | priority             |
|----------|------------------------------------------------------------------------------|----------------------|
| call_now | total >= `call_now`                                                          | `severe_to`          |
| urgent   | total >= `urgent`, or 3 points by one of them alone                          | `severe_to`          |
| rise     | total - lowest complete total within `rise_within` before >= `rise_points`   | the rule's           |

One alert stands until a complete set is under all of these. It is never P1: a score is no alarm (book_check.py). A
watch begins over the last readings, where the newest is not older than `age_limit`; there is no score of before.

| state    | input                          | next     | outcome                                         |
|----------|--------------------------------|----------|-------------------------------------------------|
| quiet    | value, a level                 | due      | - (timer now; after settle if late)             |
| due      | timer, no level any more       | quiet    | Note recorded_only                              |
| due      | timer, held                    | held     | Note held                                       |
| due      | timer                          | open     | Fire                                            |
| held     | hold ends                      | due      | - (timer now)                                   |
| open     | value, a higher level          | open     | Grow or More                                    |
| open     | value, now complete            | open     | More: the score itself                          |
| open     | value, complete, no level      | quiet    | Over                                            |
| any      | value nobody can use           | same     | Note recorded_only                              |
| any      | nothing more for `age_limit`   | same     | Note recorded_only: incomplete                  |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Grow, More, Note, Outcome, Over, State, Step, came_late, cause
from rules.limits import measurement
from rules.news2 import PARAMETERS, Score, reading, score
from rules.parameters import Count, Duration, Flag, LastingValues, Priority, Values

CALL_NOW, URGENT, RISE = "call_now", "urgent", "rise"
_LEVELS = ("", RISE, URGENT, CALL_NOW)  # rising
MEANT_FROM = 3  # so many of the seven together were meant as a score; a bed that tells pulse and breathing was not
HISTORY_MAX = 32  # more than there are different totals


class Vital(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The newest reading of one of the seven."""

    at_ms: int
    reading: int
    cause: Cause


class ScoreState(State, frozen=True, gc=False, tag="score"):
    phase: str = "quiet"  # quiet | due | held | open
    vitals: dict[str, Vital] = msgspec.field(default_factory=dict)
    history: tuple[tuple[int, int], ...] = ()  # complete totals that may be the lowest of their time: (when, total)
    raise_ms: int | None = None
    check_ms: int | None = None  # when an incomplete set is told
    late: bool = False
    level: str = ""  # that was told
    complete: bool = True  # … of a complete set
    episode: str = ""


class ScoreValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    scale_two: Flag = False
    age_limit_ms: Duration = 3_600_000
    urgent: Count = 5
    call_now: Count = 7
    rise_points: Count = 2
    rise_within_ms: Duration = 86_400_000
    severe_to: Priority = "P2"


class Scoring:
    """See the module's text."""

    name: ClassVar[str] = "score"
    state_type: ClassVar[type[State]] = ScoreState
    values_type: ClassVar[type[Values]] = ScoreValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[ScoreValues]) -> Step:
        metric, value, unit = measurement(event)
        if metric not in PARAMETERS or (RETAINED in event.quality and event.observed_at_ms is None):
            return state, []
        now = state if isinstance(state, ScoreState) else ScoreState()
        found = reading(metric, value, unit)
        if found is None:
            args: dict[str, object] = {"metric": metric, "value": value, "unit": unit, "at_ms": event.effective_at_ms}
            reason = Reason("score.not_understood", args)
            return state, [Note("recorded_only", reason, (cause(event),), event.event_id)]
        old = now.vitals.get(metric)
        if old is not None and event.effective_at_ms < old.at_ms:
            return state, []  # older than what we know: history only
        vitals = {**now.vitals, metric: Vital(event.effective_at_ms, found, cause(event))}
        now = msgspec.structs.replace(now, vitals=dict(sorted(vitals.items())))
        return _valued(now, event, context)

    def fire(self, state: State, context: Context[ScoreValues]) -> Step:
        assert isinstance(state, ScoreState)
        outcomes: list[Outcome] = []
        if state.check_ms is not None and state.check_ms <= context.now_ms:
            state = _told_incomplete(state, outcomes, context)
        if state.raise_ms is not None and state.raise_ms <= context.now_ms:
            state = _due(state, outcomes, context)
        return _kept(state), outcomes

    def rearm(self, state: State, context: Context[ScoreValues]) -> State | None:
        """A hold has ended: what it withheld is looked at again. Other limits count from the next value."""
        assert isinstance(state, ScoreState)
        if state.phase != "held":
            return state
        return _kept(msgspec.structs.replace(state, phase="due", raise_ms=context.now_ms))

    def initial(self, context: Context[ScoreValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[ScoreValues]) -> State | None:
        """A set that is not over yet goes on; a score of before, told or not, is another one now."""
        assert isinstance(state, ScoreState)
        if _as_of_ms(state) <= context.now_ms - context.values.age_limit_ms:
            return None
        return msgspec.structs.replace(state, episode=f"{state.episode}@{context.now_ms}" if state.episode else "")


def _as_of_ms(state: ScoreState) -> int:
    return max((each.at_ms for each in state.vitals.values()), default=NEVER_MS)


def _fresh(state: ScoreState, values: ScoreValues) -> dict[str, Vital]:
    from_ms = _as_of_ms(state) - values.age_limit_ms
    return {metric: each for metric, each in state.vitals.items() if each.at_ms >= from_ms}


def _scored(state: ScoreState, values: ScoreValues) -> Score:
    fresh = _fresh(state, values)
    return score({metric: each.reading for metric, each in fresh.items()}, scale_two=values.scale_two)


def _lowest(state: ScoreState, values: ScoreValues) -> tuple[int, int] | None:
    """(total, when) of the lowest complete score before this one."""
    as_of_ms = _as_of_ms(state)
    earlier = [(total, at_ms) for at_ms, total in state.history if as_of_ms - values.rise_within_ms <= at_ms < as_of_ms]
    return min(earlier, default=None)


def _level(state: ScoreState, found: Score, values: ScoreValues) -> str:
    if found.total >= values.call_now:
        return CALL_NOW
    if found.total >= values.urgent or found.alone:
        return URGENT
    lowest = _lowest(state, values)
    return RISE if lowest is not None and found.total - lowest[0] >= values.rise_points else ""


def _valued(state: ScoreState, event: Event, context: Context[ScoreValues]) -> Step:
    """After a new reading."""
    values, outcomes = context.values, list[Outcome]()
    found = _scored(state, values)
    level = _level(state, found, values)
    meant = len(_fresh(state, values)) >= MEANT_FROM and not found.complete
    check_ms = max(_as_of_ms(state) + values.age_limit_ms, context.now_ms) if meant else None
    state = msgspec.structs.replace(state, check_ms=check_ms)
    if state.phase == "quiet" and level:
        late = came_late(event, context.facts)
        raise_ms = context.now_ms + (SETTLE_MS if late else 0)
        state = msgspec.structs.replace(state, phase="due", raise_ms=raise_ms, late=late, episode=event.event_id)
    elif state.phase == "open":
        state = _standing(state, level, found, outcomes, context)
    return _kept(_remembered(state, found, values)), outcomes


def _standing(
    state: ScoreState, level: str, found: Score, outcomes: list[Outcome], context: Context[ScoreValues]
) -> ScoreState:
    """An alert stands: worse, known whole at last, or over."""
    values = context.values
    if not level:
        if not found.complete:
            return state  # what is missing may be what was wrong
        newest = max(state.vitals.values(), key=lambda each: (each.at_ms, each.cause.event_id))
        reason = Reason("score.over", {"score": found.total, "at_ms": newest.at_ms})
        outcomes.append(Over(state.episode, reason, (newest.cause,)))
        return ScoreState(vitals=state.vitals, history=state.history, check_ms=state.check_ms)
    worse = _LEVELS.index(level) > _LEVELS.index(state.level)
    if not worse and (state.complete or not found.complete):
        return state
    reason = _reason(state, level if worse else state.level, found, values)
    if worse and state.level == RISE:
        outcomes.append(Grow(state.episode, values.severe_to, reason))
    else:
        outcomes.append(More(state.episode, reason, _causes(state, values)[-1:]))
    return msgspec.structs.replace(
        state, level=level if worse else state.level, complete=state.complete or found.complete
    )


def _remembered(state: ScoreState, found: Score, values: ScoreValues) -> ScoreState:
    """A complete total is kept while it may be the lowest of its time."""
    as_of_ms = _as_of_ms(state)
    kept = [one for one in state.history if one[0] >= as_of_ms - values.rise_within_ms]
    if found.complete:
        kept = [one for one in kept if one[1] < found.total] + [(as_of_ms, found.total)]
    return msgspec.structs.replace(state, history=tuple(kept[-HISTORY_MAX:]))


def _due(state: ScoreState, outcomes: list[Outcome], context: Context[ScoreValues]) -> ScoreState:
    values, hold = context.values, context.hold
    found = _scored(state, values)
    level = _level(state, found, values)
    causes = _causes(state, values)
    if not level:
        reason = Reason("score.over_before_heard", {"score": found.total, "at_ms": _as_of_ms(state)})
        outcomes.append(Note("recorded_only", reason, causes, state.episode))
        return msgspec.structs.replace(state, phase="quiet", raise_ms=None, episode="", late=False)
    if hold is not None:
        outcomes.append(Note("held", hold, causes, state.episode))
        return msgspec.structs.replace(state, phase="held", raise_ms=None)
    outcomes.append(
        Fire(
            state.episode, _reason(state, level, found, values), causes, _as_of_ms(state), state.raise_ms,
            content={"score": found.total, "level": level, "complete": found.complete}, late=state.late,
            device=causes[-1].device_id, priority=None if level == RISE else values.severe_to,
        )
    )  # fmt: skip
    return msgspec.structs.replace(state, phase="open", raise_ms=None, level=level, complete=found.complete)


def _reason(state: ScoreState, level: str, found: Score, values: ScoreValues) -> Reason:
    whole = found.complete
    args: dict[str, object] = {"score": found.total, "at_ms": _as_of_ms(state), "scale": 2 if values.scale_two else 1}
    if not whole:
        args["missing"] = list(found.missing)
    if found.alone:
        args["alone"] = list(found.alone)
    if level == CALL_NOW:
        return Reason("score.call_now" if whole else "score.call_now_incomplete", args)
    if level == URGENT and found.total >= values.urgent:
        return Reason("score.urgent" if whole else "score.urgent_incomplete", args)
    if level == URGENT:
        return Reason("score.single" if whole else "score.single_incomplete", args)
    lowest = _lowest(state, values)
    if lowest is not None:
        args |= {"before": lowest[0], "since_ms": lowest[1]}
    return Reason("score.rise" if whole else "score.rise_incomplete", args)


def _told_incomplete(state: ScoreState, outcomes: list[Outcome], context: Context[ScoreValues]) -> ScoreState:
    found, as_of_ms = _scored(state, context.values), _as_of_ms(state)
    args: dict[str, object] = {"score": found.total, "missing": list(found.missing), "at_ms": as_of_ms}
    causes = _causes(state, context.values)
    outcomes.append(Note("recorded_only", Reason("score.incomplete", args), causes, str(as_of_ms)))
    return msgspec.structs.replace(state, check_ms=None)


def _causes(state: ScoreState, values: ScoreValues) -> tuple[Cause, ...]:
    """The readings of the set, oldest first."""
    fresh = sorted(_fresh(state, values).values(), key=lambda each: (each.at_ms, each.cause.event_id))
    return tuple(each.cause for each in fresh)


def _kept(state: ScoreState) -> ScoreState:
    dues = [each for each in (state.raise_ms, state.check_ms) if each is not None]
    return msgspec.structs.replace(state, due_ms=min(dues) if dues else None)
