"""How devices are, on the API and on the pages: last heard and battery, each device its own, nothing where unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ingest.series import Point
from tests.support.board import board_stack
from tests.support.http import HttpStack

HOUR_MS = 3_600_000


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    """Kari's pendant (87 %, heard 5 min ago), her bed sensor, which says only that its battery is low, and a door."""
    with board_stack(tmp_path) as made:
        for device, role in (("d2", "bed"), ("d3", "front_door")):
            value = {"address": f"zigbee2mqtt:{role}", "role": role, "resident": "r1"}
            made.store.save("device", device, value, None, made.now_ms)
        made.heard |= {"vardevakt:gw-1/pendant-7": made.now_ms - 300_000, "vardevakt:gw-1": made.now_ms}
        levels = [
            Point("r1", "d1", "battery", made.now_ms - 9 * HOUR_MS, 91.0, "%"),
            Point("r1", "d1", "battery", made.now_ms - HOUR_MS, 87.4, "%"),
            Point("zigbee2mqtt:bed", "zigbee2mqtt:bed", "battery_low", made.now_ms - 2 * HOUR_MS, 1.0, ""),
        ]
        made.series.write(1, levels, [])
        yield made


def states(items):
    return {one["id"]: (one["battery_percent"], one["battery_low"]) for one in items}


def test_the_api_says_how_each_device_is(stack):
    """In the list, for one device and on the resident's card alike; null where nothing is known."""
    client = stack.person()
    expected = {"d1": (87.4, None), "d2": (None, True), "d3": (None, None)}
    listed = client.get("/api/v1/devices").json()["items"]
    card = client.get("/api/v1/residents/r1").json()["devices"]

    assert states(listed) == states(card) == expected
    for one in listed:
        alone = client.get(f"/api/v1/devices/{one['id']}").json()
        assert {name: alone[name] for name in one} == one
    assert [one["last_heard_at"] for one in listed] == ["2026-03-01T01:25:00Z", None, None]
    assert [one["battery_at"] for one in listed] == ["2026-03-01T00:30:00Z", "2026-02-28T23:30:00Z", None]


@pytest.mark.parametrize("path", ["/devices", "/residents/r1"])
def test_the_pages_show_it_in_words(stack, path):
    """A level in percent, a word where the device only says low, a dash where nothing is known, and last heard."""
    rows = re.findall(r"<tr>.*?</tr>", stack.person().get(path).text, re.DOTALL)
    cells = [re.sub(r"<[^>]+>", " ", row).split() for row in rows if "<td>" in row]
    pendant, bed, door = (next(row for row in cells if word in " ".join(row)) for word in ("mykke", "eng", "dør"))

    assert pendant[-2:] == ["87", "%"]
    assert "for 5 min siden" in " ".join(pendant)
    assert bed[-1] == "lavt"
    assert (door[-1], "Aldri hørt" in " ".join(door)) == ("–", True)


def test_an_old_level_is_shown_with_its_day(stack):
    """After three days it may be otherwise by now."""
    stack.now_ms += 96 * HOUR_MS

    assert "87 % (" in stack.person().get("/residents/r1").text
