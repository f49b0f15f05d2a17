"""Which alerts are one, and how they end without a person: never across people, never an alarm by itself."""

from __future__ import annotations

import pytest

from tests.support.desk import (
    IDA,
    MINUTE,
    NIGHT_MS,
    NOON_MS,
    SECOND,
    Duty,
    cleared,
    open_without_next_action,
    out_of_bed,
    pressed,
    updated,
)


@pytest.fixture
def duty(tmp_path):
    """An empty desk at 02:30."""
    return Duty(tmp_path)


def test_further_presses_join_the_open_alarm_and_open_a_new_one_after_it(duty):
    """While it is open every press of that trigger is the same call; once ended, the next one is a new call."""
    first, second = duty.press("p1"), pressed("p2", duty.now_ms + 90 * MINUTE)
    duty.apply(first, second)
    assert duty.alert(second.alert_id)["merged_into"] == first.alert_id
    assert duty.alert(first.alert_id)["presses"] == 2
    assert [c["event_id"] for c in duty.alert(first.alert_id)["causes"]] == ["p1", "p2"]

    duty.now_ms += 91 * MINUTE
    duty.act(first.alert_id, "claim")
    duty.act(first.alert_id, "contact", outcome="spoke")
    duty.act(first.alert_id, "end")
    third = duty.press("p3")
    duty.apply(third)

    assert duty.alert(third.alert_id)["merged_into"] is None
    assert duty.alert(third.alert_id)["handling"] == "new"
    assert duty.alert(second.alert_id)["handling"] == "ended"


def test_presses_of_another_trigger_or_person_never_merge(duty):
    """A cord and a pendant are two triggers; her husband is another person."""
    first = duty.press("p1")
    cord = duty.press("p2", trigger="vardevakt:gw-1/cord|cord")
    other = duty.press("p3", subject="r2", resident="r2")
    duty.apply(first, cord, other)

    assert duty.alert(cord.alert_id)["merged_into"] is None
    assert duty.alert(cord.alert_id)["incident_id"] == duty.alert(first.alert_id)["incident_id"]
    assert duty.alert(other.alert_id)["merged_into"] is None
    assert duty.alert(other.alert_id)["incident_id"] != duty.alert(first.alert_id)["incident_id"]
    assert len(duty.queue()) == 2


def test_where_nobody_acts_presses_merge_for_two_minutes_after_the_last(tmp_path):
    """In a replay the window slides with each press; what comes later is a line of its own."""
    duty = Duty(tmp_path, unattended=True)
    times = [0, 100, 219, 219 + 121]
    presses = [pressed(f"p{n}", NIGHT_MS + s * SECOND) for n, s in enumerate(times)]
    duty.apply(*presses)

    merged = [duty.alert(press.alert_id)["merged_into"] for press in presses]
    assert merged == [None, presses[0].alert_id, presses[0].alert_id, None]
    assert duty.sent(presses[0].alert_id) == [], "a replay sends nothing"


def test_an_alarm_of_nobody_known_reaches_every_function_of_the_site(duty):
    """An unassigned device has no ward: its alarm goes to all, and stands alone."""
    press = duty.press("p1", home="address:x", subject="x", resident=None, device=None)
    duty.apply(press)

    duty.wait(3 * MINUTE)
    assert {t for _, t in duty.sent(press.alert_id)} == {"natt-1", "natt-2", "leder"}


def test_an_alert_that_joins_what_somebody_has_rings_them_and_is_theirs(duty):
    """R05 beside a press that somebody has: theirs too; when it is over nobody tells them so, for the press stands."""
    press = duty.press("p1")
    duty.apply(press)
    duty.act(press.alert_id, "claim", IDA)
    bed = duty.out_of_bed()
    duty.apply(bed)

    assert duty.alert(bed.alert_id)["claimed_by"]["staff"] == "s2"
    assert duty.sent(bed.alert_id)[-1] == ("again", "natt-2")
    duty.apply(cleared(bed, duty.now_ms))
    assert (duty.alert(bed.alert_id)["condition"], duty.alert(bed.alert_id)["handling"]) == ("cleared", "claimed")
    assert duty.sent(bed.alert_id)[-1] == ("again", "natt-2")


def test_a_more_urgent_alert_wakes_the_one_who_has_the_lesser(duty):
    """A P1 into a claimed P3: the holder is rung and must answer in three minutes, or the next is rung as well."""
    duty.now_ms = NOON_MS
    card = duty.out_of_bed("x", priority="P3", rule="R22")
    duty.apply(card)
    duty.act(card.alert_id, "claim")
    duty.wait(30 * MINUTE)
    press = duty.press("p1")
    duty.apply(press)

    assert duty.sent(press.alert_id)[-1] == ("again", "natt-1")
    duty.wait(6 * MINUTE)
    assert ("ask", "natt-1") in duty.sent(press.alert_id)
    assert ("ring", "natt-2") in duty.sent(press.alert_id)
    assert duty.alert(press.alert_id)["claimed_by"]["staff"] == "s1", "the claim stays"


def test_a_sensor_alert_that_clears_before_anyone_took_it_resolves_itself(duty):
    """Ringing stops, those who were rung hear "back in bed", and it stands closed with its outcome."""
    bed = duty.out_of_bed()
    duty.apply(bed)
    duty.wait(4 * MINUTE)
    duty.apply(cleared(bed, duty.now_ms))

    alert = duty.alert(bed.alert_id)
    assert (alert["condition"], alert["handling"], alert["outcome"]) == ("cleared", "ended", "self_resolved")
    assert alert["closed_at"] == alert["cleared_at"] == "2026-03-01T01:34:00Z"
    assert duty.queue() == []
    assert duty.sent(bed.alert_id) == [("ring", "natt-1"), ("cleared", "natt-1")]
    assert duty.wait(24 * 60 * MINUTE) is None, "nothing waits any more"


@pytest.mark.parametrize("how", ["claimed", "released", "p1", "alarm", "retracted"])
def test_clearing_never_closes_what_a_person_must_close(duty, how):
    """Once taken, once P1, an alarm, or found never to have been: it stays for a person."""
    p1: dict[str, object] = {"priority": "P1"}
    fields = {"p1": p1, "alarm": p1 | {"alarm": True, "trigger": "t"}}
    bed = duty.out_of_bed(**fields.get(how, {}))
    duty.apply(bed)
    if how in {"claimed", "released"}:
        duty.act(bed.alert_id, "claim")
    if how == "released":
        duty.act(bed.alert_id, "release")
    duty.apply(cleared(bed, duty.now_ms, retracted=how == "retracted"))

    alert = duty.alert(bed.alert_id)
    assert alert["condition"] == ("retracted" if how == "retracted" else "cleared")
    assert alert["handling"] == ("claimed" if how == "claimed" else "new")
    assert len(duty.queue()) == 1
    assert open_without_next_action(duty.database) == []


def test_a_self_resolved_alert_leaves_the_others_of_its_incident_as_they_are(duty):
    """Back in bed does not end the press."""
    press, bed = duty.press("p1"), duty.out_of_bed()
    duty.apply(press, bed)
    duty.apply(cleared(bed, duty.now_ms))

    [row] = duty.queue()
    assert [alert["alert_id"] for alert in row["alerts"]] == [press.alert_id]
    assert row["priority"] == "P1"


def test_an_incident_calms_when_its_most_urgent_alert_resolved_itself(duty):
    """What is left has its own chain again: a P3 does not go on ringing as a P2 by night."""
    bed, card = duty.out_of_bed(), duty.out_of_bed("c", priority="P3", rule="R20")
    duty.apply(bed, card)
    duty.apply(cleared(bed, duty.now_ms))

    [row] = duty.queue()
    assert row["priority"] == "P3"
    assert row["next_step"]["at"] == "2026-03-01T06:30:00Z"


def test_what_comes_back_is_open_again(duty):
    """The rules raise the same alert anew after it had cleared: it is active, and somebody is rung."""
    bed = duty.out_of_bed()
    duty.apply(bed)
    duty.apply(cleared(bed, duty.now_ms))
    duty.now_ms += MINUTE
    duty.apply(out_of_bed("e1", duty.now_ms, effect_id="again"))

    alert = duty.alert(bed.alert_id)
    assert (alert["condition"], alert["handling"], alert["outcome"]) == ("active", "new", None)
    assert duty.kinds(bed.alert_id)[-2:] == ["came_back", "rang"]


def test_an_ended_alert_that_becomes_more_urgent_opens_again(duty):
    """No effect is swallowed by a closed alert."""
    duty.now_ms = NOON_MS
    card = duty.out_of_bed(priority="P3")
    duty.apply(card)
    duty.act(card.alert_id, "claim")
    duty.act(card.alert_id, "end", ask_again_minutes=600)
    duty.apply(updated(card, duty.now_ms, priority="P2"))

    assert duty.alert(card.alert_id)["handling"] == "new"
    assert duty.sent(card.alert_id)[-1] == ("ring", "natt-1")


def test_what_was_ended_while_still_true_is_asked_about_again(duty):
    """With no Clear by then a successor opens, and a later Clear of the first clears it too."""
    bed = duty.out_of_bed(resident="r1", self_resolves=True)
    duty.apply(bed)
    duty.act(bed.alert_id, "claim")
    duty.act(bed.alert_id, "end", ask_again_minutes=30)
    duty.wait(29 * MINUTE)
    assert duty.queue() == []
    duty.wait(MINUTE)

    [row] = duty.queue()
    successor = row["lead"]
    assert duty.alert(bed.alert_id)["continued_by"] == successor["alert_id"]
    assert (successor["rule"], successor["reason"], successor["handling"]) == ("R05", "still_active", "new")
    assert [c["event_id"] for c in successor["causes"]] == ["left-e1"]
    duty.apply(cleared(bed, duty.now_ms))
    assert duty.alert(successor["alert_id"])["outcome"] == "self_resolved"


def test_what_cleared_meanwhile_is_not_asked_about_again(duty):
    """The timer of "ask again" goes with the condition."""
    bed = duty.out_of_bed()
    duty.apply(bed)
    duty.act(bed.alert_id, "claim")
    duty.act(bed.alert_id, "end", ask_again_minutes=30)
    duty.apply(cleared(bed, duty.now_ms))
    duty.wait(60 * MINUTE)

    assert len(duty.alerts()) == 1
