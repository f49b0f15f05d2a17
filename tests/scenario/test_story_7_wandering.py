"""Story 7: out into the cold. Natt 1 and the son are rung together; where she is can be seen until it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alerts.reads import queries
from alerts.routing.policy_store import Policies
from tests.support.story_face import StoryClient, StoryFace
from tests.support.wired_story import CODES, FALLBACK, NATT_1, NATT_2, SITE, WiredStory

SON = "+4797777771"
PLACES = f"""\
  - {{id: d5, address: "vardevakt:gw-1/door-1", role: front_door, room: hall, resident: r1, gateway: gw-1}}
  - {{id: d6, address: "vardevakt:gw-1/hall-1", role: hall_motion, room: hall, resident: r1, gateway: gw-1}}
  - {{id: d7, address: "vardevakt:gw-1/out-1", role: outdoor_temperature, room: outside, home: h1, gateway: gw-1}}
  - {{id: d8, address: "vardevakt:gw-1/gps-1", role: tracker, resident: r1, gateway: gw-1}}
contacts: [{{id: c1, resident: r1, name: Jon Nordmann, relation: son, phone: "{SON}", responder: true}}]
functions:"""
COLD = (
    SITE.replace("interval: 1 min", "interval: 15 min")
    .replace("functions:", PLACES, 1)
    .replace("name: Kari Nordmann, born: 1938-04-02, critical: true}", "name: Astrid Nordmann, risks: [wander]}")
    .replace("keys:", '  - {resident: r1, service: localisation, decision: "2026/120", from: 2026-01-01}\nkeys:')
)
WITH_SON = {
    "resident": "r1",
    "rules": ["R10"],
    "steps": [
        {"after": "0 s", "tell": ["1", "responders"]},
        {"after": "90 s", "tell": ["1", "2", "responders"]},
        {"after": "5 min", "tell": ["all", "fallback"]},
    ],
    "repeat": "2 min",
}
MINUS_14 = {"type": "measured", "metric": "temperature", "value": -14, "unit": "Cel"}


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """01:31: the door has been opened and closed, it is -14 °C outside, and nobody moves indoors."""
    story = WiredStory(tmp_path, date(2026, 1, 12), "00:30", COLD)
    story.beat("gw-1", "gw-2", every_ms=15 * 60_000)
    Policies(story.database, "solbakken").save("son", WITH_SON, "leder", story.now_ms)
    story.publish("01:00", "gw-1/out-1", MINUS_14)
    story.publish("01:29", "gw-1/hall-1", {"type": "motion.detected", "id": "m1"})
    story.publish("01:30", "gw-1/door-1", {"type": "door.opened", "id": "o1"})
    story.publish("01:31", "gw-1/door-1", {"type": "door.closed", "id": "o2"})
    story.until("01:33")
    yield story
    story.close()


@pytest.fixture
def face(night: WiredStory) -> Iterator[StoryFace]:
    made = StoryFace(night)
    yield made
    made.close()


def fix(story: WiredStory, clock: str, latitude: float) -> None:
    place = {"type": "position.fixed", "latitude": latitude, "longitude": 10.7, "accuracy_metres": 10}
    story.publish(clock, "gw-1/gps-1", place | {"id": clock})


def positions(client: StoryClient, alert: dict[str, Any]) -> dict[str, Any]:
    return dict(client.get(f"/api/v1/alerts/{alert['alert_id']}/positions").json())


def test_story_7_wandering(night: WiredStory, face: StoryFace) -> None:
    """P1 at 01:33 on two telephones; the son comes and Natt 1 owns it; 112 a quarter of an hour after the claim; with
    the end tracking stops, and only who looked is left to see.
    """
    alert = night.alert("R10")
    assert (alert["priority"], alert["opened_at"]) == ("P1", "2026-01-12T00:33:00Z")
    assert night.sms(NATT_1) == [("01:33:00", f"P1 hos R17: noen må gå. {CODES}")]
    ((at, words),) = night.sms(SON)
    assert (at, words.split("?")[0]) == ("01:33:00", "Hjemmetjenesten spør: kan du dra til den du er kontakt for nå")
    assert "R17" not in words, "a relative learns no home"
    assert night.calls(NATT_1) == night.calls(SON) == ["01:33:00"]

    night.act("01:34", "ola", alert, "claim")
    night.act("01:34", "ola", alert, "note", search="start")
    assert [b"tracking.started" in (row.payload or b"") for row in night.raw].count(True) == 1
    assert night.reply("01:35", SON, "1") == "coming"
    night.act("01:35", "ola", alert, "en-route")
    shown = queries.alert(night.database, alert["alert_id"])
    assert shown is not None, "it stands"
    assert (shown["claimed_by"]["name"], [one["coming"] for one in shown["responders"]]) == ("Ola", [True])
    fix(night, "01:36", 59.901)
    fix(night, "01:46", 59.902)
    ola = face.person("ola", "s1")
    seen = positions(ola, alert)
    assert (seen["visible"], [one["latitude"] for one in seen["items"]]) == (True, [59.901, 59.902])
    night.publish("01:48", "gw-1/gps-1", {"type": "battery.level", "id": "low", "percent": 9})
    battery = night.alert("R39t")
    assert (battery["priority"], battery["incident_id"], battery["handling"]) == (
        "P2",
        alert["incident_id"],
        "en_route",
    )
    care = [row for row in night.queue() if row["lead"]["priority"] < "P4"]
    assert [row["lead"]["rule"] for row in care] == ["R10"], "one row for her, whatever comes"
    assert night.sms(NATT_1)[-1] == ("01:48:00", f"P1 hos R17: noe nytt. Se tavlen. {CODES}")
    night.until("01:48:59")
    # it is there, or this fails
    assert queries.alert(night.database, alert["alert_id"])["cards"] == []  # type: ignore[index]
    night.until("01:50")
    card = ola.get(f"/api/v1/alerts/{alert['alert_id']}/card?number=112").json()
    assert night.timeline(alert, "card_offered") == [("01:49:00", "card_offered")]
    assert (card["number"], card["position"]["latitude"]) == ("112", 59.902)

    night.act("02:05", "ola", alert, "on-site")
    night.act("02:05", "ola", alert, "contact", outcome="spoke")
    ended = night.act("02:10", "ola", alert, "end")
    assert ended["search"] == {"from": "2026-01-12T00:34:00Z", "until": "2026-01-12T01:10:00Z"}
    assert b"tracking.ended" in (night.raw[-1].payload or b"")
    assert night.alert("R39t")["handling"] == "ended", "one claim, one end"
    hidden = positions(face.person("nina", "s2"), alert)
    assert (hidden["visible"], hidden["items"]) == (False, [])
    assert {one["who"] for one in hidden["looked"]} == {"ola"}
    assert (night.sms(NATT_2), night.sms(FALLBACK)) == ([], [])


def test_story_7_a_door_does_not_send_the_searcher_home(night: WiredStory) -> None:
    """Motion in the hall at 01:50 (her son, perhaps): the one who searches keeps it, and is not told to stay away."""
    alert = night.alert("R10")
    night.act("01:34", "ola", alert, "claim")
    night.act("01:35", "ola", alert, "en-route")
    night.publish("01:50", "gw-1/hall-1", {"type": "motion.detected", "id": "m2"})
    assert night.alert("R10")["condition"] == "cleared"
    assert night.sms(NATT_1)[-1] == (
        "01:50:00",
        "P1 hos R17: ser ut til å være over. Du har den til du avslutter den.",
    )
    assert night.alert("R10")["handling"] == "en_route"
