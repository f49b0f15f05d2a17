"""Who is rung and when, for both profiles, with few functions and with none, by night and over a weekend."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alerts.routing import escalation, profiles
from alerts.routing.escalation import OUTSIDE, Duty, Target, hand_over_targets, lease, next_as_well, next_step, snapshot

N1, N2, N3 = (Target("function", f"natt-{n}", f"Natt {n}") for n in (1, 2, 3))
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def at(text):
    """Milliseconds of an instant in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


NOON = at("2026-03-04T11:00:00")  # a Wednesday, 12:00 in Oslo
NIGHT = at("2026-03-04T01:00:00")  # 02:00 in Oslo


def duty(*functions, profile="on_foot"):
    return Duty("nord", profile, functions)


def walk(chain, steps, now_ms):
    """The first steps as (seconds after the start, ids of those told), each fired when it is due."""
    found = []
    for step in range(steps):
        due = next_step(chain, step, now_ms)
        now_ms = due.due_ms
        found.append(((due.due_ms - chain.base_ms) // SECOND, [target.id for target in due.targets]))
    return found


ALL = ["natt-1", "natt-2", "natt-3"]


@pytest.mark.parametrize(
    ("profile", "priority", "expected"),
    [
        (
            "on_foot",
            "P1",
            [
                (0, ["natt-1"]),
                (90, ["natt-1", "natt-2"]),
                (180, ALL),
                (300, [*ALL, "fallback"]),
                (420, [*ALL, "fallback"]),
                (540, [*ALL, "fallback"]),
            ],
        ),
        (
            "centre",
            "P1",
            [
                (0, ["natt-1"]),
                (60, ["natt-2"]),
                (120, ["natt-3"]),
                (180, [*ALL, "fallback"]),
                (240, [*ALL, "fallback"]),
            ],
        ),
        ("on_foot", "P2", [(0, ["natt-1"]), (300, ["natt-1", "natt-2"]), (900, [*ALL, "fallback"])]),
        ("on_foot", "P3", [(0, ["natt-1"]), (1800, ALL), (3600, ALL)]),
    ],
)
def test_a_profile_rings_whom_it_says_when_it_says(profile, priority, expected):
    """Delays and functions of domain §4, and after the last step it goes on for ever."""
    chain = snapshot(duty(N1, N2, N3, profile=profile), priority, NOON)

    assert walk(chain, len(expected), NOON) == expected


@pytest.mark.parametrize("priority", ["P1", "P2", "P3"])
@pytest.mark.parametrize("profile", ["on_foot", "centre"])
def test_with_nobody_on_duty_the_fallback_is_told_at_once(profile, priority):
    """A ward without functions is foreseen: every step goes outside."""
    chain = snapshot(duty(profile=profile), priority, NOON)

    assert chain.nobody
    assert walk(chain, 5, NOON)[0] == (0, ["fallback"])
    assert {target for _, targets in walk(chain, 5, NOON) for target in targets} == {"fallback"}


@pytest.mark.parametrize("functions", [(N1,), (N1, N2)])
def test_a_short_chain_rings_its_last_function_again(functions):
    """A profile longer than the ward's functions leaves no step without anybody to ring."""
    for profile in profiles.PROFILES:
        chain = snapshot(duty(*functions, profile=profile), "P1", NOON)
        assert all(targets for _, targets in walk(chain, 8, NOON))


def test_staff_in_need_ring_all_on_shift_at_once():
    """R53 does not go through the functions one by one."""
    chain = snapshot(duty(N1, N2, N3), "P1", NIGHT, staff_alarm=True)

    assert walk(chain, 3, NIGHT) == [(0, ALL), (120, [*ALL, "fallback"]), (240, [*ALL, "fallback"])]


def test_a_p3_by_night_waits_for_the_morning_list():
    """Nobody is woken for a P3; at 07:30 local time it is there."""
    chain = snapshot(duty(N1), "P3", NIGHT)

    assert escalation.earliest_ms(chain, NIGHT) == at("2026-03-04T06:30:00")
    assert next_step(chain, 0, NIGHT).due_ms == at("2026-03-04T06:30:00")


def test_a_p3_of_the_evening_does_not_ring_into_the_night():
    """Its repeats stop at 22:00 and go on in the morning."""
    evening = at("2026-03-04T20:50:00")  # 21:50 in Oslo
    chain = snapshot(duty(N1), "P3", evening)

    assert next_step(chain, 1, evening).due_ms == at("2026-03-05T06:30:00")


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-04T11:00:00", "2026-03-05T07:00:00"),  # Wednesday noon → Thursday 08:00
        ("2026-03-04T05:00:00", "2026-03-04T07:00:00"),  # Wednesday 06:00 → the same day
        ("2026-03-06T11:00:00", "2026-03-09T07:00:00"),  # Friday → Monday
        ("2026-03-27T11:00:00", "2026-03-30T06:00:00"),  # over the change to summer time: 08:00 is an hour earlier
    ],
)
def test_a_p4_stands_on_the_list_of_the_next_workday(now, due):
    """Technical things wait for somebody at work, at 08:00 local time, and ring nobody."""
    chain = snapshot(duty(N1), "P4", at(now))

    assert next_step(chain, 0, at(now)).due_ms == at(due)
    assert next_step(chain, 0, at(now)).targets == ()


@pytest.mark.parametrize("priority", ["P1", "P2", "P3", "P4", "P5"])
@pytest.mark.parametrize("functions", [(), (N1,), (N1, N2, N3)])
def test_there_is_always_a_next_action_in_the_future(priority, functions):
    """Whatever the step, something follows it."""
    for profile in profiles.PROFILES:
        chain = snapshot(duty(*functions, profile=profile), priority, NIGHT)
        now_ms = max(NIGHT, escalation.earliest_ms(chain, NIGHT))
        for step in range(1, 30):
            due = next_step(chain, step, now_ms)
            assert due.due_ms > now_ms
            now_ms = due.due_ms


@pytest.mark.parametrize(
    ("handling", "priority", "expected"),
    [
        ("claimed", "P1", ("ask", 3 * MINUTE)),
        ("accepted", "P2", ("ask", 10 * MINUTE)),
        ("en_route", "P1", ("arrive", 40 * MINUTE - 10 * MINUTE)),
        ("on_site", "P1", ("ask", 60 * MINUTE)),
        ("handed_over", "P1", ("hand_over", 2 * MINUTE)),
        ("ended", "P1", ("document", 8 * HOUR)),
    ],
)
def test_whoever_has_it_is_asked_in_time(handling, priority, expected):
    """Each handling has one next action; the arrival goal counts from the claim."""
    chain = snapshot(duty(N1), priority, NOON)
    kind, due_ms = lease(chain, handling, priority, NOON - 10 * MINUTE, NOON)

    assert (kind, due_ms - NOON) == expected


def test_en_route_after_the_goal_has_passed_still_gets_a_moment():
    """A goal in the past would ring in the same second."""
    chain = snapshot(duty(N1), "P1", NOON)

    assert lease(chain, "en_route", "P1", NOON - 2 * HOUR, NOON) == ("arrive", NOON + 5 * MINUTE)


def test_a_hand_over_nobody_answers_goes_round_and_ends_with_everybody():
    """The functions after the one asked, in turn, then all of them and the fallback, again and again."""
    chain = snapshot(duty(N1, N2, N3), "P1", NOON)

    assert [hand_over_targets(chain, "natt-2", step) for step in range(4)] == [
        (N3,),
        (N1,),
        (N1, N2, N3, OUTSIDE),
        (N1, N2, N3, OUTSIDE),
    ]
    assert hand_over_targets(snapshot(duty(), "P1", NOON), "gone", 0) == (OUTSIDE,)


def test_when_the_holder_does_not_answer_the_others_are_rung():
    """All but the holder's own function; the fallback where there is no other."""
    assert next_as_well(snapshot(duty(N1, N2), "P1", NOON), "natt-1") == (N2,)
    assert next_as_well(snapshot(duty(N1), "P1", NOON), "natt-1") == (OUTSIDE,)
    assert next_as_well(snapshot(duty(N1), "P1", NOON), None) == (N1,)


def test_every_profile_says_something_for_every_priority():
    """Nothing that a rule can raise is missing from a profile, and the published table has a row for each."""
    for chains in profiles.PROFILES.values():
        assert set(chains) == {"P1", "P2", "P3", "P4", "P5", profiles.STAFF_ALARM}
    assert len(profiles.escalation_table()) == 6 * len(profiles.PROFILES)


def test_what_waits_for_a_workday_waits_through_public_holidays():
    """Wednesday before Easter at noon: Thursday, Friday and Monday are holidays, so it is Tuesday at 08:00."""
    chain = snapshot(duty(N1), "P4", at("2026-04-01T10:00:00"))
    assert escalation.earliest_ms(chain, at("2026-04-01T10:00:00")) == at("2026-04-07T06:00:00")
    assert escalation.earliest_ms(chain, at("2026-12-23T12:00:00")) == at("2026-12-24T07:00:00")
    assert escalation.earliest_ms(chain, at("2026-12-24T12:00:00")) == at("2026-12-28T07:00:00")
