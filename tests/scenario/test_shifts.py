"""Story 5 and the phone of story 6, on the virtual clock: whose claims ring whom when people come, go and forget."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from alerts.channels.channel import PushTo
from alerts.handling.acts import Actor
from alerts.messages.push_subscriptions import subscribe
from alerts.schema.channels import push_subscriptions
from alerts.shifts.duty import duty_of
from alerts.shifts.shift import ShiftRefused
from alerts.shifts.shift_desk import ShiftDesk
from rules import local_time
from tests.support.desk import HOUR, MINUTE, NOON_MS, SITE, Duty, open_without_next_action
from tests.support.shift_people import (
    at,
    check_in,
    heartbeat,
    member,
    new_phone,
    on_shift,
    planned,
    rang,
    until,
)

MONA = Actor(staff="mona", name="Mona", function="rute-2")


@pytest.fixture
def duty(tmp_path):
    made = Duty(tmp_path, now_ms=NOON_MS, functions=("rute-2", "rute-1"))
    yield made
    made.database.close()


def mona_takes_one(duty):
    """Story 5 until 15:00: Mona has Rute 2 and a P2, is on her way, and has left the phone in the rack."""
    member(duty, "mona", "rute-2")
    planned(duty, "mona", "rute-2", at(duty, "07:30"), at(duty, "15:00"))
    phone = new_phone(duty, "rute-2")
    check_in(duty, "mona", "rute-2", phone_id=phone)
    until(duty, "14:49")
    heartbeat(duty, phone)
    alert = duty.out_of_bed()
    duty.apply(alert)
    until(duty, "14:50")
    duty.act(alert.alert_id, "claim", MONA)
    until(duty, "14:53")
    duty.act(alert.alert_id, "en-route", MONA)
    return alert.alert_id, phone


def test_a_claim_left_in_the_rack_rings_whoever_takes_over(duty):
    """Emil checks in at 15:05 on the same phone: Mona's shift ends, her claim rings his function in that second, and
    is his once he accepts.
    """
    alert_id, phone = mona_takes_one(duty)
    emil = member(duty, "emil", "rute-2", until_date="2026-07-20")
    until(duty, "15:05")
    before = len(rang(duty))
    check_in(duty, "emil", "rute-2", phone_id=phone)

    assert rang(duty)[before:] == [("hand_over", "rute-2")]
    assert duty.alert(alert_id)["handling"] == "handed_over"
    assert on_shift(duty) == {"rute-2": "emil"}
    assert duty.act(alert_id, "accept", emil)["claimed_by"]["staff"] == "emil"
    assert open_without_next_action(duty.database) == []


def test_with_nobody_there_the_claim_rings_on_at_a_quarter_past(duty):
    """15:15: the function, and in the same second the next; then everybody and the number outside, until taken."""
    alert_id, _ = mona_takes_one(duty)
    until(duty, "15:14")
    assert duty.alert(alert_id)["handling"] == "en_route"
    before = len(rang(duty))
    until(duty, "15:15")

    assert rang(duty)[before:] == [("hand_over", "rute-2"), ("hand_over", "fallback")]
    assert on_shift(duty) == {}
    duty.wait(4 * MINUTE)
    assert len(rang(duty)) > before + 2, "it goes on"
    assert open_without_next_action(duty.database) == []


def test_an_offered_claim_is_passed_on_to_those_on_duty_now(duty):
    """Rute 1 has come since the alert began: unanswered for 2 min, they are asked next."""
    alert_id, _ = mona_takes_one(duty)
    member(duty, "ali", "rute-1")
    check_in(duty, "ali", "rute-1")
    until(duty, "15:05")
    member(duty, "emil", "rute-2")
    check_in(duty, "emil", "rute-2")
    before = len(rang(duty))
    duty.wait(2 * MINUTE)

    assert rang(duty)[before:] == [("hand_over", "rute-1")]
    assert duty.alert(alert_id)["handling"] == "handed_over"


def test_nobody_checks_out_of_what_they_have(duty):
    """Refused with the alert's id until somebody has accepted it; then the shift ends and nothing is offered."""
    alert_id, _ = mona_takes_one(duty)
    desk = ShiftDesk(duty.desk)
    (mine,) = desk.now()
    with pytest.raises(ShiftRefused) as refused:
        desk.check_out(mine["id"], "mona", duty.now_ms)
    assert (refused.value.code, refused.value.args_of_code["alerts"]) == ("own_claims", [alert_id])
    assert on_shift(duty) == {"rute-2": "mona"}

    ali = member(duty, "ali", "rute-1")
    check_in(duty, "ali", "rute-1")
    duty.act(alert_id, "hand-over", MONA, to="rute-1")
    with pytest.raises(ShiftRefused):
        desk.check_out(mine["id"], "mona", duty.now_ms)
    duty.act(alert_id, "accept", ali)
    desk.check_out(mine["id"], "mona", duty.now_ms)
    assert on_shift(duty) == {"rute-1": "ali"}
    assert duty.alert(alert_id)["claimed_by"]["staff"] == "ali"


def test_a_temps_shift_ends_with_the_last_day(duty):
    """At midnight after it: off the function at once, claims offered, and no check-in any more."""
    emil = member(duty, "emil", "rute-2", until_date="2026-03-01")
    until(duty, "20:00")
    check_in(duty, "emil", "rute-2")
    alert = duty.out_of_bed()
    duty.apply(alert)
    duty.act(alert.alert_id, "claim", emil)
    until(duty, "23:59")
    assert on_shift(duty) == {"rute-2": "emil"}
    until(duty, "00:00", days=1)

    assert on_shift(duty) == {}
    assert duty.alert(alert.alert_id)["handling"] == "handed_over"
    with pytest.raises(ShiftRefused, match="no_access"):
        check_in(duty, "emil", "rute-2")


def test_a_temps_browsers_are_forgotten_with_the_last_day(duty):
    """At midnight no push goes to them any more; those of others stay."""
    member(duty, "emil", "rute-2", until_date="2026-03-01")
    for staff_id in ("emil", "s1"):
        to = PushTo(f"https://push.example/{staff_id}", "key", "secret")
        subscribe(duty.database, SITE, ("staff", staff_id), to, "somebody", duty.now_ms)

    def browsers():
        with duty.database.reader.connect() as conn:
            return set(conn.execute(select(push_subscriptions.c.owner)).scalars())

    until(duty, "23:59")
    assert browsers() == {"emil", "s1"}
    until(duty, "00:00", days=1)
    assert browsers() == {"s1"}


def test_whoever_comes_hears_of_what_nobody_has_taken(duty):
    """With nobody on duty the number outside rings at once; the one who checks in is rung in that second."""
    member(duty, "mona", "rute-2")
    shift = check_in(duty, "mona", "rute-2")
    ShiftDesk(duty.desk).check_out(shift["id"], "mona", duty.now_ms)
    alert = duty.press("e1")
    duty.apply(alert)
    assert rang(duty) == [("ring", "fallback")]
    assert "nobody_on_duty" in duty.kinds(alert.alert_id)
    duty.wait(MINUTE)
    member(duty, "ali", "rute-1")
    before = len(rang(duty))
    check_in(duty, "ali", "rute-1")

    assert rang(duty)[before:] == [("ring", "rute-1")]


def test_a_function_that_is_planned_and_empty_is_rung_with_the_next(duty):
    """Where people check in, a name on the rota is not yet a person: the function counts as not reachable."""
    member(duty, "ali", "rute-1")
    check_in(duty, "ali", "rute-1")
    planned(duty, "mona", "rute-2", at(duty, "07:30"), at(duty, "15:00"))
    with duty.database.reader.connect() as conn:
        found = {one.id: one.reachable for one in duty_of(conn, SITE, "h1", duty.now_ms).functions}
        assert found == {"rute-2": False, "rute-1": True}
        late = {one.id for one in duty_of(conn, SITE, "h1", at(duty, "15:00")).functions}
        assert late == {"rute-1"}


def test_a_phone_that_is_not_heard_makes_its_function_unreachable(duty):
    """Story 6: unheard for longer than its limit of 5 min; pages are told once, and again when it is back."""
    phone = new_phone(duty, "rute-2")
    duty.wait(5 * MINUTE)
    with duty.database.reader.connect() as conn:
        assert [one.reachable for one in duty_of(conn, SITE, "h1", duty.now_ms).functions] == [True, True]
    woken = duty.woken
    duty.wait(2 * MINUTE)
    assert duty.woken == woken + 1
    with duty.database.reader.connect() as conn:
        found = [(one.id, one.reachable) for one in duty_of(conn, SITE, "h1", duty.now_ms).functions]
    assert found == [("rute-2", False), ("rute-1", True)]
    heartbeat(duty, phone)
    with duty.database.reader.connect() as conn:
        assert all(one.reachable for one in duty_of(conn, SITE, "h1", duty.now_ms).functions)


@pytest.mark.parametrize(("day", "hours"), [("2026-10-24", 10.5), ("2026-03-28", 8.5), ("2026-03-01", 9.5)])
def test_a_night_on_which_the_clocks_change_is_as_long_as_it_is(tmp_path, day, hours):
    """From 22:00 to 07:30 it lasts 10.5 h in October and 8.5 h in March, and a quarter more with nobody there."""
    begins_ms = local_time.instant_ms(date.fromisoformat(day), 22 * 60, "Europe/Oslo")
    duty = Duty(tmp_path, now_ms=begins_ms, functions=("natt-1",))
    member(duty, "ola", "natt-1")
    ends_ms = at(duty, "07:30", days=1)
    planned(duty, "ola", "natt-1", begins_ms, ends_ms)
    check_in(duty, "ola", "natt-1")
    assert (ends_ms - begins_ms) / HOUR == hours
    duty.wait(int(hours * HOUR) + 14 * MINUTE)
    assert on_shift(duty) == {"natt-1": "ola"}
    duty.wait(MINUTE)
    assert on_shift(duty) == {}
    duty.database.close()


def test_story_6_natt_1_is_not_heard_so_natt_2_is_rung_with_it(tmp_path):
    """P1 at 21:05:00, Natt 1's phone unheard since 20:58 with a limit of 5 min: both are messaged in that second,
    also by a service that has just been started again.
    """
    duty = Duty(tmp_path, now_ms=local_time.instant_ms(date(2026, 3, 1), 20 * 60 + 50, "Europe/Oslo"))
    for staff_id, function in (("ola", "natt-1"), ("ida", "natt-2")):
        member(duty, staff_id, function)
        check_in(duty, staff_id, function, phone_id=new_phone(duty, function))
    phones = {one["function_id"]: one["phone_id"] for one in ShiftDesk(duty.desk).now()}
    duty.wait(8 * MINUTE)
    heartbeat(duty, phones["natt-1"])  # 20:58, the last one
    duty.wait(6 * MINUTE)
    heartbeat(duty, phones["natt-2"])
    duty.wait(MINUTE)
    duty.desk = duty.new_desk()
    duty.apply(duty.press("e1"))

    assert rang(duty) == [("ring", "natt-1"), ("ring", "natt-2")]
    duty.database.close()
