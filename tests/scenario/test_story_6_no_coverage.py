"""Story 6: a valley without coverage. Whose phone is not heard is rung together with the next one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.reads import queries
from alerts.shifts import phones
from tests.support.wired_story import CODES, FALLBACK, NATT_1, NATT_2, SITE, WiredStory

VALLEY = SITE.replace("interval: 1 min", "interval: 15 min").replace("arrival_goal: 40 min", "arrival_goal: 45 min")
RING = f"P1 hos R17: noen må gå. {CODES}"
ASK = "P1 hos R17: hva skjer? Meld neste steg på tavlen."


class Valley(WiredStory):
    """Ola has Natt 1 and Nina has Natt 2, each with a phone that says when it is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, date(2026, 3, 2), "20:50", VALLEY)
        self.beat("gw-1", "gw-2", every_ms=15 * 60_000)
        self.ids = {}
        for who, function in (("ola", "natt-1"), ("nina", "natt-2")):
            with self.database.writer.begin() as conn:
                made = phones.register(conn, "solbakken", function, function, phones.LIMIT_MS, "leder", self.now_ms)
            self.ids[function] = made[0]
            self.check_in("20:50", who, function, made[0])

    def here(self, clock: str, function: str) -> None:
        """A phone says that it is there."""
        self.until(clock)
        self.desk.transact(self.now_ms, lambda tx: phones.heard(tx, self.ids[function]))
        self.settle()


@pytest.fixture
def valley(tmp_path: Path) -> Iterator[Valley]:
    story = Valley(tmp_path)
    for clock, function in (("20:55", "natt-1"), ("20:58", "natt-1"), ("21:01", "natt-2"), ("21:04", "natt-2")):
        story.here(clock, function)
    yield story
    story.close()


def press(story: WiredStory, clock: str) -> dict[str, object]:
    story.publish(clock, "gw-1/pendant-7", {"type": "alarm.pressed", "id": clock, "trigger": "pendant"})
    return story.alert("R01")


def test_story_6_no_coverage(valley: Valley) -> None:
    """Natt 1 unheard since 20:58: both are told at 21:05:00. Natt 2 has it; what she did without network counts from
    when she did it; at her goal she is asked, and keeps it.
    """
    alert = press(valley, "21:05")
    assert valley.sms(NATT_1) == valley.sms(NATT_2) == [("21:05:00", RING)]
    assert valley.calls(NATT_1) == valley.calls(NATT_2) == ["21:05:00"]
    valley.act("21:06", "nina", alert, "claim")
    valley.act("21:07", "nina", alert, "en-route")
    assert valley.reply("21:09", NATT_1, "R17 1") == "taken"
    assert valley.sms(NATT_1) == [("21:05:00", RING), ("21:09:00", "R17: Natt 2 har den.")]
    valley.until("21:50:59")
    assert valley.sms(NATT_2) == [("21:05:00", RING)], "within the goal nobody is asked"
    valley.until("21:51")
    assert valley.sms(NATT_2)[-1] == ("21:51:00", ASK)
    assert valley.calls(NATT_2) == ["21:05:00", "21:51:00"]
    (row,) = valley.queue()
    assert (row["claimed_by"]["name"], row["claimed_by"]["function"], row["handling"]) == ("Nina", "natt-2", "en_route")
    valley.until("21:53")
    assert valley.sms(NATT_1)[-1] == ("21:53:00", RING), "two minutes later the next ones hear of it as well"
    assert valley.sms(FALLBACK) == [("21:53:00", RING)]

    there = valley.act("22:10", "nina", alert, "on-site", at="2026-03-02T21:35:00+01:00")
    assert (there["handling"], there["claimed_by"]["name"]) == ("on_site", "Nina")
    found = queries.alert(valley.database, str(alert["alert_id"]))
    assert found is not None, "read a moment ago"
    (line,) = [line for line in found["timeline"] if line["kind"] == "on_site"]
    assert (line["at"], line["args"]["happened_ms"]) == ("2026-03-02T21:10:00Z", valley.at("21:35"))


def test_story_6_with_both_phones_heard_natt_2_is_left_alone(valley: Valley) -> None:
    """The control: heard again at 21:04:59, Natt 1 is rung by itself, and Natt 2 after 90 s."""
    valley.here("21:04:59", "natt-1")
    press(valley, "21:05")
    assert (valley.sms(NATT_1), valley.sms(NATT_2)) == ([("21:05:00", RING)], [])
    valley.until("21:06:30")
    assert valley.sms(NATT_2) == [("21:06:30", RING)]
