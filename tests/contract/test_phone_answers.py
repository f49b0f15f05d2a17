"""What people answer from their phones, by link and by SMS. Late, strange or altered changes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from alerts.retention import prune
from alerts.routing.escalation import Target
from alerts.schema.channels import phone_answers
from alerts.schema.people import contacts
from tests.support.desk import MINUTE, SECOND, SITE
from tests.support.http import http_stack
from tests.support.phone_night import NATT_1, NATT_2, STRANGER, Night


@pytest.fixture
def night(tmp_path):
    with http_stack(tmp_path) as stack:
        yield Night(stack)


def test_an_sms_names_the_key_and_nobody(night):
    """Priority, key tag, how to answer and a link: no name, no address, no diagnosis."""
    night.press()
    [first] = night.devices.received(NATT_1)

    assert first.text.startswith("P1 hos R17: noen må gå. Svar R17 1 = jeg tar den, R17 0 = kan ikke. https://")
    assert len(first.text) <= 160, "one SMS"
    assert not any(word in first.text for word in ("Kari", "Nordmann", "Fjellveien", "R01"))


def test_whose_telephone_it_was_is_forgotten_after_a_day(night):
    """The answer stays in the books, the number goes."""
    night.press()
    night.sms(NATT_1, "R17 1")
    prune(night.stack.database, night.stack.now_ms + 23 * 60 * MINUTE)
    assert answers(night) == [(NATT_1, "take")]
    prune(night.stack.database, night.stack.now_ms + 25 * 60 * MINUTE)
    assert answers(night) == [(None, "take")]


def answers(night):
    """(whose number, what became of it) of each answer in the books."""
    with night.stack.database.reader.connect() as conn:
        return [tuple(row) for row in conn.execute(select(phone_answers.c.phone, phone_answers.c.outcome))]


def test_who_has_it_and_cannot_gives_it_back(night):
    """Natt 1 has taken it by SMS and answers 0 later: it is nobody's, and both functions are rung."""
    alert_id = night.press()
    night.sms(NATT_1, "R17 1", "in-1")
    night.run(MINUTE)
    assert night.sms(NATT_1, "R17 0", "in-2").json() == {"result": "cannot"}
    assert night.last(NATT_1) != "R17: Natt 1 har den."
    assert night.handling(alert_id) == "new"
    night.run()
    assert len(night.devices.received(NATT_2)) == 1


# -- links ----------------------------------------------------------------------------------------------------


def test_looking_at_a_link_never_acts(night):
    """A preview robot may fetch it as often as it likes, with GET or HEAD: it sees a question."""
    alert_id = night.press()
    for _ in range(3):
        page = night.client.get(night.link())
        night.client.head(night.link())

    assert page.status_code == 200
    assert "Tar du den?" in page.text
    assert night.handling(alert_id) == "new"


def test_the_button_acts_once_and_a_replay_changes_nothing(night):
    """I take it: claimed by who holds the function. Pressed again, also the other button: a clear word."""
    alert_id = night.press()
    first = night.client.post(night.link(), data={"answer": "take"})
    again = night.client.post(night.link(), data={"answer": "cannot"})

    assert (first.status_code, again.status_code) == (200, 410)
    assert "Du har den" in first.text
    assert "svart på denne lenken før" in again.text
    assert night.alert(alert_id)["claimed_by"]["staff"] == "s1"
    assert night.handling(alert_id) == "claimed"
    assert night.refused() == {"link_used": 1}


def test_who_cannot_lets_the_next_be_told_at_once(night):
    """I cannot: Natt 2 is told without waiting."""
    night.press()
    night.client.post(night.link(), data={"answer": "cannot"})
    night.run()

    assert len(night.devices.received(NATT_2)) == 1


def test_a_link_that_is_altered_expired_or_of_somebody_else_is_refused_and_counted(night):
    """One sign changed, another message's number, twelve hours later: nothing happens, and it is written down."""
    alert_id = night.press()
    path = night.link()
    altered = path[:-1] + ("A" if path[-1] != "A" else "B")

    assert night.client.post(altered, data={"answer": "take"}).status_code == 404
    assert night.client.post("/l/" + "x" * 38, data={"answer": "take"}).status_code == 404
    assert night.client.post("/l/kort", data={"answer": "take"}).status_code == 404
    night.stack.now_ms += 12 * 60 * MINUTE
    assert night.client.post(path, data={"answer": "take"}).status_code == 410
    assert night.handling(alert_id) == "new"
    assert night.refused() == {"link_altered": 3, "link_expired": 1}


def test_a_link_to_what_somebody_else_has_or_what_is_over_says_so(night):
    """Natt 2 took it meanwhile: said, nothing changed; afterwards the alert is over."""
    alert_id = night.press()
    path = night.link()
    night.run(90 * SECOND)
    night.client.post(night.link(NATT_2), data={"answer": "take"})
    taken = night.client.post(path, data={"answer": "take"})

    assert taken.status_code == 409
    assert night.alert(alert_id)["claimed_by"]["staff"] == "s2"


# -- replies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["R17 1", "r17: ja", "R 17  1.", "1"])
def test_an_sms_takes_it(night, text):
    """However people type it; alone, it means the one alert they were told of."""
    alert_id = night.press()

    assert night.sms(NATT_1, text).json() == {"result": "take"}
    assert night.handling(alert_id) == "claimed"
    assert night.last(NATT_1) == "R17: du har den."


def test_the_same_sms_delivered_twice_is_one(night):
    """Gateways repeat themselves."""
    night.press()
    night.sms(NATT_1, "R17 1")

    assert night.sms(NATT_1, "R17 1").json() == {"result": "seen"}
    assert len(night.devices.received(NATT_1)) == 2


def test_a_late_reply_hears_who_has_it(night):
    """Story 6: Natt 2 has claimed it; Natt 1's "R17 1" of the valley changes nothing and is answered."""
    alert_id = night.press()
    night.run(90 * SECOND)
    night.sms(NATT_2, "R17 1", "in-1")

    assert night.sms(NATT_1, "R17 1", "in-2").json() == {"result": "taken"}
    assert night.last(NATT_1) == "R17: Natt 2 har den."
    assert night.alert(alert_id)["claimed_by"]["staff"] == "s2"


@pytest.mark.parametrize(("text", "result"), [("R17 1", "stranger"), ("hei", "stranger")])
def test_a_stranger_is_answered_and_changes_nothing(night, text, result):
    """A number nobody knows, also with the right code."""
    alert_id = night.press()

    assert night.sms(STRANGER, text).json() == {"result": result}
    assert "ikke kjent" in night.last(STRANGER)
    assert night.handling(alert_id) == "new"
    assert night.refused() == {"reply_stranger": 1}


@pytest.mark.parametrize(
    ("text", "result"), [("R99 1", "no_such"), ("hva er dette?", "unreadable"), ("", "unreadable")]
)
def test_what_cannot_be_meant_is_answered_with_how(night, text, result):
    """A code they were not told of, or no code."""
    alert_id = night.press()

    assert night.sms(NATT_1, text).json() == {"result": result}
    assert len(night.devices.received(NATT_1)) == 2
    assert night.handling(alert_id) == "new"


def test_two_machines_do_not_answer_each_other_for_ever(night):
    """After five in ten minutes a number is not answered any more; everything is still written down."""
    for number in range(9):
        night.sms(STRANGER, "out of office", f"in-{number}")
    with night.stack.database.reader.connect() as conn:
        rows = conn.execute(select(phone_answers)).all()

    assert (len(night.devices.received(STRANGER)), len(rows)) == (5, 9)


def test_a_relative_says_that_they_come_and_the_alert_stays_with_those_on_duty(night):
    """A "1" from the son: noted as coming, nobody's claim changes; what he reads names neither place nor priority."""
    son = "+4797777777"
    alert_id = night.press()
    values = {"site_id": SITE, "id": "c1", "resident": "r1", "name": "Per", "phone": son, "responder": True}
    night.stack.desk.transact(
        night.stack.now_ms,
        lambda tx: (
            tx.conn.execute(contacts.insert().values(**values, position=0, version=1, saved_ms=0)),
            tx.send(
                tx.incident(tx.alert(alert_id)["incident_id"]), "ring", (Target("responder", "c1", "responder"),),
                alert_id=alert_id,
            ),
        ),
    )  # fmt: skip
    night.run()
    asked = night.last(son)

    assert night.sms(son, "1").json() == {"result": "coming"}
    assert not any(word in asked for word in ("P1", "R17", "Kari"))
    assert "ser at du kommer" in night.last(son)
    assert night.handling(alert_id) == "new"
    assert "responder_coming" in [line["kind"] for line in night.alert(alert_id)["timeline"]]
