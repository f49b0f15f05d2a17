"""Where somebody who is at home and awake is, and what the motion sensors of the rooms see of it. Pure.

People are seen when they walk, not while they sit: who gets up stirs the room they leave, the hall unless the next room
is next door, and the room they enter, all within half a minute. In the kitchen something moves every few minutes; who
reads in the living room is seen a few times an hour, and now and then not for an hour and more. So one pulse alone is
as rare as in a real home: the rules do not take a lone pulse for somebody (an empty home has those too).
"""

from __future__ import annotations

from collections.abc import Iterable

from simulators.chance import Chance

MINUTE, SECOND = 60_000, 1_000
HALL, KITCHEN, LIVING_ROOM, BEDROOM, BATHROOM = "hall", "kitchen", "living_room", "bedroom", "bathroom"
KEEPS_STILL_MS = 130 * SECOND  # a motion sensor reports nothing for so long after a report
SITS_STILL = 250  # per mille of the stays in the living room that no sensor sees
MEAL_MINUTES, FETCHING_MINUTES = (14, 28), (2, 5)

Pulse = tuple[int, str]
"""(ms UTC, room)"""
Errand = tuple[int, tuple[int, int]]
"""(ms UTC, minutes it takes: low and high). All errands are done in the kitchen: meals, doses."""

_NEXT_DOOR = frozenset({KITCHEN, LIVING_ROOM})
_MINUTES = {HALL: (2, 4), KITCHEN: (4, 11), LIVING_ROOM: (18, 68), BEDROOM: (5, 16), BATHROOM: (3, 9)}
_STIRS_S = {HALL: (130, 200), KITCHEN: (150, 330), LIVING_ROOM: (540, 1_500), BEDROOM: (200, 420), BATHROOM: (200, 400)}
_TO_SIT, _TO_DO = (LIVING_ROOM,), (KITCHEN, KITCHEN, KITCHEN, BEDROOM, BEDROOM, HALL)
_UNTIL_BATHROOM_MINUTES = (100, 210)


class Whereabouts:
    """One person's walk through one day's waking hours; `pulses` is what was seen, in order of time."""

    def __init__(self, chance: Chance, room: str, errands: Iterable[Errand] = ()) -> None:
        """`room`: where they are at first."""
        self.pulses: list[Pulse] = []
        self.room = room
        self._chance = chance
        self._errands = sorted(errands)
        self._seen_ms: dict[str, int] = {}
        self._bathroom_ms = 0  # when they will need it next; 0: not known yet

    def go(self, room: str, at_ms: int) -> int:
        """Get up and walk there, from `at_ms`; the instant of arrival. Who is there already only stirs."""
        self._pulse(at_ms, self.room)
        if room == self.room:
            return at_ms
        if HALL not in (room, self.room) and {room, self.room} != _NEXT_DOOR:
            self._pulse(at_ms + 7 * SECOND, HALL)
        arrived_ms = at_ms + self._chance.between(12, 24) * SECOND
        self._pulse(arrived_ms, room)
        self.room = room
        return arrived_ms

    def stay(self, from_ms: int, to_ms: int) -> None:
        """Be in the room from `from_ms` to `to_ms` and stir now and then; what is seen of it ends before `to_ms`."""
        if self.room == LIVING_ROOM and self._chance.happens(SITS_STILL):
            return
        at_ms = from_ms
        while True:
            at_ms += self._chance.between(*_STIRS_S[self.room]) * SECOND
            if at_ms > to_ms - 20 * SECOND:
                return
            self._pulse(at_ms, self.room)

    def live(self, from_ms: int, to_ms: int) -> None:
        """Go from room to room until `to_ms`; they are in `room` then. Errands of before `from_ms` stay undone."""
        self._errands = [one for one in self._errands if one[0] >= from_ms]
        if not self._bathroom_ms:
            self._bathroom_ms = from_ms + self._chance.between(*_UNTIL_BATHROOM_MINUTES) * MINUTE
        at_ms = from_ms
        while at_ms < to_ms - MINUTE:
            room, minutes = self._next(at_ms, to_ms)
            at_ms = self.go(room, at_ms)
            until_ms = at_ms + self._chance.between(*minutes) * MINUTE
            if self._errands and room != BATHROOM:
                until_ms = min(until_ms, max(self._errands[0][0], at_ms + MINUTE))
            until_ms = min(until_ms, to_ms)
            self.stay(at_ms, until_ms)
            at_ms = until_ms

    def _next(self, at_ms: int, to_ms: int) -> tuple[str, tuple[int, int]]:
        """Where to, and for how many minutes: what is due first, else to sit down or to do something.

        Nobody goes to the bathroom shortly before `to_ms`: who goes to bed then would go there twice.
        """
        if self._errands and self._errands[0][0] <= at_ms:
            return KITCHEN, self._errands.pop(0)[1]
        if at_ms >= self._bathroom_ms and at_ms + 20 * MINUTE < to_ms:
            self._bathroom_ms = at_ms + self._chance.between(*_UNTIL_BATHROOM_MINUTES) * MINUTE
            return BATHROOM, _MINUTES[BATHROOM]
        rooms = _TO_DO if self.room == LIVING_ROOM else _TO_SIT
        room = self._chance.pick(rooms)
        return room, _MINUTES[room]

    def _pulse(self, at_ms: int, room: str) -> None:
        if at_ms - self._seen_ms.get(room, 0) >= KEEPS_STILL_MS:
            self._seen_ms[room] = at_ms
            self.pulses.append((at_ms, room))
