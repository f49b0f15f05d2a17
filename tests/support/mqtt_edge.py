"""The MQTT edge in front of a real journal, and a gateway that publishes to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.clock import SystemClock
from ingest.intake_mqtt import MqttIntake, MqttOptions
from ingest.journal import JournalError
from ingest.journal_sqlite import open_journal
from ingest.receive import Receiver
from ingest.record import CLOCK, FEED, MQTT, RawRecord

TOPIC = "vardevakt/1/gw-1/pendant-1/event"


class Journalled:
    """Receive on a real journal, that can be told to refuse."""

    def __init__(self, folder: Path) -> None:
        self.journal = open_journal(folder / "journal.db", "site")
        self.clock = SystemClock()
        self.receiver = Receiver(
            self.journal.raw, self.clock, class_of=lambda _topic, _payload: "alarm", on_emergency=lambda _record: None
        )
        self.receiver.start()
        self.refuse = threading.Event()
        self.refuse_next = 0
        self._submit = self.receiver.submit
        self.receiver.submit = self._maybe  # type: ignore[method-assign]  # a full queue, without filling 64 MiB

    def _maybe(self, kind: str, topic: str, payload: bytes, *rest: object, **named: object) -> None:
        if kind == MQTT and (self.refuse.is_set() or self.refuse_next > 0):
            self.refuse_next -= 1
            raise JournalError("full")
        self._submit(kind, topic, payload, *rest, **named)  # type: ignore[arg-type]  # as it came

    def intake(
        self,
        url: str,
        version: str = "5",
        *,
        subscriptions: tuple[str, ...] = ("vardevakt/1/#",),
        now_ms: Callable[[], int] | None = None,
        **options: Any,
    ) -> MqttIntake:
        """The edge in front of this journal; `options` are further fields of MqttOptions."""
        return MqttIntake(
            MqttOptions(url=url, site="site", version=version, **options), subscriptions, self.receiver,
            now_ms or self.clock.now_ms, self.journal.raw.last_received_at_ms(),
        )  # fmt: skip

    def messages(self) -> list[RawRecord]:
        """The rows that came over MQTT."""
        return [row for row in self.journal.raw.read(0, 100_000) if row.kind == MQTT]

    def feed_records(self) -> list[dict[str, Any]]:
        """What the folds were told of the feed, in order."""
        rows = self.journal.raw.read(0, 100_000)
        return [msgspec.json.decode(row.payload) for row in rows if row.kind == FEED]

    def facts(self) -> list[str]:
        """The types of the feed records."""
        return [record["type"] for record in self.feed_records()]

    def hold(self) -> threading.Event:
        """Stop the journal's writer, as a disk that does not answer, until the event is set."""
        held, release = threading.Event(), threading.Event()

        def stop(_: object) -> None:
            held.set()
            release.wait(30)

        self.journal.raw.append([RawRecord(self.clock.now_ms(), CLOCK)]).add_done_callback(stop)
        held.wait(5)
        return release


def publish(
    port: int,
    payloads: list[bytes],
    qos: int = 1,
    topic: str = TOPIC,
    prepare: Callable[[mqtt.Client], object] = lambda _client: None,
) -> None:
    """As a gateway would: a plain client that waits for each PUBACK of the broker."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(500)
    prepare(client)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = [client.publish(topic, payload, qos=qos) for payload in payloads]
    for info in sent:
        info.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()
