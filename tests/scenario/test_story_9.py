"""Story 9, the restless night: what comes and goes, one card for many, and a sensor that nobody can read any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alerts.numbers import handover
from tests.support.wired_story import CODES, NATT_1, SITE, WiredStory

NIGHT = date(2026, 3, 2)
HIGH_RISK = (
    SITE
    + """
plans:
  - {resident: r1, rule: R06, set: {on: true}, from: 2026-01-01, why: "2026/114"}
"""
)


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """A night of hers, who must not get up alone: R06 is switched on by her plan."""
    story = WiredStory(tmp_path, NIGHT, "00:00", HIGH_RISK)
    bed(story, "00:00:10", "occupied")
    yield story
    story.close()


def bed(story: WiredStory, clock: str, word: str) -> None:
    story.publish(clock, "gw-1/bed-1", {"type": f"bed.{word}", "id": f"{word}-{clock}"})


def chatter(story: WiredStory, hour: str, minute: int) -> None:
    """Twelve changes in four minutes."""
    for number in range(12):
        second = number * 20
        clock = f"{hour}:{minute + second // 60:02d}:{second % 60:02d}"
        bed(story, clock, "left" if number % 2 == 0 else "occupied")


def of(story: WiredStory, rule: str) -> list[dict[str, Any]]:
    return [alert for alert in story.alerts() if alert["rule"] == rule]


def test_story_9_back_before_anybody_came(night: WiredStory) -> None:
    """Out at 00:30, it rings; back at 00:34, nobody had it: those who were rung hear so, and it is over."""
    night.heartbeats("00:30", "gw-1", "gw-2")
    bed(night, "00:30", "left")
    assert night.rung("natt-1") == [night.at("00:30")]
    bed(night, "00:34", "occupied")
    (alert,) = of(night, "R06")
    assert (alert["handling"], alert["outcome"]) == ("ended", "self_resolved")
    assert night.sms(NATT_1) == [
        ("00:30:00", f"P2 hos R17: noen må gå. {CODES}"),
        ("00:34:00", "R17: over av seg selv. Du trenger ikke gå."),
    ]
    night.heartbeats("01:00", "gw-1", "gw-2")
    assert max(at_ms for at_ms, _ in night.phones.told) == night.at("00:34")


def test_story_9_the_fourth_time_is_one_card(night: WiredStory) -> None:
    """Four times out within two hours: one P3 beside what rang and was over; the fifth adds none."""
    for number, clock in enumerate(("00:30", "00:50", "01:20", "01:50", "02:10"), 1):
        night.heartbeats(clock, "gw-1", "gw-2")
        bed(night, clock, "left")
        bed(night, f"{clock}:30", "occupied")
        assert len(of(night, "R20")) == (1 if number >= 4 else 0)
    (card,) = of(night, "R20")
    assert (card["priority"], card["opened_at"]) == ("P3", "2026-03-02T00:50:00Z")
    assert [alert["outcome"] for alert in of(night, "R06")] == ["self_resolved"] * 5
    told = handover.handover(night.database, "solbakken", "nord", night.at("00:00"), night.at("07:15"))
    (line,) = [one for one in told["self_resolved"] if one["subject"] == "r1"]
    assert (line["rule"], line["times"]) == ("R06", 5), "a restless night is one line"


def test_story_9_a_sensor_nobody_can_read_is_one_call(night: WiredStory) -> None:
    """Twelve changes: one P2 to look to person or sensor; R06 goes on but rings nobody, and a fall is a fall."""
    night.heartbeats("03:10", "gw-1", "gw-2")
    chatter(night, "03", 10)
    (look, task) = sorted(of(night, "R42"), key=lambda alert: str(alert["priority"]))
    assert (look["priority"], look["resident_id"], look["opened_at"]) == ("P2", "r1", "2026-03-02T02:13:20Z")
    assert (task["priority"], task["resident_id"]) == ("P4", None)
    seen, rung = len(of(night, "R06")), len(night.rung("natt-1"))
    for clock in ("03:15", "03:16", "03:17"):
        bed(night, clock, "left")
        bed(night, f"{clock}:30", "occupied")
    shelved = [alert for alert in of(night, "R06") if alert["merged_into"] == look["alert_id"]]
    assert (len(of(night, "R06")), len(shelved)) == (seen + 3, 3)
    assert len(night.rung("natt-1")) == rung, "the chain of the one call goes on by its own time only"
    assert len(night.queue()) == 2, "the person's row and the technician's"
    night.heartbeats("03:30", "gw-1", "gw-2")
    night.publish("03:30", "gw-1/pendant-7", {"type": "fall.confirmed", "id": "f1"})
    fall = night.alert("R03")
    assert (fall["priority"], fall["merged_into"]) == ("P1", None)
    assert night.rung("natt-1")[-1] == night.at("03:30")


def test_story_9_once_somebody_has_looked_it_rings_again(night: WiredStory) -> None:
    """Ended by a person, the alert stands for nothing any more: the next time out of bed is a call of its own."""
    night.heartbeats("03:10", "gw-1", "gw-2")
    chatter(night, "03", 10)
    look = min(of(night, "R42"), key=lambda alert: str(alert["priority"]))
    for clock, act in (("03:14", "claim"), ("03:15", "en-route"), ("03:18", "on-site")):
        night.act(clock, "ola", look, act)
    night.act("03:20", "ola", look, "end")
    night.heartbeats("03:24", "gw-1", "gw-2")
    bed(night, "03:24", "left")
    last = of(night, "R06")[-1]
    assert (last["merged_into"], last["handling"], last["opened_at"]) == (None, "new", "2026-03-02T02:24:00Z")
    assert night.rung("natt-1")[-1] == night.at("03:24")


def test_story_9_after_half_an_hour_it_rings_again(night: WiredStory) -> None:
    """What is shelved is shelved for 30 min, though the alert stands: then R06 is a call of its own again."""
    night.heartbeats("03:10", "gw-1", "gw-2")
    chatter(night, "03", 10)
    night.heartbeats("03:43:19", "gw-1", "gw-2")
    bed(night, "03:43:19", "left")
    bed(night, "03:43:20", "occupied")
    assert of(night, "R06")[-1]["merged_into"] is not None
    bed(night, "03:43:21", "left")
    assert of(night, "R06")[-1]["merged_into"] is None


def test_story_9_the_whole_night(night: WiredStory) -> None:
    """What telephones heard from midnight to seven, and what the day shift reads: each thing once."""
    night.beat("gw-1", "gw-2")
    for gone, back in (("00:30", "00:34"), ("00:50", "00:51"), ("01:20", "01:21"), ("01:50", "01:51")):
        bed(night, gone, "left")
        bed(night, back, "occupied")
    ring, over = f"P2 hos R17: noen må gå. {CODES}", "R17: over av seg selv. Du trenger ikke gå."
    assert night.sms(NATT_1) == [
        ("00:30:00", ring), ("00:34:00", over), ("00:50:00", ring), ("00:51:00", over),
        ("01:20:00", ring), ("01:21:00", over), ("01:50:00", ring), ("01:51:00", over),
    ], "also the fourth time: the card that stands beside it waits for the morning"  # fmt: skip
    assert [row["lead"]["rule"] for row in night.queue()] == ["R20"]
    chatter(night, "03", 10)
    before = len(night.sms(NATT_1))
    night.publish("03:30", "gw-1/pendant-7", {"type": "fall.confirmed", "id": "f1"})
    fall = night.alert("R03")
    said = [words for _, words in night.sms(NATT_1)[before:]]
    assert (said[-1], night.calls(NATT_1)[-1]) == (f"P1 hos R17: noen må gå. {CODES}", "03:30:00")
    assert night.queue()[0]["lead"]["rule"] == "R03"
    for clock, act in (("03:31", "claim"), ("03:33", "en-route"), ("03:45", "on-site"), ("04:00", "end")):
        night.act(clock, "ola", fall, act)
    night.act("04:10", "ola", fall, "document", cause="fall_no_injury", action="helped_up", contact="on_site")
    told = len(night.phones.told)
    night.until("07:15")
    assert len(night.phones.told) == told, "nobody is rung after it has ended"
    report = handover.handover(night.database, "solbakken", "nord", night.at("00:00"), night.now_ms)
    ((rule, person),) = [(one["rule"], one["subject"]) for one in report["self_resolved"]]
    assert (rule, person, report["open"], report["undocumented"]) == ("R06", "r1", [], [])
    assert [one["rule"] for one in report["faults"]] == ["R42"], "the sensor is the technician's"
