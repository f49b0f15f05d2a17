"""The logs of a site move to more partitions on a real Kafka, in the middle of everything, and no home notices."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec
import pytest

from ingest.client_kafka import KafkaClient, Message
from ingest.codecs import default_codecs
from ingest.logs_kafka import KafkaPages
from ingest.record import MQTT, SETTING, RawRecord, Setting
from ingest.settings_kafka import KafkaSettings
from ingest.source_fold import SourceFold
from ingest.topics import ALARMS, INPUTS, RAW, Layout, Outgoing, Placement, clock_record, encode_raw
from ingest.topics_kafka import create_topics
from ingest.writer_kafka import KafkaWriter
from rules.book import Book
from rules.book_file import shipped_book
from rules.effects import LIVE, Clear, Effect, Fenced, Raise, Update
from rules.floor import Floor
from rules.generation import GenerationSink, GenerationSnapshots
from rules.growing import NotReady, grow
from rules.home_fold import HomeFold
from rules.lanes import LOG_OF, SOURCE, Lane, SourceSink, Stored, floor_lane, home_lane, source_lane
from rules.partition_fold import PartitionFold
from rules.state_moves import FLOOR
from tests.support.journals import sqlite_journal

CODECS = default_codecs(("zigbee2mqtt",))
MINUTE = 60_000
START = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 22 * 3_600_000  # a September evening
HOMES = 9
ENGINE = "test"


class Positions:
    """Effects and positions in memory, compared and set as the desk does."""

    def __init__(self) -> None:
        self.positions: dict[tuple[str, int], int] = {}
        self.effects: list[Effect] = []

    def applied(self, lane: str, partition: int) -> int:
        return self.positions.get((lane, partition), 0)

    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Any]) -> None:
        if self.applied(lane, partition) != expected:
            raise Fenced(f"{lane}/{partition}")
        self.positions[lane, partition] = position
        self.effects.extend(effects)


class Service:
    """All workers of one generation in one thread: whatever stands in the logs is folded to the end."""

    def __init__(self, client: KafkaClient, layout: Layout, desk: Positions, snapshots: Any) -> None:
        self.client, self.layout, self.snapshots = client, layout, GenerationSnapshots(snapshots, layout)
        self.placement, self.reader = Placement(layout, CODECS), client.reader()
        self.write = partial(KafkaWriter(client, self.placement).write, timeout_s=20)
        self.folds: dict[tuple[str, int], PartitionFold[Stored, Any]] = {}
        self.settings = KafkaSettings(client, self.placement, self._append, lambda: START)
        numbered = GenerationSink(desk, layout)
        sink = SourceSink(layout, self.write, numbered)
        self.lanes: dict[str, Lane] = {
            SOURCE: source_lane(layout, CODECS, sink),
            LIVE: home_lane(layout, ENGINE, numbered),
            FLOOR: floor_lane(layout, ENGINE, numbered),
        }

    def take_in(self, records: Sequence[RawRecord]) -> None:
        """Into RAW, as intakes and a desk would."""
        self.settings.submit(records).result(0)

    def _append(self, records: Sequence[RawRecord]) -> Future[int]:
        rows = [
            Message(self.layout.topic(RAW), at, b"", encode_raw(self.layout.site, one))
            for one in records
            for at in self.placement(one)
        ]
        self.client.call(self.client.produce(rows))
        done: Future[int] = Future()
        done.set_result(0)
        return done

    def live(self, records: Sequence[RawRecord]) -> None:
        """Minute by minute: no clock runs ahead of what is not folded yet."""
        for _, minute in itertools.groupby(records, key=lambda one: one.received_at_ms // MINUTE):
            self.take_in(list(minute))
            self.work()

    def work(self, lanes: Sequence[str] = (SOURCE, FLOOR, LIVE)) -> None:
        """Each lane to the end of its logs."""
        for name in lanes:
            topic = self.layout.topic(LOG_OF[name])
            ends = self.reader.ends(topic, range(self.layout.partitions))
            for partition in range(self.layout.partitions):
                fold = self._fold(name, partition)
                while fold.position < ends[partition]:
                    found = self.reader.read(topic, partition, fold.position, 500)
                    rows, at = [Stored(row.offset + 1, row.value) for row in found], 0
                    while at < len(rows):
                        at = fold.take(rows, at)
                fold.flush()

    def _fold(self, name: str, partition: int) -> PartitionFold[Stored, Any]:
        """Loaded once; a snapshot now and then, so that whoever moves it need not begin at row 1."""
        lane, known = self.lanes[name], self.folds.get((name, partition))
        if known is None:
            known = self.folds[name, partition] = PartitionFold(
                name, partition, partial(lane.make_fold, partition), lane.engine, lane.sink, self.snapshots,
                name=f"{name}/{partition}", after_rows=lambda _: 50,
            )  # fmt: skip
            known.load()
        return known


def settings() -> list[RawRecord]:
    """The shipped book, and nine homes with a pendant, a bed mat and an active measure each."""
    found = [Setting("book/b", 1, "book", {"book": msgspec.to_builtins(shipped_book())})]
    found.append(Setting("site/s", 1, "site", {"timezone": "Europe/Oslo"}))
    for n in range(HOMES):
        found += [
            Setting(f"home/h{n}", 1, "home", {"id": f"h{n}"}),
            Setting(f"resident/r{n}", 1, "resident", {"id": f"r{n}", "home": f"h{n}"}),
            Setting(
                f"gateway/g{n}", 1, "gateway", {"home": f"h{n}", "address": f"vardevakt:g{n}", "interval": "5 min"}
            ),
        ]
        for name, role in (("p", "pendant"), ("m", "bed")):
            value: dict[str, object] = {"address": f"vardevakt:g{n}/{name}", "role": role}
            value |= {"resident": f"r{n}", "gateway": f"g{n}"}
            found.append(Setting(f"device/{name}{n}", 1, "device", value))
        rules = ["R05", "R06", "R07", "R10"]
        measure: dict[str, object] = {"id": f"m{n}", "resident": f"r{n}", "rules": rules, "kind": "safety"}
        measure["from"] = "2026-01-01"
        found.append(Setting(f"measure/m{n}", 1, "measure", measure))
    return [RawRecord(START, SETTING, payload=msgspec.json.encode(one)) for one in found]


def said(n: int, device: str, at_ms: int, kind: str, **more: object) -> RawRecord:
    body = msgspec.json.encode({"type": kind, **more})
    return RawRecord(at_ms, MQTT, f"vardevakt/1/g{n}/{device}/event", body, qos=1, link="mqtt:a")


def before() -> list[RawRecord]:
    """Until the move: everybody goes to bed, a few rise, one presses, two fall a moment before."""
    found = [said(n, "m", START + MINUTE, "bed.occupied", id=f"b{n}") for n in range(HOMES)]
    found += [said(n, "p", START + 2 * MINUTE, "heartbeat", interval_seconds=300) for n in range(HOMES)]
    found += [said(n, "m", START + 200 * MINUTE, "bed.left", id=f"l{n}") for n in range(5)]
    found.append(said(7, "p", START + 205 * MINUTE, "alarm.pressed", trigger="pendant", id="7"))
    found.append(said(8, "p", START + 206 * MINUTE, "fall.suspected", source="worn", id="8"))
    found.append(said(6, "p", START + 206 * MINUTE, "fall.suspected", source="worn", id="6"))
    return found


def after() -> list[RawRecord]:
    """After it: somebody moves in with another and presses, a resend of what was before, a cancel; time passes."""
    at = START + 206 * MINUTE
    moved = Setting("resident/r4", 2, "resident", {"id": "r4", "home": "h3"})
    found = [
        RawRecord(at + 5_000, SETTING, payload=msgspec.json.encode(moved)),
        said(4, "p", at + 8_000, "alarm.pressed", trigger="pendant", id="4"),
        said(7, "p", at + 10_000, "alarm.pressed", trigger="pendant", id="7"),
        said(6, "p", at + 20_000, "fall.cancelled", source="worn", id="c6"),
        said(2, "m", at + 25_000, "bed.occupied", id="back2"),
        clock_record(at + MINUTE),
    ]
    found += [said(n, "p", at + 3 * MINUTE, "heartbeat", interval_seconds=300) for n in range(6)]
    return [*found, *(clock_record(at + hours * 60 * MINUTE) for hours in (1, 2, 6, 30))]


def in_one_log(site: str) -> list[Effect]:
    """What one source fold, home fold and floor say about all of it."""
    source, home, floor = SourceFold(site, CODECS), HomeFold(Book(()), site), Floor(site)
    effects: list[Effect] = []
    for seq, record in enumerate([*settings(), *before(), *after()], 1):
        for one in source.apply(msgspec.structs.replace(record, seq=seq)).inputs:
            effects += [*home.apply(one), *floor.apply(one)]
    return effects


def alerts(effects: Sequence[Effect]) -> Counter[tuple[str, ...]]:
    """What is said of alerts, each once: (kind, alert, when, of which home by which rule)."""
    found: Counter[tuple[str, ...]] = Counter()
    for one in effects:
        if isinstance(one, Raise):
            found["raise", one.alert_id, str(one.at_ms), one.home, one.rule, one.source, one.priority] += 1
        elif isinstance(one, Update | Clear):
            found[type(one).__name__, one.alert_id, str(one.at_ms)] += 1
    return found


@pytest.fixture
def snapshots(tmp_path) -> Iterator[Any]:
    """A real store of snapshots."""
    journal = sqlite_journal(tmp_path)
    yield journal.snapshots
    journal.close()


def test_homes_move_to_more_partitions_and_nothing_is_lost_or_said_twice(kafka_client, layout, snapshots):
    """Four partitions become five: what waited goes on waiting there, and all alerts are those of one log."""
    desk, site = Positions(), layout.site
    new = Layout(site, 2, 5)
    create_topics(kafka_client, new, replicas=1, keep_days=0)
    first, second = (Service(kafka_client, one, desk, snapshots) for one in (layout, new))
    for records in (settings(), before()):
        first.take_in(records)
        first.work()
    told_before = len(desk.effects)

    moved = grow(
        layout, new, first.lanes, CODECS, desk, snapshots, second.reader, _write(kafka_client), START + 207 * MINUTE
    )
    assert (moved.homes, moved.partitions) == (HOMES, 5)
    second.live(after())

    whole = in_one_log(layout.site)
    assert {one.home for one in desk.effects[told_before:] if isinstance(one, Raise)} >= {"h0", "h1", "h8"}
    assert alerts(desk.effects) == alerts(whole)
    found = KafkaPages(kafka_client, [layout, new]).find("h2", START, START + 300 * MINUTE, 100)
    spoken = [one.event.type for one in found if one.event is not None and not one.derived]
    assert spoken == ["bed.occupied", "heartbeat", "bed.left", "bed.occupied"]  # the next heartbeat says nothing new


def test_a_move_that_was_broken_off_is_run_again(kafka_client, layout, snapshots):
    """Kafka goes away at any write: the next try finishes, and each home has moved once."""
    desk, new = Positions(), Layout(layout.site, 2, 3)
    create_topics(kafka_client, new, replicas=1, keep_days=0)
    first, second = (Service(kafka_client, one, desk, snapshots) for one in (layout, new))
    for records in (settings(), before()):
        first.take_in(records)
        first.work()
    real = _write(kafka_client)
    writes = 0

    class Away(Exception):
        pass

    def breaks_off(to: Layout, rows: Sequence[Outgoing]) -> None:
        nonlocal writes
        writes += 1
        if writes in {2, 5, 11, 18}:
            real(to, rows[: len(rows) // 2])
            raise Away
        real(to, rows)

    tries = 0
    for _ in range(5):
        tries += 1
        try:
            grow(layout, new, first.lanes, CODECS, desk, snapshots, second.reader, breaks_off, START + 207 * MINUTE)
            break
        except Away:
            continue
    assert tries == 5

    second.live(after())
    assert alerts(desk.effects) == alerts(in_one_log(layout.site))


def test_a_move_waits_until_all_is_applied_and_is_made_once(kafka_client, layout, snapshots):
    """Rows that no worker has applied, or an intake that writes to the new topics already: refused in words."""
    desk, new = Positions(), Layout(layout.site, 2, 3)
    create_topics(kafka_client, new, replicas=1, keep_days=0)
    first, second = (Service(kafka_client, one, desk, snapshots) for one in (layout, new))
    ports = (desk, snapshots, second.reader, _write(kafka_client))
    move = partial(grow, layout, new, first.lanes, CODECS, *ports, START + 207 * MINUTE)
    first.take_in([*settings(), *before()])
    with pytest.raises(NotReady, match=r"rows are not applied: let the workers of lane (floor|live|source) run"):
        move()
    first.work((SOURCE,))
    with pytest.raises(NotReady, match="lane floor"):
        move()
    first.work()
    second.take_in([clock_record(START)])
    with pytest.raises(NotReady, match="an intake writes to generation 2 already"):
        move()
    second.work()
    with pytest.raises(NotReady, match="generation 2 is at work already"):
        move()
    assert second.reader.ends(new.topic(ALARMS), [0]).keys() == {0}
    assert sum(second.reader.ends(new.topic(INPUTS), range(3)).values()) == 3


def _write(client: KafkaClient) -> Any:
    def write(to: Layout, rows: Sequence[Outgoing]) -> None:
        KafkaWriter(client, Placement(to, CODECS)).write(rows, 20)

    return write
