"""Test sessions: the way of a press to a phone and back; devices nobody has tested, as one list a week for a ward."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from alerts.device_tests import proof as test_proof
from alerts.device_tests import untested
from ingest.event import DEVICE_SAYS_TEST
from rules.effects import Raise, Reason, effect_id
from rules.local_time import instant_ms
from tests.support.desk import HOUR, IDA, MINUTE, OLA, SECOND, SITE, Duty, cause, cleared
from tests.support.http import HttpStack, http_stack
from tests.support.phone_night import NATT_1, Night

DAY = 24 * HOUR
MONDAY_MS = instant_ms(date(2026, 3, 2), 8 * 60, "Europe/Oslo")  # the day after the night that a desk begins with


@pytest.fixture
def duty(tmp_path):
    """An empty desk at 02:30 on a Sunday."""
    duty = Duty(tmp_path)
    yield duty
    duty.database.close()


class Told(Night):
    """A night that a program reads over the API."""

    def __init__(self, stack: HttpStack) -> None:
        super().__init__(stack)
        self.reader = stack.machine()


@pytest.fixture
def night(tmp_path):
    """Functions with telephones and a gateway for SMS; Ola's session for Kari's pendant is open."""
    with http_stack(tmp_path) as stack:
        night = Told(stack)
        stack.desk.open_test_session("d1", "s1", stack.now_ms)
        yield night


def pressed(night: Told, event: str = "t1") -> Any:
    """A press two minutes into the session, sent."""
    night.stack.now_ms += 2 * MINUTE
    alert_id = night.stack.press(event, test=True)
    night.run()
    return alert_id


def session(night: Told) -> dict[str, Any]:
    (found,) = night.reader.get("/api/v1/tests?state=all").json()["items"]
    return dict(found)


def overdue(device: str, at_ms: int, **fields: Any) -> Raise:
    """R48 as the rules say it."""
    alert_id = effect_id(f"R48:{device}", "alert", str(at_ms))
    values: dict[str, Any] = {
        "effect_id": effect_id(alert_id, "raise", "1"), "alert_id": alert_id, "at_ms": at_ms, "site": SITE,
        "home": "h1", "subject": "r1", "resident": "r1", "device": device, "rule": "R48", "rule_version": "v1",
        "code": "", "priority": "P4", "episode": str(at_ms), "condition": "active",
        "reason": Reason("absence.too_long"), "self_resolves": True,
    }  # fmt: skip
    return Raise(**(values | fields))


# -- there and back -------------------------------------------------------------------------------------------


def test_a_press_went_to_a_phone_and_its_answer_came_back(night):
    """Pressed, recorded, alert, sent, delivered, answered: each with its time, and whose phone it was."""
    pressed(night)
    (before,) = session(night)["presses"]
    assert [before[name] is not None for name in ("sent_at", "delivered_at", "answered_at")] == [True, False, False]
    assert session(night)["proved"] is False
    assert "PRØVE R17: bare en prøve" in night.last(NATT_1)

    night.stack.now_ms += 5 * SECOND
    assert night.said("receipts", {"id": "a1", "status": "delivered"}).status_code in {200, 204}
    night.stack.now_ms += 20 * SECOND
    night.sms(NATT_1, "R17 1")

    found = session(night)
    (press,) = found["presses"]
    assert found["proved"]
    assert [press[name][14:19] for name in ("pressed_at", "recorded_at", "alert_at", "sent_at")] == ["32:00"] * 4
    assert (press["delivered_at"][14:19], press["answered_at"][14:19]) == ("32:05", "32:25")
    assert (press["answered_by"], press["answered_via"]) == ("Natt 1", "sms")


def test_the_link_in_the_message_is_an_answer_too(night):
    """By its button; looking at it is none."""
    pressed(night)
    night.client.get(night.link())
    assert session(night)["proved"] is False
    night.client.post(night.link(), data={"answer": "take"})

    assert session(night)["presses"][0]["answered_via"] == "link"


def test_who_tests_cannot_say_that_it_arrived(night):
    """Somebody else can, on the board; and only of a press that was made."""
    test_id = session(night)["id"]
    desk, now_ms = night.stack.desk, night.stack.now_ms
    with pytest.raises(test_proof.NoSuchTest):
        desk.transact(now_ms, lambda tx: test_proof.answer(tx, test_id, IDA))
    pressed(night)
    with pytest.raises(test_proof.NoSuchTest) as refused:
        desk.transact(now_ms, lambda tx: test_proof.answer(tx, test_id, OLA))
    assert refused.value.own
    desk.transact(now_ms, lambda tx: test_proof.answer(tx, test_id, IDA))

    assert (session(night)["presses"][0]["answered_by"], session(night)["presses"][0]["answered_via"]) == (
        "Ida",
        "board",
    )


def test_a_press_belongs_to_the_session_that_covered_it(duty):
    """Sessions that are over keep theirs; a press between two belongs to none, nor one of another device."""
    first = duty.desk.open_test_session("d1", "s1", duty.now_ms)["id"]
    duty.now_ms += MINUTE
    duty.apply(duty.press("t1", test=True))
    duty.desk.close_test_session(first, "s1", duty.now_ms + MINUTE)
    duty.now_ms += 3 * MINUTE
    duty.apply(duty.press("t2", test=True), duty.press("t3", test=True, device="d9"))
    duty.now_ms += MINUTE
    second = duty.desk.open_test_session("d1", "s1", duty.now_ms)["id"]
    duty.apply(duty.press("t4", test=True))

    found = test_proof.sessions(duty.database, SITE, duty.now_ms)
    assert [(one["id"], one["state"], len(one["presses"])) for one in found] == [
        (second, "open", 1),
        (first, "over", 1),
    ]
    assert found[1]["presses"][0]["alert_id"] == duty.press("t1").alert_id
    assert [one["id"] for one in test_proof.sessions(duty.database, SITE, duty.now_ms, open_only=True)] == [second]


# -- the forgotten test (story 10) ----------------------------------------------------------------------------


def test_a_device_that_says_test_when_nobody_tests_is_a_task_for_the_technician(duty):
    """The P1 rings; beside it one P4 for the one who tested it last, who is told; both lanes and more presses: one."""
    duty.desk.open_test_session("d1", "s1", duty.now_ms)
    duty.now_ms += 47 * MINUTE
    for number in ("p1", "p2"):
        press = duty.press(number)
        duty.apply(msgspec.structs.replace(press, causes=(cause(number, duty.now_ms, quality=(DEVICE_SAYS_TEST,)),)))

    alarm, task = duty.queue()
    assert (alarm["priority"], alarm["lead"]["rule"], task["priority"], task["lead"]["rule"]) == (
        "P1", "R01", "P4", "DEVICE_TEST",
    )  # fmt: skip
    assert duty.sent(alarm["lead"]["alert_id"])[0] == ("ring", "natt-1")
    assert duty.sent(task["lead"]["alert_id"]) == [("ring", "s1")]
    assert "du testet den sist" in duty.phones.received[1].text.lower()
    assert task["lead"]["reason_args"]["name"] == "Ola"


def test_a_device_nobody_has_tested_is_a_task_for_whoever_sees_it(duty):
    """No technician to name: on the list, nobody rung. An unassigned device is none of this."""
    says_test = (cause("p1", duty.now_ms, quality=(DEVICE_SAYS_TEST,)),)
    duty.apply(duty.press("p1", causes=says_test), duty.press("p2", causes=says_test, device=None, subject="x"))

    tasks = [one["lead"] for one in duty.queue() if one["priority"] == "P4"]
    assert [(one["rule"], one["reason"]) for one in tasks] == [("DEVICE_TEST", "device_test.unnamed")]
    assert duty.sent(tasks[0]["alert_id"]) == []


# -- R48: one list a week -------------------------------------------------------------------------------------


def lists(duty: Duty) -> list[tuple[str, int]]:
    return [(one["lead"]["rule"], one["lead"]["reason_args"]["count"]) for one in duty.queue()]


def test_untested_devices_are_one_row_a_ward_on_monday_morning(duty):
    """Nothing on the queue before; then one P4 with their number, however many, and rung for nobody."""
    duty.apply(*[overdue(f"d{number}", duty.now_ms + number) for number in range(3)])
    assert duty.queue() == []
    assert [one["device"] for one in untested.overdue(duty.database, SITE, "nord")] == ["d0", "d1", "d2"]

    duty.wait(MONDAY_MS - duty.now_ms - 1)
    assert duty.queue() == []
    duty.wait(1)
    assert lists(duty) == [("UNTESTED", 3)]
    assert duty.phones.received == []
    (row,) = duty.queue()
    assert (row["ward_id"], row["home_id"]) == ("nord", "ward:nord"), "of the ward, and of nobody's home"
    assert untested.overdue(duty.database, SITE, "sor") == []


def test_a_test_takes_a_device_off_the_list_and_the_last_one_ends_it(duty):
    """The row counts what is left now, and closes by itself."""
    found = [overdue(f"d{number}", duty.now_ms) for number in range(2)]
    duty.apply(*found)
    duty.wait(MONDAY_MS - duty.now_ms)
    (row,) = duty.queue()
    duty.apply(cleared(found[0], duty.now_ms))
    assert lists(duty) == [("UNTESTED", 1)]
    assert [one["device"] for one in untested.overdue(duty.database, SITE)] == ["d1"]
    duty.apply(cleared(found[1], duty.now_ms, retracted=True))

    assert duty.queue() == []
    assert duty.alert(row["lead"]["alert_id"])["outcome"] == "self_resolved"


def test_what_is_left_comes_again_a_week_later_as_one_row(duty):
    """Still open: it says the new number. Ended by a person: a new one. Tested by then: none."""
    first = overdue("d1", duty.now_ms)
    duty.apply(first)
    duty.wait(MONDAY_MS - duty.now_ms)
    duty.apply(overdue("d2", duty.now_ms))
    duty.wait(7 * DAY)
    assert lists(duty) == [("UNTESTED", 2)]
    (row,) = duty.queue()
    duty.act(row["lead"]["alert_id"], "claim")
    duty.act(row["lead"]["alert_id"], "end")
    assert lists(duty) == []
    duty.wait(7 * DAY)
    assert lists(duty) == [("UNTESTED", 2)]
    assert duty.queue()[0]["incident_id"] != row["incident_id"]


def test_a_monday_missed_by_an_outage_is_made_up_for_at_once(duty):
    """One list, not one for each week."""
    duty.apply(overdue("d1", duty.now_ms))
    duty.now_ms = MONDAY_MS + 15 * DAY
    duty.wait(0)

    assert lists(duty) == [("UNTESTED", 1)]


def test_the_next_monday_is_eight_oclock_of_the_sites_clock():
    """Also over the night when the clocks change (2026-03-29)."""
    before = instant_ms(date(2026, 3, 28), 12 * 60, "Europe/Oslo")
    assert untested.next_monday_ms(before, "Europe/Oslo") - before == 43 * HOUR
    assert untested.next_monday_ms(MONDAY_MS - 1, "Europe/Oslo") == MONDAY_MS
    assert untested.next_monday_ms(MONDAY_MS, "Europe/Oslo") == MONDAY_MS + 7 * DAY


def test_the_list_over_http_is_of_the_callers_wards(night):
    """JSON and CSV, pseudonyms; a stranger's ward is refused, and a page shows both."""
    stack = night.stack
    stack.apply(overdue("d1", stack.now_ms))
    (one,) = night.reader.get("/api/v1/tests/overdue?ward=nord").json()["items"]
    assert (one["device"], one["role"], one["resident"], one["ward"]) == ("d1", "pendant", "r1", "nord")
    assert night.reader.get("/api/v1/tests/overdue?format=csv").text.splitlines()[0].startswith("device;role;resident")
    assert night.reader.get("/api/v1/tests/overdue?ward=sor").json()["items"] == []
    bound = stack.person("ida", "s2", wards=("sor",))
    assert bound.get("/api/v1/tests/overdue").json()["items"] == []
    assert bound.get("/api/v1/tests/overdue?ward=nord").status_code == 403


def test_the_page_shows_the_way_of_a_press_and_what_is_overdue(night):
    """Who was told says there that it came; the technician's own page has no such button."""
    pressed(night)
    night.stack.apply(overdue("d1", night.stack.now_ms))
    own, other = night.stack.person("ola", "s1"), night.stack.person("ida", "s2")
    assert "Den kom fram" not in own.get("/tests").text
    page = other.get("/tests").text
    assert "forfalt siden" in page
    assert "trykket" in page
    said = other.post(f"/tests/{session(night)['id']}/arrived", data={"csrf": other.headers["x-csrf-token"]})

    assert "Det er registrert at prøven kom fram." in said.text
    assert "besvart av Ida" in said.text
    assert session(night)["proved"]
