"""A person's day: it can be told again, it has no seams, and its rates are those of real homes."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

from simulators import doings
from simulators.days import day_of
from simulators.furniture import make_ward
from simulators.life import doings_in, sightings_in
from tests.support.simulated import DAY_MS, oslo

WARD = make_ward(4)
MONDAY = date(2026, 3, 2)


def days(person, count, first=MONDAY):
    return [day_of(WARD.seed, person, first + timedelta(days=number), oslo) for number in range(count)]


def test_a_day_is_the_same_whenever_it_is_told():
    """Seed, resident and date decide; another seed gives another day."""
    person = WARD.residents[2]

    assert day_of(4, person, MONDAY, oslo) == day_of(4, person, MONDAY, oslo)
    assert day_of(4, person, MONDAY, oslo) != day_of(5, person, MONDAY, oslo)


def test_a_span_is_the_sum_of_its_parts():
    """However a span is cut, the same things happen in it once."""
    from_ms = oslo(MONDAY, 7 * 60)
    whole = doings_in(WARD, from_ms, from_ms + DAY_MS, oslo)
    parts = [
        one
        for hour in range(24)
        for one in doings_in(WARD, from_ms + hour * DAY_MS // 24, from_ms + (hour + 1) * DAY_MS // 24, oslo)
    ]
    seen = sightings_in(WARD, from_ms, from_ms + DAY_MS, oslo)
    halves = [
        one
        for half in range(2)
        for one in sightings_in(WARD, from_ms + half * DAY_MS // 2, from_ms + (half + 1) * DAY_MS // 2, oslo)
    ]

    assert parts == whole
    assert sorted(map(repr, halves)) == sorted(map(repr, seen))


def test_nobody_leaves_a_bed_twice_in_a_row():
    """Leaving and entering the bed take turns over weeks, also over both changes of the clock."""
    for first in (MONDAY, date(2026, 3, 23), date(2026, 10, 19)):
        for person in WARD.residents:
            told = [one.what for day in days(person, 10, first) for one in day]
            beds = [what for what in told if what in {doings.BED_LEFT, doings.BED_ENTERED}]
            assert all(one != two for one, two in pairwise(beds)), (person.id, first)


def test_rates_are_those_of_real_homes():
    """Over 600 days of a person: short nights out of bed, few presses, hardly a fall, nearly every dose fetched."""
    counts: Counter[str] = Counter()
    walks_s = []
    for person in WARD.residents:
        for day in days(person, 30):
            counts.update(one.what for one in day)
            left_ms = 0
            for one in day:
                if one.what == doings.BED_LEFT:
                    left_ms = one.at_ms
                elif one.what == doings.BED_ENTERED and left_ms > oslo(MONDAY, 0):
                    walks_s.append((one.at_ms - left_ms) // 1_000)
    nights = sorted(seconds for seconds in walks_s if seconds < 4_000)

    assert 15 <= counts[doings.PRESSED] <= 90
    assert counts[doings.FALL_CONFIRMED] <= 8
    assert counts[doings.DOSE_MISSED] <= counts[doings.DOSE_DUE] * 6 // 100
    assert 60 <= counts[doings.MOTION] // 600 <= 160
    assert 120 <= nights[len(nights) // 2] <= 400  # two to seven minutes
    assert sum(seconds > 1_200 for seconds in nights) <= len(nights) * 5 // 100


def test_what_no_device_can_see_is_not_seen():
    """A stumble where nothing detects falls leaves no trace; movement in the dark of a home without sensors neither."""
    from simulators.doings import Doing
    from simulators.sensors import Sensors

    shared = next(home for home in WARD.homes if home.kind == "shared")
    who = next(person for person in WARD.residents if person.home == shared.id)
    fall = Doing(1, doings.FALL_CONFIRMED, who.id, shared.id)
    moved = Doing(1, doings.MOTION, who.id, shared.id, room="attic")

    assert list(Sensors(WARD).look([fall, moved])) == []
