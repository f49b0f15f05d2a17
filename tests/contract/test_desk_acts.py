"""What staff do: one claim, one outcome, in one transaction, once; and time does what nobody did."""

from __future__ import annotations

import threading

import msgspec
import pytest
from sqlalchemy import select

from alerts.handling.acts import Actor, Refused
from alerts.reads import queries
from alerts.schema.people import relay
from tests.support.desk import IDA, MINUTE, OLA, SECOND, Duty

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


def test_claim_by_the_holder_again_is_fine_and_by_another_is_refused_with_who_has_it(duty, alert_id):
    """The second tap changes nothing; the loser of a race is told who has it."""
    assert duty.act(alert_id, "claim")["claimed_by"]["name"] == "Ola"
    before = queries.last_change(duty.database)
    assert duty.act(alert_id, "claim")["handling"] == "claimed"
    assert queries.last_change(duty.database) == before

    code, state = refused(duty, alert_id, "claim", IDA)
    assert code == "already_claimed"
    assert state["claimed_by"]["name"] == "Ola"


def test_of_two_who_claim_at_once_exactly_one_gets_it(duty, alert_id):
    """Ten people, ten threads, one claim."""
    start = threading.Barrier(10)
    results: list[tuple[str, str | None]] = []

    def claim(number):
        actor = Actor(staff=f"s{number}", name=f"Carer {number}")
        start.wait()
        try:
            duty.desk.act(alert_id, "claim", actor, duty.now_ms, f"race-{number}", {})
        except Refused as refusal:
            results.append((refusal.code, refusal.state["claimed_by"]["staff"]))
        else:
            results.append(("got it", actor.staff))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(code for code, _ in results) == ["already_claimed"] * 9 + ["got it"]
    assert len({staff for _, staff in results}) == 1, "the nine are told of the one"


def test_the_same_key_answers_the_same_and_does_it_once(duty, alert_id):
    """A retry after a lost answer is no second act; the key with other content is refused."""
    first = duty.act(alert_id, "note", key="k", text="looked in")
    duty.wait(MINUTE)
    assert duty.act(alert_id, "note", key="k", text="looked in") == first
    assert duty.kinds(alert_id).count("note") == 1

    assert refused(duty, alert_id, "note", key="k", text="other")[0] == "idempotency_key_reused"
    assert refused(duty, alert_id, "note", IDA, key="k", text="looked in")[0] == "idempotency_key_reused"


def test_a_refused_act_changes_nothing_and_may_be_sent_again(duty, alert_id):
    """The key of a refused act is not used up."""
    before = queries.last_change(duty.database), duty.kinds(alert_id)
    assert refused(duty, alert_id, "en-route", key="k")[0] == "not_claimed"
    assert (queries.last_change(duty.database), duty.kinds(alert_id)) == before
    duty.act(alert_id, "claim")
    assert duty.act(alert_id, "en-route", key="k")["handling"] == "en_route"


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("document", {"cause": "fall", "action": "helped"}, "contact"),
        ("document", WRITTEN | {"cause": "<b>"}, "cause"),
        ("hand-over", {}, "to"),
        ("hand-over", {"to": "nobody"}, "to"),
        ("contact", {"outcome": "maybe"}, "outcome"),
        ("note", {"text": "x" * 2_001}, "text"),
        ("note", {"text": "  "}, "text"),
        ("note", {"text": 3}, "text"),
        ("note", {"call": "911"}, "call"),
        ("end", {"ask_again_minutes": 0}, "ask_again_minutes"),
        ("end", {"ask_again_minutes": 1_441}, "ask_again_minutes"),
        ("claim", {"note": 1}, "note"),
    ],
)
def test_a_bad_body_is_refused_by_field(duty, alert_id, act, body, field):
    """Wrong, missing and unbounded content never reaches the timeline."""
    if act != "claim":
        duty.act(alert_id, "claim")
    with pytest.raises(Refused) as caught:
        duty.act(alert_id, act, **body)

    assert (caught.value.code, caught.value.status) == ("bad_body", 422)
    assert caught.value.args_of_code["field"] == field


def test_an_unknown_alert_is_not_there(duty):
    """404, with nothing to show."""
    assert refused(duty, "no-such", "claim") == ("unknown_alert", {})


@pytest.mark.parametrize("reached", ["contact", "on-site"])
def test_a_p1_ends_only_after_somebody_was_reached(duty, alert_id, reached):
    """No answer is not contact; speaking with the person or standing there is."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "contact", outcome="no_answer")
    code, state = refused(duty, alert_id, "end")
    assert (code, state["handling"]) == ("needs_contact", "claimed")
    duty.act(alert_id, reached)
    assert duty.act(alert_id, "end")["handling"] == "ended"


def test_contact_before_the_next_press_does_not_end_that_press(duty, alert_id):
    """A man who pressed again after he was spoken to has to be reached again."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "contact", outcome="spoke")
    duty.now_ms += MINUTE
    duty.apply(duty.press("p2"))

    assert refused(duty, alert_id, "end")[0] == "needs_contact"
    duty.act(alert_id, "contact", outcome="spoke")
    assert duty.act(alert_id, "end")["closed_at"] == "2026-03-01T01:31:00Z"


def test_release_returns_it_to_the_queue_and_rings_at_once(duty, alert_id):
    """Nobody has it, nobody waits: the next step of the chain is fired in the same second."""
    duty.act(alert_id, "claim")
    duty.wait(2 * MINUTE)
    duty.act(alert_id, "release")

    assert duty.alert(alert_id)["claimed_by"] is None
    assert duty.sent(alert_id)[1:] == [("ring", "natt-1"), ("ring", "natt-2")]
    duty.wait(90 * SECOND)
    assert duty.sent(alert_id)[-1] == ("ring", "leder")


def test_a_hand_over_waits_two_minutes_for_an_answer_then_goes_on(duty, alert_id):
    """Natt 2 is asked, then the next, then everybody; the giver keeps it until somebody accepts."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "hand-over", to="natt-2")
    assert duty.sent(alert_id)[-1] == ("hand_over", "natt-2")
    assert duty.alert(alert_id)["claimed_by"]["name"] == "Ola"
    duty.wait(2 * MINUTE - 1)
    assert duty.sent(alert_id)[-1] == ("hand_over", "natt-2")
    duty.wait(1)
    assert duty.sent(alert_id)[-1] == ("hand_over", "leder")
    duty.wait(4 * MINUTE)
    assert {target for _, target in duty.sent(alert_id)[-4:]} == {"natt-1", "natt-2", "leder", "fallback"}

    assert refused(duty, alert_id, "accept")[0] == "yours_already"
    accepted = duty.act(alert_id, "accept", IDA)
    assert (accepted["handling"], accepted["claimed_by"]["name"]) == ("accepted", "Ida")
    assert duty.sent(alert_id)[-1] == ("taken", "natt-1"), "the one it was taken from is told"


def test_whoever_cannot_lets_the_next_be_told_without_waiting(duty, alert_id):
    """Declining a ring or a hand-over moves on in the same second."""
    duty.act(alert_id, "decline", OLA)
    assert duty.sent(alert_id)[-1] == ("ring", "natt-2")
    duty.act(alert_id, "claim")
    duty.act(alert_id, "hand-over", to="natt-2")
    duty.act(alert_id, "decline", IDA)
    assert duty.sent(alert_id)[-1] == ("hand_over", "leder")


def test_on_site_and_ended_are_told_to_the_folds_in_the_same_transaction(duty, alert_id):
    """Holds replay because what staff do on the spot goes through the journal."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "on-site")
    duty.act(alert_id, "on-site")
    assert staff_records(duty) == [("staff.arrived", "s1")]
    assert refused(duty, alert_id, "end", IDA)[0] == "not_yours"
    duty.act(alert_id, "end")
    assert staff_records(duty) == [("staff.arrived", "s1"), ("staff.left", "s1")]


def test_an_end_without_ever_being_there_says_nothing_about_leaving(duty, alert_id):
    """Somebody else's presence in the home is not ended by a telephone call."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "contact", outcome="spoke")
    duty.act(alert_id, "end")

    assert staff_records(duty) == []


def test_ended_frees_the_carer_and_is_written_down_later(duty, alert_id):
    """Ended leaves the queue; documented needs cause, action and contact, and may be corrected."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "on-site")
    duty.act(alert_id, "end")
    assert duty.queue() == []
    assert queries.counts(duty.database)["undocumented"] == 1
    duty.wait(8 * 60 * MINUTE)
    assert duty.kinds(alert_id)[-1] == "document_reminder"

    done = duty.act(alert_id, "document", IDA, **WRITTEN)
    assert [done[name] for name in ("handling", "cause_code", "action_code")] == ["documented", "fall", "helped_up"]
    corrected = duty.act(alert_id, "document", IDA, **{f"{name}_code": "other" for name in WRITTEN})
    assert corrected["cause_code"] == "other"
    assert duty.wait(14 * 24 * 60 * MINUTE) is None


def test_a_reopened_alert_is_rung_like_a_new_one(duty, alert_id):
    """Ended by mistake: back in the queue, unclaimed, its chain from the start, contact to be made anew."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "on-site")
    duty.act(alert_id, "end")
    duty.wait(MINUTE)
    reopened = duty.act(alert_id, "reopen", IDA)

    assert (reopened["handling"], reopened["claimed_by"], reopened["closed_at"]) == ("new", None, None)
    assert duty.sent(alert_id)[-1] == ("ring", "natt-1")
    duty.act(alert_id, "claim", IDA)
    assert refused(duty, alert_id, "end", IDA)[0] == "needs_contact"


def test_a_reopened_alert_joins_what_stands_open_for_the_person(duty, alert_id):
    """Never two open incidents of one person."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "on-site")
    duty.act(alert_id, "end")
    bed = duty.out_of_bed()
    duty.apply(bed)
    duty.act(bed.alert_id, "claim", IDA)
    duty.act(alert_id, "reopen")

    [row] = duty.queue()
    assert {alert["alert_id"] for alert in row["alerts"]} == {alert_id, bed.alert_id}
    assert (row["priority"], row["claimed_by"]["name"]) == ("P1", "Ida")
