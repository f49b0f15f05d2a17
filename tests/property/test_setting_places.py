"""However settings come and change, a raw partition that knows only what it needs says what one that knows all says."""

from __future__ import annotations

from functools import partial

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.codecs import default_codecs
from ingest.record import CLOCK, FEED, MQTT, SETTING, Input, RawRecord, Setting
from ingest.setting_places import SettingPlaces
from ingest.source_fold import SourceFold
from ingest.topics import INPUTS, Layout, Placement, decode_input, outgoing

CODECS = default_codecs(("zigbee2mqtt",))
START_MS = 1_780_000_000_000
HOMES, PEOPLE, GATEWAYS = ("h1", "h2", "h3"), ("r1", "r2"), ("g1", "g2")
DEVICES = {
    "d1": "vardevakt:g1/d1",
    "d2": "vardevakt:g2/d2",
    "d3": "chirpstack:24e124122b250001",
    "d4": "zigbee2mqtt:mat",
}
TOPICS = (
    "vardevakt/1/g1/d1/event", "vardevakt/1/g2/d2/event", "vardevakt/1/g1/status", "zigbee2mqtt/mat",
    "application/1/device/24e124122b250001/event/up",
)  # fmt: skip
BODIES = (
    b'{"type":"alarm.pressed","trigger":"pendant","id":"1"}', b'{"type":"heartbeat","interval_seconds":300}',
    b'{"occupancy":true}', b'{"online":false}',
)  # fmt: skip


@st.composite
def changes(draw) -> tuple[str, str, dict[str, object] | None]:
    """A home, person, gateway, device, plan, test session or the site: set, moved, or removed."""
    kind = draw(
        st.sampled_from(("home", "resident", "resident", "gateway", "device", "device", "plan", "test_session", "site"))
    )
    home, person, gateway = draw(st.sampled_from(HOMES)), draw(st.sampled_from(PEOPLE)), draw(st.sampled_from(GATEWAYS))
    device = draw(st.sampled_from(sorted(DEVICES)))
    if kind not in ("home", "site") and draw(st.integers(0, 7)) == 0:
        value = None
    elif kind == "resident":
        value = {"home": home}
    elif kind == "gateway":
        value = {"home": home, "address": f"vardevakt:{gateway}", "interval": "5 min"}
    elif kind == "device":
        value = {"address": draw(st.sampled_from((DEVICES[device], "vardevakt:g2/spare"))), "gateway": gateway}
        value |= draw(st.sampled_from(({"resident": person}, {"home": home}, {})))
    elif kind == "plan":
        value = {"resident": person}
    elif kind == "test_session":
        value = {"device": device, "from_ms": START_MS, "until_ms": START_MS + 3_600_000}
    else:
        value = {}
    name = {"home": home, "resident": person, "gateway": gateway, "device": device}.get(kind, "x")
    return kind, name, value


FIRST: tuple[tuple[str, str, dict[str, object] | None], ...] = (
    *(("home", home, {}) for home in HOMES),
    ("resident", "r1", {"home": "h1"}),
    ("resident", "r2", {"home": "h2"}),
    ("gateway", "g1", {"home": "h1", "address": "vardevakt:g1", "interval": "5 min"}),
    ("gateway", "g2", {"home": "h2", "address": "vardevakt:g2", "interval": "5 min"}),
    ("device", "d1", {"address": DEVICES["d1"], "resident": "r1", "gateway": "g1"}),
    ("device", "d2", {"address": DEVICES["d2"], "resident": "r1", "gateway": "g2"}),
    ("device", "d3", {"address": DEVICES["d3"], "resident": "r2", "gateway": "g1"}),
    ("device", "d4", {"address": DEVICES["d4"], "home": "h3"}),
    ("plan", "x", {"resident": "r1"}),
)
MESSAGES = st.tuples(st.sampled_from(TOPICS), st.sampled_from(BODIES))
STEP = st.tuples(st.one_of(changes(), changes(), MESSAGES, MESSAGES, st.none()), st.integers(0, 600_000))
STEPS = st.builds(
    lambda first, rest: [*((one, 0) for one in first), *rest], st.permutations(FIRST), st.lists(STEP, max_size=20)
)


def records(steps) -> list[RawRecord]:
    """In time; each setting with the next version of its id. None: the feed is back after a gap."""
    at_ms, versions, found = START_MS, dict.fromkeys([""], 0), []
    for step, later_ms in steps:
        at_ms += later_ms
        if step is None:
            payload = msgspec.json.encode({"type": "feed.gap", "from_ms": at_ms - 60_000, "to_ms": at_ms})
            found.append(RawRecord(at_ms, FEED, payload=payload))
        elif len(step) == 2:
            found.append(RawRecord(at_ms, MQTT, step[0], step[1], qos=1, link="mqtt:a"))
        else:
            name = f"{step[0]}/{step[1]}"
            versions[name] = versions.get(name, 0) + 1
            body = msgspec.json.encode(Setting(name, versions[name], step[0], step[2]))
            found.append(RawRecord(at_ms, SETTING, payload=body))
    return [*found, RawRecord(at_ms + 86_400_000, CLOCK), RawRecord(at_ms + 3 * 86_400_000, CLOCK)]


def words(inputs: list[Input]) -> dict[str, list[tuple[object, ...]]]:
    """What each home hears. Who tells it a setting that hangs on another differs, not that it is told."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for one in inputs:
        event = None if one.event is None else one.event.event_id
        setting = None if one.setting is None else msgspec.json.encode(one.setting, order="sorted")
        at_ms = 0 if one.setting is not None else one.received_at_ms
        found.setdefault(one.home, set()).add((one.kind, at_ms, event, setting, one.floor))
    return {home: sorted(said, key=repr) for home, said in found.items() if home}


@given(STEPS, st.integers(1, 9))
def test_each_home_hears_what_it_hears_when_every_partition_knows_all(steps, partitions):
    """Settings of every kind, moves, removals and messages between them."""
    layout = Layout("s", partitions=partitions)
    placement = Placement(layout, CODECS)
    heard: dict[bool, list[Input]] = {}
    for placed in (False, True):
        places = SettingPlaces(placement)
        folds = [SourceFold("s", CODECS, here=partial(placement.here, at)) for at in range(partitions)]
        heard[placed] = []
        for record in records(steps):
            targets = [(at, record) for at in placement(record)]
            if placed and record.kind == SETTING:
                setting = msgspec.json.decode(record.payload, type=Setting)
                targets = [
                    (at, msgspec.structs.replace(record, payload=msgspec.json.encode(one)))
                    for at, one in places.writes(setting, record.received_at_ms)
                ]
            for at, each in targets:
                for row in outgoing(layout, at, [(each, folds[at].apply(each))]):
                    if row.log == INPUTS:
                        heard[placed].append(decode_input(row.value, 0).input)

    assert words(heard[True]) == words(heard[False])


def test_a_persons_settings_stand_in_few_partitions():
    """Of 128 a home, its resident, gateway and pendant stand in two: where they speak and where they live."""
    layout = Layout("s", partitions=128)
    placement = Placement(layout, CODECS)
    places = SettingPlaces(placement)
    here = {layout.partition_of("h1"), layout.partition_of("vardevakt:g1")}
    written = [
        *places.writes(Setting("home/h1", 1, "home", {}), 0),
        *places.writes(Setting("gateway/g1", 1, "gateway", {"home": "h1", "address": "vardevakt:g1"}), 0),
        *places.writes(Setting("resident/r1", 1, "resident", {"home": "h1"}), 0),
        *places.writes(
            Setting("device/d1", 1, "device", {"address": "vardevakt:g1/d1", "resident": "r1", "gateway": "g1"}), 0
        ),
    ]  # fmt: skip

    assert {at for at, _ in written} == here
    assert len(written) <= 8
    new = layout.partition_of("h2")
    moved = places.writes(Setting("resident/r1", 2, "resident", {"home": "h2"}), 0)
    assert {one.setting_id for at, one in moved if at == new} == {"gateway/g1", "resident/r1", "device/d1"}
    assert {(at, one.version) for at, one in moved if one.setting_id == "resident/r1"} == {
        (at, 2) for at in {*here, new}
    }
    assert {at for at, _ in places.writes(Setting("site/s", 1, "site", {}), 0)} == set(range(128))


def test_who_begins_with_what_was_written_goes_on_from_there():
    """After a restart a move is written where the person was, too."""
    layout = Layout("s", partitions=128)
    known = [Setting("home/h1", 1, "home", {}), Setting("resident/r1", 1, "resident", {"home": "h1"})]
    places = SettingPlaces(Placement(layout, CODECS), known)

    assert not places.is_new(known[1])
    moved = places.writes(Setting("resident/r1", 2, "resident", {"home": "h2"}), 0)
    assert {at for at, _ in moved} == {layout.partition_of("h1"), layout.partition_of("h2")}
