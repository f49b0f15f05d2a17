"""Edge: messages onto a broker, as fast or as slowly as asked, and into recordings. The only file here that knows paho.

QoS 1 with a window: at most WINDOW messages wait for their PUBACK, then `publish` waits for the oldest. A connection
that breaks comes back by itself, and what was not acknowledged is sent again. Gateways speak MQTT 3.1.1.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from ingest.record import MQTT, RawRecord
from ingest.recording import RecordingWriter
from simulators.message import Message, record_of

log = structlog.get_logger()

WINDOW = 200
CONNECT_TIMEOUT_S = 10.0
ACK_TIMEOUT_S = 10.0
NEVER_S = 3_600.0


class Link:
    """One connection to one broker. `on_change(connected)` is called from paho's thread."""

    def __init__(self, url: str, client_id: str = "", on_change: Callable[[bool], None] = lambda _up: None) -> None:
        """`url`: mqtt://[user:password@]host[:port] or mqtts://…; nothing is connected yet."""
        target = urlsplit(url)
        if target.scheme not in {"mqtt", "mqtts"} or not target.hostname:
            raise ValueError(f"{url!r} is no broker address; write it like mqtt://127.0.0.1:1883")
        self._host, self._on_change = target.hostname, on_change
        self._port = target.port or (8883 if target.scheme == "mqtts" else 1883)
        self._up = threading.Event()
        self._waiting: deque[mqtt.MQTTMessageInfo] = deque()
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id or f"vardevakt-play-{os.getpid()}", protocol=mqtt.MQTTv311
        )
        client.max_inflight_messages_set(WINDOW)
        client.max_queued_messages_set(10 * WINDOW)
        client.reconnect_delay_set(1, 5)
        if target.username is not None:
            client.username_pw_set(target.username, target.password)
        if target.scheme == "mqtts":
            client.tls_set()
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_connect_fail = lambda _client, _data: log.debug("play_unreachable")
        self._client = client

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    def start(self) -> None:
        """Connect in the background, and again whenever it breaks."""
        self._client.connect_async(self._host, self._port, 30)
        self._client.loop_start()

    def wait_connected(self, timeout_s: float = CONNECT_TIMEOUT_S) -> bool:
        return self._up.wait(timeout_s)

    def publish(self, message: Message) -> bool:
        """Send; waits while the window is full. False when it has not gone, or nobody acknowledges the one before."""
        if not self._up.is_set():
            return False
        while len(self._waiting) >= WINDOW:
            if not self._acknowledged(self._waiting[0], ACK_TIMEOUT_S):
                return False
            self._waiting.popleft()
        sent = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            return False
        self._waiting.append(sent)
        return True

    def drain(self, timeout_s: float = ACK_TIMEOUT_S) -> bool:
        """Wait until everything is acknowledged; whether it is."""
        deadline_s = time.monotonic() + timeout_s
        while self._waiting:
            if not self._acknowledged(self._waiting[0], max(0.0, deadline_s - time.monotonic())):
                return False
            self._waiting.popleft()
        return True

    def close(self) -> None:
        """Disconnect in order."""
        self._client.disconnect()
        self._client.loop_stop()
        self._up.clear()

    def _acknowledged(self, sent: mqtt.MQTTMessageInfo, timeout_s: float) -> bool:
        try:
            sent.wait_for_publish(timeout_s)
        except (RuntimeError, ValueError) as error:  # the client refused it, or its queue was full
            log.warning("play_not_sent", error=str(error))
            return True
        return sent.is_published()

    def _connected(self, _client: mqtt.Client, _data: object, _flags: object, reason: Any, _props: object) -> None:
        if reason.is_failure:
            log.warning("play_refused", reason=str(reason))
            return
        self._up.set()
        self._on_change(True)

    def _disconnected(self, _client: mqtt.Client, _data: object, _flags: object, _reason: Any, _props: object) -> None:
        self._up.clear()
        self._on_change(False)


def play(
    records: Iterable[RawRecord],
    broker_url: str,
    speed: float = 1.0,
    stopping: threading.Event | None = None,
    *,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
) -> int:
    """Publish records at `speed` times their own pace (0 = as fast as the broker takes them); how many were sent.

    Raises ConnectionError when the broker cannot be reached or stops acknowledging, ValueError for a bad address. What
    came over HTTP cannot be published and is passed over; lines that only move the clock only take time.
    """
    stop = stopping or threading.Event()
    link = Link(broker_url)
    link.start()
    try:
        if not link.wait_connected(connect_timeout_s):
            raise ConnectionError(f"no broker at {broker_url}")
        count, begun_s, first_ms = 0, time.monotonic(), -1
        for record in records:
            first_ms = record.received_at_ms if first_ms < 0 else first_ms
            if speed > 0:
                due_s = begun_s + (record.received_at_ms - first_ms) / 1_000 / speed
                if stop.wait(min(NEVER_S, max(0.0, due_s - time.monotonic()))):
                    break
            if record.kind != MQTT:
                continue
            _send(link, record, broker_url)
            count += 1
        if not link.drain():
            raise ConnectionError(f"the broker at {broker_url} does not acknowledge")
        return count
    finally:
        link.close()


def _send(link: Link, record: RawRecord, broker_url: str) -> None:
    message = Message(record.received_at_ms, record.topic, record.payload, record.qos, record.retain)
    if not link.publish(message) and not (link.wait_connected() and link.publish(message)):
        raise ConnectionError(f"the broker at {broker_url} is gone")


def write_recording(messages: Iterable[Message], path: Path) -> int:
    """Write messages, in their order, as lines of contracts §2; gzip when the name ends in .gz. How many."""
    with RecordingWriter(path) as out:
        out.write(record_of(message) for message in messages)
        return out.lines
