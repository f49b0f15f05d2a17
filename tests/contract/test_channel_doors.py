"""Receipts, limits, leases and the state of channels, over HTTP and in the outbox. Forged changes nothing."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import select

from alerts.channels.channel import FAILED, OK, UNKNOWN, Result
from alerts.messages.addresses import address_of
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from alerts.schema.alerts import attempts, outbox
from tests.support.desk import MINUTE, SECOND, SITE
from tests.support.http import http_stack, slug
from tests.support.phone_night import NATT_1, NATT_2, Night, app_over
from tests.support.phones import TECHNICAL_PHONE


@pytest.fixture
def night(tmp_path):
    with http_stack(tmp_path) as stack:
        yield Night(stack)


# -- receipts -------------------------------------------------------------------------------------------------


def states(night, alert_id):
    return [row["state"] for row in queries.outbox(night.stack.database, alert_id)]


@pytest.mark.expected_errors("not delivered")
def test_a_receipt_that_it_never_arrived_brings_the_next_step_at_once(night):
    """The gateway took it, the phone did not: Natt 2 is rung without waiting, and technicians are told."""
    alert_id = night.press()
    assert night.said("receipts", {"id": "p1", "status": "failed"}).json() == {"result": "recorded"}
    night.run()

    assert "not_delivered" in [line["kind"] for line in night.alert(alert_id)["timeline"]]
    assert len(night.devices.received(NATT_2)) == 1
    assert len(night.devices.received(TECHNICAL_PHONE)) == 1


def test_a_receipt_settles_what_nobody_knew(night):
    """No answer, then "delivered" under our own reference: the P1 is not sent a second time."""
    night.devices.fail("sms", Result(UNKNOWN, "timed out"))
    night.press()
    night.said("receipts", {"id": "a1", "status": "delivered"})
    night.run(5 * SECOND)

    assert len(night.devices.received(NATT_1)) == 1


def test_duplicate_and_foreign_receipts_change_nothing(night):
    """The same again, of no message of ours, with a word that says nothing yet."""
    alert_id = night.press()
    body = {"id": "p1", "status": "delivered"}

    assert [night.said("receipts", body).json()["result"] for _ in range(3)] == ["recorded", "seen", "seen"]
    assert night.said("receipts", {"id": "p77", "status": "failed"}).json() == {"result": "unknown"}
    assert night.said("receipts", {"id": "p1", "status": "queued"}).json() == {"result": "seen"}
    assert states(night, alert_id) == ["sent"]


@pytest.mark.parametrize("what", ["receipts", "replies"])
def test_what_is_forged_is_refused_and_counted(night, what):
    """A wrong secret, none, an altered body: 403, nothing changed."""
    alert_id = night.press()
    body = {"id": "p1", "status": "failed", "from": NATT_1, "text": "R17 1"}

    assert slug(night.said(what, body, secret="guess")) == "forged"
    assert slug(night.said(what, body, **{"x-signature": ""})) == "forged"
    assert night.handling(alert_id) == "new"
    assert states(night, alert_id) == ["sent"]
    assert night.refused() == {"forged_receipt" if what == "receipts" else "forged_reply": 2}


def test_a_channel_without_a_door_has_none(night):
    """No receipts for what is not configured to give any."""
    assert slug(night.client.post("/api/v1/channels/email/receipts", json={})) == "not-found"


# -- channels -------------------------------------------------------------------------------------------------


@pytest.mark.expected_errors("a dead channel")
def test_a_channel_that_goes_down_is_a_task_and_closes_when_it_works(night):
    """Three tries without success: down, shown, told to technicians; the first success closes it."""
    night.devices.fail("sms", Result(FAILED, "HTTP 503"), times=9)
    night.press()
    night.run(5 * SECOND)
    night.run(20 * SECOND)
    operator = night.stack.machine("operator", "carer")
    item = operator.get("/api/v1/channels").json()["items"][0]
    [down] = [one for one in queries.every_alert(night.stack.database) if one["rule"] == "CHANNEL"]

    assert (item["channel"], item["state"], item["last_detail"]) == ("sms", "down", "HTTP 503")
    assert (down["priority"], item["alert_id"]) == ("P4", down["alert_id"])
    shown = night.stack.person().get(f"/alerts/{down['alert_id']}")
    assert (shown.status_code, "SMS-kanal virker ikke." in shown.text) == (200, True)
    assert "channel_down" in {one["code"] for one in operator.get("/health/ready").json()["reasons"]}

    night.devices.mend("sms")
    night.run(5 * SECOND)
    assert operator.get("/api/v1/channels/sms").json()["state"] == "ok"
    assert night.alert(down["alert_id"])["handling"] == "ended"


def test_an_operator_tests_a_channel_and_sees_the_try(night):
    """The test goes to the technicians over that channel alone, and is one of its tries."""
    operator, carer = night.stack.machine("operator"), night.stack.machine("carer")
    assert slug(carer.post("/api/v1/channels/sms/test")) == "wrong-role"
    assert slug(operator.post("/api/v1/channels/fax/test")) == "not-found"
    assert operator.post("/api/v1/channels/sms/test").status_code == 202
    night.run()
    [one] = operator.get("/api/v1/channels/sms").json()["tries"]

    assert (one["kind"], one["result"]) == ("channel_test", OK)
    assert "Prøve av kanalen sms" in night.last(TECHNICAL_PHONE)


def test_the_page_shows_what_fails_and_the_health_says_when_no_telephone_can_ring(night):
    """/channels for people; `no_phone_channel` where there is neither voice nor SMS."""
    night.stack.doors = msgspec.structs.replace(night.stack.doors, push_key="BKey", push_hosts=("push.example.org",))
    night.stack.app = app_over(night.stack.services())
    person = night.stack.person()
    night.press()
    page = person.get("/channels")

    assert page.status_code == 200
    assert "SMS-kanal" in page.text
    assert 'data-key="BKey"' in page.text
    codes = {one["code"] for one in night.client.get("/health/ready").json()["reasons"]}
    assert "no_phone_channel" not in codes
    services = replace(night.stack.services(), channels=("log", "mqtt"))
    night.stack.app = app_over(services)
    codes = {one["code"] for one in night.stack.client().get("/health/ready").json()["reasons"]}
    assert "no_phone_channel" in codes


def test_messages_of_an_outage_wait_for_the_limit_but_no_first_p1(night):
    """One SMS a minute: what comes again is held back, whoever is told for the first time is not."""
    night.outbox = Outbox(
        night.stack.database, night.devices.channels("sms"), night.devices.reach(per_minute={"sms": 1})
    )
    night.press()
    night.run(90 * SECOND)
    told = [len(night.devices.received(number)) for number in (NATT_1, NATT_2)]
    assert told == [2, 1], "Natt 1 again, and Natt 2 for the first time in the same minute"

    night.run(90 * SECOND)
    assert len(night.devices.messages) == 4, "of both again, one is held back"
    night.run(MINUTE)
    assert len(night.devices.messages) == 5


@pytest.mark.expected_errors("a message reaches nobody")
def test_a_message_that_reached_nobody_told_nobody(night):
    """Three tries to Natt 1 fail: the next step rings both, and the limit holds back neither."""
    night.outbox = Outbox(
        night.stack.database, night.devices.channels("sms"), night.devices.reach(per_minute={"sms": 1})
    )
    night.devices.fail("sms", Result(FAILED, "HTTP 503"), times=3)
    night.press()
    night.run(5 * SECOND)
    night.run(20 * SECOND)
    night.run()
    assert [len(night.devices.received(number)) for number in (NATT_1, NATT_2)] == [1, 1]


def test_a_result_that_comes_after_its_lease_is_not_written(night):
    """A worker that slept through its lease cannot write over what another has found."""
    night.stack.press("e1")
    first = night.outbox._begin(night.stack.now_ms, only_p1=False)
    assert first is not None
    night.stack.now_ms += 61 * SECOND
    other = Outbox(night.stack.database, night.devices.channels("sms"), night.devices.reach())
    other.run_once(night.stack.now_ms)
    night.outbox._finish(first, Result(FAILED, "late"), night.stack.now_ms)
    with night.stack.database.reader.connect() as conn:
        rows = conn.execute(select(attempts.c.result, attempts.c.may_repeat).order_by(attempts.c.id)).all()
        state = conn.execute(select(outbox.c.state)).scalars().first()

    assert [tuple(row) for row in rows[:2]] == [("unknown", False), ("ok", True)]
    assert state == "sent"


def test_of_two_workers_only_one_gets_a_message(night):
    """What one has begun the other does not see."""
    night.stack.press("e1")
    other = Outbox(night.stack.database, night.devices.channels("sms"), night.devices.reach())

    assert night.outbox._begin(night.stack.now_ms, only_p1=True) is not None
    assert other._begin(night.stack.now_ms, only_p1=False) is None


@pytest.mark.expected_errors("exhausted")
def test_for_a_p1_a_push_alone_is_not_enough(night):
    """The push arrives, the SMS is refused: nobody was rung, so the next step comes at once."""
    night.devices.fail("sms", Result(FAILED, "bad number", refused=True))
    channels = {**night.devices.channels("sms", "apprise")}
    night.outbox = Outbox(night.stack.database, channels, night.devices.reach())
    alert_id = night.press()

    assert "exhausted" in states(night, alert_id)


BROWSER_KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
BROWSER = {"endpoint": "https://push.example.org/x", "p256dh": BROWSER_KEY, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}


def test_a_browser_is_told_for_a_function_and_only_over_a_push_service(night):
    """An address inside our house, keys that are none, a function nobody has or of another ward: refused by field."""
    night.stack.doors = msgspec.structs.replace(night.stack.doors, push_key="BKey", push_hosts=("push.example.org",))
    night.stack.app = app_over(night.stack.services())
    person = night.stack.person()
    where = "/api/v1/channels/push/subscriptions"
    for bad, field in (
        ({"endpoint": "https://10.0.0.1/x"}, "endpoint"),
        ({"endpoint": "http://push.example.org/x"}, "endpoint"),
        ({"endpoint": "https://push.example.org.evil.example/x"}, "endpoint"),
        ({"p256dh": "AAAA"}, "keys"),
        ({"function": "natt-9"}, "function"),
    ):
        answer = person.post(where, json=BROWSER | bad)
        assert (slug(answer), answer.json()["field"]) == ("bad-field", field)
    made = person.post(where, json=BROWSER | {"function": "natt-1"})
    with night.stack.database.reader.connect() as conn:
        address = address_of(conn, SITE, "function", "natt-1", {})

    assert made.status_code == 201
    assert [one.endpoint for one in address.push] == ["https://push.example.org/x"]
    assert night.stack.person("ida", staff="s2").delete(f"{where}/{made.json()['id']}").status_code == 404
    assert person.delete(f"{where}/{made.json()['id']}").status_code == 204
