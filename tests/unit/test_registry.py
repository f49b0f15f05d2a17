from __future__ import annotations

from collections.abc import Mapping

import pytest

from ingest.record import Setting
from ingest.registry import DAY_MS, Registry
from ingest.spans import duration_ms, from_time_ms

NOON_MS = 1_772_370_000_000
HOUR_MS = 3_600_000


def registry_of(*changes: tuple[int, str, str, Mapping[str, object] | None]) -> Registry:
    registry = Registry()
    versions: dict[str, int] = {}
    for at_ms, kind, item, value in changes:
        setting_id = f"{kind}/{item}"
        versions[setting_id] = versions.get(setting_id, 0) + 1
        assert registry.apply(
            Setting(setting_id, versions[setting_id], kind, None if value is None else dict(value)), at_ms
        )
    return registry


MAT: dict[str, object] = {"address": "z:mat", "role": "bed", "resident": "r1", "gateway": "g1"}
PEOPLE: tuple[tuple[int, str, str, Mapping[str, object]], ...] = (
    (NOON_MS, "resident", "r1", {"home": "h1", "critical": True, "risks": ["wander"]}),
    (NOON_MS, "resident", "r2", {"home": "h2"}),
    (NOON_MS, "gateway", "g1", {"home": "h3", "address": "v:g1", "interval": "2 min"}),
)


def test_an_address_is_a_device_with_its_resident_home_and_gateway():
    """One look-up gives everything that an event needs to know about whose it is."""
    found = registry_of(*PEOPLE, (NOON_MS, "device", "d1", MAT)).resolve("z:mat", NOON_MS)

    assert found is not None
    assert (found.device, found.resident, found.home, found.gateway) == ("d1", "r1", "h1", "g1")
    assert (found.role, found.gateway_address, found.critical, found.wander_risk) == ("bed", "v:g1", True, True)


@pytest.mark.parametrize(
    ("value", "home"),
    [
        ({"home": "h9", "resident": "r1", "gateway": "g1"}, "h9"),
        ({"resident": "r1", "gateway": "g1"}, "h1"),
        ({"gateway": "g1"}, "h3"),
        ({"resident": "nobody"}, None),
        ({}, None),
    ],
)
def test_home_of_a_device(value, home):
    """Its own home, else its resident's, else its gateway's, else nobody's."""
    found = registry_of(*PEOPLE, (NOON_MS, "device", "d1", {"address": "a:1", **value})).resolve("a:1", NOON_MS)

    assert found is not None
    assert found.home == home


@pytest.mark.parametrize(
    ("after_ms", "resident", "home"), [(-HOUR_MS, "r1", "h1"), (HOUR_MS - 1, "r1", "h1"), (HOUR_MS, "r2", "h2")]
)
def test_a_device_given_to_somebody_else(after_ms, resident, home):
    """What was observed before the change belongs to whom the device had been given before it."""
    registry = registry_of(
        *PEOPLE, (NOON_MS, "device", "d1", MAT), (NOON_MS + HOUR_MS, "device", "d1", {**MAT, "resident": "r2"})
    )

    found = registry.resolve("z:mat", NOON_MS + after_ms)

    assert found is not None
    assert (found.resident, found.home) == (resident, home)


def test_a_resident_who_moved_takes_the_devices_along():
    """An assignment follows its resident's home, each at its time."""
    registry = registry_of(
        *PEOPLE, (NOON_MS, "device", "d1", MAT), (NOON_MS + HOUR_MS, "resident", "r1", {"home": "h7"})
    )

    found = [registry.resolve("z:mat", NOON_MS + at_ms) for at_ms in (0, HOUR_MS, 0)]
    homes = [one.home for one in found if one is not None]

    assert homes == ["h1", "h7", "h1"]


def test_an_address_taken_over_by_a_new_device():
    """A replaced sensor on the same address: the old device until then, the new one after."""
    registry = registry_of(
        *PEOPLE,
        (NOON_MS, "device", "d1", MAT),
        (NOON_MS + HOUR_MS, "device", "d1", None),
        (NOON_MS + 2 * HOUR_MS, "device", "d2", {**MAT, "resident": "r2"}),
    )

    devices = [
        None if found is None else found.device
        for found in (registry.resolve("z:mat", NOON_MS + hours * HOUR_MS) for hours in (-1, 0, 1, 2))
    ]

    assert devices == ["d1", "d1", None, "d2"]


def test_two_devices_that_claim_one_address():
    """The newer assignment wins, whichever id it has, and the older one counts again when it is withdrawn."""
    registry = registry_of(
        *PEOPLE,
        (NOON_MS, "device", "d5", MAT),
        (NOON_MS + HOUR_MS, "device", "d1", {**MAT, "resident": "r2"}),
        (NOON_MS + 2 * HOUR_MS, "device", "d9", MAT),
        (NOON_MS + 3 * HOUR_MS, "device", "d9", None),
    )
    found = [registry.resolve("z:mat", NOON_MS + hours * HOUR_MS) for hours in range(4)]

    assert [one.device for one in found if one is not None] == ["d5", "d1", "d9", "d1"]


def test_a_dated_change_holds_from_its_own_date():
    """`from` in the value counts instead of the time of arrival, also ahead of time; nothing reaches before it."""
    dated = {**MAT, "from": "2026-03-10T00:00:00Z"}
    registry = registry_of(*PEOPLE, (NOON_MS, "device", "d1", dated))
    from_ms = from_time_ms(dated)

    assert from_ms is not None
    assert registry.resolve("z:mat", from_ms - 1) is None
    assert registry.valid_until_ms("z:mat", NOON_MS) == from_ms
    assert registry.resolve("z:mat", from_ms) is not None


def test_versions_already_seen_change_nothing():
    """A relay that sends twice, or an older version after a newer one, is ignored, also after a removal."""
    registry = registry_of(*PEOPLE, (NOON_MS, "device", "d1", MAT), (NOON_MS + 1, "device", "d1", None))

    assert not registry.apply(Setting("device/d1", 1, "device", MAT), NOON_MS + 2)
    assert not registry.apply(Setting("device/d1", 2, "device", MAT), NOON_MS + 2)
    assert registry.resolve("z:mat", NOON_MS + 2) is None
    assert registry.apply(Setting("device/d1", 3, "device", MAT), NOON_MS + 3)
    assert registry.resolve("z:mat", NOON_MS + 3) is not None


def test_old_changes_are_forgotten():
    """What was superseded longer ago than any trusted observation takes no room."""
    changes = [(NOON_MS + day * DAY_MS, "device", "d1", {**MAT, "room": f"room {day}"}) for day in range(200)]
    registry = registry_of(*PEOPLE, *changes)

    kept = registry.items()["device/d1"].changes

    assert 32 <= len(kept) <= 34
    found = registry.resolve("z:mat", NOON_MS + 170 * DAY_MS)
    assert found is not None
    assert found.room == "room 170"


def test_homes_that_hang_on_a_gateway():
    """Its own home and those of the devices behind it, as of the time asked for."""
    registry = registry_of(
        *PEOPLE,
        (NOON_MS, "device", "d1", MAT),
        (NOON_MS, "device", "d2", {"address": "z:2", "resident": "r2", "gateway": "g1"}),
        (NOON_MS + HOUR_MS, "device", "d2", {"address": "z:2", "resident": "r2"}),
    )

    assert registry.gateway_homes("g1", NOON_MS) == ["h1", "h2", "h3"]
    assert registry.gateway_homes("g1", NOON_MS + HOUR_MS) == ["h1", "h3"]


def test_strange_values_are_nobodys():
    """A setting with fields of the wrong type gives no home, no address and no fault."""
    registry = registry_of(
        (NOON_MS, "device", "d1", {"address": 7, "resident": ["r1"], "gateway": {}, "interval": -5}),
        (NOON_MS, "resident", "r1", {"home": 4, "risks": "wander"}),
        (NOON_MS, "gateway", "g1", {"address": "", "home": None}),
    )

    assert registry.resolve("7", NOON_MS) is None
    assert registry.resolve("", NOON_MS) is None
    assert registry.homes() == []


@pytest.mark.parametrize(
    ("text", "ms"),
    [("5 min", 300_000), ("90s", 90_000), ("1 h", HOUR_MS), ("2 d", 2 * DAY_MS), ("0 min", None), ("soon", None),
     (5, None), ("", None)],
)  # fmt: skip
def test_lengths_of_time(text, ms):
    """Lengths are read as site files write them; anything else is none."""
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    ("value", "ms"),
    [({"from_ms": 5}, 5), ({"from": "1970-01-02"}, DAY_MS), ({"from": "1970-01-01T01:00:00+01:00"}, 0),
     ({"from": "yesterday"}, None), ({"from_ms": True}, None), ({}, None)],
)  # fmt: skip
def test_dates_of_items(value, ms):
    """An item may say when it begins to hold, in milliseconds or as RFC 3339."""
    assert from_time_ms(value) == ms
