"""Settings on a real Kafka: each goes to the raw partitions that need it, whoever relays them and whenever it ends."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

import msgspec
import pytest

from ingest.client_kafka import KafkaClient, Message
from ingest.codecs import default_codecs
from ingest.journal import JournalError
from ingest.journal_kafka import KafkaRawLog
from ingest.record import EVENT, MQTT, SETTING, STAFF, Input, RawRecord, Setting
from ingest.settings_kafka import KafkaSettings
from ingest.source_fold import SourceFold
from ingest.topics import INPUTS, RAW, SETTINGS, Layout, Placement, decode_input, decode_raw, encode_raw, outgoing
from ingest.topics_kafka import create_topics, wanted

CODECS = default_codecs(("zigbee2mqtt",))
START_MS = 1_790_000_000_000
HOMES = 6


def setting(name: str, version: int, value: dict[str, object] | None) -> RawRecord:
    """As the desk's relay gives it."""
    one = Setting(name, version, name.partition("/")[0], value)
    return RawRecord(START_MS, SETTING, name, msgspec.json.encode(one, order="sorted"))


def town() -> list[RawRecord]:
    """The site, and homes with a person, a gateway and a pendant each."""
    found = [setting("site/s", 1, {"timezone": "Europe/Oslo"})]
    for n in range(HOMES):
        pendant: dict[str, object] = {"address": f"vardevakt:g{n}/p", "resident": f"r{n}", "gateway": f"g{n}"}
        found += [
            setting(f"home/h{n}", 1, {}),
            setting(f"resident/r{n}", 1, {"home": f"h{n}"}),
            setting(f"gateway/g{n}", 1, {"home": f"h{n}", "address": f"vardevakt:g{n}"}),
            setting(f"device/d{n}", 1, pendant),
        ]
    return found


def moves() -> list[RawRecord]:
    """Two move to others' homes, one of them on again; a pendant is passed on; somebody is gone."""
    return [
        setting("resident/r0", 2, {"home": "h1"}),
        setting("resident/r2", 2, {"home": "h3"}),
        setting("resident/r0", 3, {"home": "h4"}),
        setting("device/d5", 2, {"address": "vardevakt:g5/p", "resident": "r0", "gateway": "g5"}),
        setting("resident/r5", 2, None),
    ]


def presses() -> list[RawRecord]:
    body = b'{"type":"alarm.pressed","trigger":"pendant","id":"1"}'
    return [RawRecord(START_MS + 1, MQTT, f"vardevakt/1/g{n}/p/event", body, qos=1) for n in range(HOMES)]


class Desk:
    """A process that relays, in front of RAW on Kafka."""

    def __init__(self, client: KafkaClient, layout: Layout, name: str) -> None:
        placement = Placement(layout, CODECS)
        self.raw = KafkaRawLog(client, placement, name)
        self.settings = KafkaSettings(client, placement, self._submit, lambda: START_MS)
        self.dies = False

    def _submit(self, records: Sequence[RawRecord]) -> Future[int]:
        future = self.raw.append(records)
        if self.dies:
            future.result(20)
            raise JournalError("killed before it could say where they stand")
        return future

    def relay(self, records: Sequence[RawRecord]) -> None:
        self.settings.submit(records).result(0)


def rows(client: KafkaClient, layout: Layout) -> list[list[RawRecord]]:
    """RAW by partition."""
    reader, topic = client.reader(), layout.topic(RAW)
    ends = reader.ends(topic, range(layout.partitions))
    return [[decode_raw(one.value, one.offset) for one in reader.read(topic, at, 0, ends[at])] for at in sorted(ends)]


def heard(layout: Layout, logs: Sequence[Sequence[RawRecord]]) -> set[tuple[str, str, str, int]]:
    """What homes hear: (home, event or setting, whose, version)."""
    placement, found = Placement(layout, CODECS), set()
    for at, log in enumerate(logs):
        fold = SourceFold(layout.site, CODECS, here=partial(placement.here, at))
        for row in outgoing(layout, at, [(each, fold.apply(each)) for each in log]):
            if row.log == INPUTS and (one := decode_input(row.value, 0).input).home:
                found.add(words(one))
    return found


def words(one: Input) -> tuple[str, str, str, int]:
    if one.kind == EVENT and one.event is not None:
        return one.home, one.event.event_id, str(one.event.resident), 0
    assert one.setting is not None, "only settings are left"
    return one.home, one.setting.setting_id, "", one.setting.version


def test_each_home_hears_what_it_hears_when_every_partition_knows_all(kafka_client, layout):
    """Two processes relay one after the other, and the first dies amid a batch: the next writes it again."""
    first, second = (Desk(kafka_client, layout, name) for name in ("a", "b"))
    first.relay(town()[:10])
    first.dies = True
    with pytest.raises(JournalError, match="killed"):
        first.relay(town()[10:])
    second.relay(town()[10:])
    second.relay([*moves(), RawRecord(START_MS, STAFF, payload=b'{"home":"h1"}')])
    second.raw.append(presses()).result(20)

    logs = rows(kafka_client, layout)
    placement = Placement(layout, CODECS)
    everywhere: list[list[RawRecord]] = [[] for _ in range(layout.partitions)]
    for each in [*town(), *moves(), *presses()]:
        for at in placement(each):
            everywhere[at].append(each)
    assert heard(layout, logs) == heard(layout, everywhere)
    homes = {home for home, what, _, _ in heard(layout, logs) if what == "resident/r0"}
    assert homes == {"h0", "h1", "h4"}
    known = [{one.topic for one in log if one.kind == SETTING} for log in logs]
    assert all("site/s" in one for one in known)
    assert min(map(len, known)) < len(town())
    assert sum(one.kind == STAFF for log in logs for one in log) == 1


def test_who_was_held_up_overwrites_nothing(kafka_client, layout):
    """An old word of where a setting stands, written late: the next batch tells the newest again, and goes by it."""
    first, late = (Desk(kafka_client, layout, name) for name in ("a", "b"))
    first.relay(town())
    late.relay([setting("ward/w", 1, {})])
    reader, topic = kafka_client.reader(), layout.topic(SETTINGS)
    old = [row for row in reader.read(topic, 0, 0, 1000) if row.key == b"resident/r0"]
    first.relay(moves())
    kafka_client.call(kafka_client.produce([Message(topic, 0, old[-1].key, old[-1].value)]))

    Desk(kafka_client, layout, "c").relay([setting("ward/w", 2, {})])

    told = [row for row in reader.read(topic, 0, 0, 1000) if row.key == b"resident/r0"]
    assert told[-1].value == told[-3].value != old[-1].value
    again = [one for log in rows(kafka_client, layout) for one in log[-6:] if one.topic == "resident/r0"]
    assert again


def test_logs_whose_settings_nobody_can_place_are_refused_in_words(kafka_client, layout):
    """RAW is written and the topic is not there, as before it existed: the way out is a new generation."""
    other = Layout(layout.site, 7, 2)
    made = [one for one in wanted(other, 1) if one.name != other.topic(SETTINGS)]
    kafka_client.create(made)
    message = Message(other.topic(RAW), 0, b"", encode_raw(other.site, presses()[0]))
    kafka_client.call(kafka_client.produce([message]))

    with pytest.raises(JournalError, match=r"nobody knows where the settings .* stand: `vardevakt logs grow`"):
        create_topics(kafka_client, other, replicas=1, keep_days=0)
