"""Story 10: a test goes to a phone and back; what is pressed after it is a person, whatever the device says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.device_tests import proof as test_proof
from tests.support.wired_story import CODES, NATT_1, NATT_2, SITE, WiredStory

DAY = date(2026, 3, 2)
PRESS = {"type": "alarm.pressed", "trigger": "pendant"}
TEST = f"PRØVE R17: bare en prøve, ingen skal gå. {CODES}"


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[WiredStory]:
    story = WiredStory(tmp_path, DAY, "09:55", SITE.replace("interval: 1 min", "interval: 15 min"))
    story.beat("gw-1", "gw-2", every_ms=15 * 60_000)
    yield story
    story.close()


def test_story_10_the_forgotten_test(morning: WiredStory) -> None:
    """In the session a press, flagged or not, is a test of that device alone; at 10:47 it rings as P1, "the device says
    test", and the technician gets a task.
    """
    morning.test_session("10:00", "d1", "s3", 30)
    morning.publish("10:02", "gw-1/pendant-7", PRESS | {"id": "t1", "test": True})
    assert morning.sms(NATT_1) == [("10:02:00", TEST)]
    assert morning.calls(NATT_1) == ["10:02:00"], "the proof is that it rings"
    assert morning.queue() == []
    assert morning.reply("10:03", NATT_1, "R17 1") == "tested"
    assert morning.sms(NATT_1)[-1] == ("10:03:00", "Prøven kom fram og tilbake. Takk.")
    (session,) = test_proof.sessions(morning.database, "solbakken", morning.now_ms)
    (proof,) = session["presses"]
    assert (session["proved"], session["name"], proof["answered_by"], proof["answered_via"]) == (
        True,
        "Tek",
        "Natt 1",
        "sms",
    )
    assert [proof[name] for name in ("pressed_at", "recorded_at", "alert_at", "sent_at", "answered_at")] == [
        *["2026-03-02T09:02:00Z"] * 4,
        "2026-03-02T09:03:00Z",
    ]

    morning.publish("10:20", "gw-1/pendant-7", PRESS | {"id": "t2"})
    assert morning.told("10:04") == [("10:20:00", "test", "natt-1")]
    assert [alert["test"] for alert in morning.alerts()] == [True, True]
    morning.publish("10:47", "gw-1/pendant-7", PRESS | {"id": "t3", "test": True})
    (real,) = [alert for alert in morning.alerts() if alert["rule"] == "R01" and not alert["test"]]
    assert (real["priority"], real["causes"][0]["quality"]) == ("P1", ["device_says_test"])
    assert morning.sms(NATT_1)[-1] == ("10:47:00", f"P1 hos R17: noen må gå. {CODES}")
    assert morning.calls(NATT_1)[-1] == "10:47:00"
    (mail,) = morning.phones.received("tek@example.org")
    assert (morning.clock(mail.at_ms), mail.kind) == ("10:47:00", "email")
    assert "R17: en enhet sier test, og ingen tester den." in mail.text
    task = morning.alert("DEVICE_TEST")
    assert (task["priority"], task["reason_args"]["name"]) == ("P4", "Tek")
    assert [row["lead"]["rule"] for row in morning.queue()] == ["R01", "DEVICE_TEST"]
    assert morning.sms(NATT_2) == []


def test_story_10_another_device_in_the_session_is_no_test(morning: WiredStory) -> None:
    """While Kari's pendant is tested, Per presses: his call rings."""
    morning.test_session("10:00", "d1", "s3", 30)
    morning.publish("10:02", "gw-2/pendant-2", PRESS | {"id": "x1", "test": True})
    (alert,) = [one for one in morning.alerts() if one["rule"] == "R01"]
    assert (alert["test"], alert["resident_id"]) == (False, "r2")
    assert morning.rung("natt-1") == [morning.at("10:02")]
