"""Pure: who is rung, when, and what happens if nobody answers.

Theory of operation. When an incident opens, its chain is built from the ward's profile and the functions on duty and
stored with it as a **snapshot**: later changes of the profile do not touch a chain that is running. A chain is a list
of steps, each so and so long after the start and with its targets; the last step is repeated for ever. So the
question "what next?" always has an answer (`next_step`), and no chain can end in silence. With no function on duty
every step goes to the outside fallback, the first one at once.

As soon as somebody has taken it, the chain stops and a **lease** takes its place (`lease`): the holder is asked for
the next step, and if no answer comes the next function is rung as well. Every handling in which an incident is open
therefore has exactly one next action. `document` reminds after the end.

Targets are functions on shift, never people. Quiet hours hold back only P3 (to the 07:30 list) and what is below it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from rules import local_time

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

# modes of a chain
RING = "ring"  # at any hour
BY_DAY = "by_day"  # rings by day; what falls due by night waits for the morning list
WORKDAY = "workday"  # only put on the list of the next workday; rings nobody

NIGHT: local_time.Window = (22 * 60, 7 * 60 + 30)
WORKDAY_MINUTES = 8 * 60

FUNCTION = "function"
FALLBACK = "fallback"
STAFF = "staff"

# kinds of timers
ESCALATE = "escalate"
ASK = "ask"  # the holder is asked for the next step
RING_NEXT = "ring_next"  # the holder did not answer: the next are rung as well
ARRIVE = "arrive"  # the ward's arrival goal
HAND_OVER = "hand_over"  # nobody has accepted yet
DOCUMENT = "document"
ASK_AGAIN = "ask_again"  # "known, ask again in N min"

ANSWER_MS = 2 * MINUTE  # for a hand-over, and for an ask before the next is rung
ARRIVAL_GOAL_MS = 40 * MINUTE
ARRIVAL_GRACE_MS = 5 * MINUTE  # en route reported after the goal already passed
ON_SITE_ASK_MS = 60 * MINUTE
DOCUMENT_AFTER_MS = 8 * HOUR
DOCUMENT_EVERY_MS = 24 * HOUR
DOCUMENT_REMINDERS = 7
ASK_MS = {"P1": 3 * MINUTE, "P2": 10 * MINUTE, "P3": 60 * MINUTE, "P4": 24 * HOUR, "P5": 24 * HOUR}


class Target(msgspec.Struct, frozen=True):
    """Who is told: a function on shift, the outside fallback, or (only by an ask) the holder."""

    kind: str
    id: str
    name: str


OUTSIDE = Target(FALLBACK, "fallback", "fallback")


class Duty(msgspec.Struct, frozen=True):
    """What the desk knows of a home's ward when an incident opens."""

    ward_id: str | None
    profile: str
    functions: tuple[Target, ...]
    arrival_goal_ms: int = ARRIVAL_GOAL_MS
    timezone: str = "Europe/Oslo"
    key_tag: str | None = None


class Chain(msgspec.Struct, frozen=True):
    """One line of a profile. `steps`: (delay, words); a word is the place of a function ("1"), "all" or "fallback"."""

    mode: str
    steps: tuple[tuple[int, tuple[str, ...]], ...]
    repeat_ms: int


_SENSOR = Chain(RING, ((0, ("1",)), (5 * MINUTE, ("1", "2")), (15 * MINUTE, ("all", "fallback"))), 10 * MINUTE)
_BY_DAY = Chain(BY_DAY, ((0, ("1",)), (30 * MINUTE, ("all",))), 30 * MINUTE)
_LISTED = Chain(WORKDAY, ((0, ()),), 24 * HOUR)
_STAFF = Chain(RING, ((0, ("all",)), (2 * MINUTE, ("all", "fallback"))), 2 * MINUTE)

STAFF_ALARM = "staff_alarm"

PROFILES: dict[str, dict[str, Chain]] = {
    "on_foot": {
        "P1": Chain(
            RING,
            (
                (0, ("1",)),
                (90 * SECOND, ("1", "2")),
                (3 * MINUTE, ("all",)),
                (5 * MINUTE, ("all", "fallback")),
            ),
            2 * MINUTE,
        ),
        "P2": _SENSOR,
        "P3": _BY_DAY,
        "P4": _LISTED,
        "P5": _LISTED,
        STAFF_ALARM: _STAFF,
    },
    "centre": {
        "P1": Chain(
            RING,
            (
                (0, ("1",)),
                (60 * SECOND, ("2",)),
                (120 * SECOND, ("3",)),
                (180 * SECOND, ("all", "fallback")),
            ),
            60 * SECOND,
        ),
        "P2": _SENSOR,
        "P3": _BY_DAY,
        "P4": _LISTED,
        "P5": _LISTED,
        STAFF_ALARM: _STAFF,
    },
}
"""The two profiles of domain §4 as data. `tests/tidy` keeps the table in `alerts/README.md` equal to it."""


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

    @property
    def nobody(self) -> bool:
        """No function is on duty: every step goes to the fallback."""
        return not self.functions


class Due(msgspec.Struct, frozen=True):
    """A next action: when, and who is told (nobody where it only goes on a list)."""

    due_ms: int
    targets: tuple[Target, ...]


def snapshot(duty: Duty, priority: str, now_ms: int, *, staff_alarm: bool = False) -> Snapshot:
    """The chain for an incident of this priority that begins now. An unknown profile is treated as carers on foot."""
    chain = PROFILES.get(duty.profile, PROFILES["on_foot"])[STAFF_ALARM if staff_alarm else priority]
    return Snapshot(
        profile=duty.profile,
        priority=priority,
        mode=chain.mode,
        # a chain of the night begins in the morning, all its distances with it
        base_ms=_by_day_ms(now_ms, duty.timezone) if chain.mode == BY_DAY else now_ms,
        repeat_ms=chain.repeat_ms,
        steps=tuple(Step(after_ms, _resolve(words, duty.functions)) for after_ms, words in chain.steps),
        functions=duty.functions,
        arrival_goal_ms=duty.arrival_goal_ms,
        timezone=duty.timezone,
        key_tag=duty.key_tag,
    )


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


def lease(chain: Snapshot, handling: str, priority: str, claimed_ms: int, now_ms: int) -> tuple[str, int]:
    """(kind of timer, due) for an incident that somebody has, or that is ended: what happens if they do nothing."""
    if handling == "en_route":
        return ARRIVE, max(claimed_ms + chain.arrival_goal_ms, now_ms + ARRIVAL_GRACE_MS)
    if handling == "on_site":
        return ASK, now_ms + ON_SITE_ASK_MS
    if handling == "handed_over":
        return HAND_OVER, now_ms + ANSWER_MS
    if handling == "ended":
        return DOCUMENT, now_ms + DOCUMENT_AFTER_MS
    return ASK, now_ms + ASK_MS[priority]


def hand_over_targets(chain: Snapshot, handed_to: str, step: int) -> tuple[Target, ...]:
    """Who is rung when nobody accepted: the functions after the one asked, in turn; then all and the fallback."""
    places = [target.id for target in chain.functions]
    start = places.index(handed_to) + 1 if handed_to in places else 0
    others = [t for t in (*chain.functions[start:], *chain.functions[:start]) if t.id != handed_to]
    return (others[step],) if step < len(others) else (*chain.functions, OUTSIDE)


def next_as_well(chain: Snapshot, held_by_function: str | None) -> tuple[Target, ...]:
    """Who is rung besides a holder that does not answer: all other functions, else the fallback."""
    others = tuple(target for target in chain.functions if target.id != held_by_function)
    return others or (OUTSIDE,)


def escalation_table() -> list[dict[str, Any]]:
    """The profiles as rows, for documents and the API. Times in seconds."""
    return [
        {
            "profile": profile,
            "priority": priority,
            "mode": chain.mode,
            "steps": [{"after_seconds": ms // SECOND, "targets": list(words)} for ms, words in chain.steps],
            "repeat_seconds": chain.repeat_ms // SECOND,
        }
        for profile, chains in PROFILES.items()
        for priority, chain in chains.items()
    ]


def _resolve(words: tuple[str, ...], functions: tuple[Target, ...]) -> tuple[Target, ...]:
    """Words of a profile as targets. A ring that would reach nobody goes to the fallback instead."""
    found: list[Target] = []
    for word in words:
        if word == "all":
            found.extend(functions)
        elif word == "fallback":
            found.append(OUTSIDE)
        elif functions:
            # a chain longer than the ward's functions rings its last one again rather than nobody
            found.append(functions[min(int(word), len(functions)) - 1])
    if words and not found:
        found.append(OUTSIDE)
    return tuple(dict.fromkeys(found))


def _by_day_ms(due_ms: int, timezone: str) -> int:
    night = local_time.window_at(due_ms, NIGHT, timezone)
    return due_ms if night is None else night[1]


def _next_workday_ms(now_ms: int, timezone: str) -> int:
    """08:00 of the next Monday to Friday, strictly after now."""
    day = local_time.local_date(now_ms, timezone)
    for days in range(1, 9):
        candidate = day + timedelta(days=days - 1)
        due_ms = local_time.instant_ms(candidate, WORKDAY_MINUTES, timezone)
        if candidate.weekday() < 5 and due_ms > now_ms:
            return due_ms
    raise AssertionError("every week has a workday")
