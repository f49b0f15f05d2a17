"""Story 4: two must go, the first waits outside; and when staff press the button themselves, everybody is rung."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerts.reads import queries
from alerts.schema.shifts import shifts
from alerts.shifts import shift_moves
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
TWO = f"P2 hos R18: to må gå. Gå ikke inn alene. {CODES}"
ONE_MORE = f"P2 hos R18: en til må gå. Dere blir to. {CODES}"
HELP = f"P1 hos R18: en kollega ber om hjelp. Gå nå. {CODES}"


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[WiredStory]:
    """Ida, Ali and Bo are on shift."""
    story = WiredStory(tmp_path, date(2026, 3, 2), "19:00", RISK)
    story.beat("gw-1", "gw-2", every_ms=15 * 60_000)
    for who, function in (("ida", "natt-1"), ("ali", "natt-2"), ("bo", "natt-3")):
        story.check_in("19:00", who, function)
    yield story
    story.close()


def break_in(story: WiredStory) -> dict[str, object]:
    story.publish("19:20", "gw-2/pills", {"type": "dispenser.break_in", "id": "f1"})
    return story.alert("R28")


def test_story_4_two_people_needed(evening: WiredStory) -> None:
    """Rune's dispenser is forced open: one accepts and reads "wait outside", until the second comes; then an alarm of
    theirs rings all three in that second, and the 112 card is there two minutes later.
    """
    alert = break_in(evening)
    assert (alert["priority"], evening.told("19:00")) == ("P2", [("19:20:00", "ring", "natt-1")])
    assert evening.reply("19:22", NATT_1, "R18 1") == "take_two"
    assert evening.sms(NATT_1) == [("19:20:00", TWO), ("19:22:00", "R18: du har den. Vent ute til dere er to.")]
    ida = shown(evening, alert)
    assert (ida["claimed_by"]["name"], ida["two"]) == ("Ida", {"second": None, "wait_outside": True})
    assert evening.sms(NATT_2) == [("19:22:00", ONE_MORE)], "one more is asked for at once"
    evening.until("19:26:59")
    assert evening.reply("19:27", NATT_2, "R18 1") == "take_second"
    ali = shown(evening, alert)
    assert (ali["claimed_by"]["name"], ali["two"]["second"]["name"]) == ("Ida", "Ali")
    assert evening.sms(NATT_1)[-1] == ("19:27:00", "R18: en til kommer. Vent ute til dere er to.")
    evening.act("19:30", "ida", alert, "en-route")
    first = evening.act("19:36", "ida", alert, "on-site")
    assert first["two"]["wait_outside"] is True, "Ali is not there yet"
    both = evening.act("19:36", "ali", alert, "on-site")
    assert both["two"]["wait_outside"] is False
    assert [kind for _, kind, _ in evening.told("19:27:01")].count("ring") == 0, "nobody more is asked for"

    evening.publish("19:41", "gw-2/pendant-2", {"type": "alarm.pressed", "id": "p1", "trigger": "pendant"})
    help_them = evening.alert("R53")
    assert (help_them["priority"], help_them["staff_alarm"]) == ("P1", True)
    assert help_them["incident_id"] != alert["incident_id"]
    for number in (NATT_1, NATT_2, NATT_3):
        assert evening.sms(number)[-1] == ("19:41:00", HELP)
        assert evening.calls(number)[-1] == "19:41:00"
    assert evening.queue()[0]["lead"]["rule"] == "R53"
    evening.until("19:42:59")
    assert shown(evening, help_them)["cards"] == []
    evening.until("19:43")
    assert shown(evening, help_them)["cards"] == ["112"]
    assert evening.sms(FALLBACK)[-1] == ("19:43:00", HELP)

    bo = evening.act("19:44", "bo", help_them, "claim")
    assert (bo["claimed_by"]["name"], bo["two"]) == ("Bo", None), "who comes to help a colleague does not wait outside"
    evening.until("19:46:30")
    assert evening.told("19:43:01") == [], "Ida is on the spot: nobody asks her what happens, and nobody is rung for P2"
    before = shown(evening, alert)
    assert (before["handling"], before["priority"], before["claimed_by"]["name"]) == ("on_site", "P2", "Ida")
    assert before["next_step"]["at"] == "2026-03-02T19:41:00Z", "the hour on the spot"


def test_story_4_the_second_goes_home(evening: WiredStory) -> None:
    """Ali's shift ends: Ida is told to wait, and one more is asked for in that second."""
    alert = break_in(evening)
    evening.act("19:22", "ida", alert, "claim")
    evening.act("19:24", "ali", alert, "claim")
    evening.until("19:30")
    with evening.database.reader.connect() as conn:
        row = conn.execute(select(shifts).where(shifts.c.function_id == "natt-2")).mappings().one()
    evening.desk.transact(evening.now_ms, lambda tx: shift_moves.check_out(tx, dict(row)))
    evening.settle()
    assert evening.sms(NATT_1)[-1] == ("19:30:00", "R18: den andre er ikke med lenger. Vent ute, en til blir spurt.")
    assert evening.sms(NATT_3)[-1] == ("19:30:00", ONE_MORE)
    assert shown(evening, alert)["two"] == {"second": None, "wait_outside": True}


def test_story_4_the_second_who_takes_it_over_is_not_two(evening: WiredStory) -> None:
    """Ida hands over, Ali, who was the second, accepts: he is one, and one more is asked for again."""
    alert = break_in(evening)
    evening.act("19:22", "ida", alert, "claim")
    evening.act("19:24", "ali", alert, "claim")
    evening.act("19:26", "ida", alert, "hand-over", to="natt-2")
    after = evening.act("19:27", "ali", alert, "accept")
    assert (after["claimed_by"]["name"], after["two"]) == ("Ali", {"second": None, "wait_outside": True})
    assert evening.sms(NATT_3)[-1] == ("19:27:00", ONE_MORE)


def shown(story: WiredStory, alert: dict[str, object]) -> dict[str, Any]:
    found = queries.alert(story.database, str(alert["alert_id"]))
    assert found is not None, "it was there"
    return found
