"""Stories 2, 4 and 7 as far as rules carry them: no answer, staff who need help, and out into the cold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts import queries
from alerts.acts import Refused
from tests.support.wired_story import SITE, WiredStory

NIGHT = date(2026, 1, 12)
PLACES = """
  - {id: d5, address: "vardevakt:gw-1/door-1", role: front_door, room: hall, resident: r1, gateway: gw-1}
  - {id: d6, address: "vardevakt:gw-1/hall-1", role: hall_motion, room: hall, resident: r1, gateway: gw-1}
  - {id: d7, address: "vardevakt:gw-1/out-1", role: outdoor_temperature, room: outside, home: h1, gateway: gw-1}
  - {id: d8, address: "vardevakt:gw-1/hub-1", role: hub, home: h1, gateway: gw-1}
functions:"""


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """The evening before story time; Kari has wander risk, a front door, a hub with voice and an outdoor sensor."""
    site = SITE.replace("functions:", PLACES.lstrip("\n"), 1).replace("critical: true}", "risks: [wander]}", 1)
    story = WiredStory(tmp_path, NIGHT, "00:00", site)
    yield story
    story.close()


def lines(night: WiredStory, alert_id: str) -> list[tuple[str, str]]:
    """(time, code of the reason) of what rules said of an alert."""
    found = queries.alert(night.database, alert_id)
    assert found is not None
    return [(line["at"], line["text_code"]) for line in found["timeline"] if line["kind"] == "updated"]


def test_story_2_no_voice_and_the_alarm_before_it(night: WiredStory) -> None:
    """Pressed and closed, pressed again 73 min later, no voice: said of the new alarm, which nobody closes unspoken."""
    press = {"type": "alarm.pressed", "trigger": "pendant"}
    night.publish("00:40", "gw-1/pendant-7", {**press, "id": "p1"})
    first = night.alert("R01")
    night.act("00:41", "ola", first, "claim")
    night.act("00:41:30", "ola", first, "contact", contact="spoke")
    night.act("00:42", "ola", first, "end")
    night.publish("01:55", "gw-1/pendant-7", {**press, "id": "p2"})
    night.publish("01:55:30", "gw-1/hub-1", {"type": "voice.failed", "id": "v1"})
    _, second = [alert for alert in night.alerts() if alert["rule"] == "R01"]
    assert [code for _, code in lines(night, second["alert_id"])] == ["sequence.again", "sequence.told"]
    assert lines(night, second["alert_id"])[1][0] == "2026-01-12T00:55:30Z"
    assert not {"R02", "R58"} & {alert["rule"] for alert in night.alerts()}, "neither has a row of its own"
    night.act("01:56", "ola", second, "claim")
    with pytest.raises(Refused):
        night.act("01:57", "ola", second, "end")


def test_story_4_a_press_while_staff_are_there_is_theirs(night: WiredStory) -> None:
    """On site since 19:36, the button at 19:41: a new P1 that stands alone and rings everybody at once."""
    press = {"type": "alarm.pressed", "trigger": "pendant"}
    night.publish("19:20", "gw-1/pendant-7", {**press, "id": "p1"})
    first = night.alert("R01")
    night.act("19:22", "ola", first, "claim")
    night.act("19:36", "ola", first, "on-site")
    rung = len(night.rung("natt-2"))
    night.publish("19:41", "gw-1/pendant-7", {**press, "id": "p2"})
    staff = night.alert("R53")
    assert (staff["priority"], staff["opened_at"]) == ("P1", "2026-01-12T18:41:00Z")
    assert staff["incident_id"] != first["incident_id"]
    assert night.rung("natt-1")[-1] == night.at("19:41")
    assert night.rung("natt-2")[rung:] == [night.at("19:41")]


def test_story_7_out_into_the_cold(night: WiredStory) -> None:
    """Opened 01:30, closed 01:31, nobody indoors, -14 °C: P1 at 01:33; motion in the hall later does not close it."""
    night.publish("01:00", "gw-1/out-1", {"type": "measured", "metric": "temperature", "value": -14, "unit": "Cel"})
    night.publish("01:29", "gw-1/hall-1", {"type": "motion.detected", "id": "m1"})
    night.publish("01:30", "gw-1/door-1", {"type": "door.opened", "id": "o1"})
    night.publish("01:31", "gw-1/door-1", {"type": "door.closed", "id": "o2"})
    night.heartbeats("01:40", "gw-1", "gw-2")
    door = night.alert("R10")
    assert (door["priority"], door["opened_at"]) == ("P1", "2026-01-12T00:33:00Z")
    assert night.rung("natt-1")[0] == night.at("01:33")
    night.publish("02:05", "gw-1/hall-1", {"type": "motion.detected", "id": "m2"})
    after = night.alert("R10")
    assert (after["condition"], after["handling"]) == ("cleared", "new")
