"""The logs on a real Kafka, written by folds of raw partitions and read by followers and pages."""

from __future__ import annotations

import time

import msgspec
import pytest

from ingest.client_kafka import Message
from ingest.codecs import default_codecs
from ingest.journal_kafka import KafkaRawLog
from ingest.logs_kafka import KafkaPages, KafkaPartition
from ingest.record import HTTP, MQTT, SETTING, RawRecord, Setting
from ingest.source_fold import SourceFold
from ingest.topics import ALARMS, INPUTS, RAW, Layout, Placement, decode_raw, outgoing, split_place
from ingest.writer_kafka import KafkaWriter

CODECS = default_codecs(("zigbee2mqtt",))
HOMES = 12


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def setting(kind: str, name: str, value: dict[str, object]) -> RawRecord:
    return RawRecord(now_ms(), SETTING, payload=msgspec.json.encode(Setting(f"{kind}/{name}", 1, kind, value)))


def settings() -> list[RawRecord]:
    """Twelve homes, each with a gateway, a resident and a pendant."""
    found = []
    for number in range(HOMES):
        found += [
            setting("home", f"h{number}", {}),
            setting("resident", f"r{number}", {"home": f"h{number}"}),
            setting("gateway", f"g{number}", {"home": f"h{number}", "address": f"vardevakt:g{number}"}),
            setting(
                "device", f"d{number}",
                {"address": f"vardevakt:g{number}/d", "resident": f"r{number}", "gateway": f"g{number}"},
            ),
        ]  # fmt: skip
    return found


def sent(number: int, body: bytes) -> RawRecord:
    return RawRecord(now_ms(), MQTT, f"vardevakt/1/g{number}/d/event", body, qos=1, link="mqtt:a")


def fold_all(client, layout: Layout, writes: int = 1) -> None:
    """Every raw partition from its first row to its end, by a fold of its own, written `writes` times."""
    reader, writer = client.reader(), KafkaWriter(client, Placement(layout, CODECS))
    for partition in range(layout.partitions):
        fold = SourceFold(layout.site, CODECS)
        rows = [decode_raw(row.value, row.offset) for row in reader.read(layout.topic(RAW), partition, 0, 10_000)]
        made = outgoing(layout, partition, [(row, fold.apply(row)) for row in rows])
        for _ in range(writes):
            writer.write(made, 10)


@pytest.fixture
def written(kafka_client, layout):
    """Four raw partitions with settings, presses, readings, something unreadable and a duplicate, folded twice over."""
    raw = KafkaRawLog(kafka_client, Placement(layout, CODECS), "a")
    raw.start()
    raw.append(settings()).result(10)
    for number in range(HOMES):
        press = b'{"type":"alarm.pressed","trigger":"pendant","id":"p%d"}' % number
        still = b'{"type":"motion.detected","room":"hall","id":"m%d"}' % number
        raw.append([sent(number, press), sent(number, still), sent(number, press)]).result(10)
    raw.append([sent(3, b"\xff\xfe"), RawRecord(now_ms(), HTTP, "http:vardevakt:g3/d", b'{"no":"type"}')]).result(10)
    raw.close()
    fold_all(kafka_client, layout, writes=2)
    return layout


def everything(client, layout: Layout, name: str = INPUTS):
    found = []
    for partition in range(layout.partitions):
        inputs, after = KafkaPartition(client, layout, partition, name), 0
        while page := inputs.read(after, 7):
            found += [(partition, one) for one in page]
            after = page[-1].seq
        assert inputs.read(after, 7) == []
    return found


def test_every_home_gets_each_input_once_in_its_partition(written, kafka_client):
    """Settings, presses and readings of twelve homes from four raw partitions, written twice over: each once."""
    found = everything(kafka_client, written)

    for number in range(HOMES):
        home = f"h{number}"
        own = [(at, one) for at, one in found if one.home == home]
        assert {at for at, _ in own} == {written.partition_of(home)}
        settled = sorted(one.setting.setting_id for _, one in own if one.setting is not None)
        assert settled == [f"device/d{number}", f"gateway/g{number}", f"home/h{number}", f"resident/r{number}"]
        kinds = [one.event.type for _, one in own if one.event is not None and not one.derived]
        assert kinds == ["alarm.pressed", "motion.detected"]
    places = [(one.raw_seq, one.item, one.home, one.derived, one.kind) for _, one in found]
    assert len(places) == len(set(places))


def test_the_floor_reads_alarms_and_what_moves_it(written, kafka_client):
    """The alarms log holds each press once, in its home's partition, beside settings only."""
    found = everything(kafka_client, written, ALARMS)

    pressed = [one.home for _, one in found if one.event is not None and one.event.type == "alarm.pressed"]
    assert sorted(pressed) == sorted(f"h{number}" for number in range(HOMES))
    assert {one.kind for _, one in found} == {"event", "setting"}
    assert all(one.floor for _, one in found if one.kind == "event")


def test_pages_find_a_home_by_time(written, kafka_client):
    """Only that home's rows, of that time, in order, once; and no more than asked for."""
    pages = KafkaPages(kafka_client, [written])
    own = [one for _, one in everything(kafka_client, written) if one.home == "h5"]

    assert pages.find("h5", 0, now_ms() + 1, 100) == own
    middle = own[len(own) // 2].received_at_ms
    assert pages.find("h5", middle, now_ms() + 1, 100) == [one for one in own if one.received_at_ms >= middle]
    assert pages.find("h5", 0, middle, 100) == [one for one in own if one.received_at_ms < middle]
    assert pages.find("h5", 0, now_ms() + 1, 2) == own[:2]
    assert pages.find("nobody", 0, now_ms() + 1, 2) == []


def test_a_message_is_followed_from_its_input_back_to_its_bytes_and_verdict(written, kafka_client):
    """The place that an input names leads to its raw record; the copy's place to the verdict that it is one."""
    pages = KafkaPages(kafka_client, [written])
    press = next(
        one
        for one in pages.find("h7", 0, now_ms() + 1, 100)
        if one.event is not None and one.event.type == "alarm.pressed"
    )

    record = pages.raw(press.raw_seq)
    assert record is not None
    assert press.event is not None
    assert (record.topic, record.seq) == ("vardevakt/1/g7/d/event", press.raw_seq)
    assert pages.verdicts(press.raw_seq) == []
    copy = next(
        place
        for place in range(press.raw_seq + 1, press.raw_seq + 10)
        if (row := pages.raw(place)) is not None and row.payload == record.payload
    )
    (verdict,) = pages.verdicts(copy)
    assert (verdict.reason, verdict.event_id, verdict.raw_seq) == ("duplicate", press.event.event_id, copy)
    assert pages.raw(press.raw_seq + 1_000_000) is None


def test_dead_letters_come_newest_first_and_page_by_page(written, kafka_client):
    """Two unreadable messages, each once though written twice; the second page begins where the first ended."""
    pages = KafkaPages(kafka_client, [written])

    found = pages.dead_letters(None, 10)
    assert [one.reason for one in found] == ["no_type", "not_json"]
    assert pages.dead_letters(None, 1) == found[:1]
    assert pages.dead_letters(found[0].raw_seq, 1) == found[1:]
    assert pages.dead_letters(found[1].raw_seq, 1) == []
    partition, seq, generation = split_place(found[0].raw_seq)
    assert (partition, generation) == (written.partition_of("vardevakt:g3"), 1)
    assert seq > 0


@pytest.mark.expected_errors("a foreign record is logged")
def test_a_foreign_record_is_left_out(written, kafka_client):
    """Somebody else's bytes in a partition stop nobody: what comes before and after is read."""
    topic = written.topic(INPUTS)
    before = KafkaPartition(kafka_client, written, 1).read(0, 1_000)
    kafka_client.call(kafka_client.produce([Message(topic, 1, b"x", b"nonsense")]))
    fold_all(kafka_client, written)

    reader = KafkaPartition(kafka_client, written, 1)
    assert reader.read(0, 1_000) == before
    assert reader.last_seq() > before[-1].seq
