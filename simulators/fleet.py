"""All devices of a ward, whatever they speak. Pure; keeps their counters and caches."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.devices.chirpstack import ChirpStackDevices
from simulators.devices.speech import Speech
from simulators.devices.vardevakt import VardevaktDevices
from simulators.devices.zigbee2mqtt import Zigbee2MqttDevices
from simulators.doings import Sighting, order_of
from simulators.message import Message
from simulators.ward import CHIRPSTACK, VARDEVAKT, ZIGBEE, Ward


class Fleet:
    """The ward's devices as one: sightings in, messages out."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._convention = {gateway.id: gateway.convention for gateway in ward.gateways}
        self._speech: dict[str, Speech] = {
            VARDEVAKT: VardevaktDevices(ward), ZIGBEE: Zigbee2MqttDevices(ward), CHIRPSTACK: ChirpStackDevices(ward),
        }  # fmt: skip

    def greet(self, gateway: str, now_ms: int) -> list[Message]:
        """A gateway comes up. KeyError for an unknown one; so below."""
        return self._of(gateway).greet(self._ward.gateway(gateway), now_ms)

    def leave(self, gateway: str, now_ms: int) -> list[Message]:
        """A gateway is cut off: what the broker says for it."""
        return self._of(gateway).leave(self._ward.gateway(gateway), now_ms)

    def tell(self, sighting: Sighting, now_ms: int) -> list[Message]:
        """One sighting, told at once."""
        return self._of(sighting.gateway).tell(sighting, now_ms)

    def empty(self, gateway: str, sightings: Sequence[Sighting], now_ms: int) -> list[Message]:
        """A gateway hands in what it kept while it was cut off."""
        return self._of(gateway).empty(sorted(sightings, key=order_of), now_ms)

    def _of(self, gateway: str) -> Speech:
        return self._speech[self._convention[gateway]]
