"""LoRaWAN devices as ChirpStack v4 publishes them (JSON). Pure.

As JSON made from protobuf, zero values are left out (`fCnt` 0) and numbers in `object` are floats. `deduplicationId`
names one uplink. `time` is the gateway's, so what comes late says when it was.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from simulators import doings
from simulators.chance import Chance
from simulators.devices.speech import iso, to_json
from simulators.doings import Sighting
from simulators.message import Message
from simulators.sensors import HOLD_MS
from simulators.ward import CHIRPSTACK, Gateway, Thing, Ward

APPLICATION = "6b1f0c52-0f6a-4c7e-9d53-5a1b8f3c2e71"
REGION = "eu868"
_FALL = "fall"
_SAYS: dict[str, dict[str, Any]] = {
    doings.MOTION: {"pir": "trigger", "daylight": "bright"}, doings.STILL: {"pir": "normal", "daylight": "bright"},
    doings.DOOR_OPENED: {"magnet_status": "open", "tamper_status": "installed"},
    doings.DOOR_CLOSED: {"magnet_status": "close", "tamper_status": "installed"},
    doings.BED_LEFT: {"detection_status": "out_of_bed", "target_status": "normal"},
    doings.BED_ENTERED: {"detection_status": "in_bed", "target_status": "normal"},
    doings.FALL_CONFIRMED: {"events": [{"alarm_id": 1.0, "alarm_type": _FALL, "alarm_status": "alarm_triggered"}]},
}  # fmt: skip
_QUIET: dict[str, dict[str, Any]] = {
    "water": {"leakage_status": "normal"}, "smoke": {"type": "smoke sensor", "event": "normal"},
}  # fmt: skip
PRESS = "long press"


class ChirpStackDevices:
    """See the module. Counts frames per device."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._frames: dict[str, int] = {}
        self._moved_ms: dict[str, int] = {}

    def greet(self, gateway: Gateway, now_ms: int) -> list[Message]:
        """The gateway's connection (retained), and the keep-alive of each button."""
        buttons = [
            thing for thing in self._ward.things
            if thing.gateway == gateway.id and thing.role == "pendant" and thing.convention == CHIRPSTACK
        ]  # fmt: skip
        said = [Sighting(now_ms, doings.ALIVE, gateway.id, thing) for thing in buttons]
        return [self._connection(gateway, now_ms, "ONLINE"), *(m for one in said for m in self.tell(one, now_ms))]

    def leave(self, gateway: Gateway, now_ms: int) -> list[Message]:
        return [self._connection(gateway, now_ms, "OFFLINE")]

    def tell(self, sighting: Sighting, now_ms: int) -> list[Message]:
        thing = sighting.thing
        if thing is None:
            return [self._stats(self._ward.gateway(sighting.gateway), now_ms)]
        if sighting.what == doings.MOTION:
            self._moved_ms[thing.id] = sighting.at_ms
        elif sighting.what == doings.STILL and sighting.at_ms - self._moved_ms.get(thing.id, 0) < HOLD_MS:
            return []
        report = self._object(thing, sighting)
        return [] if report is None else [self._up(thing, report, sighting, now_ms)]

    def empty(self, sightings: Sequence[Sighting], now_ms: int) -> list[Message]:
        return [
            message for one in sightings if one.thing is not None and one.what != doings.ALIVE
            for message in self.tell(one, now_ms)
        ]  # fmt: skip

    def _object(self, thing: Thing, one: Sighting) -> dict[str, Any] | None:
        percent = one.amount if one.what in {doings.ALIVE, doings.BATTERY} and one.amount else self._percent(thing)
        report: dict[str, Any] = {"battery": float(percent)}
        if one.what == doings.PRESSED:
            # the decoder makes msgid with a random function: it is no key of anything
            mark = float(Chance(thing.id, one.at_ms, "msgid").below(1_000_000))
            return report | {"button_event": {"status": PRESS, "msgid": mark}}
        if one.what == doings.TEMPERATURE:
            return report | {"temperature": one.amount / 10, "humidity": 41.5}
        if one.what in {doings.ALIVE, doings.BATTERY}:
            return report | _QUIET.get(thing.role, {})
        said = _SAYS.get(one.what)
        return None if said is None else report | said

    def _percent(self, thing: Thing) -> int:
        return 100 - Chance(self._ward.seed, thing.id, "cell").below(60)

    def _up(self, thing: Thing, report: dict[str, Any], one: Sighting, now_ms: int) -> Message:
        frame = self._frames.get(thing.id, 0)
        self._frames[thing.id] = frame + 1
        chance = Chance(thing.id, one.what, one.at_ms)
        mark = chance.digits(32)
        said: dict[str, Any] = {
            "deduplicationId": f"{mark[:8]}-{mark[8:12]}-4{mark[13:16]}-8{mark[17:20]}-{mark[20:]}",
            "time": iso(one.at_ms),
            "deviceInfo": {
                "applicationId": APPLICATION, "applicationName": "Hjemmetjenesten",
                "deviceProfileName": thing.model or "", "deviceName": thing.id, "devEui": thing.name,
                "deviceClassEnabled": "CLASS_A", "tags": {},
            },
            "devAddr": thing.name[-8:], "adr": True, "dr": chance.between(2, 5), "fCnt": frame, "fPort": 85,
            "confirmed": one.what == doings.PRESSED, "data": _bytes(report), "object": report,
            "rxInfo": [{
                "gatewayId": self._ward.gateway(thing.gateway).address.rpartition("/")[2],
                "uplinkId": chance.below(2**31), "rssi": -chance.between(60, 115), "snr": chance.between(-30, 95) / 10,
                "crcStatus": "CRC_OK",
            }],
            "txInfo": {"frequency": 867_100_000}, "regionConfigId": REGION,
        }  # fmt: skip
        if frame == 0:
            del said["fCnt"]
        topic = f"application/{APPLICATION}/device/{thing.name}/event/up"
        return Message(now_ms, topic, to_json(said), 1, gateway=thing.gateway)

    def _connection(self, gateway: Gateway, now_ms: int, state: str) -> Message:
        name = gateway.address.rpartition("/")[2]
        topic = f"{REGION}/gateway/{name}/state/conn"
        said = {"gatewayId": name, "state": state}
        return Message(now_ms, topic, to_json(said), 1, retain=True, gateway=gateway.id)

    def _stats(self, gateway: Gateway, now_ms: int) -> Message:
        name = gateway.address.rpartition("/")[2]
        said = {
            "gatewayId": name,
            "time": iso(now_ms),
            "statsId": Chance(name, now_ms).digits(16),
            "rxPacketsReceived": 3,
        }
        return Message(now_ms, f"{REGION}/gateway/{name}/event/stats", to_json(said), 1, gateway=gateway.id)


def _bytes(report: dict[str, Any]) -> str:
    """Stands for the frame's own bytes, which nobody here decodes."""
    return base64.b64encode(b"\x01\x75" + bytes([int(report["battery"])])).decode()
