"""One look at a broker: does it take us, what does it say of its limits, has it dropped messages. Edge: a connection.

For `vardevakt doctor`. A client of its own with a clean session: nothing is published, the service's session is left
alone. What a broker counts under `$SYS` is read where it has such topics and lets us.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.intake_mqtt import MqttOptions
from ingest.mqtt_connection import tls_context

ANSWER_S = 5.0
SYS_S = 1.5
DROPPED = "$SYS/broker/publish/messages/dropped"  # Mosquitto's name for what its queues could not hold
VERSION = "$SYS/broker/version"
PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerLook(msgspec.Struct):
    """What was seen. `problem` "" = it took us; limits are those of its CONNACK, None where it names none."""

    problem: str = ""
    maximum_qos: int | None = None
    maximum_packet_bytes: int | None = None
    receive_maximum: int | None = None
    dropped: int | None = None  # None: not readable
    version: str = ""
    certificate_ends_ms: int | None = None


def look_at_broker(options: MqttOptions, client_id: str) -> BrokerLook:
    """Connect, listen to `$SYS` for a moment, leave. Never raises for what a broker may do."""
    parts = urlsplit(options.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    look, answered, told = BrokerLook(), threading.Event(), threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
    if options.username is not None:
        client.username_pw_set(options.username, options.password)

    def on_connect(client: mqtt.Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            look.problem = f"it refuses us: {reason}"
        else:
            look.maximum_qos = getattr(properties, "MaximumQoS", None)
            look.maximum_packet_bytes = getattr(properties, "MaximumPacketSize", None)
            look.receive_maximum = getattr(properties, "ReceiveMaximum", None)
            client.subscribe([(DROPPED, 0), (VERSION, 0)])
        answered.set()

    def on_message(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        text = message.payload.decode("utf-8", "replace")[:100]
        if message.topic == VERSION:
            look.version = text
        elif text.isdecimal():
            look.dropped = int(text)
            told.set()

    client.on_connect, client.on_message = on_connect, on_message
    try:
        if parts.scheme == "mqtts":
            client.tls_set_context(tls_context(options.ca_file, options.cert_file, options.key_file))
        client.connect(host, port, keepalive=30, clean_start=True)
    except (OSError, ValueError) as error:
        look.problem = _said(error)
        return look
    sock: Any = client.socket()
    if isinstance(sock, ssl.SSLSocket):
        look.certificate_ends_ms = _ends_ms(sock.getpeercert())
    client.loop_start()
    try:
        if not answered.wait(ANSWER_S):
            look.problem = "it does not answer a CONNECT" if client.is_connected() else "it closes the connection"
        elif not look.problem:
            told.wait(SYS_S)
    finally:
        client.disconnect()
        client.loop_stop()
    return look


def _ends_ms(certificate: Any) -> int | None:
    ends = (certificate or {}).get("notAfter")
    return None if ends is None else int(ssl.cert_time_to_seconds(ends)) * 1_000


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {error.reason or error}"
    return str(getattr(error, "strerror", None) or error)
