"""A person's day: it can be told again, it has no seams, and its rates are those of real homes."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

from simulators import doings
from simulators.days import day_of
from simulators.furniture import make_ward
from simulators.life import doings_in, sightings_in
from simulators.whereabouts import KEEPS_STILL_MS
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
    assert 110 <= counts[doings.MOTION] // 600 <= 170
    assert 120 <= nights[len(nights) // 2] <= 400  # two to seven minutes
    assert sum(seconds > 1_200 for seconds in nights) <= len(nights) * 5 // 100


SIGNS = {doings.MOTION, doings.BED_LEFT, doings.BED_ENTERED, doings.DOOR_OPENED, doings.DOOR_CLOSED}
UP_AND_ABOUT = [person for person in WARD.residents if not person.keeps_bed]


def awake_at_home(person, count):
    """The signs of life of a person's days, cut where they are in bed or out of the house."""
    runs, here, door = [], [], 0
    for one in (one for day in days(person, count) for one in day if one.what in SIGNS):
        here.append(one)
        door += one.what == doings.DOOR_OPENED
        out = one.what == doings.DOOR_OPENED and door % 2 == 1
        if out or one.what == doings.BED_ENTERED:
            runs.append(here)
            here = []
    return runs


def test_who_is_at_home_and_awake_is_seen():
    """No silence over 75 minutes by day, few over an hour, and yet not more than a sensor home says in a day."""
    gaps_s = [
        (two.at_ms - one.at_ms) // 1_000
        for person in UP_AND_ABOUT
        for run in awake_at_home(person, 20)
        for one, two in pairwise(run)
        if one.what != doings.DOOR_CLOSED or two.what != doings.DOOR_OPENED
    ]

    assert max(gaps_s) <= 75 * 60
    assert 1 <= sum(gap > 60 * 60 for gap in gaps_s) <= 20 * len(UP_AND_ABOUT)  # at most one a day


def test_who_changes_rooms_is_seen_in_both():
    """A walk is seen by two sensors within their lock-out, but for one in a hundred: a lone pulse proves nobody."""
    walks = lone = visits = 0
    for person in UP_AND_ABOUT:
        for run in awake_at_home(person, 10):
            moves = [one for one in run if one.what == doings.MOTION]
            for first, then in pairwise(moves):
                if first.room != then.room:
                    walks += 1
                    lone += not any(
                        one.room != then.room and abs(one.at_ms - then.at_ms) <= KEEPS_STILL_MS + 24_000
                        for one in moves
                    )
                    visits += first.room == "bathroom"
    assert walks >= 500 * len(UP_AND_ABOUT)
    assert lone <= walks // 100
    assert visits >= 30 * len(UP_AND_ABOUT)


def test_the_bathroom_is_left_within_a_quarter_of_an_hour():
    """Each stay there ends with a sign elsewhere, so that who does not come out is the only one who does not."""
    for person in UP_AND_ABOUT:
        since_ms = 0
        for one in (one for day in days(person, 20) for one in day if one.what in SIGNS):
            if one.what == doings.MOTION and one.room == "bathroom":
                since_ms = since_ms or one.at_ms
            else:
                assert not since_ms or one.at_ms - since_ms <= 17 * 60_000, (person.id, one)
                since_ms = 0


def test_nothing_moves_in_the_rooms_of_who_is_out_or_asleep():
    """Between the door that closes and the one that opens, and between lying down and getting up, rooms are still."""
    outings = naps = 0
    for person in UP_AND_ABOUT:
        for day in days(person, 30):
            told = [one for one in day if one.what in SIGNS]
            doors = [one for one in told if one.what in {doings.DOOR_OPENED, doings.DOOR_CLOSED}]
            assert len(doors) in {0, 4}
            if doors:
                outings += 1
                assert not [one for one in told if doors[1].at_ms < one.at_ms < doors[2].at_ms], person.id
                hall = [one.at_ms for one in told if one.room == "hall"]
                assert any(0 < doors[0].at_ms - at_ms <= KEEPS_STILL_MS + 30_000 for at_ms in hall)
                assert any(0 < at_ms - doors[2].at_ms <= 60_000 for at_ms in hall)
            for one, two in pairwise(told):
                if one.what == doings.BED_ENTERED:
                    assert two.what == doings.BED_LEFT, (person.id, two)
                    naps += oslo(MONDAY, 0) + 12 * 3_600_000 < one.at_ms and (one.at_ms // 3_600_000) % 24 in (12, 13)
    assert outings >= 100
    assert naps >= 50


def test_doses_are_fetched_by_who_is_at_home():
    """Nobody fetches a dose from out of the house, and who is up is seen in the kitchen then."""
    fetched = seen = 0
    for person in (one for one in UP_AND_ABOUT if one.doses):
        for day in days(person, 30):
            doors = [one.at_ms for one in day if one.what == doings.DOOR_OPENED]
            for dose in (one for one in day if one.what == doings.DOSE_TAKEN):
                assert not doors or not doors[0] < dose.at_ms < doors[1], person.id
                fetched += 1
                seen += any(
                    one.room == "kitchen" and abs(one.at_ms - dose.at_ms) <= 5 * 60_000
                    for one in day
                    if one.what == doings.MOTION
                )
    assert seen >= fetched * 90 // 100


def test_what_no_device_can_see_is_not_seen():
    """A stumble where nothing detects falls leaves no trace; movement in the dark of a home without sensors neither."""
    from simulators.doings import Doing
    from simulators.sensors import Sensors

    shared = next(home for home in WARD.homes if home.kind == "shared")
    who = next(person for person in WARD.residents if person.home == shared.id)
    fall = Doing(1, doings.FALL_CONFIRMED, who.id, shared.id)
    moved = Doing(1, doings.MOTION, who.id, shared.id, room="attic")

    assert list(Sensors(WARD).look([fall, moved])) == []
