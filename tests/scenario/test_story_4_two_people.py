"""Story 4: two must go, the first waits outside; and when staff press the button themselves, everybody is rung."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.reads import queries
from tests.support.wired_story import FALLBACK, NATT_1, NATT_2, SITE, WiredStory

NATT_3 = "+4798888883"
RISK = (
    SITE.replace("interval: 1 min", "interval: 15 min")
    .replace("name: Per Lia, born: 1940-01-01}", "name: Rune Lia, risks: [violence]}")
    .replace("tag: R17}", "tag: R17}, {home: h2, kind: key_box, where: porch, tag: R18}")
    .replace("name: Ola,", "name: Ida,")
    .replace("name: Nina,", "name: Ali,")
    .replace("staff:\n", f'  - {{id: natt-3, ward: nord, name: Natt 3, phone: "{NATT_3}"}}\nstaff:\n')
    .replace(
        "functions:\n",
        '  - {id: d8, address: "vardevakt:gw-2/pills", role: dispenser, resident: r2, gateway: gw-2}\nfunctions:\n',
        1,
    )
    + "  - {id: s4, name: Bo, functions: [natt-3], role: carer}\n"
)
CODES = "Svar R18 1 = jeg tar den, R18 0 = kan ikke."


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[WiredStory]:
    """Ida, Ali and Bo are on shift."""
    story = WiredStory(tmp_path, date(2026, 3, 2), "19:00", RISK)
    story.beat("gw-1", "gw-2", every_ms=15 * 60_000)
    for who, function in (("ida", "natt-1"), ("ali", "natt-2"), ("bo", "natt-3")):
        story.check_in("19:00", who, function)
    yield story
    story.close()


def test_story_4_two_people_needed(evening: WiredStory) -> None:
    """Rune's dispenser is forced open: one accepts and reads "wait outside", until the second comes; then an alarm of
    theirs rings all three in that second, and the 112 card is there two minutes later.
    """
    evening.publish("19:20", "gw-2/pills", {"type": "dispenser.break_in", "id": "f1"})
    alert = evening.alert("R28")
    assert (alert["priority"], evening.told("19:00")) == ("P2", [("19:20:00", "ring", "natt-1")])
    ida = evening.act("19:22", "ida", alert, "claim")
    assert (ida["claimed_by"]["name"], ida["two"]) == ("Ida", {"second": None, "wait_outside": True})
    assert evening.told("19:20:01") == [("19:22:00", "ring", "natt-2")], "one more is asked for at once"
    ali = evening.act("19:26:59", "ali", alert, "claim")
    assert (ali["claimed_by"]["name"], ali["two"]["second"]["name"]) == ("Ida", "Ali")
    evening.act("19:30", "ida", alert, "en-route")
    first = evening.act("19:36", "ida", alert, "on-site")
    assert first["two"]["wait_outside"] is True, "Ali is not there yet"
    both = evening.act("19:36", "ali", alert, "on-site")
    assert both["two"]["wait_outside"] is False
    assert [kind for _, kind, _ in evening.told("19:26:59")].count("ring") == 0, "nobody more is asked for"

    evening.publish("19:41", "gw-2/pendant-2", {"type": "alarm.pressed", "id": "p1", "trigger": "pendant"})
    help_them = evening.alert("R53")
    assert (help_them["priority"], help_them["staff_alarm"]) == ("P1", True)
    assert help_them["incident_id"] != alert["incident_id"]
    asked = ("19:41:00", f"P1 hos R18: noen må gå. {CODES}")
    for number in (NATT_1, NATT_2, NATT_3):
        assert evening.sms(number)[-1] == asked
        assert evening.calls(number)[-1] == "19:41:00"
    assert evening.queue()[0]["lead"]["rule"] == "R53"
    evening.until("19:42:59")
    assert shown(evening, help_them)["cards"] == []
    evening.until("19:43")
    assert shown(evening, help_them)["cards"] == ["112"]
    assert evening.sms(FALLBACK) == [("19:43:00", f"P1 hos R18: noen må gå. {CODES}")]


def shown(story: WiredStory, alert: dict[str, object]) -> dict[str, object]:
    found = queries.alert(story.database, str(alert["alert_id"]))
    assert found is not None, "it was there"
    return found
