"""Policies, taking over, relatives, an outside centre and reports made afterwards, on the desk's virtual clock."""

from __future__ import annotations

import pytest

from alerts.channels import FAILED, Result
from alerts.handling.acts import Actor, Refused
from alerts.reads.alert_view import instant
from tests.support.desk import IDA, MINUTE, OLA, SECOND, Duty, open_without_next_action
from tests.support.routing_desk import contact, policy
from tests.support.shift_people import member, planned


def test_taking_over_is_said_and_told(tmp_path):
    """A claim never takes it from anybody; one that says so does, and whoever had it hears of it."""
    duty = Duty(tmp_path)
    press = duty.press("p1")
    duty.apply(press)
    duty.act(press.alert_id, "claim", OLA)
    duty.act(press.alert_id, "on-site", OLA)
    with pytest.raises(Refused) as refused:
        duty.act(press.alert_id, "claim", IDA)
    assert refused.value.code == "already_claimed"
    taken = duty.act(press.alert_id, "claim", IDA, take_over=True)

    assert (taken["claimed_by"]["name"], taken["handling"]) == ("Ida", "claimed")
    assert duty.sent(press.alert_id)[-1] == ("taken", "natt-1")
    assert [(line["kind"], line["args"].get("from")) for line in taken["timeline"]][-1] == ("taken_over", "Ola")


def test_a_relative_may_change_their_mind_and_owns_nothing(tmp_path):
    """Coming, then not: both are written down, said twice it is one; and the chain rings on."""
    duty = Duty(tmp_path)
    contact(duty)
    press = duty.press("p1")
    duty.apply(press)
    for answer in ("coming", "coming", "cannot"):
        duty.desk.responder_says(press.alert_id, "c1", answer, duty.now_ms)
    assert duty.kinds(press.alert_id)[-2:] == ["responder_coming", "responder_cannot"]
    duty.wait(90 * SECOND)
    assert duty.sent(press.alert_id)[-1] == ("ring", "natt-2")
    assert duty.alert(press.alert_id)["handling"] == "new"


def test_a_centre_that_does_not_say_that_it_has_it_loses_it(tmp_path):
    """Our row watches: without a receipt within 120 s it is ours, and our own chain begins then."""
    duty = Duty(tmp_path)
    policy(duty, owner="sentralen", priorities=["P1"])
    press = duty.press("p1")
    duty.apply(press)
    assert (duty.alert(press.alert_id)["owner"], duty.sent(press.alert_id)) == ("sentralen", [("ring", "sentralen")])
    duty.wait(119 * SECOND)
    assert duty.sent(press.alert_id) == [("ring", "sentralen")]
    duty.wait(SECOND)
    assert duty.alert(press.alert_id)["owner"] is None
    assert duty.sent(press.alert_id)[1:] == [("ring", "natt-1"), ("ring", "fallback")]


def test_a_centre_that_has_it_is_watched_and_hands_it_back(tmp_path):
    """With a receipt it is theirs until they hand it back or are silent for half an hour; a claim makes it ours."""
    duty = Duty(tmp_path)
    policy(duty, owner="sentralen", priorities=["P1"])
    machine = Actor(staff=None, name="sentralen", kind="machine")
    presses = [duty.press(f"p{n}", subject=f"x{n}", resident=f"x{n}", trigger=f"t{n}") for n in range(3)]
    duty.apply(*presses)
    for one in presses:
        duty.desk.centre_says(one.alert_id, "received", duty.now_ms, machine)
    back, silent, claimed = (one.alert_id for one in presses)
    duty.wait(10 * MINUTE)
    assert all(duty.alert(one.alert_id)["owner"] == "sentralen" for one in presses)
    duty.desk.centre_says(back, "returned", duty.now_ms, machine)
    duty._send()
    assert duty.sent(back)[-1] == ("ring", "fallback")
    assert duty.act(claimed, "claim", OLA)["owner"] is None
    with pytest.raises(Refused):
        duty.desk.centre_says(claimed, "received", duty.now_ms, machine)
    assert open_without_next_action(duty.database) == []
    duty.wait(20 * MINUTE)
    assert duty.alert(silent)["owner"] is None
    assert duty.sent(silent)[-1][1] in {"natt-1", "fallback"}


@pytest.mark.expected_errors("the way to the centre is dead")
def test_a_centre_that_cannot_be_told_is_not_waited_for(tmp_path):
    """The message to it failed for good: our own chain begins at once, not after 120 s."""
    duty = Duty(tmp_path)
    policy(duty, owner="sentralen", priorities=["P1"])
    duty.phones.results = [Result(FAILED)] * 3
    press = duty.press("p1")
    duty.apply(press)
    duty.wait(30 * SECOND)

    assert duty.sent(press.alert_id) == [("ring", "natt-1"), ("ring", "fallback")]
    assert duty.alert(press.alert_id)["owner"] is None


def test_a_policy_holds_for_the_next_alert_and_says_why_it_was_chosen(tmp_path):
    """A running chain does not notice; the next one follows the policy that says most about it, by the local hour."""
    duty = Duty(tmp_path)
    running = duty.press("p1")
    duty.apply(running)
    policy(duty, "all", steps=[{"after": "0 s", "tell": ["2", "fallback"]}])
    policy(duty, "nights", rules=["R05"], hours="22:00-07:00", steps=[{"after": "0 s", "tell": ["3", "fallback"]}])
    policy(duty, "days", rules=["R05"], hours="07:00-22:00", ward="nord")
    duty.wait(90 * SECOND)
    assert duty.sent(running.alert_id)[-1] == ("ring", "natt-2")
    night, other = duty.out_of_bed(), duty.press("p2", subject="r2", resident="r2", trigger="o")
    duty.apply(night, other)

    assert [target for _, target in duty.sent(other.alert_id)] == ["natt-2", "fallback"]
    joined = duty.alert(night.alert_id)["incident_id"]
    assert joined == duty.alert(running.alert_id)["incident_id"], "one person, one incident, one chain"


def test_ended_is_documented_by_the_end_of_the_shift(tmp_path):
    """The reminder comes when the shift of whoever ended it is over, not eight hours later."""
    duty = Duty(tmp_path)
    member(duty, "s7", "natt-1")
    planned(duty, "s7", "natt-1", duty.now_ms - MINUTE, duty.now_ms + 40 * MINUTE)
    sensor = duty.out_of_bed()
    duty.apply(sensor)
    duty.act(sensor.alert_id, "claim", OLA)
    duty.act(sensor.alert_id, "end", OLA, ask_again_minutes=1_000)
    duty.wait(39 * MINUTE)
    assert "document_reminder" not in duty.kinds(sensor.alert_id)
    duty.wait(MINUTE)
    assert "document_reminder" in duty.kinds(sensor.alert_id)


def test_a_report_made_without_network_is_bounded_and_kept_when_it_is_over(tmp_path):
    """Not before the alert, not in the future; after the end it is written down and moves nothing."""
    duty = Duty(tmp_path)
    sensor = duty.out_of_bed()
    duty.apply(sensor)
    duty.act(sensor.alert_id, "claim", OLA)
    for wrong in (duty.now_ms - MINUTE, duty.now_ms + 10 * MINUTE):
        with pytest.raises(Refused) as refused:
            duty.act(sensor.alert_id, "on-site", OLA, at=instant(wrong))
        assert refused.value.args_of_code["field"] == "at"
    there_ms = duty.now_ms
    duty.wait(5 * MINUTE)
    duty.act(sensor.alert_id, "end", OLA)
    late = duty.act(sensor.alert_id, "on-site", OLA, at=instant(there_ms))

    assert late["handling"] == "ended"
    assert (late["timeline"][-1]["kind"], late["timeline"][-1]["args"]) == ("on_site", {"happened_ms": there_ms})
    with pytest.raises(Refused):
        duty.act(sensor.alert_id, "claim", OLA, at=instant(there_ms))


def test_a_p3_rings_by_night_where_the_person_s_own_plan_says_so(tmp_path):
    """Nobody is woken for a P3, except for one whose plan rings at any hour."""
    duty = Duty(tmp_path)
    policy(
        duty, resident="r1", priorities=["P3"], rings="any_hour", repeat="30 min",
        steps=[{"after": "0 s", "tell": ["2", "all"]}],
    )  # fmt: skip
    own, other = duty.out_of_bed(priority="P3"), duty.out_of_bed("e2", priority="P3", subject="r2", resident="r2")
    duty.apply(own, other)

    assert {target for _, target in duty.sent(own.alert_id)} == {"natt-1", "natt-2", "leder"}
    assert duty.sent(other.alert_id) == []


def test_whoever_has_left_meanwhile_brings_the_next_one(tmp_path):
    """On duty when the chain began and gone since: rung all the same, and the next who is there with them."""
    duty = Duty(tmp_path)
    member(duty, "s7", "natt-1")
    member(duty, "s8", "leder")
    planned(duty, "s7", "natt-1", duty.now_ms - MINUTE, duty.now_ms + 60 * SECOND)
    planned(duty, "s8", "leder", duty.now_ms - MINUTE, duty.now_ms + 600 * MINUTE)
    policy(duty, steps=[{"after": "0 s", "tell": ["1"]}, {"after": "90 s", "tell": ["1", "fallback"]}])
    press = duty.press("p1")
    duty.apply(press)
    duty.wait(90 * SECOND)

    assert duty.sent(press.alert_id) == [
        ("ring", "natt-1"),
        ("ring", "natt-1"),
        ("ring", "fallback"),
        ("ring", "leder"),
    ]
