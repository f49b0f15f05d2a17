"""One person's day as a list of timed doings, from (seed, resident, date). Pure.

A day begins when they get up and ends when they get up the next morning, so that a night is told once and days follow
each other without a seam. Rates are those of the research (ecosystem §7 and domain §5): one to three short bed-toilet
walks a night, an outing on half of the days, about two presses a month and person, falls rare. How they move about the
rooms while awake is `whereabouts.py`'s. Most nights are quiet: a demo that cries wolf teaches nobody anything.
Local time comes in as `instant(date, minutes)`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from simulators.chance import Chance
from simulators.doings import (
    BED_ENTERED,
    BED_LEFT,
    BREATHING,
    CONCLUDED,
    DOOR_CLOSED,
    DOOR_OPENED,
    DOSE_DUE,
    DOSE_MISSED,
    DOSE_TAKEN,
    FALL_CANCELLED,
    FALL_CONFIRMED,
    FALL_SUSPECTED,
    MOTION,
    PRESSED,
    PULSE,
    Doing,
)
from simulators.ward import Resident
from simulators.whereabouts import (
    BATHROOM,
    BEDROOM,
    FETCHING_MINUTES,
    HALL,
    KITCHEN,
    MEAL_MINUTES,
    Errand,
    Whereabouts,
)

Instant = Callable[[date, int], int]
"""(date, minutes after local midnight, may reach into the next day) -> ms UTC."""

HOUR, MINUTE, SECOND = 3_600_000, 60_000, 1_000
DOSE_WINDOW_MINUTES = 60

# per mille of days (or of what is named)
DAYS_WITH_A_PRESS = 60  # about 1.9 a month
PRESSED_AGAIN = 300
DAYS_WITH_A_FALL = 4
DAYS_WITH_A_STUMBLE = 20  # suspected and cancelled: 0.17 a week with a newer detector
DOSES_MISSED = 25
EXITS_THAT_LAST = 6  # one in five nights of a ward of twenty
DAYS_WITH_AN_OUTING = 500
DAYS_WITH_A_NAP = 300
DAYS_WITH_A_CONCLUSION = 50
_OUTINGS_FROM = (8 * 60, 11 * 60, 14 * 60)
_MEALS_FROM = (12 * 60, 16 * 60, 19 * 60)  # and breakfast after the morning's bathroom
_EXITS_A_NIGHT = (1, 1, 1, 1, 1, 2, 2, 2, 3)


def day_of(seed: int, person: Resident, day: date, instant: Instant) -> list[Doing]:
    """Doings from getting up on `day` to getting up the next day, sorted by time."""
    telling = _Telling(seed, person, day, instant)
    telling.doses()
    if person.keeps_bed:
        telling.in_bed()
    else:
        telling.waking_hours()
    telling.night(exits=0 if person.keeps_bed else None)
    telling.trouble()
    return sorted(telling.doings, key=lambda one: (one.at_ms, one.what, one.room))


def rise_ms(seed: int, person: Resident, day: date, instant: Instant) -> int:
    """When they get up that morning."""
    chance = Chance(seed, person.id, day.isoformat(), "rise")
    return instant(day, chance.around(person.rise_minute, 20)) + chance.below(60) * SECOND


class _Telling:
    """One day being told; each part has its own stream of chance."""

    def __init__(self, seed: int, person: Resident, day: date, instant: Instant) -> None:
        self._seed, self._person, self._day, self._instant = seed, person, day, instant
        self.doings: list[Doing] = []
        self._fetched: list[tuple[int, int]] = []  # doses: when due, when fetched
        self._up_ms = rise_ms(seed, person, day, instant)
        self._next_up_ms = rise_ms(seed, person, day + timedelta(days=1), instant)
        bed = self._chance("bed")
        self._bed_ms = instant(day, bed.around(person.bed_minute, 25)) + bed.below(60) * SECOND

    def _chance(self, part: str) -> Chance:
        return Chance(self._seed, self._person.id, self._day.isoformat(), part)

    def _do(
        self, at_ms: int, what: str, *, room: str = "", word: str = "", amount: int = 0, scheduled_ms: int = 0,
        seen_by: str = "",
    ) -> None:  # fmt: skip
        person = self._person
        self.doings.append(Doing(at_ms, what, person.id, person.home, room, word, amount, scheduled_ms, seen_by))

    def waking_hours(self) -> None:
        """From bed to bathroom and breakfast, then about the rooms, with an outing or a nap; to bed by the bathroom."""
        chance = self._chance("rooms")
        at_home = Whereabouts(chance, BEDROOM, self._errands(chance))
        self._do(self._up_ms, BED_LEFT)
        at_ms = at_home.go(BATHROOM, self._up_ms + chance.between(40, 100) * SECOND)
        washed_ms = at_ms + chance.between(6, 15) * MINUTE
        at_home.stay(at_ms, washed_ms)
        at_ms = washed_ms
        for from_ms, to_ms, room in self._elsewhere():
            at_home.live(at_ms, from_ms - 30 * SECOND)
            at_home.go(room, from_ms - 30 * SECOND)
            at_ms = to_ms + 12 * SECOND
        to_bathroom_ms = self._bed_ms - chance.between(8, 13) * MINUTE
        at_home.live(at_ms, to_bathroom_ms)
        at_ms = at_home.go(BATHROOM, to_bathroom_ms)
        at_home.stay(at_ms, self._bed_ms - 2 * MINUTE)
        at_home.go(BEDROOM, self._bed_ms - 2 * MINUTE)
        for at_ms, room in at_home.pulses:
            self._do(at_ms, MOTION, room=room)
        self._do(self._bed_ms, BED_ENTERED)

    def _errands(self, chance: Chance) -> list[Errand]:
        """Meals, and the doses they fetch."""
        meals = [self._instant(self._day, minute + chance.between(0, 70)) for minute in _MEALS_FROM]
        breakfast_ms = self._up_ms + 18 * MINUTE
        fetched = [(taken_ms, FETCHING_MINUTES) for _, taken_ms in self._fetched]
        return [*((at_ms, MEAL_MINUTES) for at_ms in (breakfast_ms, *meals)), *fetched]

    def _elsewhere(self) -> list[tuple[int, int, str]]:
        """(from, to, the room it is reached by) of when no sensor of a room sees them: an outing, a nap."""
        found = []
        outing, nap = self._outing(), self._nap()
        if outing is not None:
            found.append((*outing, HALL))
            for at_ms, word in ((outing[0], "out"), (outing[1], "back")):
                self._do(at_ms, DOOR_OPENED)
                self._do(at_ms + self._chance("door " + word).between(6, 40) * SECOND, DOOR_CLOSED)
        if nap is not None and (outing is None or nap[1] + HOUR < outing[0] or outing[1] + HOUR < nap[0]):
            found.append((*nap, BEDROOM))
            self._do(nap[0], BED_ENTERED)
            self._do(nap[1], BED_LEFT)
        return sorted(found)

    def in_bed(self) -> None:
        """A day in bed: somebody comes four times, helps them up for ten minutes and goes again."""
        chance = self._chance("in bed")
        for minute in (480, 720, 1_020, 1_260):
            at_ms = self._instant(self._day, minute + chance.between(0, 25)) + chance.below(60) * SECOND
            self._do(at_ms, DOOR_OPENED)
            self._do(at_ms + 15 * SECOND, DOOR_CLOSED)
            self._do(at_ms + 30 * SECOND, MOTION, room=HALL)
            self._do(at_ms + 90 * SECOND, MOTION, room=BEDROOM)
            self._do(at_ms + 3 * MINUTE, BED_LEFT)
            self._do(at_ms + 4 * MINUTE, MOTION, room=HALL)
            self._do(at_ms + 5 * MINUTE, MOTION, room=BATHROOM)
            self._do(at_ms + 12 * MINUTE, MOTION, room=HALL)
            self._do(at_ms + 13 * MINUTE, BED_ENTERED)
            self._do(at_ms + 15 * MINUTE, MOTION, room=KITCHEN)
            self._do(at_ms + 19 * MINUTE, MOTION, room=KITCHEN)
            self._do(at_ms + 20 * MINUTE, MOTION, room=HALL)
            self._do(at_ms + 20 * MINUTE + 10 * SECOND, DOOR_OPENED)
            self._do(at_ms + 20 * MINUTE + 25 * SECOND, DOOR_CLOSED)

    def _outing(self) -> tuple[int, int] | None:
        """Out of the house for about 1.3 h, 3.7 h at most; never in the evening, nor when a dose waits."""
        chance = self._chance("outing")
        if not chance.happens(DAYS_WITH_AN_OUTING):
            return None
        out_ms = (
            self._instant(self._day, chance.pick(_OUTINGS_FROM) + chance.between(20, 60)) + chance.below(60) * SECOND
        )
        lasts_min = chance.between(25, 110) if chance.happens(700) else chance.between(110, 220)
        back_ms = out_ms + lasts_min * MINUTE
        if out_ms < self._up_ms + 45 * MINUTE or back_ms > self._bed_ms - 60 * MINUTE:
            return None
        if any(due_ms - 10 * MINUTE < back_ms and out_ms < taken_ms + 5 * MINUTE for due_ms, taken_ms in self._fetched):
            return None
        return out_ms, back_ms

    def _nap(self) -> tuple[int, int] | None:
        chance = self._chance("nap")
        if not chance.happens(DAYS_WITH_A_NAP):
            return None
        from_ms = self._instant(self._day, chance.between(13 * 60, 14 * 60 + 30)) + chance.below(60) * SECOND
        to_ms = from_ms + chance.between(25, 75) * MINUTE
        if any(from_ms - 2 * MINUTE < taken_ms < to_ms + 2 * MINUTE for _, taken_ms in self._fetched):
            return None
        return from_ms, to_ms

    def night(self, exits: int | None = None) -> None:
        """Bed-toilet walks, one to three, minutes long; now and then one that lasts."""
        self._vitals()
        chance = self._chance("night")
        exits = chance.pick(_EXITS_A_NIGHT) if exits is None else exits
        at_ms = self._bed_ms + chance.between(70, 150) * MINUTE
        for _ in range(exits):
            lasts_s = chance.between(110, 290) if chance.happens(880) else chance.between(290, 610)
            if chance.happens(EXITS_THAT_LAST):
                lasts_s = chance.between(37, 50) * 60
            if at_ms + lasts_s * SECOND > self._next_up_ms - 45 * MINUTE:
                return
            self._do(at_ms, BED_LEFT)
            self._do(at_ms + 20 * SECOND, MOTION, room=HALL)
            self._do(at_ms + 35 * SECOND, MOTION, room=BATHROOM)
            if lasts_s > 1_200:
                self._cannot_sleep(at_ms + 6 * MINUTE)
            at_ms += lasts_s * SECOND
            self._do(at_ms, BED_ENTERED)
            at_ms += chance.between(60, 190) * MINUTE

    def _cannot_sleep(self, at_ms: int) -> None:
        """To the kitchen, and sit there."""
        for seconds, room in ((0, HALL), (12, KITCHEN), (240, KITCHEN), (900, KITCHEN)):
            self._do(at_ms + seconds * SECOND, MOTION, room=room)

    def _vitals(self) -> None:
        """What a radar over the bed counts: night heart rate about 61, breathing about 15."""
        chance = self._chance("vitals")
        pulse = chance.around(61, 8)
        at_ms = self._bed_ms + 20 * MINUTE + chance.below(60) * SECOND
        while at_ms < self._next_up_ms - 5 * MINUTE:
            self._do(at_ms, PULSE, amount=chance.around(pulse, 6))
            self._do(at_ms, BREATHING, amount=chance.around(15, 3))
            at_ms += 15 * MINUTE

    def doses(self) -> None:
        """Announced when due, fetched a few minutes later, seldom not at all."""
        chance = self._chance("doses")
        for minute in self._person.doses:
            due_ms = self._instant(self._day, minute)
            word = f"{self._person.id}-{self._day.isoformat()}-{minute // 60:02d}"
            self._do(due_ms, DOSE_DUE, word=word, scheduled_ms=due_ms)
            late_s = chance.between(20, 720) if chance.happens(800) else chance.between(720, 2_700)
            taken_ms: int | None = due_ms + late_s * SECOND
            if chance.happens(DOSES_MISSED):
                missed_ms = due_ms + DOSE_WINDOW_MINUTES * MINUTE
                self._do(missed_ms, DOSE_MISSED, word=word, scheduled_ms=due_ms)
                taken_ms = missed_ms + chance.between(10, 100) * MINUTE if chance.happens(600) else None
            if taken_ms is not None:
                self._fetched.append((due_ms, taken_ms))
                self._do(taken_ms, DOSE_TAKEN, word=word, scheduled_ms=due_ms)

    def trouble(self) -> None:
        """Presses, falls, stumbles, and what a radar concludes by itself."""
        chance = self._chance("trouble")
        if chance.happens(DAYS_WITH_A_PRESS):
            at_ms = self._some_time(chance)
            self._do(at_ms, PRESSED, word=chance.pick(("pendant", "pendant", "pendant", "cord")))
            if chance.happens(PRESSED_AGAIN):
                self._do(at_ms + chance.between(8, 50) * SECOND, PRESSED, word="pendant")
        if chance.happens(DAYS_WITH_A_FALL):
            at_ms = self._some_time(chance)
            self._do(at_ms, FALL_SUSPECTED)
            self._do(at_ms + 20 * SECOND, FALL_CONFIRMED, amount=20)
            self._do(at_ms + chance.between(45, 120) * SECOND, PRESSED, word="pendant")
        if chance.happens(DAYS_WITH_A_STUMBLE):
            at_ms = self._some_time(chance)
            self._do(at_ms, FALL_SUSPECTED)
            self._do(at_ms + chance.between(6, 22) * SECOND, FALL_CANCELLED)
        if chance.happens(DAYS_WITH_A_CONCLUSION):
            self._do(self._bed_ms + chance.between(60, 300) * MINUTE, CONCLUDED, word="restless", amount=20)

    def _some_time(self, chance: Chance) -> int:
        """More often in the morning, when half of the help is asked for; one in six at night."""
        if chance.happens(170):
            return self._bed_ms + chance.between(30, 360) * MINUTE + chance.below(60_000)
        if chance.happens(450):
            return self._up_ms + chance.between(15, 180) * MINUTE + chance.below(60_000)
        span = max(1, self._bed_ms - self._up_ms - 60 * MINUTE)
        return self._up_ms + 30 * MINUTE + chance.below(span)
