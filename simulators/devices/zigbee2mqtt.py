"""Devices behind a Zigbee2MQTT bridge. Pure.

Each message repeats the device's whole cached state with `last_seen`; `action` alone is never cached. The bridge has
its state and health topics, each device an availability. Zigbee2MQTT keeps nothing while it is cut off from the broker:
what it hands in late here, a bridging broker in the home has kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulators import doings
from simulators.chance import Chance
from simulators.devices.speech import iso, to_json
from simulators.doings import Sighting
from simulators.message import Message
from simulators.sensors import HOLD_MS
from simulators.ward import ZIGBEE, Gateway, Thing, Ward

BASE = "zigbee2mqtt"
_FIRST: dict[str, dict[str, Any]] = {  # what a device of that role shows before anything has happened
    "bed": {"contact": False}, "front_door": {"contact": True}, "water": {"water_leak": False, "tamper": False},
    "smoke": {"smoke": False, "test": False}, "radar": {"presence": False, "fall_down_status": "none"},
    "temperature": {"temperature": 21.0, "humidity": 38.5, "pressure": 1004.0}, "pendant": {},
}  # fmt: skip
_SAYS: dict[str, dict[str, Any]] = {
    doings.MOTION: {"occupancy": True}, doings.STILL: {"occupancy": False},
    doings.BED_LEFT: {"contact": False}, doings.BED_ENTERED: {"contact": True},
    doings.DOOR_OPENED: {"contact": False}, doings.DOOR_CLOSED: {"contact": True},
    doings.FALL_SUSPECTED: {"presence": True, "fall_down_status": "maybe_fall"},
    doings.FALL_CONFIRMED: {"presence": True, "fall_down_status": "fall"},
    doings.FALL_CANCELLED: {"presence": True, "fall_down_status": "none"},
}  # fmt: skip
PRESS = "emergency"


class Zigbee2MqttDevices:
    """See the module. The state is the bridge's cache, and when each motion sensor last saw somebody."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._cache: dict[str, dict[str, Any]] = {}
        self._moved_ms: dict[str, int] = {}

    def greet(self, gateway: Gateway, now_ms: int) -> list[Message]:
        """Bridge and availabilities (retained), and the cached state of devices people call with."""
        messages = [self._bridge(now_ms, gateway.id, "online")]
        for thing in self._ward.things:
            if thing.convention == ZIGBEE and thing.gateway == gateway.id:
                messages.append(
                    self._message(thing, f"{thing.name}/availability", {"state": "online"}, now_ms, retain=True)
                )
                if thing.role == "pendant":
                    messages += self.tell(Sighting(now_ms, doings.ALIVE, gateway.id, thing), now_ms)
        return messages

    def leave(self, gateway: Gateway, now_ms: int) -> list[Message]:
        return [self._bridge(now_ms, gateway.id, "offline")]

    def tell(self, sighting: Sighting, now_ms: int) -> list[Message]:
        thing, at_ms = sighting.thing, sighting.at_ms
        if thing is None:
            said = {"response_time": at_ms, "mqtt": {"connected": True, "queued": 0}}
            return [Message(now_ms, f"{BASE}/bridge/health", to_json(said), 1, gateway=sighting.gateway)]
        if sighting.what == doings.MOTION:
            self._moved_ms[thing.id] = at_ms
        elif (
            sighting.what == doings.STILL
            and thing.role != "radar"
            and at_ms - self._moved_ms.get(thing.id, 0) < HOLD_MS
        ):
            return []  # seen again since: the hold time began anew
        cached = self._cache.setdefault(thing.id, dict(_FIRST.get(thing.role, {})))
        cached.update(_SAYS.get(sighting.what, {}))
        if sighting.what == doings.TEMPERATURE:
            cached["temperature"] = sighting.amount / 10
        if sighting.what in {doings.ALIVE, doings.BATTERY} and sighting.amount:
            cached["battery"] = sighting.amount
        said = {**cached, **self._radio(thing, at_ms, cached)}
        if sighting.what == doings.PRESSED:
            said = {"action": PRESS, **said}
        messages = [self._message(thing, thing.name, said, now_ms)]
        if sighting.what == doings.FALL_CONFIRMED:
            cached["fall_down_status"] = "none"  # the radar lets go by itself; said with its next message
        return messages

    def empty(self, sightings: Sequence[Sighting], now_ms: int) -> list[Message]:
        return [
            message for one in sightings if one.thing is not None and one.what != doings.ALIVE
            for message in self.tell(one, now_ms)
        ]  # fmt: skip

    def _radio(self, thing: Thing, at_ms: int, cached: dict[str, Any]) -> dict[str, Any]:
        percent = cached.setdefault("battery", 100 - Chance(self._ward.seed, thing.id, "cell").below(60))
        quality = Chance(thing.id, at_ms, "link").between(60, 160)
        return {"battery": percent, "voltage": 2_500 + 6 * percent, "linkquality": quality, "last_seen": iso(at_ms)}

    def _bridge(self, now_ms: int, gateway: str, state: str) -> Message:
        return Message(now_ms, f"{BASE}/bridge/state", to_json({"state": state}), 1, retain=True, gateway=gateway)

    def _message(self, thing: Thing, name: str, said: object, now_ms: int, *, retain: bool = False) -> Message:
        return Message(now_ms, f"{BASE}/{name}", to_json(said), 1, retain=retain, gateway=thing.gateway)
