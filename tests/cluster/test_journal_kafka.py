"""RAW on a real Kafka: what an intake is promised, and what it finds again."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from ingest import intake_notes as notes
from ingest import reader_kafka
from ingest.client_kafka import Ack, Message
from ingest.codecs import default_codecs
from ingest.journal import JournalError
from ingest.journal_kafka import KafkaRawLog
from ingest.reader_kafka import HEAD_BYTES, POLL_MS
from ingest.receive import Receiver
from ingest.record import MQTT, SETTING, RawRecord
from ingest.topics import INTAKES, RAW, Layout, Placement, clock_record, decode_raw
from ingest.topics_kafka import create_topics, describe, refusals, require
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

SOON_BACK = "broker.session.timeout.ms=1500\nbroker.heartbeat.interval.ms=500\n"
"""After a kill a broker is let in again when its own session before has run out: 9 s, unless said otherwise."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def placement(layout: Layout) -> Placement:
    return Placement(layout, default_codecs(("zigbee2mqtt",)))


def message(number: int, at_ms: int | None = None, gateway: str = "gw") -> RawRecord:
    topic = f"vardevakt/1/{gateway}/d{number}/event"
    return RawRecord(at_ms or now_ms(), MQTT, topic, b'{"n":%d}' % number, qos=1, link="mqtt:a")


def rows(client, layout: Layout, log: str = RAW) -> dict[int, list[RawRecord]]:
    """All of RAW, by partition."""
    reader, topic = client.reader(), layout.topic(log)
    return {
        one: [decode_raw(row.value, row.offset) for row in reader.read(topic, one, 0, 10_000)]
        for one in range(layout.partitions)
    }


@pytest.fixture
def raw(kafka_client, layout):
    """An intake of these topics."""
    log = KafkaRawLog(kafka_client, placement(layout), "a")
    log.start()
    yield log
    log.close()


def test_what_is_acknowledged_stands_in_its_partition_in_order(raw, kafka_client, layout):
    """Everything of a gateway stands in one partition, in the order of the calls, as it was given."""
    given = [message(number, gateway=f"gw{number % 5}") for number in range(60)]

    assert raw.append(given[:30]).result(10) == 30
    assert raw.append(given[30:]).result(10) == 60

    found = rows(kafka_client, layout)
    assert sum(map(len, found.values())) == 60
    for gateway in range(5):
        own = [one for one in given if f"/gw{gateway}/" in one.topic]
        partition = layout.partition_of(f"vardevakt:gw{gateway}")
        there = [one for one in found[partition] if f"/gw{gateway}/" in one.topic]
        assert [(one.topic, one.payload, one.qos, one.link) for one in there] == [
            (one.topic, one.payload, one.qos, one.link) for one in own
        ]
    assert all([one.seq for one in page] == list(range(1, len(page) + 1)) for page in found.values())


def test_settings_stand_in_every_partition_and_a_clock_in_its_own(raw, kafka_client, layout):
    """A setting concerns every address; the clock of partition 2 moves that one only."""
    raw.append([RawRecord(now_ms(), SETTING, payload=b"{}"), clock_record(now_ms(), 2)]).result(10)

    found = rows(kafka_client, layout)
    assert {one: [record.kind for record in page] for one, page in found.items()} == {
        0: ["setting"], 1: ["setting"], 2: ["setting", "clock"], 3: ["setting"],
    }  # fmt: skip


@pytest.mark.expected_errors("the clock is set wrong")
def test_an_intake_whose_clock_is_off_does_not_start(kafka_client, layout):
    """Five minutes ahead of Kafka's clock: refused by name, and nothing is taken in."""
    log = KafkaRawLog(kafka_client, placement(layout), "late", now_ms=lambda: now_ms() + 300_000)

    with pytest.raises(JournalError, match=r"clock_skew: our clock is at least (299|300)\.\d s ahead of Kafka's"):
        log.start()
    log.close()


@pytest.mark.expected_errors("the clock is set wrong")
def test_a_run_that_is_refused_leaves_what_the_run_before_left_in_doubt(raw, kafka_client, layout):
    """The intake crashes, starts with a wrong clock, is mended: rows that the broker may send again are still known."""
    raw.append([message(1)]).result(10)
    raw.close()
    refused = KafkaRawLog(kafka_client, placement(layout), "a", now_ms=lambda: now_ms() + 300_000)
    with pytest.raises(JournalError, match="clock_skew"):
        refused.start()
    refused.close()

    again = KafkaRawLog(kafka_client, placement(layout), "a")
    again.start()
    assert [one.payload for one in again.read(0, 100)] == [b'{"n":1}']
    again.close()


@pytest.mark.expected_errors("the clock is set wrong")
def test_an_intake_that_never_took_anything_in_starts_again(kafka_client, layout):
    """Also when the first run was refused, and the next had nothing to take in."""
    refused = KafkaRawLog(kafka_client, placement(layout), "new", now_ms=lambda: now_ms() + 300_000)
    with pytest.raises(JournalError, match="clock_skew"):
        refused.start()
    refused.close()
    for _ in range(2):
        log = KafkaRawLog(kafka_client, placement(layout), "new")
        log.start()
        log.close()
    assert log.read(0, 100) == []


@pytest.mark.expected_errors("the clock is set wrong while it serves")
def test_an_intake_whose_clock_goes_off_stops_serving(raw, kafka_client, layout):
    """What it stamps after its clock was set is not acknowledged; health says why."""
    raw.append([message(1)]).result(10)
    raw.now_ms = lambda: now_ms() - 300_000
    wait_until(lambda: raw.health().finding == "clock_skew", "the finding")

    with pytest.raises(JournalError, match="clock_skew"):
        raw.append([message(2)]).result(10)
    assert sum(map(len, rows(kafka_client, layout).values())) == 1


def test_the_next_run_knows_what_the_broker_may_send_again(raw, kafka_client, layout):
    """Rows beyond the watermark are restored as receive reads them; acknowledged ones and another intake's are not."""
    other = KafkaRawLog(kafka_client, placement(layout), "b")
    other.start()
    other.append([message(90)]).result(10)
    raw.append([message(number) for number in range(10)]).result(10)
    raw.note_acked("mqtt:a", 6)
    raw.close()

    again = KafkaRawLog(kafka_client, placement(layout), "a")
    again.start()
    assert [one.payload for one in again.read(0, 100)] == [b'{"n":%d}' % number for number in range(6, 10)]
    assert (again.last_seq(), again.acked()) == (4, {})
    assert 0 < again.last_received_at_ms() <= now_ms()
    assert again.append([message(11)]).result(10) == 5
    again.close()
    other.close()


def test_a_note_a_second_says_that_an_intake_lives(raw, kafka_client, layout):
    """Another intake sees it, and whether it hears its broker; after its end it is not counted on."""
    other = KafkaRawLog(kafka_client, placement(layout), "b", feed=lambda note: replace(note, feed="live"))
    other.start()
    wait_until(lambda: raw.others_say().hear, "b's note")
    other.feed = lambda note: replace(note, feed="blind", feed_since_ms=5, lost_ms=7)
    wait_until(lambda: not raw.others_say().hear, "b's blindness")
    other.close()
    again = KafkaRawLog(kafka_client, placement(layout), "b")
    again.start()
    assert (other.last_note().lost_ms, again.last_note().lost_ms) == (0, 7), "its next run knows what it said"
    again.close()
    reader = kafka_client.reader()
    last = notes.decode(reader.read(layout.topic(INTAKES), 0, 0, 1000)[-1].value)
    assert last is not None
    assert last.intake in {"a", "b"}


def test_partition_after_partition_is_read_without_waiting(raw, kafka_client, layout):
    """A reader at an end asks for nothing more there, or its next question would stand behind that one for a poll."""
    raw.append([clock_record(now_ms())]).result(10)
    reader, topic, everywhere = kafka_client.reader(), layout.topic(RAW), range(layout.partitions)
    read = [reader.read(topic, one, 0, 10) for one in everywhere]

    began_s = time.monotonic()
    for _ in range(8):
        assert [reader.read(topic, one, 0, 10) for one in everywhere] == read
        assert list(reader.ends(topic, everywhere).values()) == [1] * layout.partitions
    assert time.monotonic() - began_s < 16 * POLL_MS / 1_000, "of 32 reads not half has waited"


def test_first_rows_of_all_partitions_are_asked_for_at_once(raw, kafka_client, layout, monkeypatch):
    """Each from its own offset on; none of who has none; a batch larger than what is fetched at once is read all the
    same.
    """
    topic = layout.topic(RAW)
    few = [Message(topic, one, None, b"%d" % n) for one in (0, 1) for n in range(3)]
    assert all(isinstance(one, Ack) for one in kafka_client.call(kafka_client.produce(few)))
    large = [Message(topic, 2, None, b"x" * HEAD_BYTES), Message(topic, 2, None, b"y" * HEAD_BYTES)]
    assert all(isinstance(one, Ack) for one in kafka_client.call(kafka_client.produce(large)))

    reader = kafka_client.reader(HEAD_BYTES)
    found = reader.firsts(topic, {0: 1, 1: 2, 2: 1, 3: 0})
    assert [(one, row.offset, row.value[:1]) for one, row in sorted(found.items())] == [
        (0, 1, b"1"), (1, 2, b"2"), (2, 1, b"y"),
    ]  # fmt: skip
    assert [row.offset for row in reader.read(topic, 0, 0, 10)] == [0, 1, 2], "and then it reads as before"
    assert reader.firsts(topic, {0: 3}) == {}
    monkeypatch.setattr(reader_kafka, "POLL_MS", 1)
    assert reader.firsts(topic, {0: 1, 1: 2, 2: 1, 3: 0}) == found, "what does not come in time is read by itself"


def test_topics_that_do_not_fit_the_settings_are_refused(kafka_client, layout):
    """Another number of partitions, or no topics, is said in words with what to do; creating again changes nothing."""
    assert create_topics(kafka_client, layout, replicas=1, keep_days=0) == []
    require(kafka_client, layout)

    more = Layout(layout.site, partitions=8)
    with pytest.raises(JournalError, match=r"has 4 partitions, the settings say 8: set \[logs\] partitions = 4"):
        require(kafka_client, more)
    with pytest.raises(JournalError, match="run `vardevakt logs create`"):
        require(kafka_client, Layout(layout.site, generation=2, partitions=4))
    assert list(refusals(describe(kafka_client, layout), layout)) == []


@pytest.mark.expected_errors("the emergency channel logs what it tells")
def test_while_kafka_is_away_nothing_is_acknowledged_and_alarms_are_told(tmp_path, kafka_client, layout):
    """Kafka killed: no acknowledgement, the queue pushes back, an alarm goes to the emergency channel; when Kafka is
    back all stands in RAW once, in order, and is acknowledged.
    """
    from ingest.client_kafka import KafkaClient
    from ingest.clock import SystemClock
    from ingest.message_class import message_class
    from ingest.receive_entry import ReceiveLimits

    codecs = default_codecs(("zigbee2mqtt",))
    with Kafka(tmp_path / "own", SOON_BACK) as own:
        client = KafkaClient(own.servers)
        mine = Layout("away", partitions=2)
        create_topics(client, mine, replicas=1, keep_days=0)
        log = KafkaRawLog(client, Placement(mine, codecs), "a")
        log.start()
        told: list[RawRecord] = []
        limits = ReceiveLimits(queue_rows=50, block_s=0.3, emergency_after_s=1.0)
        receiver = Receiver(
            log, SystemClock(), class_of=message_class(codecs), on_emergency=told.append, limits=limits
        )  # fmt: skip
        receiver.start()
        done: list[int] = []
        receiver.submit(MQTT, "vardevakt/1/g/d/event", b'{"type":"heartbeat","n":0}', 1, on_synced=done.append)
        wait_until(lambda: done == [1], "the first acknowledgement")

        own.stop(kill=True)
        press = b'{"type":"alarm.pressed","trigger":"pendant","id":"p1"}'
        receiver.submit(MQTT, "vardevakt/1/g/d/event", press, 1, on_synced=done.append)
        wait_until(lambda: told, "the emergency channel")
        for number in range(1, 50):
            body = b'{"type":"heartbeat","n":%d}' % number
            receiver.submit(MQTT, "vardevakt/1/g/d/event", body, 1, on_synced=done.append)
        with pytest.raises(JournalError, match="queue full"):
            receiver.submit(MQTT, "vardevakt/1/g/d/event", b"{}", 1)
        assert done == [1]
        assert [one.payload for one in told] == [press]
        wait_until(lambda: log.health().finding == "kafka_away", "the finding")

        own.start()
        assert receiver.flush(60)
        assert done == list(range(1, 52))
        found = rows(client, mine)[mine.partition_of("vardevakt:g")]
        assert [one.payload[:30] for one in found if b"pressed" in one.payload] == [press[:30]]
        assert len(found) == 51
        wait_until(lambda: log.health().finding == "", "health")
        receiver.close()
        log.close()
        client.close()
