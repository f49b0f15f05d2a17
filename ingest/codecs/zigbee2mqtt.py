"""Zigbee2MQTT 1.x and 2.x: `<base>/<name>`, `<base>/<name>/availability`, `<base>/bridge/…`, one topic per attribute.

Pure. Theory of operation:
- A message repeats the device's whole cached state. So an event is a *change* against what we last saw, never the mere
  presence of a field. The codec's state is that last sight: {field: value} of the fields that mean something.
- The first sight of a field says how things are, not that they just became so: a draft with state=True. Urgent
  flags (smoke, sos, a fall …) are the exception: seen true for the first time they are real.
- `action` is an event and never cached; "" and null are nothing.
- A name may hold "/", even end in "/availability", and an attribute topic looks like a name. So the address is the
  whole name as the topic gives it, and drafts of availability and attribute topics carry the address they speak for.
- Availability is the bridge's opinion. It becomes device.online / device.offline with state=True and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingest.bounds import MAX_TEXT
from ingest.codec import MAX_PAYLOAD_BYTES, Decoded, Route
from ingest.codecs.readings import NEVER, Flag, Measure, Reading, Words, number
from ingest.codecs.zigbee2mqtt_models import (
    EMERGENCY_WORDS,
    FIELDS,
    LOCK_ACTIONS,
    RELEASE_WORDS,
    Battery,
    Press,
    Rule,
    rules_for,
)
from ingest.event import Draft, Nothing, Rejected, Value
from ingest.json_input import read_json
from ingest.roles import may_raise_alarm
from ingest.wire_time import rfc3339_ms

DEFAULT_BASE = "zigbee2mqtt"
_AVAILABILITY = "/availability"
_BRIDGE = "bridge"
_LIVENESS = {"online": "device.online", "offline": "device.offline"}
_SEEN = "available"  # field of the state of an availability topic
_LAST_MS = 253_402_300_799_999  # end of year 9999

_UNCHANGED = Nothing("unchanged")
_NO_EVENT = Nothing("no_event")  # something changed that is no event: a motion sensor's hold time ran out
_NOT_CARE = Nothing("not_care")
_REMOVED = Nothing("removed")
_BRIDGE_INFO = Nothing("bridge_info")
_COMMAND_ECHO = Nothing("command_echo")


class Zigbee2MqttCodec:
    """One codec for all bridges of a service; `bases` are their base topics."""

    name = "zigbee2mqtt"

    def __init__(self, bases: tuple[str, ...] = (DEFAULT_BASE,)) -> None:
        # longest first, so that one base may begin with another
        self._bases = tuple(
            (f"{base}/", "zigbee2mqtt:" if base == DEFAULT_BASE else f"zigbee2mqtt:{base}/")
            for base in sorted(dict.fromkeys(bases), key=len, reverse=True)
        )

    def subscriptions(self) -> tuple[str, ...]:
        return tuple(f"{base}#" for base, _ in self._bases)

    def gateway_of(self, address: str) -> str | None:
        found = [prefix for _, prefix in self._bases if address.startswith(prefix)]
        return max(found, key=len) + _BRIDGE if found else None

    def route(self, topic: str) -> Route | None:
        for base, prefix in self._bases:
            if topic.startswith(base):
                name = topic[len(base) :]
                bridge = f"{prefix}{_BRIDGE}"
                if name.startswith("bridge/") or name == _BRIDGE:
                    return Route(bridge, bridge, may_be_alarm=False)
                parent, slash, _ = name.rpartition("/")
                above = prefix + parent if slash else None
                return Route(prefix + name, bridge, parent=above, hearsay=name.endswith(_AVAILABILITY))
            if topic == base[:-1]:
                return Route(f"{prefix}{_BRIDGE}", None)
        return None

    def decode(
        self, state: object | None, topic: str, payload: bytes, received_at_ms: int, model: str | None = None,
        role: str | None = None,
    ) -> tuple[object | None, Decoded]:  # fmt: skip
        prefix, name = self._split(topic)
        if not name:
            return state, [Rejected("unknown_topic", topic[:MAX_TEXT], may_be_alarm=True)]
        if name.startswith("bridge/"):
            return state, [_bridge(prefix, name[7:], payload)]
        if name.endswith(("/set", "/get")) or "/set/" in name or "/get/" in name:
            return state, [_COMMAND_ECHO]
        known = state if isinstance(state, dict) else None
        if not payload:
            return state, [_REMOVED]
        if name.endswith(_AVAILABILITY) and (spoken := _availability(prefix, name, payload, known)) is not None:
            return spoken
        value = read_json(payload, may_be_alarm=may_raise_alarm(role))
        if isinstance(value, dict):
            return _device(known, value, model, role, None)
        parent, _, attribute = name.rpartition("/")
        if parent and not isinstance(value, list):
            return _attribute(known, f"{prefix}{parent}", attribute, value, payload, model, role)
        if isinstance(value, Rejected):
            return state, [value]
        return state, [Rejected("not_an_object", "", may_raise_alarm(role))]

    def command(self, topic: str, body: Mapping[str, object]) -> tuple[str, bytes] | None:
        return None  # Zigbee2MQTT has nobody to tell that an event is on disk

    def _split(self, topic: str) -> tuple[str, str]:
        for base, prefix in self._bases:
            if topic.startswith(base):
                return prefix, topic[len(base) :]
        return "zigbee2mqtt:", ""


def _bridge(prefix: str, leaf: str, payload: bytes) -> Draft | Rejected | Nothing:
    """One topic below `<base>/bridge/`. Everything but state, health and event is for operators only."""
    bridge = f"{prefix}{_BRIDGE}"
    if leaf.startswith("request/"):
        return _COMMAND_ECHO
    if leaf not in {"state", "health", "event"}:
        return _BRIDGE_INFO
    if not payload:
        return _REMOVED
    if leaf == "state":
        kind = _liveness(payload)
        return Draft(kind, address=bridge, state=True) if kind else Rejected("unknown_word", "bridge/state")
    value = read_json(payload, may_be_alarm=False)
    if isinstance(value, Rejected):
        return value
    if not isinstance(value, dict):
        return Rejected("not_an_object", f"bridge/{leaf}")
    if leaf == "health":
        return Draft("heartbeat", address=bridge)
    data = value.get("data")
    device = data.get("friendly_name") if isinstance(data, dict) else None
    if not isinstance(device, str) or not device:
        return _BRIDGE_INFO
    if value.get("type") == "device_leave":
        return Draft("device.offline", {"reason": "left_network"}, address=prefix + device[:MAX_TEXT])
    if value.get("type") == "device_announce":
        return Draft("device.online", {"reason": "announced"}, address=prefix + device[:MAX_TEXT])
    return _BRIDGE_INFO


def _liveness(payload: bytes) -> str | None:
    """device.online or device.offline of `{"state": …}` or of the bare word that 1.x sent; None for anything else."""
    if len(payload) > 200:
        return None
    if payload.startswith(b"{"):
        value = read_json(payload, may_be_alarm=False)
        word = value.get("state") if isinstance(value, dict) and len(value) == 1 else None
    else:
        word = payload.decode(errors="replace").strip().strip('"')
    return _LIVENESS.get(word) if isinstance(word, str) else None


def _availability(
    prefix: str, name: str, payload: bytes, known: dict[str, object] | None,
) -> tuple[object | None, Decoded] | None:  # fmt: skip
    """What an availability topic says, or None when the message is that of a device whose name ends like one."""
    kind = _liveness(payload)
    if kind is None:
        if known is not None and _SEEN in known:
            return known, [Rejected("unknown_word", "availability")]
        return None
    if known is not None and known.get(_SEEN) == kind:
        return known, [_UNCHANGED]
    spoken_for = prefix + name[: -len(_AVAILABILITY)]
    return {**(known or {}), _SEEN: kind}, [Draft(kind, address=spoken_for, state=True)]


def _attribute(
    known: dict[str, object] | None, address: str, attribute: str, value: object, payload: bytes, model: str | None,
    role: str | None,
) -> tuple[object | None, Decoded]:  # fmt: skip
    """One topic per attribute (`output: attribute`): a bare value of the device whose name is the rest of the topic."""
    if attribute not in FIELDS:
        return known, [_NOT_CARE]
    if isinstance(value, Rejected):  # not JSON: a bare word
        if len(payload) > MAX_PAYLOAD_BYTES:
            return known, [value]
        value = payload[:MAX_TEXT].decode(errors="replace")
    return _device(known, {attribute: value}, model, role, address)


def _device(
    known: dict[str, object] | None, message: dict[str, object], model: str | None, role: str | None,
    address: str | None,
) -> tuple[object | None, Decoded]:  # fmt: skip
    """Compare one message with the last sight of the device. This is the hot path: no table is built here."""
    rules = rules_for(model, role)
    before = known if known is not None else {}
    fresh: dict[str, object] = {}
    understood = False
    reading: Reading | None = None
    for field, value in message.items():
        rule = rules.get(field)
        if rule is None or value is None:
            continue
        understood = True
        last = before.get(field, NEVER)
        if last is value or (last == value and type(last) is type(value)):
            continue
        if reading is None:
            reading = Reading(
                may_alarm=may_raise_alarm(role), observed=_last_seen(message.get("last_seen")),
                test=message.get("test") is True, address=address,
            )  # fmt: skip
        stored = _read(reading, field, rule, last, value, message)
        if stored is not NEVER:
            fresh[field] = stored
    items = reading.items if reading is not None else None
    if fresh:
        return {**before, **fresh}, items or [_NO_EVENT]
    return known, items or [_UNCHANGED if understood else _NOT_CARE]


def _read(
    reading: Reading, field: str, rule: Rule, last: object, value: object, message: Mapping[str, object],
) -> object:  # fmt: skip
    """One field that is new or different; gives what to remember of it."""
    if isinstance(rule, Flag):
        return reading.flag(field, rule, last, value)
    if isinstance(rule, Measure):
        return _measure(reading, field, rule, last, value, message)
    if isinstance(rule, Words):
        return reading.words(field, rule, last, value)
    if isinstance(rule, Battery):
        return _battery(reading, field, last, value, message)
    return _press(reading, field, rule, value, message)


def _measure(
    reading: Reading, field: str, rule: Measure, last: object, value: object, message: Mapping[str, object],
) -> object:  # fmt: skip
    if field == "illuminance" and "illuminance_lux" in message:
        return NEVER if number(value, -1e9, 1e9) is None else value  # 1.x: then `illuminance` is the chip's raw value
    scaled = None
    if field == "temperature" and message.get("temperature_scale") in {"°F", "fahrenheit"}:
        fahrenheit = number(value, -80, 300)
        scaled = None if fahrenheit is None else round((fahrenheit - 32) / 1.8, 2)
    return reading.measure(field, rule, last, value, scaled)


def _battery(reading: Reading, field: str, last: object, value: object, message: Mapping[str, object]) -> object:
    percent = number(value, 0, 100)
    if percent is None:
        return reading.bad(field, "wrong_type", value, last, urgent=False)
    if value != last:
        content: dict[str, Value] = {"percent": percent}
        millivolts = number(message.get("voltage"), 1000, 30_000)
        if millivolts is not None:
            content["volts"] = millivolts / 1000
        reading.add("battery.level", content, state=last is NEVER)
    return value


def _press(reading: Reading, field: str, rule: Press, value: object, message: Mapping[str, object]) -> object:
    if value == "" or (field == "click" and "action" in message):
        return NEVER
    if not isinstance(value, str):
        reading.items.append(Rejected("wrong_type", field, reading.may_alarm))
        return NEVER
    parts = value.casefold().split("_")
    content: dict[str, Value] = {}
    kind = LOCK_ACTIONS.get(value)
    if not EMERGENCY_WORDS.isdisjoint(parts) or (rule.trigger and parts[-1] not in RELEASE_WORDS):
        kind, content = "alarm.pressed", {"trigger": rule.trigger or "panic"}
    elif kind:
        content = _actor(message)
    reading.add(kind or "action.reported", content, test=reading.test, extra={"action": value[:MAX_TEXT]})
    return NEVER


def _actor(message: Mapping[str, object]) -> dict[str, Value]:
    """Who worked a lock and how, where the lock says so."""
    content: dict[str, Value] = {}
    user, method = message.get("action_user"), message.get("action_source_name")
    if isinstance(user, str) or (isinstance(user, int) and not isinstance(user, bool)):
        content["actor"] = str(user)[:MAX_TEXT]
    if isinstance(method, str):
        content["method"] = method[:MAX_TEXT]
    return content


def _last_seen(value: object) -> int | None:
    """`last_seen` is off by default; ISO 8601 with offset, or milliseconds since 1970 (never seconds)."""
    if isinstance(value, str):
        return rfc3339_ms(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LAST_MS:
        return None
    return int(value)
