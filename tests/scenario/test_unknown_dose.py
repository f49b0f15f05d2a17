"""Story 3: a dose nobody can say was fetched, on a holiday; and what the person's page says meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.reads.doses import unsure_doses
from tests.support.story_face import StoryFace
from tests.support.wired_story import CODES, NATT_1, SITE, WiredStory

WARNING = "Ikke gi en ny dose før du vet."
MAUNDY_THURSDAY = date(2026, 4, 2)
DISPENSER = (
    '  - {id: d5, address: "vardevakt:gw-1/pills", role: dispenser, model: Pille 1, resident: r1, gateway: gw-1}\n'
)
PLANS = """plans:
  - {resident: r1, rule: R22, set: {fetched_when_dispensed: "Pille 1"}, from: 2026-01-01, why: "2026/114"}
  - {resident: r1, rule: R23, set: {fetched_when_dispensed: "Pille 1"}, from: 2026-01-01, why: "2026/114"}
"""
WITH_DISPENSER = SITE.replace("functions:\n", DISPENSER + "functions:\n") + PLANS
PARKINSON = {"dose_id": "morning", "scheduled_at": "2026-04-02T08:00:00+02:00", "time_critical": True}


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[WiredStory]:
    """Kari's dispenser reports each quarter of an hour, last at 07:40; it has named the dose of 08:00."""
    story = WiredStory(tmp_path, MAUNDY_THURSDAY, "06:50", WITH_DISPENSER)
    for clock in ("06:55", "07:10", "07:25", "07:40"):
        story.heartbeats(clock, "gw-1", "gw-2")
        story.publish(clock, "gw-1/pills", {"type": "heartbeat", "interval_seconds": 900})
    story.publish("07:40", "gw-1/pills", {"type": "dose.due", "id": "x1", **PARKINSON})
    yield story
    story.close()


def warns(story: WiredStory) -> bool:
    """Whether the page of Kari warns against a second dose now."""
    return bool(unsure_doses(story.database, "r1", story.now_ms))


@pytest.fixture
def face(morning: WiredStory) -> Iterator[StoryFace]:
    made = StoryFace(morning)
    yield made
    made.close()


def test_story_3_unknown_dose_on_a_holiday(morning: WiredStory, face: StoryFace) -> None:
    """No contact, unknown, confirmed by word, corrected: one row; never "not fetched"; her page warns meanwhile."""
    ola = face.person("ola", "s1")

    def page() -> str:
        return str(ola.get("/residents/r1").text)

    morning.heartbeats("07:55", "gw-1", "gw-2")
    assert morning.alerts() == []
    morning.heartbeats("08:00", "gw-1", "gw-2")
    contact = morning.alert("R27")
    assert (contact["priority"], contact["code"], contact["opened_at"]) == ("P2", "1.20", "2026-04-02T05:56:00Z")
    ring = ("07:56:00", f"P2 hos R17: noen må gå. {CODES}")
    assert morning.sms(NATT_1) == [ring]
    assert morning.calls(NATT_1) == ["07:56:00"]
    morning.heartbeats("08:26", "gw-1", "gw-2")
    morning.act("08:26", "ola", contact, "claim")
    morning.heartbeats("08:29", "gw-1", "gw-2")
    assert (warns(morning), WARNING in page()) == (False, False)
    morning.heartbeats("08:31", "gw-1", "gw-2")
    unknown = morning.alert("R23")
    assert (unknown["code"], unknown["opened_at"]) == ("1.3", "2026-04-02T06:30:00Z")
    assert unknown["incident_id"] == contact["incident_id"]
    assert len(morning.queue()) == 1
    assert (warns(morning), WARNING in page()) == (True, True)
    more = ("08:30:00", f"P2 hos R17: noe nytt. Se tavlen. {CODES}")
    assert morning.sms(NATT_1)[-1] == more, "she is no alarm again"

    morning.act("08:35", "ola", unknown, "contact", outcome="spoke", note="bekreftet muntlig")
    assert morning.timeline(unknown, "contact") == [("08:35:00", "contact")]
    morning.heartbeats("10:09", "gw-1", "gw-2")
    assert (warns(morning), WARNING in page()) == (True, True), "her word is no word of the dispenser"
    before = len(morning.alerts())
    fetched = {"type": "dose.dispensed", "id": "x2", "time": "2026-04-02T08:02:00+02:00", "buffered": True, **PARKINSON}
    morning.publish("10:10", "gw-1/pills", fetched)
    assert (warns(morning), WARNING in page()) == (False, False)
    assert morning.alert("R23")["condition"] == "retracted"
    assert morning.alert("R27")["condition"] == "cleared"
    assert morning.sms(NATT_1)[-1] == ("10:10:00", "R17: over av seg selv. Du trenger ikke gå.")
    morning.act("10:12", "ola", contact, "end")
    assert morning.queue() == []
    for minutes in range(15, 60, 15):
        clock = f"10:{10 + minutes:02d}"
        morning.heartbeats(clock, "gw-1", "gw-2")
        morning.publish(clock, "gw-1/pills", {"type": "heartbeat", "interval_seconds": 900})
    assert len(morning.alerts()) == before
    assert not any(alert["code"] == "1.1" for alert in morning.alerts())


def test_an_unknown_dose_settled_by_staff_is_not_warned_of(morning: WiredStory) -> None:
    """Ola gives it by hand: the rules hear of it, the warning ends, and the dispenser's late word opens nothing."""
    morning.heartbeats("08:31", "gw-1", "gw-2")
    assert warns(morning)
    morning.act("08:40", "ola", morning.alert("R23"), "claim")
    morning.act("08:50", "ola", morning.alert("R23"), "end", action="dose_given", ask_again_minutes=30)
    morning.heartbeats("08:52", "gw-1", "gw-2")
    assert not warns(morning)
    missed = {"type": "dose.missed", "id": "x3", "time": "2026-04-02T09:00:00+02:00", "buffered": True, **PARKINSON}
    morning.publish("10:10", "gw-1/pills", missed)
    morning.heartbeats("10:20", "gw-1", "gw-2")
    assert [alert["rule"] for alert in morning.alerts() if alert["rule"] == "R22"] == []
    assert not warns(morning)
