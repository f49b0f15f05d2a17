"""ChirpStack v4 over MQTT (JSON): device events, gateway states, and the log lines behind which an alarm may hide.

Pure. Theory of operation:
- `deduplicationId` names one uplink; the key of each draft is that id and the draft's type, because one uplink can say
  several things. The gateways' copies were merged by ChirpStack already.
- JSON made from protobuf leaves zero values out: no `state` is OFFLINE, no `batteryLevel` is 0 %.
- An uplink without readable `object` may have been a press; so may one that the network server dropped, of which
  only a log line is left. Both are Rejected with may_be_alarm unless the role rules it out.
- `time` is GPS, gateway or server time and nothing tells which. A history entry carries its own.
- The codec's state is the last sight of each field, as for Zigbee2MQTT, and for calls for help when that was.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingest.bounds import MAX_TEXT
from ingest.codec import Decoded, Route
from ingest.codecs.chirpstack_models import LOST_UPLINKS, Battery
from ingest.codecs.chirpstack_object import State, read_fields, read_object
from ingest.codecs.readings import Reading, number
from ingest.event import Draft, Nothing, Rejected, Value
from ingest.json_input import read_json
from ingest.roles import may_raise_alarm
from ingest.wire_time import rfc3339_ms

_UNCHANGED = Nothing("unchanged")
_NO_EVENT = Nothing("no_event")
_DOWNLINK = Nothing("downlink")
_BRIDGE_INFO = Nothing("bridge_info")
_COMMAND_ECHO = Nothing("command_echo")
_REMOVED = Nothing("removed")
_NO_PAYLOAD = Nothing("no_payload")


class ChirpStackCodec:
    """See the module."""

    name = "chirpstack"

    def subscriptions(self) -> tuple[str, ...]:
        return ("application/+/device/+/event/+", "+/gateway/+/state/+", "+/gateway/+/event/stats")

    def gateway_of(self, address: str) -> None:
        """Several may hear one device."""

    def route(self, topic: str) -> Route | None:
        """Devices "chirpstack:<devEui>", gateways "chirpstack:gateway/<id>"; which gateway heard it, no topic says."""
        parts = topic.split("/")
        if len(parts) == 6 and parts[0] == "application" and parts[2] == "device" and parts[3]:
            return Route(f"chirpstack:{parts[3].lower()}", None, may_be_alarm=parts[4] == "event")
        if len(parts) == 5 and parts[1] == "gateway" and parts[3] in {"state", "event", "command"}:
            address = f"chirpstack:gateway/{parts[2].lower()}"
            return Route(address, address, may_be_alarm=False)
        return None

    def decode(
        self, state: object | None, topic: str, payload: bytes, received_at_ms: int, model: str | None = None,
        role: str | None = None,
    ) -> tuple[object | None, Decoded]:  # fmt: skip
        parts = topic.split("/")
        known = state if isinstance(state, dict) else {}
        if len(parts) == 5:
            return state, [_gateway(parts[3], parts[4], payload)]
        if len(parts) != 6:
            return state, [Rejected("unknown_topic", topic[:MAX_TEXT], may_raise_alarm(role))]
        if parts[4] == "command":
            return state, [_COMMAND_ECHO]
        if not payload:
            return state, [_REMOVED]
        message = read_json(payload, may_be_alarm=may_raise_alarm(role))
        if isinstance(message, Rejected):
            return state, [message]
        if not isinstance(message, dict):
            return state, [Rejected("not_an_object", "", may_raise_alarm(role))]
        event = "log" if "level" in message and "code" in message else parts[5]
        return _DEVICE_EVENTS.get(event, _unknown_event)(known, message, received_at_ms, role)

    def command(self, topic: str, body: Mapping[str, object]) -> tuple[str, bytes] | None:
        return None  # a downlink would have to be written in each device's own bytes


def _gateway(kind: str, leaf: str, payload: bytes) -> Draft | Rejected | Nothing:
    if kind == "command":
        return _COMMAND_ECHO
    if not payload:
        return _REMOVED
    if (kind, leaf) not in {("state", "conn"), ("event", "stats")}:
        return _BRIDGE_INFO
    message = read_json(payload, may_be_alarm=False)
    if not isinstance(message, dict):
        return message if isinstance(message, Rejected) else Rejected("not_an_object", f"{kind}/{leaf}")
    if leaf == "stats":
        return Draft("heartbeat", observed_at_ms=_time(message))
    word = message.get("state", "OFFLINE")  # zero values are left out, and OFFLINE is zero
    if word in ("ONLINE", 1):
        return Draft("device.online", state=True)
    if word in ("OFFLINE", 0):
        return Draft("device.offline", state=True)
    return Rejected("unknown_word", "state/conn")


def _time(message: Mapping[str, object]) -> int | None:
    text = message.get("time")
    return rfc3339_ms(text) if isinstance(text, str) else None


def _reading(message: Mapping[str, object], role: str | None) -> Reading:
    key = message.get("deduplicationId")
    return Reading(
        may_alarm=may_raise_alarm(role), observed=_time(message),
        key=key[:200] if isinstance(key, str) and key else None,
    )  # fmt: skip


def _up(state: State, message: dict[str, object], now_ms: int, role: str | None) -> tuple[State, Decoded]:
    report = message.get("object")
    if report is None and isinstance(inner := message.get("objectJSON"), str):  # ChirpStack 3
        report = read_json(inner.encode(), may_be_alarm=may_raise_alarm(role))
        if isinstance(report, Rejected):
            return state, [report]
    if report is None or report == {}:
        if not message.get("data"):
            return state, [_NO_PAYLOAD]  # only the network's own commands, or an empty frame
        return state, [Rejected("wrong_type", "uplink without a decoded object", may_raise_alarm(role))]
    if not isinstance(report, dict):
        return state, [Rejected("wrong_type", "object", may_raise_alarm(role))]
    return read_object(state, report, _reading(message, role), message.get("fPort"), now_ms, role)


def _log(state: State, message: dict[str, object], now_ms: int, role: str | None) -> tuple[State, Decoded]:
    code = str(message.get("code"))[:100]
    if code in LOST_UPLINKS:
        return state, [Rejected("wrong_type", f"{code}: an uplink nobody can read", may_raise_alarm(role))]
    if code == "UPLINK_F_CNT_RETRANSMISSION":
        return state, [Nothing("retransmission")]
    if message.get("level") == "ERROR" and code.startswith("UPLINK"):
        return state, [Rejected("wrong_type", code)]
    return state, [_BRIDGE_INFO]


def _status(state: State, message: dict[str, object], now_ms: int, role: str | None) -> tuple[State, Decoded]:
    if message.get("externalPowerSource") is True or message.get("batteryLevelUnavailable") is True:
        return state, [_NO_EVENT]
    report = {"status battery": message.get("batteryLevel", 0)}  # zero is left out
    fresh: State = {}
    reading = _reading(message, role)
    read_fields(state, fresh, report, {"status battery": Battery("percent")}, reading, now_ms)
    return {**state, **fresh} if fresh else state, reading.items or [_UNCHANGED]


def _join(state: State, message: dict[str, object], now_ms: int, role: str | None) -> tuple[State, Decoded]:
    reading = _reading(message, role)
    reading.add("device.online", {"reason": "joined"})
    return state, reading.items


def _location(state: State, message: dict[str, object], now_ms: int, role: str | None) -> tuple[State, Decoded]:
    place = message.get("location")
    reading = _reading(message, role)
    latitude = number(place.get("latitude", 0), -90, 90) if isinstance(place, dict) else None
    longitude = number(place.get("longitude", 0), -180, 180) if isinstance(place, dict) else None
    if not isinstance(place, dict) or latitude is None or longitude is None:
        return state, [Rejected("wrong_type", "location")]
    if latitude == 0 and longitude == 0:
        return state, [_NO_EVENT]
    content: dict[str, Value] = {"latitude": latitude, "longitude": longitude, "source": "network"}
    accuracy = number(place.get("accuracy"), 0, 1e7)
    if accuracy is not None:
        content["accuracy_metres"] = accuracy
    reading.add("position.fixed", content)
    return state, reading.items


def _downlink(state: State, message: dict[str, object], now_ms: int, role: str | None) -> tuple[State, Decoded]:
    return state, [_DOWNLINK]


def _unknown_event(state: State, message: dict[str, object], now_ms: int, role: str | None) -> tuple[State, Decoded]:
    return state, [Rejected("unknown_topic", "event", may_raise_alarm(role))]


_DEVICE_EVENTS = {
    "up": _up, "log": _log, "status": _status, "join": _join, "location": _location, "ack": _downlink,
    "txack": _downlink, "integration": _downlink,
}  # fmt: skip
