"""The desk's side of stories 2, 4, 6 and 7: who is rung, who goes, and which card is offered."""

from __future__ import annotations

import pytest

from alerts.handling.acts import Refused
from alerts.reads.alert_view import instant
from tests.support.desk import IDA, MINUTE, OLA, SECOND, Duty, open_without_next_action
from tests.support.routing_desk import LEDER, cards, contact, more, policy, risk, wandering, ward
from tests.support.shift_people import new_phone


def test_story_2_no_voice_contact_is_handed_out_and_unanswered_offers_the_card(tmp_path):
    """Staffed centre: 30 s after the press there is no voice, so it is handed to the first function; two minutes later
    the second is asked and the 113 card is there. It cannot be closed meanwhile.
    """
    duty = Duty(tmp_path)
    ward(duty, profile="centre")
    press = duty.press("p1")
    duty.apply(press)
    duty.wait(30 * SECOND)
    duty.apply(more(press, "R58", duty.now_ms, "sequence.again", "alarm.pressed"))
    assert cards(duty, press.alert_id) == []
    duty.apply(more(press, "R02", duty.now_ms, "sequence.told"))
    alert = duty.alert(press.alert_id)
    assert (alert["handling"], alert["next_step"]["what"]) == ("handed_over", "hand_over")
    assert duty.sent(press.alert_id)[-1] == ("hand_over", "natt-1")
    assert [card for card, _ in cards(duty, press.alert_id)] == ["113"], "alarm again without speech"
    with pytest.raises(Refused) as refused:
        duty.act(press.alert_id, "end", IDA)
    assert refused.value.code == "not_from_handed_over"

    duty.wait(2 * MINUTE)
    assert duty.sent(press.alert_id)[-1] == ("hand_over", "natt-2")
    duty.act(press.alert_id, "accept", IDA)
    with pytest.raises(Refused) as refused:
        duty.act(press.alert_id, "end", IDA)
    assert refused.value.code == "needs_contact"
    assert len(cards(duty, press.alert_id)) == 1, "offered once"


def test_a_first_alarm_without_voice_offers_the_card_when_nobody_answers(tmp_path):
    """Without an earlier alarm the card comes with the unanswered hand-over; once spoken, it does not come."""
    duty = Duty(tmp_path)
    ward(duty, profile="centre")
    press, spoken = duty.press("p1"), duty.press("p2", subject="r2", resident="r2", trigger="other")
    duty.apply(press, spoken)
    for one in (press, spoken):
        duty.apply(more(one, "R02", duty.now_ms, "sequence.told"))
    duty.apply(more(spoken, "R01b", duty.now_ms, "sequence.followed", "voice.connected"))
    duty.wait(2 * MINUTE)

    assert [card for card, _ in cards(duty, press.alert_id)] == ["113"]
    assert cards(duty, spoken.alert_id) == []


def test_without_voice_carers_on_foot_ring_as_they_do(tmp_path):
    """On foot the chain rings those who go already: no hand-over, and whoever has it is told."""
    duty = Duty(tmp_path)
    press = duty.press("p1")
    duty.apply(press, more(press, "R02", duty.now_ms, "sequence.told"))
    assert duty.alert(press.alert_id)["handling"] == "new"
    duty.act(press.alert_id, "claim")
    duty.wait(SECOND)
    duty.apply(more(press, "R02", duty.now_ms, "sequence.told"))

    assert duty.sent(press.alert_id)[-1] == ("again", "natt-1")


def test_story_4_two_must_go_and_staff_in_need_ring_everybody(tmp_path):
    """Risk of violence: Ida accepts and reads "wait outside", one more is asked for until Ali comes; both are on site.
    A colleague's alarm rings all at once and offers the 112 card after two minutes, whoever has claimed it.
    """
    duty = Duty(tmp_path)
    risk(duty, "violence")
    sensor = duty.out_of_bed()
    duty.apply(sensor)
    duty.wait(2 * MINUTE)
    first = duty.act(sensor.alert_id, "claim", IDA)
    assert first["two"] == {"second": None, "wait_outside": True}
    assert duty.sent(sensor.alert_id)[-1] == ("ring", "natt-1"), "one more is asked for at once"
    duty.wait(5 * MINUTE)
    assert "leder" in {target for _, target in duty.sent(sensor.alert_id)}, "and the chain goes on"
    both = duty.act(sensor.alert_id, "claim", LEDER)
    assert (both["claimed_by"]["name"], both["two"]["second"]["name"]) == ("Ida", "Ali")
    asked = len([kind for kind, _ in duty.sent(sensor.alert_id) if kind == "ring"])
    duty.act(sensor.alert_id, "en-route", IDA)
    duty.act(sensor.alert_id, "on-site", LEDER)
    assert duty.act(sensor.alert_id, "on-site", IDA)["two"]["wait_outside"] is False
    duty.wait(4 * MINUTE)
    assert len([kind for kind, _ in duty.sent(sensor.alert_id) if kind == "ring"]) == asked, "nobody is asked any more"

    help_ms = duty.now_ms
    alarm = duty.press("p9", rule="R53", staff_alarm=True)
    duty.apply(alarm)
    assert duty.alert(alarm.alert_id)["incident_id"] != duty.alert(sensor.alert_id)["incident_id"]
    assert {target for _, target in duty.sent(alarm.alert_id)} == {"natt-1", "natt-2", "leder"}
    duty.act(alarm.alert_id, "claim")
    duty.wait(2 * MINUTE)
    [(card, at)] = cards(duty, alarm.alert_id)
    assert card == "112"
    assert at == duty.alert(alarm.alert_id)["timeline"][-1]["at"]
    assert duty.now_ms == help_ms + 2 * MINUTE


def test_the_second_gives_it_back_or_steps_up(tmp_path):
    """When the second cannot, one more is asked for again; when the first gives it back, the second has it."""
    duty = Duty(tmp_path)
    risk(duty, "violence")
    sensor = duty.out_of_bed()
    duty.apply(sensor)
    duty.act(sensor.alert_id, "claim", IDA)
    duty.act(sensor.alert_id, "claim", OLA)
    before = len(duty.sent(sensor.alert_id))
    duty.act(sensor.alert_id, "release", OLA)
    assert len(duty.sent(sensor.alert_id)) > before
    duty.act(sensor.alert_id, "claim", OLA)
    after = duty.act(sensor.alert_id, "release", IDA)
    assert (after["claimed_by"]["name"], after["two"]["second"], after["handling"]) == ("Ola", None, "claimed")
    assert open_without_next_action(duty.database) == []


def test_story_6_an_unheard_phone_rings_the_next_in_the_same_second(tmp_path):
    """No coverage: the first and the next are messaged at once; what was done without network is accepted after."""
    duty = Duty(tmp_path)
    new_phone(duty, "natt-1")
    duty.wait(7 * MINUTE)
    press = duty.press("p1")
    duty.apply(press)
    assert duty.sent(press.alert_id) == [("ring", "natt-1"), ("ring", "natt-2")]
    duty.wait(MINUTE)
    duty.act(press.alert_id, "claim", IDA)
    duty.wait(MINUTE)
    duty.act(press.alert_id, "en-route", IDA)
    there_ms = duty.now_ms + 28 * MINUTE
    duty.wait(63 * MINUTE)
    asked = [line for line in duty.alert(press.alert_id)["timeline"] if line["kind"] == "asked_arrival"]
    assert len(asked) >= 1, "rung for a status at the goal"
    assert duty.alert(press.alert_id)["claimed_by"]["name"] == "Ida", "the claim stays"
    said = duty.act(press.alert_id, "on-site", IDA, at=str(instant(there_ms)))
    assert said["timeline"][-1]["args"] == {"happened_ms": there_ms}
    with duty.database.reader.connect() as conn:
        assert conn.exec_driver_sql("SELECT on_site_ms FROM incidents").scalar() == there_ms


def test_story_7_wandering_rings_the_son_too_and_the_search_is_over_with_the_alert(tmp_path):
    """A policy rings the opted-in son together with Natt 1. He comes; Natt 1 still owns it and searches. 15 min after
    the claim she is not found: the 112 card. Ended, the search is over; the son was told nothing of who or what.
    """
    duty = Duty(tmp_path)
    contact(duty, hours="22:00-07:00")
    contact(duty, "c2", hours="08:00-20:00")
    contact(duty, "c3", responder=False)
    policy(duty, rules=["R10"], steps=[{"after": "0 s", "tell": ["1", "responders", "fallback"]}])
    alert = wandering(duty)
    duty.apply(alert)
    assert set(duty.sent(alert.alert_id)) == {("ring", "natt-1"), ("ring", "c1"), ("ring", "fallback")}
    assert {message.key_tag for message in duty.phones.received if message.target == "c1"} == {None}
    duty.wait(MINUTE)
    claimed_ms = duty.now_ms
    duty.act(alert.alert_id, "claim", OLA)
    duty.act(alert.alert_id, "note", OLA, search="start")
    duty.wait(MINUTE)
    son = duty.desk.responder_says(alert.alert_id, "c1", "coming", duty.now_ms)
    assert (son["claimed_by"]["name"], son["timeline"][-1]["kind"]) == ("Ola", "responder_coming")
    assert "Per" not in str(son["timeline"])
    for stranger, code in (("c3", "bad_body"), ("c9", "bad_body")):
        with pytest.raises(Refused) as refused:
            duty.desk.responder_says(alert.alert_id, stranger, "coming", duty.now_ms)
        assert refused.value.code == code

    duty.wait(15 * MINUTE)
    assert cards(duty, alert.alert_id) == [("112", instant(claimed_ms + 15 * MINUTE))]
    duty.act(alert.alert_id, "contact", OLA, outcome="spoke")
    ended = duty.act(alert.alert_id, "end", OLA)
    assert ended["search"]["until"] == instant(duty.now_ms)
    with duty.database.reader.connect() as conn:
        told = [row[0] for row in conn.exec_driver_sql("SELECT payload FROM relay ORDER BY id")]
    assert ["tracking.started" in told[0], "tracking.ended" in told[-1]] == [True, True]


def test_found_before_the_card_is_due_it_is_not_offered(tmp_path):
    """Reached within a quarter of an hour, nobody is asked to ring the police."""
    duty = Duty(tmp_path)
    alert = wandering(duty)
    duty.apply(alert)
    duty.act(alert.alert_id, "claim", OLA)
    duty.wait(5 * MINUTE)
    duty.act(alert.alert_id, "contact", OLA, outcome="spoke")
    duty.wait(20 * MINUTE)

    assert cards(duty, alert.alert_id) == []
