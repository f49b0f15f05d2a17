"""Escalation over three levels with stored timers: it never ends in silence, also across a stop in the middle."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import select

from alerts.messages.outbox import Outbox
from alerts.schema.people import relay
from tests.support.desk import HOUR, MINUTE, SECOND, SITE, Duty, observed, open_without_next_action, pressed

NATT_1, NATT_2, LEDER, OUTSIDE = "natt-1", "natt-2", "leder", "fallback"


def rung(duty, alert_id):
    """Who was rung and how long after the alert: [(seconds, target), …] as the phones received it."""
    about = set(duty.alert(alert_id)["incident"]["alert_ids"])
    return [
        ((message.created_ms - duty.start_ms) // SECOND, message.target)
        for message in duty.phones.received
        if message.kind == "ring" and message.alert_id in about
    ]


@pytest.fixture
def duty(tmp_path):
    """A ward with Natt 1, Natt 2 and a leader at 02:30, and one press nobody answers."""
    duty = Duty(tmp_path)
    duty.apply(duty.press("p1"))
    return duty


def test_an_alarm_nobody_takes_goes_up_three_levels_and_on_for_ever(duty):
    """Natt 1, Natt 2 as well, all on shift, the outside too; then everybody again every two minutes."""
    alert_id = duty.press("p1").alert_id
    duty.wait(3 * HOUR)
    calls = rung(duty, alert_id)

    assert calls[:10] == [
        (0, NATT_1),
        *((90, NATT_1), (90, NATT_2)),
        *((180, NATT_1), (180, NATT_2), (180, LEDER)),
        *((300, NATT_1), (300, NATT_2), (300, LEDER), (300, OUTSIDE)),
    ]
    times = sorted({seconds for seconds, _ in calls})
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 120
    assert times[-1] >= 3 * 3_600 - 120
    assert {target for seconds, target in calls if seconds > 300} == {NATT_1, NATT_2, LEDER, OUTSIDE}
    assert open_without_next_action(duty.database) == []


@pytest.mark.parametrize("down_s", [10, 100, 200, 3_600])
def test_a_stop_in_the_middle_loses_no_step(duty, down_s):
    """What fell due while the service was down fires once, in order, says how late it is, and the chain goes on."""
    alert_id = duty.press("p1").alert_id
    duty.wait(60 * SECOND)
    duty.now_ms += down_s * SECOND
    duty.desk = duty.new_desk()
    duty.outbox = Outbox(duty.database, {"phones": duty.phones})
    duty.outbox.recover(duty.now_ms)
    duty.wait(20 * MINUTE)

    steps = [line["args"] for line in duty.alert(alert_id)["timeline"] if line["kind"] == "rang"]
    assert [args["step"] for args in steps] == list(range(len(steps))), "each step once, none left out"
    back_s = 60 + down_s
    late = [args.get("late_ms", 0) // SECOND for args in steps]
    assert late[1:4] == [max(0, back_s - due) if back_s - due > 5 else 0 for due in (90, 180, 300)]
    assert late[4:] == [0] * len(late[4:]), "repeats are not caught up"
    assert rung(duty, alert_id)[-1][1] == OUTSIDE


def test_a_claim_in_the_middle_stops_it_and_a_release_goes_on(duty):
    """Silence only while somebody has it and takes their next steps."""
    alert_id = duty.press("p1").alert_id
    duty.wait(100 * SECOND)
    duty.act(alert_id, "claim")
    before = len(rung(duty, alert_id))
    for _ in range(10):
        duty.wait(150 * SECOND)
        duty.act(alert_id, "note", text="on the phone with her")
    assert len(rung(duty, alert_id)) == before
    duty.act(alert_id, "release")
    assert [target for _, target in rung(duty, alert_id)[before:]] == [NATT_1, NATT_2, LEDER]
    duty.wait(2 * MINUTE)
    assert rung(duty, alert_id)[-1][1] == OUTSIDE


def test_twenty_alarms_at_once_each_have_their_own_chain(tmp_path):
    """A power cut in a street: nobody's alarm waits for another's."""
    duty = Duty(tmp_path)
    presses = [pressed(f"p{n}", duty.now_ms, subject=f"r{n}", resident=f"r{n}") for n in range(20)]
    duty.apply(*presses)
    duty.act(presses[0].alert_id, "claim")
    duty.wait(5 * MINUTE)

    assert {rung(duty, press.alert_id)[-1] for press in presses[1:]} == {(300, OUTSIDE)}
    assert rung(duty, presses[0].alert_id) == [(0, NATT_1), (300, NATT_2), (300, LEDER)], "asked at 3 min, rung at 5"


def test_the_forgotten_test_session_ends_by_itself(tmp_path):
    """Story 10 at the desk: within the session a press is a test and reaches a phone; after it, it is real.

    Which of the two the fold says is tested with the fold; here the session's setting and both kinds of effects.
    """
    duty = Duty(tmp_path)
    session = duty.desk.open_test_session("d1", "s1", duty.now_ms)
    assert session["until_ms"] == duty.now_ms + 30 * MINUTE
    duty.now_ms += 2 * MINUTE
    test = duty.press("t1", test=True)
    duty.apply(test)
    assert duty.sent(test.alert_id) == [("test", NATT_1)]
    assert duty.queue() == []

    duty.now_ms += 45 * MINUTE
    real = duty.press("t2", suppressed=())
    duty.apply(real, observed("recorded_only", duty.now_ms))
    assert duty.sent(real.alert_id) == [("ring", NATT_1)]
    assert [row["lead"]["alert_id"] for row in duty.queue()] == [real.alert_id]

    with duty.database.reader.connect() as conn:
        relayed = conn.execute(select(relay.c.topic).where(relay.c.site_id == SITE)).scalars().all()
    assert relayed == [f"test_session/{session['id']}"]
    duty.desk.tick(duty.now_ms)
    assert duty.desk.close_test_session(session["id"], "s1", duty.now_ms) is False, "it has been cleared away"


def test_a_test_session_is_short_and_of_one_device(tmp_path):
    """Longer than 30 min is refused; a second one for the device takes the place of the first."""
    duty = Duty(tmp_path)
    with pytest.raises(ValueError, match="30 minutes"):
        duty.desk.open_test_session("d1", "s1", duty.now_ms, minutes=31)
    first = duty.desk.open_test_session("d1", "s1", duty.now_ms)
    second = duty.desk.open_test_session("d1", "s1", duty.now_ms + MINUTE, minutes=5)

    assert duty.desk.close_test_session(first["id"], "s1", duty.now_ms) is False
    assert duty.desk.close_test_session(second["id"], "s1", duty.now_ms) is True
