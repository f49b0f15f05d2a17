"""Routine: a day that differs from what is usual for this person, or a drift away from it. A card in plain words.

Theory of operation. What is counted of a day stands in `rules/routine_day.py`: a day is a local date with the night
that begins on it. It is closed at `tell_at` on the date after; then each feature is compared with the same person's
last `keep_days` days of the same class (workdays; weekends and public holidays; both together where one has too few),
once there are `learn_days`. It differs where it is off the median by at least what is worth telling, and by `spreads`
sigma (1.4826 MAD). Small differences that keep on are found by a CUSUM. Then the day is learned, strange or not: a
median forgives. Not learned and not judged is a date, or a night, of which the person or we missed over two hours (said
away, paused) or anything at all (a broken way, before the watch began), or half of which they were probably out; and a
feature whose sensors are silent. `rules/usual.py` has the sums.

The most unusual feature makes the card, others are added to it; there is at most one a day, and the same change is not
told again for `again_days`. It is about a day that is over, so it never clears; it is never P1 or P2 (book_check.py).
A watch begins over nothing: what is usual is learned from whole days under it, and of those before nothing is kept.

| state    | input                                  | next     | outcome                                      |
|----------|----------------------------------------|----------|----------------------------------------------|
| counting | event of an open day                   | counting | -                                            |
| counting | event of a day that is closed          | counting | - (what is late counts no more)              |
| counting | timer, learning, or all as usual       | counting | - (timer the next day)                       |
| counting | timer, something differs, held         | counting | Note held (that day is not asked again)      |
| counting | timer, something differs               | counting | Fire, momentary; More for each other feature |
| any      | other parameters                       | counting | - (timer by the law)                         |
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar

import msgspec

from ingest.event import RETAINED, Event, Value
from rules import watch
from rules.facts import NEVER_MS
from rules.kinds.kind import Context, Fire, More, Note, Outcome, State, Step
from rules.local_time import instant_ms, is_holiday, local_date
from rules.parameters import Count, Milli, TimeOfDay, Values, Window
from rules.routine_card import Finding, reason_of
from rules.routine_day import (
    BLIND_MAX_MS,
    FEATURES,
    Counted,
    Counts,
    Feature,
    Span,
    is_old_news,
    spans_of,
    take,
    values_of,
)
from rules.usual import DRIFT_LIMIT_MILLI, Drift, Usual, differs, drifted, usual

UNKNOWN = -1
CLASS_MIN = 4  # fewer days of a class than this are judged together with the others
OPEN_DAYS = 3  # the one that closes next and those that have begun
AWAYS_MAX = 16
DAYS_MAX = 60
OTHERS_MAX = 3


class RoutineState(State, frozen=True, gc=False, tag="routine"):
    begun_ms: int = NEVER_MS
    closing: int = 0  # ordinal of the day that closes next
    counts: tuple[tuple[int, dict[str, int]], ...] = ()  # of the open days, oldest first
    last: dict[str, int] = msgspec.field(default_factory=dict)
    days: tuple[int, ...] = ()  # ordinals of the days learned
    learned: dict[str, tuple[int, ...]] = msgspec.field(default_factory=dict)  # feature -> value of each; -1 unknown
    drift: dict[str, Drift] = msgspec.field(default_factory=dict)
    told: dict[str, int] = msgspec.field(default_factory=dict)  # "up+" -> ordinal of the day it was told of
    away_ms: int | None = None  # away since, said or probably
    away_said: bool = False
    aways: tuple[tuple[int, int, bool], ...] = ()  # from, until, said


class RoutineValues(Values, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    tell_at: TimeOfDay = 720
    night: Window = (1_320, 360)
    learn_days: Count = 14
    keep_days: Count = 28
    spreads: Milli = 3_500
    again_days: Count = 7


class Routine:
    """See the module's text."""

    name: ClassVar[str] = "routine"
    state_type: ClassVar[type[State]] = RoutineState
    values_type: ClassVar[type[Values]] = RoutineValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "only"

    def step(self, state: State | None, event: Event, role: str, context: Context[RoutineValues]) -> Step:
        now = state if isinstance(state, RoutineState) else _begin(context)
        if event.type in ("home.left", "home.returned"):
            now = _away(now, event)
        old = RETAINED in event.quality or event.effective_at_ms < now.begun_ms
        if old or is_old_news(event, now.last):
            return now, []
        counted = Counted({day: dict(counts) for day, counts in now.counts}, dict(now.last))
        for day in range(now.closing, now.closing + OPEN_DAYS):
            counted.days.setdefault(day, {})
        take(counted, event, context.facts, context.values.night)
        return msgspec.structs.replace(now, counts=_open(counted.days), last=dict(sorted(counted.last.items()))), []

    def fire(self, state: State, context: Context[RoutineValues]) -> Step:
        assert isinstance(state, RoutineState)
        day, outcomes = state.closing, list[Outcome]()
        counts = dict(state.counts).get(day, {})
        date_counts, night_counts = (_counts(state, span, context) for span in _spans(day, context))
        values = values_of(counts, context.facts, context.subject, day=date_counts, night=night_counts)
        state, found = _judged(state, day, values, context.values)
        if found:
            state = _told(state, day, found, outcomes, context)
        state = _learned(state, day, values, context.values)
        later = {other: kept for other, kept in state.counts if other > day}
        edge_ms = context.now_ms - 3 * 86_400_000
        aways = tuple(span for span in state.aways if span[1] > edge_ms)
        return _timed(
            msgspec.structs.replace(state, closing=day + 1, counts=_open(later), aways=aways), context
        ), outcomes

    def rearm(self, state: State, context: Context[RoutineValues]) -> State | None:
        assert isinstance(state, RoutineState)
        return _timed(state, context)

    def initial(self, context: Context[RoutineValues]) -> State | None:
        """Counting begins; days that have begun already are not whole and not learned."""
        return _begin(context)

    def begun(self, state: State, context: Context[RoutineValues]) -> State:
        return state


def _begin(context: Context[RoutineValues]) -> RoutineState:
    today = local_date(context.now_ms, context.facts.timezone).toordinal()
    state = RoutineState(begun_ms=context.now_ms, closing=today)
    facts, resident = context.facts, context.subject
    said_ms, out_ms = facts.away_since_ms.get(resident), facts.out_since_ms(resident)
    away_ms = out_ms if said_ms is None else said_ms
    return _timed(msgspec.structs.replace(state, away_ms=away_ms, away_said=said_ms is not None), context)


def _timed(state: RoutineState, context: Context[RoutineValues]) -> RoutineState:
    after = date.fromordinal(state.closing) + timedelta(days=1)
    return msgspec.structs.replace(state, due_ms=instant_ms(after, context.values.tell_at, context.facts.timezone))


def _open(days: Counts) -> tuple[tuple[int, dict[str, int]], ...]:
    return tuple((day, dict(sorted(counts.items()))) for day, counts in sorted(days.items()) if counts)


def _away(state: RoutineState, event: Event) -> RoutineState:
    """They went, or came."""
    at_ms = event.effective_at_ms
    if event.type == "home.left":
        if state.away_ms is not None:
            return state
        return msgspec.structs.replace(state, away_ms=at_ms, away_said=event.content.get("origin") == "said")
    if state.away_ms is None:
        return state
    aways = (*state.aways, (state.away_ms, max(state.away_ms, at_ms), state.away_said))[-AWAYS_MAX:]
    return msgspec.structs.replace(state, away_ms=None, away_said=False, aways=aways)


# -- closing a day ---------------------------------------------------------------------------------------------


def _spans(day: int, context: Context[RoutineValues]) -> tuple[Span, Span]:
    return spans_of(day, context.values.night, context.facts.timezone)


def _counts(state: RoutineState, span: Span, context: Context[RoutineValues]) -> bool:
    """Whether a date or night was seen nearly whole: by us, and by a person who was there."""
    facts, resident = context.facts, context.subject
    if state.begun_ms > span[0] or facts.way_end_ms.get(resident, NEVER_MS) >= span[0]:
        return False
    if facts.broken_way(resident) is not None:
        return False
    missed = list(state.aways)
    if state.away_ms is not None:
        missed.append((state.away_ms, context.now_ms, state.away_said))
    missed += [
        (pause.from_ms, pause.until_ms, True)
        for pause in facts.pauses.values()
        if watch.pauses(pause, context.rule, resident)
    ]
    out_ms, blind_ms = (
        sum(max(0, min(end, span[1]) - max(start, span[0])) for start, end, said in missed if said == of)
        for of in (False, True)
    )
    return blind_ms <= BLIND_MAX_MS and 2 * out_ms <= span[1] - span[0]


def _judged(
    state: RoutineState, day: int, values: dict[str, int], limits: RoutineValues
) -> tuple[RoutineState, list[Finding]]:
    """What differs, the most unusual first; and the drift sums with this day."""
    found, drift = [], dict(state.drift)
    for feature in FEATURES:
        value = values.get(feature.name)
        known = None if value is None else _usual(state, feature, day, limits)
        if value is None or known is None:
            continue
        off_milli = known.off_milli(value)
        sums = drifted(drift.get(feature.name, (0, 0)), known, value, feature.least)
        more, drifts = off_milli > 0, max(sums) > DRIFT_LIMIT_MILLI
        off_milli = abs(off_milli) * 1_000 // max(known.sigma_milli, feature.least * 500)
        if differs(known, value, feature.least, limits.spreads) and (more or not feature.only_more):
            found.append(Finding(feature, value, known, off_milli, more))
        elif drifts and (sums[0] > sums[1] or not feature.only_more):
            found.append(Finding(feature, value, known, off_milli, sums[0] > sums[1], drift=True))
        drift[feature.name] = (0, 0) if drifts else sums
    state = msgspec.structs.replace(state, drift={name: drift[name] for name in sorted(drift) if any(drift[name])})
    found.sort(key=lambda one: (one.drift, -one.off_milli, one.feature.name))
    quiet_from = day - limits.again_days
    return state, [one for one in found if state.told.get(one.key, 0) <= quiet_from]


def _usual(state: RoutineState, feature: Feature, day: int, limits: RoutineValues) -> Usual | None:
    """Of the days like this one; None while too few are known."""
    learned = state.learned.get(feature.name, ())
    known = [
        (of, value) for of, value in zip(state.days, learned, strict=True)
        if value != UNKNOWN and of >= day - limits.keep_days
    ] if learned else []  # fmt: skip
    if not known or len(known) < limits.learn_days:
        return None
    free = _is_free(day, feature)
    alike = [value for of, value in known if _is_free(of, feature) == free]
    return usual(alike if len(alike) >= CLASS_MIN else [value for _, value in known])


def _is_free(day: int, feature: Feature) -> bool:
    """Weekend or public holiday; of getting up, the morning counts."""
    of = date.fromordinal(day + 1 if feature.name == "up" else day)
    return of.weekday() >= 5 or is_holiday(of)


def _learned(state: RoutineState, day: int, values: dict[str, int], limits: RoutineValues) -> RoutineState:
    """Keep a day's values, and what is still within `keep_days` of the next one."""
    if values:
        state = msgspec.structs.replace(
            state,
            days=(*state.days, day),
            learned={
                name: (*state.learned.get(name, (UNKNOWN,) * len(state.days)), values.get(name, UNKNOWN))
                for name in sorted({*state.learned, *values})
            },
        )
    gone = sum(of <= day - min(limits.keep_days, DAYS_MAX) for of in state.days)
    learned = {name: kept[gone:] for name, kept in state.learned.items()}
    return msgspec.structs.replace(
        state,
        days=state.days[gone:],
        learned={name: kept for name, kept in learned.items() if any(value != UNKNOWN for value in kept)},
        told={key: of for key, of in state.told.items() if of > day - DAYS_MAX},
    )


# -- the card --------------------------------------------------------------------------------------------------


def _told(
    state: RoutineState, day: int, found: list[Finding], outcomes: list[Outcome], context: Context[RoutineValues]
) -> RoutineState:
    """One card with the most unusual first; it counts as told when it was."""
    episode, hold, first = str(date.fromordinal(day)), context.hold, found[0]
    if hold is not None:
        outcomes.append(Note("held", hold, (), episode))
        return state
    content: dict[str, Value] = {
        "feature": first.feature.name, "value": first.shown, "side": "more" if first.more else "less",
        "drift": first.drift,
    }  # fmt: skip
    since_ms = state.due_ms if state.due_ms is not None else context.now_ms
    outcomes.append(
        Fire(episode, reason_of(first, day), (), since_ms, since_ms, content=content, momentary=True, late=False)
    )
    outcomes += [More(episode, reason_of(other, day), ()) for other in found[1 : 1 + OTHERS_MAX]]
    told = state.told | {one.key: day for one in found[: 1 + OTHERS_MAX]}
    return msgspec.structs.replace(state, told=dict(sorted(told.items())))
