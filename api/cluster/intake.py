"""The role intake, and the way onto RAW that desk and web have as well. Edge.

Two intakes that each subscribe to everything are the rule (ingest/README.md): each takes in all, copies end at the
source folds; `mqtt.gateway_list` is for the other way. `RawWriter` is receive over Kafka; `IntakeRole` is that with a
connection to the broker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec
from prometheus_client.core import Metric

from api import figures
from api.cluster.connections import Connections
from api.routes.health import Reason
from api.running.broker_words import BrokerWords
from ingest.intake_mqtt import MqttIntake, MqttOptions
from ingest.intake_notes import Note
from ingest.journal_kafka import KafkaRawLog
from ingest.message_class import message_class
from ingest.receive import Receiver
from ingest.receive_entry import ReceiveLimits
from ingest.record import RawRecord
from ingest.shared_feed import SharedFeed


class RawWriter:
    """Receive with Kafka behind it. `name`: of the intake, stable over restarts."""

    def __init__(
        self, common: Connections, name: str, memory_limit_bytes: int,
        on_emergency: Callable[[RawRecord], None] | None = None,
    ) -> None:  # fmt: skip
        """`on_emergency`: nothing was acknowledged for 3 s, and this alarm waits."""
        self.raw = KafkaRawLog(common.kafka, common.placement, name, now_ms=common.clock.now_ms)
        self.receiver = Receiver(
            self.raw,
            common.clock,
            class_of=message_class(common.codecs),
            on_emergency=on_emergency or common.words.emergency,
            limits=ReceiveLimits(queue_bytes=memory_limit_bytes),
        )

    def start(self) -> None:
        """JournalError: no Kafka, or a clock that cannot be used."""
        self.raw.start()
        self.receiver.start()

    def stop(self) -> None:
        self.receiver.close()
        self.raw.close()

    def trouble(self) -> Iterator[Reason]:
        """Why nothing is taken in now."""
        health = self.raw.health()
        if health.finding == "clock_skew":
            yield Reason(code="clock_skew", part="raw", detail=f"{health.skew_ms} ms from Kafka's clock")
        elif health.finding:
            yield Reason(code="logs_away", part="raw", detail=f"nothing acknowledged for {health.oldest_s:.0f} s")

    def figures(self) -> Iterator[Metric]:
        health, received = self.raw.health(), self.receiver.health()
        skew_s = health.skew_ms / 1000
        yield figures.gauge("vardevakt_kafka_skew_seconds", "Our clock ahead of Kafka's, at least.", skew_s)
        yield figures.gauge("vardevakt_raw_oldest_seconds", "Of the append not acknowledged yet.", health.oldest_s)
        counts = {"raw_received": received.received, "raw_synced": received.synced, "raw_dup": received.dup}
        counts |= {"raw_shed": received.shed, "raw_written_again": health.retried, "emergencies": received.emergencies}
        yield from figures.counters(counts)


class IntakeRole:
    """Takes in what the broker has."""

    def __init__(self, common: Connections, options: MqttOptions, memory_limit_bytes: int) -> None:
        name = options.client_id or f"intake-{common.name}"
        self.words = BrokerWords(common.codecs, self._publish)
        self.writer = RawWriter(common, name, memory_limit_bytes, self.words.emergency)
        self._common, self._options, self._begun_ms = common, options, common.clock.now_ms()
        self._filters = [one for codec in common.codecs for one in codec.subscriptions()]
        self.mqtt: MqttIntake | None = None

    def start(self) -> None:
        """JournalError: no Kafka, or a clock that cannot be used. The broker may come later."""
        common, raw = self._common, self.writer.raw
        self.writer.start()
        now_ms, last_ms = common.clock.now_ms, raw.last_received_at_ms()
        mqtt = self.mqtt = MqttIntake(self._options, self._filters, self.writer.receiver, now_ms, last_ms)
        gateways = self._options.gateway_list
        mqtt.monitor = feed = SharedFeed(now_ms(), last_ms, partial(raw.others_say, gateways), raw.last_note())
        raw.feed = partial(_with_feed, mqtt, feed, gateways)
        mqtt.start()

    def stop(self) -> None:
        if self.mqtt is not None:
            self.mqtt.stop()
        self.writer.stop()

    def _publish(self, topic: str, payload: bytes) -> bool:
        return self.mqtt is not None and self.mqtt.publish(topic, payload)

    def live(self) -> Iterator[Reason]:
        yield from ()

    def ready(self) -> Iterator[Reason]:
        yield from self.writer.trouble()
        if self.mqtt is None:
            yield Reason(code="starting", part="intake")
        elif self.mqtt.state != "live":
            yield Reason(code="feed_blind" if self.mqtt.state == "blind" else "feed_late", part="intake")

    def figures(self) -> Iterator[Metric]:
        yield from self.writer.figures()
        if self.mqtt is not None:
            yield from figures.feed(self.mqtt, self._common.clock.now_ms(), self._begun_ms)
            yield from figures.counters({f"mqtt_{name}": count for name, count in self.mqtt.counts().items()})


def _with_feed(mqtt: MqttIntake, feed: SharedFeed, gateways: str, note: Note) -> Note:
    return msgspec.structs.replace(
        note, feed=mqtt.state, feed_since_ms=mqtt.gap_since_ms or 0, lost_ms=feed.lost_ms, back_ms=feed.back_ms,
        gateways=gateways,
    )  # fmt: skip
