"""Two intakes that each subscribe to everything, on a real Mosquitto and a real Kafka."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.client_kafka import KafkaClient
from ingest.clock import SystemClock
from ingest.codecs import default_codecs
from ingest.intake_mqtt import MqttIntake, MqttOptions
from ingest.intake_notes import Note
from ingest.journal_kafka import KafkaRawLog
from ingest.message_class import message_class
from ingest.receive import Receiver
from ingest.record import EVENT, FEED, Input, RawRecord, Setting
from ingest.shared_feed import SharedFeed
from ingest.source_fold import SourceFold
from ingest.topics import INPUTS, RAW, VERDICTS, Layout, Placement, decode_input, decode_raw, decode_verdict, outgoing
from tests.support.servers import Mosquitto
from tests.support.waiting import wait_until

CODECS = default_codecs(("zigbee2mqtt",))
FILTERS = [name for codec in CODECS for name in codec.subscriptions()]


class Intake:
    """One intake process: its own client of Kafka, receiver and connection to the broker."""

    def __init__(self, servers: str, layout: Layout, broker: str, name: str) -> None:
        self.client = KafkaClient(servers, name)
        self.raw = KafkaRawLog(self.client, Placement(layout, CODECS), name)
        clock = SystemClock()
        self.raw.now_ms = clock.now_ms
        self.receiver = Receiver(
            self.raw, clock, class_of=message_class(CODECS), on_emergency=lambda _: None
        )  # fmt: skip
        options = MqttOptions(url=broker, site=layout.site, client_id=name)
        self.mqtt = MqttIntake(options, FILTERS, self.receiver, clock.now_ms, 0)
        feed = self.mqtt.monitor = SharedFeed(clock.now_ms(), 0, self.raw.others_say, Note(name, "", 0))
        self.raw.feed = lambda note: msgspec.structs.replace(note, feed=self.mqtt.state, lost_ms=feed.lost_ms)
        self.raw.start()
        self.receiver.start()
        self.mqtt.start()
        wait_until(lambda: self.mqtt.state == "live", f"the canary of {name}")

    def stop(self) -> None:
        self.mqtt.stop()
        self.receiver.close()
        self.raw.close()
        self.client.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto of this test."""
    with Mosquitto(tmp_path / "broker", options=("max_queued_messages 0",)) as own:
        yield own


def publish(broker: Mosquitto, messages: list[tuple[str, bytes]]) -> None:
    """From one gateway, QoS 1, in order."""
    gateway = mqtt.Client(CallbackAPIVersion.VERSION2)
    gateway.connect("127.0.0.1", broker.port)
    gateway.loop_start()
    for topic, payload in messages:
        gateway.publish(topic, payload, qos=1).wait_for_publish(10)
    gateway.disconnect()
    gateway.loop_stop()


def raw_rows(client: KafkaClient, layout: Layout) -> list[list[RawRecord]]:
    reader = client.reader()
    return [
        [decode_raw(row.value, row.offset) for row in reader.read(layout.topic(RAW), one, 0, 10_000)]
        for one in range(layout.partitions)
    ]


def folded(client: KafkaClient, layout: Layout) -> tuple[list[Input], Counter[str]]:
    """Events of homes, and verdicts by reason, of a source fold for each partition."""
    placement, inputs, verdicts = Placement(layout, CODECS), [], Counter[str]()
    for partition, rows in enumerate(raw_rows(client, layout)):
        fold = SourceFold(layout.site, CODECS, here=partial(placement.here, partition))
        for row in outgoing(layout, partition, [(each, fold.apply(each)) for each in rows]):
            if row.log == INPUTS and (one := decode_input(row.value, 0).input).kind == EVENT and not one.derived:
                inputs.append(one)
            elif row.log == VERDICTS:
                verdicts[decode_verdict(row.value, 0).reason] += 1
    return inputs, verdicts


def test_each_event_is_one_input_whichever_intake_took_it_in(kafka, kafka_client, layout, broker):
    """With a key: one input, one verdict `duplicate`. Without one: telemetry the same, an alarm twice and marked."""
    a, b = (Intake(kafka, layout, broker.url, name) for name in ("a", "b"))
    try:
        wait_until(lambda: a.raw.others_say().hear and b.raw.others_say().hear, "each to know that the other hears")
        mat = Setting("device/mat", 1, "device", {"address": "zigbee2mqtt:mat", "home": "h1", "role": "bed"})
        home = Setting("home/h1", 1, "home", {})
        for one in (home, mat):
            a.receiver.submit("setting", "", msgspec.json.encode(one))
        assert a.receiver.flush(10)
        publish(broker, [("vardevakt/1/first/d/event", b'{"type":"motion.detected","id":"0"}')])
        sent = [("vardevakt/1/g1/d1/event", b'{"type":"motion.detected","id":"%d"}' % one) for one in range(20)]
        sent += [("vardevakt/1/g1/d2/event", b'{"type":"motion.detected","room":"hall"}')] * 20
        sent += [("vardevakt/1/g1/d3/event", b'{"type":"alarm.pressed","trigger":"cord"}')]
        publish(broker, sent)
        count = 2 * (len(sent) + 1)
        wait_until(lambda: a.receiver.health().received + b.receiver.health().received >= count + 2, "both to hear all")
        assert a.receiver.flush(10)
        assert b.receiver.flush(10)
    finally:
        a.stop()
        b.stop()

    rows = [row for page in raw_rows(kafka_client, layout) for row in page]
    assert Counter(row.link.partition("-")[0] for row in rows if row.kind == "mqtt") == {
        "mqtt:a": count // 2, "mqtt:b": count // 2,
    }  # fmt: skip
    inputs, verdicts = folded(kafka_client, layout)
    found = Counter((one.event.address, one.event.type) for one in inputs if one.event is not None)
    del found["service:feed", "feed.settled"]
    assert found == {
        ("vardevakt:first/d", "motion.detected"): 1,
        ("vardevakt:g1/d1", "motion.detected"): 20,
        ("vardevakt:g1/d2", "motion.detected"): 20,
        ("vardevakt:g1/d3", "alarm.pressed"): 2,
    }
    assert verdicts == {"duplicate": 21, "redelivered": 20}
    presses = [one.event.quality for one in inputs if one.event is not None and one.event.type == "alarm.pressed"]
    assert sorted("redelivered" in quality for quality in presses) == [False, True]


def test_the_feed_is_lost_only_when_no_intake_hears(kafka, kafka_client, layout, broker):
    """One intake stops: nothing is recorded. The broker dies under the other: the feed is lost, and back with a gap."""
    a, b = (Intake(kafka, layout, broker.url, name) for name in ("a", "b"))
    try:
        wait_until(lambda: a.raw.others_say().hear and b.raw.others_say().hear, "each to know that the other hears")
        a.stop()
        wait_until(lambda: not b.raw.others_say().hear, "a's last note to grow old", 15)
        broker.stop(kill=True)
        wait_until(lambda: b.mqtt.state == "blind", "blindness", 20)
        broker.start()
        wait_until(lambda: b.mqtt.state == "live", "the feed to be back", 20)
        assert b.receiver.flush(10)
    finally:
        b.stop()

    facts = [
        [json.loads(row.payload)["type"] for row in page if row.kind == FEED] for page in raw_rows(kafka_client, layout)
    ]
    assert [one[-3:] for one in facts] == [["feed.lost", "feed.gap", "feed.settled"]] * layout.partitions
    assert all(set(one[:-3]) <= {"feed.settled"} for one in facts), "each says once that it has begun to hear"
