"""The MQTT edge: paho in, receive behind it. With `mqtt_connection.py` the only file that knows paho.

Promise 1 here: a PUBACK goes out by hand, and only when receive says that the row is on disk. Each acknowledgement is
tagged with the connection's epoch: message ids are used again after a reconnect, so a late one is dropped, never
sent for another message (lessons §3.2 row 11). Callbacks only hand on (row 12); handlers stand before the connection,
and the client id holds a hash of the subscriptions, because a persistent session keeps the old ones (row 13).
What receive cannot take is not acknowledged: we break the connection and the broker brings it again.
"""

from __future__ import annotations

import hashlib
import random
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.feed import CANARY_EVERY_MS, FeedMonitor, Pulse
from ingest.journal import JournalError
from ingest.mqtt_connection import BulkClient, MqttConnection, Publication, tls_context
from ingest.receive import Receiver
from ingest.record import MQTT, RawRecord

log = structlog.get_logger()

SESSION_EXPIRY_S = 7 * 86_400  # longer than the longest outage we expect (lessons §5)
PAUSE_FIRST_S, PAUSE_MAX_S = 0.5, 30.0
CONNECT_TIMEOUT_S = 10.0
OUTGOING_MAX = 10_000
PUBLISH_TIMEOUT_S = 3.0


class MqttOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the broker. `url`: mqtt://host:port or mqtts://host:port."""

    url: str
    site: str
    version: str = "5"  # "5" or "3.1.1"
    client_id: str = ""  # empty: made from site and subscriptions; stable over restarts either way
    gateway_list: str = ""  # of those it may hear; empty: all (intake_notes.py)
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = 30
    receive_maximum: int = 65_535  # as high as the protocol allows: brokers drop what their queue limit cannot hold


class MqttIntake:
    """One connection to one broker. `start` returns at once; the connection is kept in the background."""

    def __init__(
        self,
        options: MqttOptions,
        subscriptions: Sequence[str],
        receiver: Receiver,
        now_ms: Callable[[], int],
        raw_last_ms: int,
        on_feed_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._options, self._receiver, self._now_ms, self._changed = options, receiver, now_ms, on_feed_change
        identity = hashlib.sha256("\n".join(sorted(subscriptions)).encode()).hexdigest()[:8]
        self.client_id = f"{options.client_id or f'vardevakt-{options.site}'}-{identity}"
        self.link = f"mqtt:{self.client_id}"
        self._canary_topic = f"vardevakt-canary/1/{self.client_id}"
        # Our own commands must not come back to us; MQTT 5 can say so, for 3.1.1 the codecs tell them apart.
        # The canary needs no acknowledgement: rumqttd forwards with the subscription's QoS, and ends the connection
        # when one is out of order, as the canary's, given at once, would be
        self._filters: list[tuple[str, Any]] = (
            [*((name, SubscribeOptions(qos=1, noLocal=True)) for name in subscriptions),
             (self._canary_topic, SubscribeOptions(qos=0))]
            if options.version == "5"
            else [*((name, 1) for name in subscriptions), (self._canary_topic, 0)]
        )  # fmt: skip
        self._epoch = self._refused_epoch = 0  # of the newest connection; in which one refused, none after is taken
        self.monitor = FeedMonitor(now_ms(), raw_last_ms)
        self._pulse: Pulse = "late"
        self._counts = dict.fromkeys(("qos0", "qos0_dropped", "refused", "stale_acks", "reconnects", "published"), 0)
        self._stopping, self._broken, self._telling = threading.Event(), threading.Event(), threading.Lock()
        self._connection: MqttConnection | None = None
        self._thread = threading.Thread(target=self._keep_connected, name="mqtt-intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Disconnect in order; what is not acknowledged stays with the broker."""
        self._stopping.set()
        self._broken.set()
        self._thread.join(CONNECT_TIMEOUT_S)

    @property
    def connected(self) -> bool:
        return self.monitor.connected

    @property
    def last_canary_ms(self) -> int | None:
        return self.monitor.last_canary_ms

    @property
    def state(self) -> Pulse:
        return self.monitor.state(self._now_ms())

    @property
    def gap_since_ms(self) -> int | None:
        return self.monitor.gap_since_ms()

    def counts(self) -> dict[str, int]:
        """Counters since start, for metrics."""
        return dict(self._counts)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Queue a message to the broker; False when it cannot be queued (not connected, queue full)."""
        connection = self._connection
        if connection is None or not self.monitor.connected:
            return False
        queued = connection.client.publish(topic, payload, qos=qos, retain=retain).rc == mqtt.MQTT_ERR_SUCCESS
        self._counts["published"] += queued
        return queued

    def publish_now(self, topic: str, payload: bytes) -> None:
        """Publish and wait for the acknowledgement. ConnectionError: it has not gone; TimeoutError: unknown."""
        connection = self._connection
        if connection is None or not self.monitor.connected:
            raise ConnectionError("not connected to the broker")
        sent = connection.client.publish(topic, payload, qos=1)
        if sent.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
            raise ConnectionError(f"the client refused it ({sent.rc})")
        sent.wait_for_publish(PUBLISH_TIMEOUT_S)
        if not sent.is_published():
            raise TimeoutError("no acknowledgement from the broker")
        self._counts["published"] += 1

    def _make_client(self) -> BulkClient:
        options, five = self._options, self._options.version == "5"
        client = BulkClient(
            CallbackAPIVersion.VERSION2,
            self.client_id,
            clean_session=None if five else False,
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            reconnect_on_failure=False,  # paho's own pauses have no jitter: a fleet would come back in step
            manual_ack=True,
        )
        client.max_queued_messages_set(OUTGOING_MAX)
        if options.username is not None:
            client.username_pw_set(options.username, options.password)
        if urlsplit(options.url).scheme == "mqtts":
            client.tls_set_context(tls_context(options.ca_file, options.cert_file, options.key_file))
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publication = partial(self._on_publication, client, self._epoch + 1)
        return client

    def _keep_connected(self) -> None:
        pause_s = PAUSE_FIRST_S
        while not self._stopping.is_set():
            self._broken.clear()
            connection = self._connection = self._connect()
            if connection is not None:
                if self._listen(connection):
                    pause_s = PAUSE_FIRST_S
                connection.stop()
            self._after_break()
            # full jitter: between half and the whole of a growing pause
            self._wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - a pause, not a secret
            pause_s = min(PAUSE_MAX_S, pause_s * 2)

    def _connect(self) -> MqttConnection | None:
        """A connection that is being made; None when nobody listens there, or not whom we trust."""
        target = urlsplit(self._options.url)
        port = target.port or (8883 if target.scheme == "mqtts" else 1883)
        properties: dict[str, Any] = {}
        if self._options.version == "5":
            connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it bare
            connect.SessionExpiryInterval = SESSION_EXPIRY_S
            connect.ReceiveMaximum = self._options.receive_maximum
            properties = {"clean_start": False, "properties": connect}
        try:
            client = self._make_client()
            client.connect(target.hostname or "127.0.0.1", port, self._options.keepalive_s, **properties)
        except ssl.SSLError as error:
            log.warning("mqtt_tls_failed", error=type(error).__name__, reason=error.reason)
            return None
        except (OSError, ValueError) as error:
            log.info("mqtt_unreachable", error=type(error).__name__)
            return None
        self._epoch += 1
        sent = partial(self._receiver.acknowledged, self.link)
        connection = self._connection = MqttConnection(client, self._epoch, sent, self._broken.set)
        connection.start()
        return connection

    def _listen(self, connection: MqttConnection) -> bool:
        """Until the connection breaks: send canaries, watch their age. True if it ever stood."""
        stood = False
        next_canary_ms = 0
        while not self._broken.wait(0.5):
            now_ms = self._now_ms()
            stood = stood or self.monitor.connected
            self._submit(lambda: self.monitor.tick(self._now_ms()))
            if self.monitor.connected and now_ms >= next_canary_ms:
                connection.client.publish(self._canary_topic, str(now_ms).encode(), qos=0)
                next_canary_ms = now_ms + CANARY_EVERY_MS
            if self.monitor.connected and self.monitor.state(now_ms) == "blind":
                break  # deaf: only a new connection helps. Before CONNACK we wait: the keep-alive ends that
            self._tell_pulse()
        if self._stopping.is_set() or self.monitor.connected:
            connection.client.disconnect()
        return stood

    def _wait(self, pause_s: float) -> None:
        """Pause between attempts, going on to notice how long nothing was heard."""
        waited_s = 0.0
        while waited_s < pause_s and not self._stopping.wait(min(0.5, pause_s - waited_s)):
            waited_s += 0.5
            self._submit(lambda: self.monitor.tick(self._now_ms()))
            self._tell_pulse()

    def _after_break(self) -> None:
        self.monitor.on_disconnected(self._now_ms())
        self._receiver.link_broken(self.link)
        self._counts["reconnects"] += 1
        self._tell_pulse()

    def _tell_pulse(self) -> None:
        pulse = self.state
        if pulse != self._pulse:
            self._pulse = pulse
            log.info("feed_pulse", state=pulse)
            self._changed()

    def _submit(self, ask: Callable[[], list[RawRecord]]) -> None:
        """What the monitor says, in its order, whichever thread asks it: homes are blind from `lost` to `gap`."""
        with self._telling:
            for fact in ask():
                try:
                    self._receiver.submit(fact.kind, "", fact.payload)
                except JournalError as error:
                    log.warning("feed_fact_not_recorded", error=str(error))

    # -- the connection's thread ------------------------------------------------------------------------------

    def _on_connect(self, client: mqtt.Client, _data: object, flags: Any, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            log.warning("mqtt_refused", reason=str(reason))
            self._broken.set()
            return
        client.subscribe(self._filters)
        log.info("mqtt_connected", session_present=bool(flags.session_present))
        self._submit(lambda: self.monitor.on_connected(self._now_ms(), session_present=bool(flags.session_present)))
        self._changed()

    def _on_disconnect(self, _client: mqtt.Client, _data: object, _flags: object, reason: Any, _props: object) -> None:
        self.monitor.on_disconnected(self._now_ms())
        if not self._stopping.is_set():
            log.warning("mqtt_disconnected", reason=str(reason))
        self._broken.set()

    def _on_publication(self, client: BulkClient, epoch: int, message: Publication) -> None:
        if epoch == self._refused_epoch:
            self._counts["qos0_dropped"] += message.qos == 0
            return  # acknowledged past the refused one, it would make rumqttd forget that one
        if message.topic == self._canary_topic:
            client.ack(message.mid, message.qos)
            self._submit(lambda: self.monitor.on_canary(self._now_ms()))
            self._tell_pulse()
            return
        self._counts["qos0"] += message.qos == 0
        synced = partial(self._synced, epoch, message.mid, message.qos)
        try:
            self._receiver.submit(MQTT, message.topic, message.payload, message.qos, message.retain, self.link, synced)
        except JournalError as error:
            # not acknowledged: a new connection makes the broker bring it again; QoS 0 cannot come again
            self._refused_epoch = epoch
            self._counts["qos0_dropped" if message.qos == 0 else "refused"] += 1
            log.warning("message_refused", error=str(error), qos=message.qos)
            self._broken.set()

    def _synced(self, epoch: int, mid: int, qos: int, seq: int) -> None:
        """The row is on disk (called in the writer's thread): acknowledge, unless the connection has changed."""
        if qos == 0:
            return
        connection = self._connection
        if connection is None or epoch != connection.epoch:
            self._counts["stale_acks"] += 1
            return
        connection.acknowledge(mid, qos, seq)
