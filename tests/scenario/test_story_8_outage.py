"""Story 8: Christmas Eve without power. 61 gateways fall silent, and the patrol gets one list, not 61 telephones.

Wired: gateways that say each minute that they are there, until they do not. What an outage is and how it ends is told
on the desk alone in `test_outage.py`, for 300 homes; here there are 80, whose folds cost less.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alerts.handling.acts import Actor
from alerts.quiet import outage_list, outage_reads
from tests.support.wired_story import NATT_1, WiredStory

HOMES, GONE, CRITICAL, STILL_OUT = 80, 61, range(0, 60, 10), (3, 4, 5)
HOUR_MS = 3_600_000


def town() -> str:
    numbers, service = range(HOMES), "digital_supervision"
    lines = [
        "site: {id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}",
        "wards: [{id: nord, name: Nord, arrival_goal: 40 min}]",
        "homes:",
        *(f"  - {{id: h{n}, ward: nord, kind: own_home}}" for n in numbers),
        "residents:",
        *(f"  - {{id: r{n}, home: h{n}, name: Kari {n}, critical: {str(n in CRITICAL).lower()}}}" for n in numbers),
        "measures:",
        *(f"  - {{resident: r{n}, service: {service}, basis: consent, from: 2026-01-01}}" for n in numbers),
        "keys: [{home: h1, kind: key_box, where: porch, tag: R17}, {home: h79, kind: key_box, where: porch, tag: R99}]",
        "gateways:",
        *(f'  - {{id: g{n}, home: h{n}, address: "vardevakt:g{n}", interval: 1 min}}' for n in numbers),
        "devices:",
        *(
            f'  - {{id: p{n}, address: "vardevakt:g{n}/pendant", role: pendant, resident: r{n}, gateway: g{n}}}'
            for n in numbers
        ),
        *(
            f'  - {{id: b{n}, address: "vardevakt:g{n}/bed", role: bed, room: bedroom, resident: r{n}, gateway: g{n}}}'
            for n in (1, 2)
        ),
        'functions: [{id: natt-1, ward: nord, name: Natt 1, phone: "+4798888881"},',
        '            {id: natt-2, ward: nord, name: Natt 2, phone: "+4798888882"}]',
        "staff: [{id: s1, name: Ola, functions: [natt-1], role: carer}]",
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def eve(tmp_path: Path) -> Iterator[WiredStory]:
    """18:11, everything heard; two people lay down at six."""
    story = WiredStory(tmp_path, date(2026, 12, 24), "18:11", town())
    for n in range(HOMES):
        story.publish("18:11", f"g{n}/pendant", {"type": "heartbeat"})
    for n in (1, 2):
        lay_down = {"type": "bed.occupied", "id": f"b{n}", "time": "2026-12-24T18:10:00+01:00"}
        story.publish("18:11", f"g{n}/bed", lay_down)
    story.beat(*(f"g{n}" for n in range(HOMES)))
    yield story
    story.close()


def outage(story: WiredStory) -> dict[str, Any]:
    (found,) = outage_reads.outages_shown(story.database, "solbakken", open_only=False)
    return found


def reached(story: WiredStory, outage_id: str, n: int) -> None:
    """Ola has spoken with somebody on the list."""
    ola = Actor("s1", "Ola")
    story.desk.transact(story.now_ms, lambda tx: outage_list.tick(tx, outage_id, f"r{n}", "spoke", ola))


def buffered(kind: str, clock: str, **more: object) -> dict[str, object]:
    return {"type": kind, "id": f"{kind}{clock}", "time": f"2026-12-24T{clock}:00+01:00", "buffered": True, **more}


def test_story_8_christmas_eve_outage(eve: WiredStory) -> None:
    """One incident by 18:20, six to telephone; a press elsewhere rings at once; at 22:40 what was pressed in the dark
    rings with its delay, who is back in bed does not, who is still out does.
    """
    eve.until("18:15")
    eve.beat(*(f"g{n}" for n in range(GONE, HOMES)))
    eve.until("18:20")
    found = outage(eve)
    assert (found["homes_gone"], len(found["people"])) == (GONE, GONE)
    assert [one["critical"] for one in found["people"][:7]] == [True] * 6 + [False]
    (row,) = eve.queue()
    assert (row["lead"]["rule"], row["priority"]) == ("OUTAGE", "P2")
    ((at, words),) = eve.sms(NATT_1)
    assert (at, words.split(":")[0][:8], eve.calls(NATT_1)) == ("18:18:00", "P2 hos #", ["18:18:00"])

    outage_row = {"alert_id": found["alert_id"]}
    eve.act("18:21", "ola", outage_row, "claim")
    for n in CRITICAL:
        reached(eve, found["id"], n)
    assert {one["resident"] for one in outage(eve)["people"] if one["outcome"]} == {f"r{n}" for n in CRITICAL}
    eve.publish("18:31", "g79/pendant", {"type": "alarm.pressed", "id": "x1", "trigger": "pendant"})
    press = eve.alert("R01")
    assert (press["priority"], press["late_seconds"]) == ("P1", 0)
    assert eve.sms(NATT_1)[-1][0] == eve.calls(NATT_1)[-1] == "18:31:00"
    assert eve.sms(NATT_1)[-1][1].startswith("P1 hos R99")
    assert eve.queue()[0]["lead"]["alert_id"] == press["alert_id"]
    for clock, act in (("18:32", "claim"), ("18:33", "en-route"), ("18:50", "on-site")):
        eve.act(clock, "ola", press, act)
    eve.act("18:59", "ola", press, "end")
    eve.act("18:59", "ola", outage_row, "end", ask_again_minutes=300)

    eve.beat(*(f"g{n}" for n in range(GONE, HOMES)), every_ms=HOUR_MS)
    eve.until("22:40")
    eve.beat(*(f"g{n}" for n in range(HOMES) if n not in STILL_OUT), every_ms=HOUR_MS)
    eve.publish("22:40", "g1/pendant", buffered("alarm.pressed", "18:40", trigger="pendant"))
    eve.publish("22:40", "g1/bed", [buffered("bed.left", "22:02"), buffered("bed.occupied", "22:29")])
    eve.publish("22:40", "g2/bed", buffered("bed.left", "22:05"))
    (late,) = [one for one in eve.alerts() if one["rule"] == "R01" and one["resident_id"] == "r1"]
    assert (late["priority"], late["late_seconds"], late["opened_at"]) == ("P1", 4 * 3_600, "2026-12-24T21:40:00Z")
    assert eve.sms(NATT_1)[-1][0] == "22:40:00"
    assert eve.sms(NATT_1)[-1][1].startswith("P1 hos R17")
    eve.act("22:40:10", "ola", late, "claim")
    eve.until("22:41")
    out = eve.alert("R05")
    assert (out["resident_id"], out["opened_at"]) == ("r2", "2026-12-24T21:40:30Z")
    assert eve.sms(NATT_1)[-1][0] == "22:40:30"
    assert outage(eve)["homes_gone"] == len(STILL_OUT)
    assert {one["resident"] for one in outage(eve)["people"] if one["back_at"] is None} == {f"r{n}" for n in STILL_OUT}
