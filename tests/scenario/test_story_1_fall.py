"""Story 1: one fall, one incident. Every telephone, and every list and report, from the first ring to the document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.handling.acts import Refused
from alerts.numbers import handover, reports
from tests.support.wired_story import CODES, FALLBACK, NATT_1, NATT_2, SITE, WiredStory

QUARTER_MS = 15 * 60_000


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """Kari has been in bed since midnight; the gateways are heard each quarter of an hour."""
    story = WiredStory(tmp_path, date(2026, 3, 2), "00:00", SITE.replace("interval: 1 min", "interval: 15 min"))
    story.beat("gw-1", "gw-2", every_ms=QUARTER_MS)
    story.publish("00:00:10", "gw-1/bed-1", {"type": "bed.occupied", "id": "b1"})
    yield story
    story.close()


def press(story: WiredStory, clock: str) -> None:
    story.publish(clock, "gw-1/pendant-7", {"type": "alarm.pressed", "id": clock, "trigger": "pendant"})


def test_story_1_one_fall_one_incident(night: WiredStory) -> None:
    """Fall, three presses and an empty bed: one row, one claim, one outcome; Natt 2 sleeps through it."""
    night.publish("02:10", "gw-1/bed-1", {"type": "bed.left", "id": "b2"})
    night.publish("02:13:00", "gw-1/pendant-7", {"type": "fall.suspected", "id": "p1"})
    assert night.alerts() == []
    night.publish("02:13:20", "gw-1/pendant-7", {"type": "fall.confirmed", "id": "p2"})
    fall = night.alert("R03")
    assert (fall["priority"], fall["opened_at"]) == ("P1", "2026-03-02T01:13:20Z")
    press(night, "02:14:05")
    claimed = night.act("02:14:20", "ola", fall, "claim")
    assert (claimed["handling"], claimed["claimed_by"]["name"]) == ("claimed", "Ola")
    press(night, "02:14:30")
    press(night, "02:14:50")
    night.act("02:16", "ola", fall, "en-route")
    night.until("02:31")
    again = f"P1 hos R17: alarm igjen. {CODES}"
    heard = [
        ("02:13:20", f"P1 hos R17: noen må gå. {CODES}"),
        ("02:14:30", again),
        ("02:14:50", again),
        ("02:30:00", f"P1 hos R17: noe nytt. Se tavlen. {CODES}"),
    ]
    assert night.sms(NATT_1) == heard
    assert night.calls(NATT_1) == [clock for clock, _ in heard], "a P1 rings, it does not only buzz"
    bed = night.alert("R05")
    assert (bed["opened_at"], bed["incident_id"]) == ("2026-03-02T01:30:00Z", fall["incident_id"])
    (row,) = night.queue()
    assert (row["lead"]["rule"], row["presses"], row["claimed_by"]["name"]) == ("R03", 3, "Ola")
    with pytest.raises(Refused):
        night.act("02:31", "ola", fall, "end")
    night.act("02:49", "ola", fall, "on-site")
    night.publish("03:15", "gw-1/bed-1", {"type": "bed.occupied", "id": "b3"})
    night.act("03:20", "ola", fall, "end")
    assert night.queue() == []
    night.until("07:10")
    (left,) = handover.handover(night.database, "solbakken", "nord", night.at("00:00"), night.now_ms)["undocumented"]
    assert left["rule"] == "R03"
    codes = {"cause": "fall_no_injury", "action": "helped_up", "contact": "on_site"}
    assert night.act("07:10", "ola", fall, "document", **codes)["handling"] == "documented"

    night.until("08:00")
    assert night.sms(NATT_1) == heard, "nobody is told that she is back in bed as if the alarm were over"
    assert (night.sms(NATT_2), night.sms(FALLBACK)) == ([], [])
    assert {alert["incident_id"] for alert in night.alerts()} == {fall["incident_id"]}
    assert {alert["handling"] for alert in night.alerts()} == {"documented"}
    wanted = ("raised", "claimed", "en_route", "on_site", "ended", "documented")
    assert night.timeline(fall, *wanted) == [
        ("02:13:20", "raised"),
        ("02:14:20", "claimed"),
        ("02:16:00", "en_route"),
        ("02:49:00", "on_site"),
        ("03:20:00", "ended"),
        ("07:10:00", "documented"),
    ]


def test_story_1_is_one_row_in_every_report(night: WiredStory) -> None:
    """Told in 0 s, claimed after 60, on the spot after 2,140 (within 40 min), over after 4,000; documented once."""
    night.publish("02:13:00", "gw-1/pendant-7", {"type": "fall.suspected", "id": "p1"})
    night.publish("02:13:20", "gw-1/pendant-7", {"type": "fall.confirmed", "id": "p2"})
    fall = night.alert("R03")
    press(night, "02:14:05")
    for clock, act in (("02:14:20", "claim"), ("02:16", "en-route"), ("02:49", "on-site"), ("03:20", "end")):
        night.act(clock, "ola", fall, act)
    night.act("07:10", "ola", fall, "document", cause="fall_no_injury", action="helped_up", contact="on_site")
    period = reports.Period("solbakken", night.at("00:00"), night.now_ms)

    (row,) = reports.response_times(night.database, period)
    assert (row["count"], row["priority"], row["arrived"]["goal"], row["arrived"]["within_percent"]) == (
        1,
        "P1",
        2_400,
        100,
    )
    assert [row[name]["p50"] for name in ("told", "claimed", "arrived", "ended")] == [0, 60, 2_140, 4_000]
    (cause,) = reports.causes(night.database, period)
    assert (cause["rule"], cause["cause"], cause["count"]) == ("R03", "fall_no_injury", 1)
