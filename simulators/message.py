"""One MQTT message of the simulated world, and how it becomes a line of a recording. Pure."""

from __future__ import annotations

import msgspec

from ingest.record import MQTT, RawRecord


class Message(msgspec.Struct, frozen=True, gc=False):
    """On the wire at `at_ms` (UTC). `gateway`: whose connection it comes over; no part of the message."""

    at_ms: int
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    gateway: str = ""
    dup: bool = False  # a redelivery by the broker


def record_of(message: Message) -> RawRecord:
    """As a subscriber gets it live: the retain flag is for those who come later."""
    return RawRecord(message.at_ms, MQTT, message.topic, message.payload, message.qos, retain=False, dup=message.dup)
