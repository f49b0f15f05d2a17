"""A device or gateway that changes hands while it is silent, or alive: what the homes it leaves and joins must know."""

from __future__ import annotations

import pytest

from ingest.record import EVENT, Folded
from tests.support.source import MINUTE_MS, NOON_MS, Source, clock, events, press, ready, said, setting, status, told

LATER_MS = NOON_MS + 20 * MINUTE_MS
MAT = {"id": "d2", "address": "vardevakt:gw-1/mat", "role": "bed", "gateway": "gw1", "interval": "1 min"}


@pytest.fixture
def dead_mat() -> Source:
    """The mat of r1 in h1 has been silent for a while; its gateway is heard."""
    source = ready()
    source(said(NOON_MS, "mat", {"type": "bed.left"}))
    for minute in range(1, 20):
        source(status(NOON_MS + minute * MINUTE_MS))
    assert not source.fold.liveness()["vardevakt:gw-1/mat"][1]
    return source


def order(folded: Folded) -> list[tuple[str, str]]:
    """(what, home) of all inputs: the type of an event, or the id of a setting."""
    return [
        (one.event.type if one.kind == EVENT and one.event else one.setting.setting_id if one.setting else "", one.home)
        for one in folded.inputs
    ]


def test_a_silent_device_that_moves(dead_mat):
    """The home it leaves lets go of it before forgetting it; the one it joins hears that it is there, and silent."""
    folded = dead_mat(setting("device", "d2", {**MAT, "resident": "r2"}, LATER_MS, 2))

    assert order(folded) == [
        ("device.online", "h1"), ("device/d2", "h2"), ("device/d2", "h1"), ("device.online", "h2"),
        ("device.offline", "h2"),
    ]  # fmt: skip
    assert told(folded) == [
        ("device.online", "h1", "moved"), ("device.online", "h2", "moved"), ("device.offline", "h2", "silent"),
    ]  # fmt: skip
    assert [one.device for one in events(folded)] == ["d2"] * 3
    assert events(folded)[-1].effective_at_ms == NOON_MS


def test_a_silent_device_that_is_removed(dead_mat):
    """Nobody waits any more for what is gone."""
    folded = dead_mat(setting("device", "d2", None, LATER_MS, 2))

    assert told(folded) == [("device.online", "h1", "moved")]


def test_a_silent_device_that_is_replaced(dead_mat):
    """Another device under the same address, in the same home: the old one is let go, the new one is silent."""
    dead_mat(setting("device", "d2", None, LATER_MS, 2))
    folded = dead_mat(setting("device", "d7", {**MAT, "resident": "r1"}, LATER_MS, 1))

    assert [(one.type, one.home, one.device) for one in events(folded)] == [
        ("device.online", "h1", "d7"), ("device.offline", "h1", "d7"),
    ]  # fmt: skip


def test_a_resident_who_moves_takes_living_devices_along():
    """A pendant that was heard in the old home counts as installed in the new one: its silence there is no surprise."""
    source = ready()
    source(press(NOON_MS, id="1"))
    folded = source(setting("resident", "r1", {"id": "r1", "home": "h2"}, LATER_MS - 15 * MINUTE_MS, 2))

    assert [(one.type, one.home, one.device) for one in events(folded)] == [("device.online", "h2", "d1")]


def test_what_was_never_heard_is_not_told():
    """A new mat that nobody has switched on is installed nowhere."""
    folded = ready()(setting("device", "d2", {**MAT, "resident": "r2"}, NOON_MS, 2))

    assert told(folded) == []


def test_a_dark_gateway_that_moves():
    """The home that it stood in and nobody of which hangs on it any more lets go of it."""
    source = ready()
    source(status(NOON_MS))
    source(clock(LATER_MS))
    for device in ("d1", "d2"):
        source(setting("device", device, None, LATER_MS, 2))
    moved = {"id": "gw1", "home": "h2", "address": "vardevakt:gw-1", "interval": "5 min"}
    folded = source(setting("gateway", "gw1", moved, LATER_MS, 2))

    assert told(folded) == [("device.online", "h1", "moved")]
    assert order(folded)[0] == ("device.online", "h1")


def test_a_setting_that_moves_nothing_tells_nothing(dead_mat):
    """Another room for a silent mat is no news of its life."""
    folded = dead_mat(setting("device", "d2", {**MAT, "resident": "r1", "room": "hall"}, LATER_MS, 2))

    assert told(folded) == []
