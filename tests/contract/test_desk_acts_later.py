"""What happens after an act: who is asked when nothing follows, what an end leaves to do, what the board says."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import select

from alerts.handling.acts import Refused
from alerts.reads import queries
from alerts.schema.people import relay
from tests.support.desk import IDA, MINUTE, NOON_MS, OLA, Duty, cleared, open_without_next_action

WRITTEN = {"cause": "fall", "action": "helped_up", "contact": "on_site"}


@pytest.fixture
def duty(tmp_path):
    """A desk with one open press, Natt 1 rung."""
    duty = Duty(tmp_path)
    duty.apply(duty.press("p1"))
    return duty


@pytest.fixture
def alert_id(duty):
    """The open press."""
    return duty.press("p1").alert_id


def refused(duty, alert_id, act, *args, **body):
    """The code and the state an act is refused with."""
    with pytest.raises(Refused) as caught:
        duty.act(alert_id, act, *args, **body)
    return caught.value.code, caught.value.state


def staff_records(duty):
    """What is on its way to the folds about staff: (type, actor)."""
    with duty.database.reader.connect() as conn:
        rows = conn.execute(select(relay.c.payload).where(relay.c.kind == "staff").order_by(relay.c.id)).scalars()
        records = [msgspec.json.decode(row, type=dict[str, str | None]) for row in rows]
        return [(record["type"], record["actor"]) for record in records]


def test_a_claim_without_a_next_step_is_asked_about_and_the_next_is_rung_as_well(duty, alert_id):
    """P1: asked after 3 min, the next rung 2 min later, again and again; the claim stays; a next step renews it."""
    duty.act(alert_id, "claim")
    duty.wait(3 * MINUTE)
    assert duty.sent(alert_id)[1:] == [("ask", "natt-1")]
    duty.wait(2 * MINUTE)
    assert duty.sent(alert_id)[2:] == [("ring", "natt-2"), ("ring", "leder")]
    duty.wait(3 * MINUTE)
    assert duty.sent(alert_id)[4:] == [("ask", "natt-1")]
    duty.act(alert_id, "note", text="calling her")
    duty.wait(3 * MINUTE - 1)
    assert len(duty.sent(alert_id)) == 5
    assert duty.alert(alert_id)["claimed_by"]["name"] == "Ola"


def test_en_route_and_not_there_by_the_goal_is_asked_about(duty, alert_id):
    """The ward's goal counts from the claim; 40 min where the ward says nothing."""
    duty.act(alert_id, "claim")
    duty.wait(2 * MINUTE)
    duty.act(alert_id, "en-route")
    duty.wait(38 * MINUTE - 1)
    assert len(duty.sent(alert_id)) == 1
    duty.wait(1)
    assert duty.sent(alert_id)[1:] == [("ask", "natt-1")]
    assert duty.kinds(alert_id)[-1] == "asked_arrival"


def test_what_is_still_true_is_ended_with_a_time_to_ask_again(duty):
    """Without one given, after an hour; the answer of the timeline says when."""
    bed = duty.out_of_bed(resident="r2", subject="r2")
    duty.apply(bed)
    duty.act(bed.alert_id, "claim")
    duty.act(bed.alert_id, "end")
    assert duty.alert(bed.alert_id)["timeline"][-1]["args"] == {"ask_again_minutes": 60}
    duty.wait(60 * MINUTE)

    assert [row["lead"]["reason"] for row in duty.queue() if row["subject_id"] == "r2"] == ["still_active"]


def test_a_call_outside_is_an_act_of_its_own(duty, alert_id):
    """113 stands in the timeline with who called, and the national code for others involved."""
    duty.act(alert_id, "note", call="113")
    line = duty.alert(alert_id)["timeline"][-1]

    assert (line["kind"], line["args"], line["vkp"]) == ("note", {"text": "", "call": "113"}, 10)


def test_documents_of_a_whole_incident_leave_out_what_resolved_itself(duty, alert_id):
    """One outcome for what a person ended; a self-resolved alert keeps its own."""
    bed = duty.out_of_bed()
    duty.apply(bed)
    duty.apply(cleared(bed, duty.now_ms))
    duty.act(alert_id, "claim")
    duty.act(alert_id, "on-site")
    duty.act(alert_id, "end")
    duty.act(alert_id, "document", **WRITTEN)

    assert duty.alert(alert_id)["handling"] == "documented"
    assert duty.alert(bed.alert_id)["handling"] == "ended"
    assert duty.alert(bed.alert_id)["outcome"] == "self_resolved"


@pytest.mark.parametrize("act", ["claim", "release", "contact", "hand-over", "accept", "decline", "en-route", "end"])
def test_nothing_but_documents_and_reopening_is_done_to_an_ended_alert(duty, alert_id, act):
    """A claim on an ended alert is refused, whoever asks."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "on-site")
    duty.act(alert_id, "end")
    body = {"to": "natt-2"} if act == "hand-over" else {}

    assert refused(duty, alert_id, act, OLA, **body)[0] == "already_ended"
    assert refused(duty, alert_id, act, IDA, **body)[0] == "already_ended"


def test_the_board_says_who_has_it_and_what_comes_next(duty, alert_id):
    """Ringing Natt 1, next Natt 2 in 90 s; once claimed, Ola since when and what he is asked."""
    [row] = duty.queue()
    assert row["next_step"] == {
        "at": "2026-03-01T01:31:30Z",
        "what": "escalate",
        "target": "Natt-2",
        "targets": ["Natt-1", "Natt-2"],
        "ringing": ["Natt-1"],
        "held_back": None,
    }
    duty.act(alert_id, "claim")
    [row] = duty.queue()
    assert row["next_step"]["what"] == "ask"
    assert row["next_step"]["target"] == "Ola"
    assert row["next_step"]["ringing"] == []
    assert queries.counts(duty.database)["unclaimed_p1"] == 0


def test_a_p3_taken_by_day_is_released_into_the_night_without_ringing(tmp_path):
    """Released at 23:00 it waits for the morning list."""
    duty = Duty(tmp_path, now_ms=NOON_MS)
    card = duty.out_of_bed(priority="P3")
    duty.apply(card)
    duty.act(card.alert_id, "claim")
    duty.now_ms += 11 * 60 * MINUTE
    duty.act(card.alert_id, "release")

    assert duty.sent(card.alert_id) == [("ring", "natt-1")]
    assert duty.queue()[0]["next_step"]["at"] == "2026-03-02T06:30:00Z"
    assert open_without_next_action(duty.database) == []
