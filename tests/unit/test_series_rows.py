"""What of an event becomes a point or a mark."""

import msgspec
import pytest

from ingest.event import BUFFERED, CLOCK_SUSPECT, RETAINED, TEST
from ingest.record import CLOCK, Input
from ingest.series import Point
from ingest.series_rows import NOTHING, Watched, rows
from ingest.vocabulary import TYPES
from tests.support.journals import NOON_MS, event, input_of, setting_input


def rows_of(type, **fields):
    """Points as (metric, value, unit), marks as types, and whether it is behaviour."""
    found = rows(input_of(event(1, type, **fields)))
    return (
        [(one.metric, one.value, one.unit) for one in found.points],
        [one.type for one in found.marks],
        found.behaviour,
    )


@pytest.mark.parametrize(
    ("type", "content", "expected"),
    [
        ("measured", {"metric": "weight", "value": 71.5, "unit": "kg"}, ([("weight", 71.5, "kg")], [], True)),
        ("measured", {"metric": "weight", "value": "much", "unit": "kg"}, ([], [], True)),
        ("measured", {"metric": "weight", "value": True, "unit": "kg"}, ([], [], True)),
        ("measured", {"metric": "weight", "value": float("nan"), "unit": "kg"}, ([], [], True)),
        ("bed.occupied", {}, ([("bed", 1.0, "")], ["bed.occupied"], True)),
        ("bed.left", {}, ([("bed", 0.0, "")], ["bed.left"], True)),
        ("door.opened", {"door": "front"}, ([("door", 1.0, "")], ["door.opened"], True)),
        ("presence.ended", {}, ([("presence", 0.0, "")], ["presence.ended"], True)),
        ("motion.detected", {}, ([], ["motion.detected"], True)),
        ("battery.level", {"percent": 50}, ([("battery", 50.0, "%")], [], False)),
        ("battery.level", {"volts": 2.9}, ([("battery_volts", 2.9, "V")], [], False)),
        ("battery.low", {}, ([("battery_low", 1.0, "")], ["battery.low"], False)),
        ("battery.ok", {}, ([("battery_low", 0.0, "")], ["battery.ok"], False)),
        ("alarm.pressed", {}, ([], ["alarm.pressed"], False)),
        ("dose.taken", {"dose_id": "1"}, ([], ["dose.taken"], False)),
        ("dispenser.stock", {"doses_left": 4}, ([("doses_left", 4.0, "")], [], False)),
        ("smoke.alarm", {}, ([], ["smoke.alarm"], False)),
        ("position.fixed", {"latitude": 59.9, "longitude": 10.7}, ([], [], False)),
        ("heartbeat", {}, ([], [], False)),
        ("something.else", {}, ([], [], False)),
    ],
)  # fmt: skip
def test_table(type, content, expected):
    """Curves of what is measured, marks of what happened, positions never."""
    assert rows_of(type, content=content) == expected


def test_a_point_says_whose_and_when():
    """Subject, device and effective time; without a device its address."""
    one = event(1, "battery.level", content={"percent": 50}, device=None, subject="a:b", effective_at_ms=NOON_MS - 9)

    assert rows(input_of(one)).points == (Point("a:b", "vardevakt:gw/d1", "battery", NOON_MS - 9, 50.0, "%"),)


def test_room_climate_is_not_behaviour():
    """A thermometer of the home belongs to nobody; one of a person's bed does."""
    content = {"metric": "temperature", "value": 21.0, "unit": "Cel"}

    assert not rows(input_of(event(1, "measured", content=content, resident=None))).behaviour
    assert rows(input_of(event(1, "measured", content=content))).behaviour


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"quality": (TEST,)}, False),
        ({"quality": (RETAINED,)}, False),
        ({"quality": (RETAINED,), "observed_at_ms": NOON_MS}, True),
        ({"quality": (BUFFERED, CLOCK_SUSPECT)}, True),
    ],
)
def test_quality(fields, kept):
    """Tests are not life; a retained state of unknown age would begin anew at each reconnect."""
    assert (rows(input_of(event(1, "bed.left", **fields))) != NOTHING) is kept


def test_every_type_of_the_contract_has_a_place():
    """Each is kept always, is behaviour, or is on this list of what has no band: nobody was forgotten."""
    without = {"heartbeat", "position.fixed", "measured", "key.taken", "key.returned"}
    content = {"percent": 1, "doses_left": 1}
    missing = {
        name for name in TYPES if name not in without and rows(input_of(event(1, name, content=content))) == NOTHING
    }

    assert missing == set()


def test_settings_and_clocks_give_nothing():
    """Only events have points and marks."""
    assert rows(Input(CLOCK, NOON_MS)) == NOTHING
    assert rows(setting_input("plan", "p1", {})) == NOTHING


def measure(resident="r1", **fields):
    """A measure as in a site file."""
    return setting_input("measure", f"m-{resident}", {"resident": resident, "from": "2026-01-01"} | fields)


@pytest.mark.parametrize(
    ("fields", "day", "kept"),
    [
        ({}, "2026-01-01", True),
        ({}, "2025-12-31", False),
        ({"until": "2026-02-01"}, "2026-02-01", True),
        ({"until": "2026-02-01"}, "2026-02-02", False),
        ({"until": None}, "2040-01-01", True),
        ({"from": None}, "2026-02-01", False),
        ({"resident": "r2"}, "2026-02-01", False),
    ],
)
def test_a_measure_is_in_force_by_dates(fields, day, kept):
    """From and until include their days; without `from` it has not begun."""
    watched = Watched()
    watched.apply(measure(**fields))

    assert watched.may_keep(event(1), day) is kept


def test_a_measure_that_is_removed_ends():
    """So does one that was given to somebody else."""
    watched = Watched()
    watched.apply(measure())
    watched.apply(msgspec.structs.replace(measure(), setting=msgspec.structs.replace(
        measure().setting, value={"resident": "r2", "from": "2026-01-01"})))  # fmt: skip
    assert not watched.may_keep(event(1), "2026-02-01")
    assert watched.may_keep(event(1, resident="r2"), "2026-02-01")
    watched.apply(setting_input("measure", "m-r1", None))
    assert not watched.may_keep(event(1, resident="r2"), "2026-02-01")


def test_a_device_of_the_home_asks_for_anybody_there():
    """The front door of a home is kept while one who lives there has a measure; moving out ends it."""
    watched = Watched()
    watched.apply(measure())
    door = event(1, "door.opened", resident=None, home="h1")
    assert not watched.may_keep(door, "2026-02-01")
    watched.apply(setting_input("resident", "r1", {"home": "h1"}))
    assert watched.may_keep(door, "2026-02-01")
    watched.apply(setting_input("resident", "r1", {"home": "h2"}))
    assert not watched.may_keep(door, "2026-02-01")
    watched.apply(setting_input("resident", "r1", None))
    assert not watched.may_keep(event(1, resident=None, home="h2"), "2026-02-01")


def test_all_measures():
    """A replay may assume them for everybody."""
    assert Watched(all_measures=True).may_keep(event(1), "1970-01-01")
