"""The three laws of `ingest/setting_places.py` by themselves, after every write, whatever is set, moved or removed."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from ingest.codecs import default_codecs
from ingest.record import Setting
from ingest.registry import Placed, Registry, references
from ingest.setting_places import SettingPlaces, Standing, Write
from ingest.topics import Layout, Placement
from tests.property.test_setting_places import FIRST, changes

CODECS = default_codecs(("zigbee2mqtt",))
HOUR_MS = 3_600_000
Change = tuple[str, str, dict[str, object] | None]


class Partitions:
    """What each raw partition has been told, beside one that has been told everything."""

    def __init__(self, partitions: int) -> None:
        self.placement = Placement(Layout("s", partitions=partitions), CODECS)
        self.places = SettingPlaces(self.placement)
        self.whole, self.told = Registry(), [Registry() for _ in range(partitions)]
        self.at_ms, self.since_ms = 1_780_000_000_000, dict[str, int]()

    def put(self, kind: str, name: str, value: dict[str, object] | None) -> list[Write]:
        """The next version of a setting, an hour after the one before."""
        self.at_ms += HOUR_MS
        known = self.whole.setting(f"{kind}/{name}")
        one = Setting(f"{kind}/{name}", 1 if known is None else known.version + 1, kind, value)
        self.whole.apply(one, self.at_ms)
        self.since_ms[one.setting_id] = self.at_ms
        return self.write(self.places.writes(one, self.at_ms))

    def write(self, writes: list[Write]) -> list[Write]:
        """In order."""
        for one, where in writes:
            for at in where:
                history = one.changes if isinstance(one, Placed) else ()
                self.told[at].apply(one.setting() if isinstance(one, Placed) else one, self.at_ms, history)
        return writes

    def missing(self, at: int, setting_id: str) -> set[str]:
        """What this setting names and somebody knows, but this partition does not."""
        names = references(self.told[at].items()[setting_id])
        return {name for name in names if name in self.whole.items()} - self.told[at].items().keys()

    def assert_laws(self, writes: list[Write]) -> None:
        """All three laws, and that who places them knows where they stand."""
        everything = self.whole.items()
        for one, _ in writes:
            if isinstance(one, Placed):
                assert one.since_ms == self.since_ms[one.setting_id], "law 3: since when, too"
        for at, told in enumerate(self.told):
            for name, item in told.items().items():
                assert item == everything[name], "laws 1 and 3: nothing old, and as it is remembered elsewhere"
                assert self.missing(at, name) == set(), "law 2: what it names stands there too"
        for name in everything:
            where = tuple(at for at, told in enumerate(self.told) if told.setting(name) is not None)
            assert self.places.standing(name).places == where
            assert where

    def restart(self) -> None:
        """Whoever places them begins with what is written, and has nothing to add."""
        topic = self.places.all()
        self.places = SettingPlaces(self.placement)
        assert [self.places.learn(one) for one in topic] == [False] * len(topic)


NAMED_LATER: list[Change] = [
    ("test_session", "x", {"device": "d1"}),  # of a device that nobody knows: it stands somewhere
    ("resident", "r1", {"home": "h1"}),
    ("device", "d2", {"address": "vardevakt:g2/d2", "resident": "r1"}),
    ("test_session", "x", {"device": "d2"}),  # there d2 must stand now, and whose it is
]


@given(st.permutations(FIRST), st.lists(changes(), max_size=25), st.integers(1, 12), st.integers(0, 30))
@example([], NAMED_LATER, 12, 0)
def test_the_laws_hold_after_every_write(first, later, partitions, again):
    """Nothing old, nothing named that is not there, nothing without its history; a restart amid it changes nothing."""
    site = Partitions(partitions)
    for number, change in enumerate([*first, *later]):
        if number == again:
            site.restart()
        site.assert_laws(site.put(*change))


class Relay:
    """As `settings_kafka.py`: it reads the topic, writes what is not marked yet, then the topic, then it marks."""

    def __init__(self, site: Partitions, topic: list[Standing]) -> None:
        self.site, self.topic, self.places = site, topic, SettingPlaces(site.placement)
        self.read, self.held = 0, list[Standing]()

    def write(self, rows: list[Setting]) -> None:
        """Up to the topic, which the other so may read before this one's words are in it."""
        again: dict[str, None] = {}
        for one in self.topic[self.read :]:
            again.pop(one.item.setting.setting_id, None)
            if self.places.learn(one):
                again[one.item.setting.setting_id] = None
        self.read = len(self.topic)
        writes = [write for name in again for write in self.places.again(name)]
        for row in rows:
            self.site.at_ms += HOUR_MS
            self.site.whole.apply(row, self.site.at_ms)
            writes += self.places.writes(row, self.site.at_ms)
        self.site.write(writes)
        self.held = [self.places.standing(name) for name in dict.fromkeys(one.setting_id for one, _ in writes)]

    def tell(self) -> None:
        self.topic.extend(self.held)
        self.held = []


ACTS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4), st.booleans()), max_size=8)


@given(st.lists(changes(), max_size=25), ACTS, st.integers(1, 12))
def test_no_place_is_lost_when_two_relays_write_at_once(steps, acts, partitions):
    """One is held up before its word is in the topic, and the other writes the same and more."""
    site, topic, marked = Partitions(partitions), list[Standing](), 0
    relays = [Relay(site, topic), Relay(site, topic)]
    versions = Counter[str]()
    rows = []
    for kind, name, value in steps:
        versions[f"{kind}/{name}"] += 1
        rows.append(Setting(f"{kind}/{name}", versions[f"{kind}/{name}"], kind, value))

    for relay, count, held in [*acts, *((at, len(rows), False) for at in (0, 1, 0, 1))]:
        relays[relay].tell()
        relays[relay].write(rows[marked : marked + count])
        if not held:
            relays[relay].tell()
            marked = min(marked + count, len(rows))

    for at, told in enumerate(site.told):
        for name, item in told.items().items():
            assert item.setting == site.whole.setting(name), "law 1"
            assert site.missing(at, name) == set(), "law 2"
    assert relays[0].places.all() == relays[1].places.all()


def test_a_word_that_knows_of_fewer_places_takes_none_away():
    """Another relay knew a person only since a later move: the newest is told wherever the person ever stood."""
    placement = Placement(Layout("s", partitions=128), CODECS)
    moves = [Setting("resident/r1", n, "resident", {"home": f"h{n}"}) for n in (1, 2, 3)]
    places, other = SettingPlaces(placement), SettingPlaces(placement)
    stood = [at for one in moves[:2] for _, where in places.writes(one, 0) for at in where]
    other.writes(moves[2], 0)

    assert places.learn(other.standing("resident/r1"))
    everywhere = tuple(sorted({*stood, placement.layout.partition_of("h3")}))
    assert [(one.version, where) for one, where in places.again("resident/r1")] == [(3, everywhere)]
