"""The nights of the acceptance stories that the first whole path must master."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.acts import Refused
from tests.support.wired_story import WiredStory

NIGHT = date(2026, 3, 2)


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """From 22:00 the evening before; both gateways are heard each minute."""
    story = WiredStory(tmp_path, NIGHT, "00:00")
    yield story
    story.close()


def test_story_1_one_fall_one_incident(night: WiredStory) -> None:
    """A fall, presses and an empty bed are one row, one claim, one outcome."""
    night.publish("00:00:10", "gw-1/bed-1", {"type": "bed.occupied", "id": "b1"})
    night.heartbeats("02:10", "gw-1", "gw-2")
    night.publish("02:10", "gw-1/bed-1", {"type": "bed.left", "id": "b2"})
    night.publish("02:13:00", "gw-1/pendant-7", {"type": "fall.suspected", "id": "p1"})
    assert night.alerts() == []
    night.publish("02:13:20", "gw-1/pendant-7", {"type": "fall.confirmed", "id": "p2"})
    fall = night.alert("R03")
    assert (fall["priority"], fall["opened_at"]) == ("P1", "2026-03-02T01:13:20Z")
    assert night.rung("natt-1") == [night.at("02:13:20")]
    night.publish("02:14:05", "gw-1/pendant-7", {"type": "alarm.pressed", "id": "p3", "trigger": "pendant"})
    night.act("02:14:20", "ola", fall, "claim")
    rung_before = len(night.phones.received)
    night.publish("02:14:30", "gw-1/pendant-7", {"type": "alarm.pressed", "id": "p4", "trigger": "pendant"})
    night.publish("02:14:50", "gw-1/pendant-7", {"type": "alarm.pressed", "id": "p5", "trigger": "pendant"})
    assert len(night.phones.received) > rung_before, "further presses notify the one who has it again"
    night.act("02:16", "ola", fall, "en-route")
    night.heartbeats("02:31", "gw-1", "gw-2")
    bed = night.alert("R05")
    assert (bed["opened_at"], bed["incident_id"]) == ("2026-03-02T01:30:00Z", fall["incident_id"])
    assert len(night.queue()) == 1
    with pytest.raises(Refused):
        night.act("02:31", "ola", fall, "end")
    night.heartbeats("02:49", "gw-1", "gw-2")
    night.act("02:49", "ola", fall, "on-site")
    night.heartbeats("03:15", "gw-1", "gw-2")
    night.publish("03:15", "gw-1/bed-1", {"type": "bed.occupied", "id": "b3"})
    night.heartbeats("03:20", "gw-1", "gw-2")
    night.act("03:20", "ola", fall, "end")
    night.heartbeats("07:10", "gw-1", "gw-2")
    codes = {"cause": "fall_no_injury", "action": "helped_up", "contact": "on_site"}
    done = night.act("07:10", "ola", fall, "document", **codes)
    assert done["handling"] == "documented"
    assert [alert["rule"] for alert in night.alerts("open")] == []
    assert {alert["incident_id"] for alert in night.alerts() if alert["resident_id"] == "r1"} >= {fall["incident_id"]}


def test_story_8_a_press_in_an_outage_and_a_late_one(night: WiredStory) -> None:
    """While one home is gone, a press elsewhere rings at once; what was pressed in the dark rings with its delay."""
    night.publish("18:00", "gw-1/pendant-7", {"type": "heartbeat"})
    night.publish("18:00", "gw-2/pendant-2", {"type": "heartbeat"})
    night.publish("18:00:05", "gw-1/bed-1", {"type": "bed.occupied", "id": "b0", "time": "2026-03-02T18:00:05+01:00"})
    night.publish("18:00:06", "gw-2/bed-2", {"type": "bed.occupied", "id": "c0", "time": "2026-03-02T18:00:06+01:00"})
    night.heartbeats("18:12", "gw-1", "gw-2")
    night.heartbeats("18:31", "gw-2")
    assert [alert["rule"] for alert in night.alerts("open") if alert["resident_id"] == "r1"] == ["R52"]
    night.publish("18:31", "gw-2/pendant-2", {"type": "alarm.pressed", "id": "x1", "trigger": "pendant"})
    press = night.alert("R01")
    assert (press["resident_id"], press["late_seconds"]) == ("r2", 0)
    assert night.rung("natt-1")[-1] == night.at("18:31")
    night.heartbeats("22:40", "gw-2")
    late = {
        "type": "alarm.pressed",
        "id": "x2",
        "trigger": "pendant",
        "time": "2026-03-02T18:40:00+01:00",
        "buffered": True,
    }
    over = [
        {"type": "bed.left", "id": "b1", "time": "2026-03-02T22:02:00+01:00", "buffered": True},
        {"type": "bed.occupied", "id": "b2", "time": "2026-03-02T22:29:00+01:00", "buffered": True},
    ]
    night.publish("22:40", "gw-1/pendant-7", late)
    night.publish("22:40:01", "gw-1/bed-1", over)
    pressed = next(a for a in night.alerts() if a["rule"] == "R01" and a["resident_id"] == "r1")
    assert (pressed["late_seconds"], pressed["opened_at"]) == (4 * 3_600, "2026-03-02T21:40:00Z")
    night.heartbeats("22:50", "gw-1", "gw-2")
    assert [alert["rule"] for alert in night.alerts() if alert["rule"] == "R05"] == []


def test_story_8_who_is_still_out_of_bed_alerts_after_the_settle(night: WiredStory) -> None:
    """Out since 22:05, heard at 22:40: an alert at 22:40 and the settle."""
    night.publish("18:00", "gw-1/bed-1", {"type": "bed.occupied", "id": "b0", "time": "2026-03-02T18:00:00+01:00"})
    night.heartbeats("18:12", "gw-1", "gw-2")
    night.heartbeats("22:40", "gw-2")
    out = {"type": "bed.left", "id": "b1", "time": "2026-03-02T22:05:00+01:00", "buffered": True}
    night.publish("22:40", "gw-1/bed-1", out)
    night.heartbeats("22:45", "gw-1", "gw-2")
    assert night.alert("R05")["opened_at"] == "2026-03-02T21:40:30Z"


def test_story_10_the_forgotten_test(night: WiredStory) -> None:
    """In the session a press is a test; at 10:47 the same device is a person, whatever it says of itself."""
    night.heartbeats("10:00", "gw-1", "gw-2")
    night.test_session("10:00", "d1", "s3", 30)
    press = {"type": "alarm.pressed", "trigger": "pendant", "test": True}
    night.publish("10:02", "gw-1/pendant-7", {**press, "id": "t1"})
    tested = [alert for alert in night.alerts() if alert["rule"] == "R01"]
    assert [alert["test"] for alert in tested] == [True]
    assert night.queue() == []
    assert night.rung("natt-1") == []
    night.heartbeats("10:47", "gw-1", "gw-2")
    night.publish("10:47", "gw-1/pendant-7", {**press, "id": "t2"})
    real = [alert for alert in night.alerts() if alert["rule"] == "R01" and not alert["test"]]
    assert [alert["priority"] for alert in real] == ["P1"]
    assert "device_says_test" in real[0]["causes"][0]["quality"]
    assert night.rung("natt-1") == [night.at("10:47")]


def test_nobody_answers_and_it_never_ends_in_silence(night: WiredStory) -> None:
    """A P1 that nobody takes rings function 1 at once, function 2 after 90 s, in the end the fallback, and goes on."""
    night.until("03:00")
    night.publish("03:00", "gw-1/pendant-7", {"type": "alarm.pressed", "id": "n1", "trigger": "pendant"})
    night.heartbeats("03:30", "gw-1", "gw-2")
    assert night.rung("natt-1")[0] == night.at("03:00")
    assert night.rung("natt-2")[0] == night.at("03:01:30")
    last_ms = max(at_ms for at_ms, _ in night.phones.received)
    assert last_ms >= night.at("03:25")
    assert night.alert("R01")["next_step"]["at"] > "2026-03-02T02:30:00Z"


def test_a_restart_in_the_middle_changes_nothing(night: WiredStory, tmp_path: Path) -> None:
    """The folds are rebuilt from the log half way: the same alerts, and the escalation goes on where it stood."""
    night.publish("00:00:10", "gw-1/bed-1", {"type": "bed.occupied", "id": "b1"})
    night.heartbeats("02:10", "gw-1", "gw-2")
    night.publish("02:10", "gw-1/bed-1", {"type": "bed.left", "id": "b2"})
    night.publish("02:20", "gw-2/pendant-2", {"type": "alarm.pressed", "id": "q1", "trigger": "pendant"})
    night.heartbeats("02:20:30", "gw-1", "gw-2")
    night.restart()
    night.heartbeats("02:35", "gw-1", "gw-2")
    assert [(a["rule"], a["opened_at"]) for a in night.alerts() if a["rule"] in ("R01", "R05")] == [
        ("R01", "2026-03-02T01:20:00Z"),
        ("R05", "2026-03-02T01:30:00Z"),
    ]
    assert night.rung("natt-2")[0] == night.at("02:21:30")
