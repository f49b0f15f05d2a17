"""Pure: who is rung, when, and what happens if nobody answers.

Theory of operation. When an incident opens, its chain is built from the policy that fits
(`alerts/routing/policies.py`), or the ward's profile, and the functions on duty, and stored with it as a **snapshot**:
later changes do not touch a chain that is running. A chain is a list of steps, each so and so long after the start and
with its targets; the last step is repeated for ever. So the question "what next?" always has an answer (`next_step`),
and no chain can end in silence. With no function on duty every step goes to the outside fallback, the first one at
once. A target whose phone is not heard is told all the same, and the next one in the same second (`with_next`).

An outside centre may own it: our row watches (`WATCH`), and becomes ours when they hand it back or do not say within
120 s that they have it. Where two must go, the chain goes on for the second (`SECOND`).

As soon as somebody has taken it, the chain stops and a **lease** takes its place (`lease`): the holder is asked for
the next step, and if no answer comes the next function is rung as well. Every handling in which an incident is open
therefore has exactly one next action. `document` reminds after the end.

Targets are functions on shift, never people; relatives who may help are rung together with them. Quiet hours hold back
only P3 (to the 07:30 list) and what is below it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

import msgspec

from alerts.routing.profiles import BY_DAY, HOUR, MINUTE, PROFILES, STAFF_ALARM, WORKDAY, Chain
from ingest.prepared_types import prepare
from rules import local_time

NIGHT: local_time.Window = (22 * 60, 7 * 60 + 30)
WORKDAY_MINUTES = 8 * 60
WORKDAY_WITHIN_DAYS = 15

FUNCTION = "function"
FALLBACK = "fallback"
STAFF = "staff"
RESPONDER = "responder"  # a relative who agreed to it
CENTRE = "centre"  # an alarm centre outside

# kinds of timers
ESCALATE = "escalate"
ASK = "ask"  # the holder is asked for the next step
RING_NEXT = "ring_next"  # the holder did not answer: the next are rung as well
ARRIVE = "arrive"  # the ward's arrival goal
HAND_OVER = "hand_over"  # nobody has accepted yet
DOCUMENT = "document"
ASK_AGAIN = "ask_again"  # "known, ask again in N min"
SECOND = "second"  # two must go, and only one does
WATCH = "watch"  # an outside centre has it, or should say so
CARD = "card"  # what 112 or 113 will ask about is offered, if nobody has reached the person by then

ANSWER_MS = 2 * MINUTE  # for a hand-over, and for an ask before the next is rung
ARRIVAL_GOAL_MS = 40 * MINUTE
ARRIVAL_GRACE_MS = 5 * MINUTE  # en route reported after the goal already passed
ON_SITE_ASK_MS = 60 * MINUTE
SECOND_MIN_MS, SECOND_MAX_MS = MINUTE, 5 * MINUTE  # between two calls for a second, whatever the chain says
RECEIPT_MS = 120_000  # within which an outside centre says that it has it
WATCH_MS = 30 * MINUTE  # … and within which it must then have ended it or said more (engineer's judgement)
DOCUMENT_AFTER_MS = 8 * HOUR  # where the end of the shift is not known
DOCUMENT_EVERY_MS = 24 * HOUR
DOCUMENT_REMINDERS = 7
ASK_MS = {"P1": 3 * MINUTE, "P2": 10 * MINUTE, "P3": 60 * MINUTE, "P4": 24 * HOUR, "P5": 24 * HOUR}


class Target(msgspec.Struct, frozen=True):
    """Who is told: a function on shift, the fallback or centre outside, a responder, or (only by an ask) the holder.

    `reachable` False: its phone has not been heard within its limit. It is told all the same, and the next one with it.
    """

    kind: str
    id: str
    name: str
    reachable: bool = True


OUTSIDE = Target(FALLBACK, "fallback", "fallback")
RESPONDERS = Target(RESPONDER, "responders", "responders")
"""Stands in a chain for the relatives who may be rung when its step is fired (alerts/responders.py)."""


class Duty(msgspec.Struct, frozen=True):
    """What the desk knows of a home's ward when an incident opens."""

    ward_id: str | None
    profile: str
    functions: tuple[Target, ...]
    arrival_goal_ms: int = ARRIVAL_GOAL_MS
    timezone: str = "Europe/Oslo"
    key_tag: str | None = None


class Step(msgspec.Struct, frozen=True):
    after_ms: int
    targets: tuple[Target, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """One incident's chain as it was when it began. Stored as JSON with the incident."""

    profile: str
    priority: str
    mode: str
    base_ms: int
    repeat_ms: int
    steps: tuple[Step, ...]
    functions: tuple[Target, ...]
    arrival_goal_ms: int
    timezone: str
    key_tag: str | None = None
    policy: str = ""  # id of the site's own; "" = the profile's
    two: bool = False
    owner: str = ""  # an outside centre that has it first; "" = us

    @property
    def nobody(self) -> bool:
        """No function is on duty: every step goes to the fallback."""
        return not self.functions


prepare(Snapshot)


class Due(msgspec.Struct, frozen=True):
    """A next action: when, and who is told (nobody where it only goes on a list)."""

    due_ms: int
    targets: tuple[Target, ...]


class Chosen(msgspec.Struct, frozen=True):
    """What the site's own policy says for an incident. `elsewhere`: functions it names that are not of the ward."""

    chain: Chain
    policy: str = ""
    two: bool = False
    owner: str = ""
    elsewhere: Mapping[str, Target] = {}


def snapshot(
    duty: Duty, priority: str, now_ms: int, *, staff_alarm: bool = False, chosen: Chosen | None = None
) -> Snapshot:
    """The chain for an incident of this priority that begins now: the chosen one, else the profile's. An unknown
    profile is treated as carers on foot.
    """
    if chosen is None:
        profile = PROFILES.get(duty.profile, PROFILES["on_foot"])
        chosen = Chosen(profile[STAFF_ALARM if staff_alarm else priority])
    chain = chosen.chain
    named = {target.id: target for target in duty.functions}
    return Snapshot(
        profile=duty.profile,
        priority=priority,
        mode=chain.mode,
        # a chain of the night begins in the morning, all its distances with it
        base_ms=_by_day_ms(now_ms, duty.timezone) if chain.mode == BY_DAY else now_ms,
        repeat_ms=chain.repeat_ms,
        steps=tuple(
            Step(after_ms, _resolve(words, duty.functions, {**chosen.elsewhere, **named}, chosen.owner))
            for after_ms, words in chain.steps
        ),
        functions=duty.functions,
        arrival_goal_ms=duty.arrival_goal_ms,
        timezone=duty.timezone,
        key_tag=duty.key_tag,
        policy=chosen.policy,
        two=chosen.two,
        owner=chosen.owner,
    )


def with_next(targets: Collection[Target], functions: tuple[Target, ...]) -> tuple[Target, ...]:
    """Targets, and for each function whose phone is not heard the next one that is; the fallback where none is."""
    told = list(dict.fromkeys(targets))
    ids = {target.id for target in told}
    for deaf in [target for target in told if target.kind == FUNCTION and not target.reachable]:
        places = [target.id for target in functions]
        start = places.index(deaf.id) + 1 if deaf.id in places else 0
        others = (*functions[start:], *functions[:start])
        following = next((one for one in others if one.reachable and one.id != deaf.id), OUTSIDE)
        if following.id not in ids:
            told.append(following)
            ids.add(following.id)
    return tuple(told)


def second_targets(chain: Snapshot, step: int, taken: Collection[str | None]) -> tuple[Target, ...]:
    """Who is asked to be the second: those of the step, without the functions of whoever goes already."""
    told = chain.steps[min(step, len(chain.steps) - 1)].targets
    left = tuple(target for target in told if target.id not in taken and target.kind != RESPONDER)
    return left or tuple(target for target in chain.functions if target.id not in taken) or (OUTSIDE,)


def next_step(chain: Snapshot, step: int, now_ms: int) -> Due:
    """When step number `step` is due and whom it tells. Steps behind the last one repeat it, for ever.

    `now_ms` is when the step before it was done; it only matters for repeats and lists.
    """
    last = len(chain.steps) - 1
    due_ms = chain.base_ms + chain.steps[step].after_ms if step <= last else now_ms + chain.repeat_ms
    if chain.mode == WORKDAY:
        due_ms = _next_workday_ms(now_ms, chain.timezone)
    elif chain.mode == BY_DAY:
        due_ms = _by_day_ms(due_ms, chain.timezone)
    return Due(due_ms, chain.steps[min(step, last)].targets)


def earliest_ms(chain: Snapshot, now_ms: int) -> int:
    """The first moment from now on at which this chain may ring (or, for a list, stand on one)."""
    if chain.mode == WORKDAY:
        return _next_workday_ms(now_ms, chain.timezone)
    return _by_day_ms(now_ms, chain.timezone) if chain.mode == BY_DAY else now_ms


def lease(
    chain: Snapshot, handling: str, priority: str, claimed_ms: int, now_ms: int, *, shift_end_ms: int | None = None
) -> tuple[str, int]:
    """(kind of timer, due) for an incident that somebody has, or that is ended: what happens if they do nothing.
    `shift_end_ms`: when the shift of whoever ended it is over; by then it is documented.
    """
    if handling == "en_route":
        return ARRIVE, max(claimed_ms + chain.arrival_goal_ms, now_ms + ARRIVAL_GRACE_MS)
    if handling == "on_site":
        return ASK, now_ms + ON_SITE_ASK_MS
    if handling == "handed_over":
        return HAND_OVER, now_ms + ANSWER_MS
    if handling == "ended":
        known = shift_end_ms is not None and shift_end_ms > now_ms
        return DOCUMENT, shift_end_ms if known and shift_end_ms is not None else now_ms + DOCUMENT_AFTER_MS
    return ASK, now_ms + ASK_MS[priority]


def hand_over_targets(chain: Snapshot, handed_to: str, step: int) -> tuple[Target, ...]:
    """Who is rung when nobody accepted: the functions after the one asked, in turn; then all and the fallback."""
    places = [target.id for target in chain.functions]
    start = places.index(handed_to) + 1 if handed_to in places else 0
    others = [t for t in (*chain.functions[start:], *chain.functions[:start]) if t.id != handed_to]
    return (others[step],) if step < len(others) else (*chain.functions, OUTSIDE)


def next_as_well(chain: Snapshot, *going: str | None) -> tuple[Target, ...]:
    """Who is rung besides a holder that does not answer: all functions but those that go already, else the fallback."""
    others = tuple(target for target in chain.functions if target.id not in going)
    return others or (OUTSIDE,)


def _resolve(
    words: tuple[str, ...], functions: tuple[Target, ...], named: Mapping[str, Target], owner: str
) -> tuple[Target, ...]:
    """Words of a chain as targets. A ring that would reach no staff goes to the fallback as well."""
    found: list[Target] = []
    for word in words:
        if word == "all":
            found.extend(functions)
        elif word == "fallback":
            found.append(OUTSIDE)
        elif word == "responders":
            found.append(RESPONDERS)
        elif word == "centre":
            found.append(Target(CENTRE, owner or CENTRE, owner or CENTRE))
        elif word.startswith("function:"):
            # a function that is not on duty now is nobody
            found.extend(named[name] for name in (word.removeprefix("function:"),) if name in named)
        elif functions:
            # a chain longer than the ward's functions rings its last one again rather than nobody
            found.append(functions[min(int(word), len(functions)) - 1])
    if words and not any(target.kind != RESPONDER for target in found):
        found.append(OUTSIDE)
    return tuple(dict.fromkeys(found))


def _by_day_ms(due_ms: int, timezone: str) -> int:
    night = local_time.window_at(due_ms, NIGHT, timezone)
    return due_ms if night is None else night[1]


def _next_workday_ms(now_ms: int, timezone: str) -> int:
    """08:00 of the next Monday to Friday that is no public holiday, strictly after now."""
    day = local_time.local_date(now_ms, timezone)
    for days in range(WORKDAY_WITHIN_DAYS):
        candidate = day + timedelta(days=days)
        due_ms = local_time.instant_ms(candidate, WORKDAY_MINUTES, timezone)
        if candidate.weekday() < 5 and due_ms > now_ms and not local_time.is_holiday(candidate):
            return due_ms
    raise AssertionError("no fortnight is without a workday")
