"""Story 6 as the telephones saw it: who got what and when, and what a late SMS out of a valley does."""

from __future__ import annotations

from sqlalchemy import update

from alerts.messages.outbox import Outbox
from alerts.messages.phone_answers import PhoneAnswers
from alerts.schema.people import functions
from tests.support.desk import MINUTE, SECOND, Duty
from tests.support.phones import Devices
from tests.support.shift_people import new_phone

NATT_1, NATT_2 = "+4798888881", "+4798888882"


def test_no_coverage(tmp_path):
    """Natt 1 unheard for seven minutes: both phones ring in the same second. Natt 2 takes it by SMS; Natt 1's "R17 1"
    comes three minutes later and is answered "Natt 2 has it"; nothing changes.
    """
    duty = Duty(tmp_path)
    devices = Devices(lambda: duty.now_ms)
    duty.outbox = Outbox(duty.database, devices.channels(), devices.reach())
    with duty.database.writer.begin() as conn:
        for function, phone in (("natt-1", NATT_1), ("natt-2", NATT_2)):
            conn.execute(update(functions).where(functions.c.id == function).values(phone=phone))
    new_phone(duty, "natt-1")  # heard now, and not again
    duty.wait(7 * MINUTE)
    devices.out_of_coverage(NATT_1)
    at_ms = duty.now_ms
    press = duty.press("p1")
    duty.apply(press)

    assert [message.target for message in devices.messages] == ["natt-1", "natt-1", "natt-2", "natt-2"]
    assert [(one.kind, one.at_ms) for one in devices.received(NATT_2)] == [("sms", at_ms), ("voice", at_ms)]

    answers = PhoneAnswers(duty.desk, devices.reach())
    duty.wait(MINUTE)
    assert answers.reply("sms", NATT_2, "R17 1", "in-1", duty.now_ms) == "take"
    duty.wait(2 * MINUTE)
    before = len(devices.received(NATT_2))
    devices.back(NATT_1)
    assert answers.reply("sms", "98 88 88 81", "R17 1", "in-2", duty.now_ms) == "taken"
    duty.wait(SECOND)

    assert [one.text for one in devices.received(NATT_1)] == ["R17: Natt-2 har den."]
    assert len(devices.received(NATT_2)) == before, "nobody else is bothered by it"
    assert duty.alert(press.alert_id)["handling"] == "claimed"
    assert duty.kinds(press.alert_id).count("claimed") == 1
