"""However settings come and change, a raw partition that knows only what it needs says what one that knows all says."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerts.site.projection import FIELDS, relayed
from ingest.codecs import default_codecs
from ingest.record import CLOCK, FEED, MQTT, SETTING, Input, RawRecord, Setting
from ingest.registry import Placed, Registry
from ingest.setting_places import SettingPlaces, decode_standing, setting_record, settings_rows
from ingest.source_fold import SourceFold
from ingest.source_join import items_of, joined
from ingest.topics import INPUTS, Layout, Placement, decode_input, encode_raw, outgoing
from tests.support.town import items

CODECS = default_codecs(("zigbee2mqtt",))
START_MS = 1_780_000_000_000
HOMES, PEOPLE, GATEWAYS = ("h1", "h2", "h3", "h4"), ("r1", "r2", "r3"), ("g1", "g2")
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
    '{"type":"alarm.pressed","trigger":"pendant","id":"1"}', '{"type":"heartbeat","interval_seconds":300}',
    '{"occupancy":true}', '{"online":false}', '{"type":"bed.left","time":"@early"}',
    '{"type":"bed.left","time":"@late"}',
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
        value |= draw(st.sampled_from(({}, {}, {"from": "2026-05-28"})))  # the day before all begins
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
    ("resident", "r3", {"home": "h4"}),
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
            body = step[1].replace("@early", iso(START_MS - 3_600_000)).replace("@late", iso(at_ms - 900_000))
            found.append(RawRecord(at_ms, MQTT, step[0], body.encode(), qos=1, link="mqtt:a"))
        else:
            name = f"{step[0]}/{step[1]}"
            versions[name] = versions.get(name, 0) + 1
            body = msgspec.json.encode(Setting(name, versions[name], step[0], step[2]))
            found.append(RawRecord(at_ms, SETTING, payload=body))
    return [*found, RawRecord(at_ms + 86_400_000, CLOCK), RawRecord(at_ms + 3 * 86_400_000, CLOCK)]


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def words(inputs: list[Input]) -> dict[str, list[tuple[object, ...]]]:
    """What each home hears. Who tells it a setting that hangs on another differs, not that it is told."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for one in inputs:
        event = None if one.event is None else msgspec.json.encode(one.event, order="sorted")
        setting = None if one.setting is None else msgspec.json.encode(one.setting, order="sorted")
        at_ms = 0 if one.setting is not None else one.received_at_ms
        found.setdefault(one.home, set()).add((one.kind, at_ms, event, setting, one.floor))
    return {home: sorted(said, key=repr) for home, said in found.items() if home}


class Site:
    """The source folds of all partitions; settings go to all of them, or where they are needed."""

    def __init__(self, partitions: int, *, everywhere: bool) -> None:
        self.everywhere, self.heard = everywhere, list[Input]()
        self._lay(Layout("s", partitions=partitions))
        self.places = SettingPlaces(self.placement)

    def _lay(self, layout: Layout) -> None:
        self.layout, self.placement = layout, Placement(layout, CODECS)
        here = [partial(self.placement.here, at) for at in range(layout.partitions)]
        self.folds = [SourceFold("s", CODECS, here=each) for each in here]

    def take(self, record: RawRecord) -> None:
        given = [record]
        if not self.everywhere and record.kind == SETTING:
            setting = msgspec.json.decode(record.payload, type=Setting)
            at_ms = record.received_at_ms
            given = [setting_record(at_ms, one, where) for one, where in self.places.writes(setting, at_ms)]
        for each in given:
            for at in self.placement(each):
                for row in outgoing(self.layout, at, [(each, self.folds[at].apply(each))]):
                    if row.log == INPUTS:
                        self.heard.append(decode_input(row.value, 0).input)

    def start_again(self) -> None:
        """Whoever writes settings begins with what the topic has of them."""
        topic = self.places.all()
        self.places = SettingPlaces(self.placement)
        assert [self.places.learn(one) for one in topic] == [False] * len(topic)

    def grow(self, partitions: int) -> None:
        """A new generation, as rules/growing.py makes it."""
        states = [fold.snapshot() for fold in self.folds]
        self._lay(Layout("s", 2, partitions))
        places = self.places = SettingPlaces(self.placement)
        places.begin(items_of(states), START_MS)
        for at, fold in enumerate(self.folds):
            items = None if self.everywhere else places.at(at)
            fold.restore(joined(states, partial(self.placement.here, at), items))


@given(STEPS, st.integers(1, 9), st.integers(1, 9), st.integers(0, 30), st.integers(0, 30))
def test_each_home_hears_what_it_hears_when_every_partition_knows_all(steps, partitions, later, again, grown):
    """Settings of every kind, moves, removals and messages between them, a restart of who writes them, a growth."""
    sites = [Site(partitions, everywhere=one) for one in (True, False)]
    for site in sites:
        for number, record in enumerate(records(steps)):
            if number == again:
                site.start_again()
            if number == grown:
                site.grow(later)
            site.take(record)

    everybody, placed = sites
    assert words(placed.heard) == words(everybody.heard)


def at(name: str) -> int:
    return LAYOUT.partition_of(name)


LAYOUT = Layout("s", partitions=128)
HOME = Setting("home/h1", 1, "home", {})
GATEWAY = Setting("gateway/g1", 1, "gateway", {"home": "h1", "address": "vardevakt:g1"})
PERSON = Setting("resident/r1", 1, "resident", {"home": "h1"})
PENDANT = Setting("device/d1", 1, "device", {"address": "vardevakt:g1/d1", "resident": "r1", "gateway": "g1"})


def placed(*settings: Setting) -> tuple[SettingPlaces, list[tuple[int, Setting]]]:
    """Whoever places these, and what was written: (partition, setting)."""
    places = SettingPlaces(Placement(LAYOUT, CODECS))
    return places, [(each, one) for given in settings for one, where in places.writes(given, 0) for each in where]


def test_a_persons_settings_stand_in_few_partitions():
    """Of 128 a home, its resident, gateway and pendant stand in two: where they speak and where they live."""
    places, written = placed(HOME, GATEWAY, PERSON, PENDANT)
    here = {at("h1"), at("vardevakt:g1")}

    assert {each for each, _ in written} == here
    assert len(written) <= 8
    move = places.writes(Setting("resident/r1", 2, "resident", {"home": "h2"}), 0)
    moved = [(each, one) for one, where in move for each in where]
    assert [one.setting_id for each, one in moved if each == at("h2")] == ["gateway/g1", "resident/r1", "device/d1"]
    assert {(each, one.version) for each, one in moved if one.setting_id == "resident/r1"} == {
        (each, 2) for each in {*here, at("h2")}
    }
    assert [where for _, where in places.writes(Setting("site/s", 1, "site", {}), 0)] == [tuple(range(128))]


def test_where_something_once_stood_it_is_told_of_all_that_comes():
    """A pendant goes from person to person; where the first lives nobody takes it for the second's who moves there."""
    others = [Setting(f"resident/r{n}", 1, "resident", {"home": f"h{n}"}) for n in (2, 3)]
    value = dict(PENDANT.value or {})
    passed_on = [Setting("device/d1", n, "device", {**value, "resident": f"r{n}"}) for n in (2, 3)]
    _, written = placed(HOME, GATEWAY, PERSON, PENDANT, *others, *passed_on)

    heard = [one.version for each, one in written if one.setting_id == "device/d1" and each == at("h1")]
    assert heard == [1, 2, 3]
    assert at("h1") in {each for each, one in written if one.setting_id == "resident/r3"}


def test_what_is_known_later_means_the_same_as_where_it_was_known_all_along():
    """A person moves, then gets a pendant that speaks elsewhere: what it saw before the move is the old home's."""
    places = SettingPlaces(Placement(LAYOUT, CODECS))
    moved = Setting("resident/r1", 2, "resident", {"home": "h2"})
    given = Setting("device/d1", 1, "device", {**(PENDANT.value or {}), "from_ms": 100})
    there = Registry()
    for one, at_ms in ((HOME, 0), (PERSON, 0), (moved, 1_000), (given, 2_000)):
        for written, where in places.writes(one, at_ms):
            if at("vardevakt:g1") in where:
                there.apply(written, 9_000, written.changes if isinstance(written, Placed) else ())

    homes = [assignment.home for when in (500, 1_500) if (assignment := there.resolve("vardevakt:g1/d1", when))]
    assert homes == ["h1", "h2"]


def test_what_has_no_place_yet_stands_in_one_partition():
    """Somebody must say that it is in force; once there is a home it stands there too."""
    places, written = placed(Setting("plan/x", 1, "plan", {"resident": "r1"}))
    assert [each for each, _ in written] == [at("plan/x")]

    later = {one.setting_id: where for one, where in places.writes(PERSON, 0)}
    assert later == {"plan/x": (at("h1"),), "resident/r1": tuple(sorted({at("h1"), at("plan/x")}))}


def test_who_begins_with_what_was_written_goes_on_from_there():
    """After a restart a move is written where the person was, too; what knows less than we do is to be told again."""
    before, _ = placed(HOME, PERSON)
    places = SettingPlaces(Placement(LAYOUT, CODECS))
    for one in before.all():
        assert not places.learn(decode_standing(settings_rows([one])[0].value))
    first = places.standing("resident/r1")

    moved = [where for _, where in places.writes(Setting("resident/r1", 2, "resident", {"home": "h2"}), 0)]
    assert moved == [(at("h1"),), (at("h2"),)]
    assert places.learn(first)
    told = [(one.version, where) for one, where in places.again("resident/r1")]
    assert told == [(2, tuple(sorted((at("h1"), at("h2")))))]


def test_what_a_site_of_a_thousand_writes():
    """With 128 partitions: two to three records a setting instead of 128, and so little of everybody in each."""
    named = [(f"{kind}/{name}", kind, {"id": name, **value}) for kind, name, value in items(1_000) if relayed(kind)]
    projected = [(name, kind, {key: value[key] for key in FIELDS[kind] if key in value}) for name, kind, value in named]
    rows = [
        RawRecord(START_MS, SETTING, name, msgspec.json.encode(Setting(name, 1, kind, value), order="sorted"))
        for name, kind, value in projected
    ]
    placement = Placement(LAYOUT, CODECS)
    places = SettingPlaces(placement)
    sums = {"before": [0, 0], "after": [0, 0]}
    known = [0] * 128
    for row in rows:
        one = msgspec.json.decode(row.payload, type=Setting)
        placed_rows = [setting_record(START_MS, *write) for write in places.writes(one, START_MS)]
        for name, records in (("before", [row]), ("after", placed_rows)):
            for each in records:
                where = placement(each)
                sums[name][0] += len(where)
                sums[name][1] += len(where) * len(encode_raw("s", each))
    for standing in places.all():
        for at_partition in standing.places:
            known[at_partition] += 1
    topic = sum(len(row.value) for row in settings_rows(places.all()))

    assert (len(rows), sums["before"][0]) == (10_002, 1_280_256)
    assert 10_000 < sums["after"][0] < 20_000
    assert sums["after"][1] + topic < sums["before"][1] / 30
    assert max(known) < 200
