"""Devices as a codec hears them: one topic over time, with the codec's state kept between messages."""

import json
from typing import Any

from ingest.codec import Codec, Route
from ingest.codecs.chirpstack import ChirpStackCodec
from ingest.codecs.zigbee2mqtt import Zigbee2MqttCodec
from ingest.event import Draft

# Each is a Draft, Rejected or Nothing; which one a test expects, its assertions say.
Item = Any
Items = list[Item]
TIME = "2025-03-03T06:40:00.123456789+00:00"
TIME_MS = 1740984000123


def as_bytes(payload: object) -> bytes:
    """Bytes and text as they are, everything else as JSON."""
    if isinstance(payload, bytes):
        return payload
    return (payload if isinstance(payload, str) else json.dumps(payload)).encode()


def route_of(codec: Codec, topic: str) -> Route:
    """The route of a topic that is the codec's."""
    route = codec.route(topic)
    assert route is not None, topic
    return route


class ZigbeeDevice:
    """One topic of a Zigbee2MQTT bridge."""

    codec = Zigbee2MqttCodec()

    def __init__(self, topic: str = "zigbee2mqtt/thing", role: str | None = None, model: str | None = None) -> None:
        self.topic, self.role, self.model = topic, role, model
        self.state: object = None

    def says(self, payload: object) -> Items:
        """Items of the next message."""
        self.state, items = self.codec.decode(self.state, self.topic, as_bytes(payload), 0, self.model, self.role)
        assert items, "never an empty list"
        return items

    def one(self, payload: object) -> Item:
        """The only item of the next message."""
        (item,) = self.says(payload)
        return item

    def types(self, payload: object) -> list[str]:
        """Types of the drafts of the next message, "*" behind a state."""
        return types_of(self.says(payload))


class LoraDevice:
    """One device of a ChirpStack server: counts its uplinks."""

    codec = ChirpStackCodec()

    def __init__(self, role: str | None = None) -> None:
        self.role = role
        self.state: object = None
        self.count, self.now_ms = 0, 0

    def sends(self, report: object, **fields: object) -> Items:
        """Items of the next uplink with this decoded object; None = without one."""
        self.count += 1
        message: dict[str, object] = {"deduplicationId": f"u{self.count}", "time": TIME, "fPort": 85, "data": "AQ=="}
        message.update(fields)
        return self.event("up", message if report is None else {**message, "object": report})

    def event(self, kind: str, message: object) -> Items:
        """Items of the next message on event/<kind>."""
        topic = f"application/a/device/24E124AAAA00013C/event/{kind}"
        self.state, items = self.codec.decode(self.state, topic, as_bytes(message), self.now_ms, None, self.role)
        assert items, "never an empty list"
        return items

    def one(self, report: object, **fields: object) -> Item:
        """The only item of the next uplink."""
        (item,) = self.sends(report, **fields)
        return item

    def types(self, report: object, **fields: object) -> list[str]:
        """Types of the drafts of the next uplink, "*" behind a state."""
        return types_of(self.sends(report, **fields))


def types_of(items: Items) -> list[str]:
    """Types of the drafts among some items, "*" behind a state."""
    return [f"{item.type}{'*' if item.state else ''}" for item in items if isinstance(item, Draft)]
