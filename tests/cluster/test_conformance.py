"""Both columns of the design's table: the same recording through one process and through many gives the same alerts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.database import migrate, open_database
from alerts.desk import Desk
from alerts.site import importer as site_import
from alerts.site.file import loads
from alerts.site.items import SiteFile, settings_of
from alerts.site.settings_store import SettingsStore
from api.running.rule_book import BOOK_ID
from ingest.client_kafka import KafkaClient
from ingest.client_kafka import Message as Row
from ingest.codecs import default_codecs
from ingest.record import CLOCK, SETTING, RawRecord, Setting
from ingest.source_fold import SourceFold
from ingest.topics import RAW, Placement, clock_record, encode_raw
from rules.book import Book
from rules.floor import Floor
from rules.home_fold import HomeFold
from rules.lanes import SOURCE
from simulators import faults
from simulators.furniture import make_ward
from simulators.life import messages_in
from simulators.message import Message, record_of
from simulators.site import site_yaml
from simulators.ward import SITE_ID
from tests.support.cluster import Cluster
from tests.support.odd_service import odd_command
from tests.support.postgres import Postgres
from tests.support.same_alerts import alert_differences, instant, shown
from tests.support.simulated import BOOK, oslo
from tests.support.town import wire_time

HOURS, SEED, MINUTE_MS = 10, 5, 60_000
WAIT_S = 300.0  # on a busy machine; some seconds
CODECS = default_codecs(("zigbee2mqtt",))
BUILDING = make_ward(SEED, residents=8)
# One gateway a home: of a backlog of hours the partition of one may be read long before that of another, and a home
# that is heard over both would seem silent for as long. Read as it comes, seconds lie between them.
SECOND = "gw-4"
WARD = msgspec.structs.replace(
    BUILDING,
    gateways=tuple(one for one in BUILDING.gateways if one.id != SECOND),
    things=tuple(one for one in BUILDING.things if one.gateway != SECOND),
)
# What befalls the ward besides its ordinary life, whatever time of day is recorded: minute, device, message.
PENDANTS = ("gw-1/pendant", "gw-2/pendant-1", "gw-2/pendant-2")
HUBS = ("gw-1", "gw-2")
TROUBLE: tuple[tuple[int, str, dict[str, Any]], ...] = (
    *((60 + 47 * number, PENDANTS[number % 3], {"type": "alarm.pressed", "trigger": "pendant"}) for number in range(9)),
    (61, "gw-1/pendant", {"type": "alarm.pressed", "trigger": "pendant"}),  # again within 2 min: merged
    (110, "gw-2/cord", {"type": "alarm.pressed", "trigger": "cord"}),
    (112, "gw-2/cord", {"type": "alarm.cancelled"}),
    (150, "gw-1/radar", {"type": "fall.suspected"}),  # cancelled within its window: no alarm
    (151, "gw-1/radar", {"type": "fall.cancelled"}),
    (200, "gw-1/radar", {"type": "fall.confirmed"}),
    *((220 + number, f"{hub}/hub", {"type": "mains.lost"}) for number, hub in enumerate(HUBS)),
    (290, "gw-1/hub", {"type": "mains.restored"}),
    *((300 + number, name, {"type": "battery.low", "percent": 9}) for number, name in enumerate(PENDANTS)),
    *((310 + number, f"{hub}/motion-hall", {"type": "tamper.opened"}) for number, hub in enumerate(HUBS)),
    (330, "gw-2/motion-hall", {"type": "smoke.alarm"}),
    (334, "gw-2/motion-hall", {"type": "smoke.cleared"}),
    (350, "gw-1/climate", {"type": "water.detected"}),
)


@pytest.fixture
def cluster(kafka: str, postgres: Postgres, tmp_path: Path) -> Iterator[Cluster]:
    """The ward's site on real servers; no process yet, and no broker, as the rows are written to RAW at once."""
    site = site_yaml(WARD).replace(f'"{SITE_ID}"', '"@site"').replace(f"id: {SITE_ID}", 'id: "@site"')
    with Cluster(tmp_path / "cluster", kafka, postgres.new(), "mqtt://127.0.0.1:9", site) as made:
        yield made


def settings(site: SiteFile, at_ms: int) -> list[RawRecord]:
    """Book and site."""
    book = Setting(f"book/{BOOK_ID}", 1, "book", {"id": BOOK_ID, "book": msgspec.to_builtins(BOOK)})
    return [
        RawRecord(at_ms, SETTING, one.setting_id, msgspec.json.encode(one, order="sorted"))
        for one in (book, *settings_of(site))
    ]


def trouble(from_ms: int, until_ms: int) -> list[Message]:
    """The ward's life and what befalls it, over gateways that go away and a network that repeats, mixes and delays."""
    found = list(messages_in(WARD, from_ms, until_ms, oslo))
    for minute, device, body in TROUBLE:
        at_ms, gateway = from_ms + minute * MINUTE_MS, device.partition("/")[0]
        payload = msgspec.json.encode({**body, "time": wire_time(at_ms / 1_000), "id": f"trouble-{minute}"})
        found.append(Message(at_ms + 300, f"vardevakt/1/{device}/event", payload, gateway=gateway))
    found.sort(key=lambda one: one.at_ms)
    found = faults.outage(found, "gw-2", from_ms + 380 * MINUTE_MS, from_ms + 470 * MINUTE_MS)
    found = faults.dropped(found, "gw-1", from_ms + 400 * MINUTE_MS, from_ms + 560 * MINUTE_MS)
    found = faults.late(found, SEED, per_mille=30, up_to_ms=15 * MINUTE_MS)
    found = faults.reordered(faults.duplicated(found, SEED, per_mille=50), SEED)
    return [one for one in faults.redelivered(found, SEED, per_mille=50) if one.at_ms < until_ms]


def on_one(records: list[RawRecord], site_id: str, desk: Desk) -> None:
    """The folds in one thread, in the order floor, home, and the desk after each row that says something."""
    source, floor, home = SourceFold(site_id, CODECS), Floor(site_id), HomeFold(Book(()), site_id)
    applied = 0
    for seq, record in enumerate(records, 1):
        effects = [
            effect
            for given in source.apply(msgspec.structs.replace(record, seq=seq)).inputs
            for effect in itertools.chain(floor.apply(given), home.apply(given))
        ]
        if effects:
            desk.apply("live", 0, applied, seq, effects)
            applied = seq


def on_many(cluster: Cluster, settled: list[RawRecord], records: list[RawRecord], end_ms: int) -> None:
    """Onto RAW, as intakes would write it, by two workers and a floor whose clocks have not come so far.

    Settings and a home's messages stand in partitions of their own, and none waits for another: so the settings are in
    force before anything is heard, and nothing is due before all is. Then the time of the end, for gateways first.
    """
    behind_s = (time.time_ns() // 1_000_000 - settled[0].received_at_ms) // 1_000 + 3_600
    processes = [cluster.add("worker-a", "worker"), cluster.add("worker-b", "worker"), cluster.add("floor", "floor")]
    for one in processes:
        one.wrapper = odd_command("--clock-s", str(-behind_s))
        one.spawn()
    for part in (settled, records, [clock_record(end_ms, log=RAW)]):
        write(cluster, part)
        cluster.wait_folded(WAIT_S, {SOURCE})
    write(cluster, [clock_record(end_ms)])
    cluster.wait_folded(WAIT_S)


def write(cluster: Cluster, records: list[RawRecord]) -> None:
    client, placement = KafkaClient(cluster.kafka), Placement(cluster.layout, CODECS)
    rows = [
        Row(cluster.layout.topic(RAW), partition, b"", encode_raw(cluster.site_id, one))
        for one in records
        for partition in placement(one)
    ]
    client.call(client.produce(rows))
    client.close()


@pytest.mark.parametrize("until", ["2026-11-23T19:20:00Z", "2026-11-23T20:06:00Z"])
def test_the_same_recording_gives_the_same_alerts_on_one_machine_and_on_many(cluster, tmp_path, until):
    """Alert by alert and field by field, whatever partition, worker and database it went through."""
    until_ms = instant(until)
    from_ms, end_ms = until_ms - HOURS * 3_600_000, until_ms + MINUTE_MS
    site = loads(cluster.site_yaml.encode(), "ward")
    settled, records = settings(site, from_ms), [record_of(one) for one in trouble(from_ms, until_ms)]
    on_many(cluster, settled, records, end_ms)
    many = shown(cluster.database, until_ms)
    migrate(tmp_path / "desk.db")
    database = open_database(tmp_path / "desk.db")
    site_import.apply(SettingsStore(database, cluster.site_id), site, now_ms=until_ms)
    on_one([*settled, *records, RawRecord(end_ms, CLOCK)], cluster.site_id, Desk(database, cluster.site_id))
    one = shown(database, until_ms)
    database.close()
    assert len(one) > 20, "a ward's hours have alerts"
    assert len({alert["rule"] for alert in one.values()}) > 4, "of many rules"
    assert "\n".join(alert_differences(one, many)) == ""
    assert cluster.errors() == []
