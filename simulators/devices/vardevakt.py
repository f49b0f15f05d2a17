"""Gateways of our own convention, version 1 (contracts §1). Pure.

Each event has an id of the device's own, made from what happened and when: said again, it is the same event. A gateway
that was cut off sends arrays with `buffered`. Beds and doors are said twice, as an event and as a retained state; the
second is a duplicate to whoever heard the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simulators import doings
from simulators.chance import Chance
from simulators.days import DOSE_WINDOW_MINUTES
from simulators.devices.speech import iso, to_json
from simulators.doings import Sighting
from simulators.message import Message
from simulators.ward import VARDEVAKT, Gateway, Thing, Ward

ARRAY_MAX = 50
_STATES = frozenset({doings.BED_LEFT, doings.BED_ENTERED, doings.DOOR_OPENED, doings.DOOR_CLOSED})
_CALLS = frozenset({"pendant", "cord"})


class VardevaktDevices:
    """See the module. Counts `seq` per device; that is all the state there is."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._seq: dict[str, int] = {}

    def greet(self, gateway: Gateway, now_ms: int) -> list[Message]:
        """Status online, and a sign of life of each device people call with."""
        calls = [
            thing for thing in self._ward.things
            if thing.gateway == gateway.id and thing.role in _CALLS and thing.convention == VARDEVAKT
        ]  # fmt: skip
        said = [Sighting(now_ms, doings.ALIVE, gateway.id, thing, amount=0) for thing in calls]
        return [self._status(gateway, now_ms, online=True), *(m for one in said for m in self.tell(one, now_ms))]

    def leave(self, gateway: Gateway, now_ms: int) -> list[Message]:
        """The will; its time is that of the connection, so none is given."""
        return [self._status(gateway, now_ms, online=False)]

    def tell(self, sighting: Sighting, now_ms: int) -> list[Message]:
        thing = sighting.thing
        if thing is None:
            return [self._status(self._ward.gateway(sighting.gateway), now_ms, online=True)]
        said = self._object(sighting)
        if sighting.what == doings.BATTERY:
            return [self._message(thing, "state", said, now_ms)]
        messages = [self._message(thing, "event", said, now_ms)]
        if sighting.what in _STATES:
            messages.append(self._message(thing, "state", said, now_ms))
        return messages

    def empty(self, sightings: Sequence[Sighting], now_ms: int) -> list[Message]:
        """One array a device and at most ARRAY_MAX objects; signs of life are not kept."""
        kept: dict[str, tuple[Thing, list[dict[str, Any]]]] = {}
        for sighting in sightings:
            if sighting.thing is not None and sighting.what not in {doings.ALIVE, doings.BATTERY}:
                _, said = kept.setdefault(sighting.thing.id, (sighting.thing, []))
                said.append(self._object(sighting) | {"buffered": True})
        return [
            self._message(thing, "event", said[start : start + ARRAY_MAX], now_ms)
            for thing, said in kept.values()
            for start in range(0, len(said), ARRAY_MAX)
        ]

    def _status(self, gateway: Gateway, now_ms: int, *, online: bool) -> Message:
        name = gateway.address.removeprefix("vardevakt:")
        said: dict[str, Any] = {"online": online, "interval_seconds": self._ward.interval_s}
        if online:
            said["time"] = iso(now_ms)
        return Message(now_ms, f"vardevakt/1/{name}/status", to_json(said), 1, retain=True, gateway=gateway.id)

    def _message(self, thing: Thing, leaf: str, said: object, now_ms: int) -> Message:
        topic = f"vardevakt/1/{thing.name}/{leaf}"
        return Message(now_ms, topic, to_json(said), 1, retain=leaf == "state", gateway=thing.gateway)

    def _object(self, sighting: Sighting) -> dict[str, Any]:
        thing = sighting.thing
        assert thing is not None, "only devices have events"
        name, fields = _SAYINGS[sighting.what](sighting)
        seq = self._seq[thing.id] = self._seq.get(thing.id, 0) + 1
        mark = Chance(thing.id, sighting.what, sighting.at_ms).digits(8)
        return {"type": name, "id": mark, "time": iso(sighting.at_ms), "seq": seq, **fields}


Saying = tuple[str, dict[str, Any]]


def _dose(name: str) -> Callable[[Sighting], Saying]:
    return lambda one: (
        f"dose.{name}",
        {"dose_id": one.word, "scheduled_at": iso(one.scheduled_ms), "window_minutes": DOSE_WINDOW_MINUTES},
    )


def _measured(metric: str, unit: str) -> Callable[[Sighting], Saying]:
    return lambda one: ("measured", {"metric": metric, "value": one.amount, "unit": unit})


def _plain(name: str, **fields: Any) -> Callable[[Sighting], Saying]:
    return lambda _one: (name, dict(fields))


def _trigger(one: Sighting) -> str:
    return one.thing.role if one.thing is not None and one.thing.role in _CALLS else "pendant"


def _temperature(one: Sighting) -> Saying:
    return "measured", {"metric": "temperature", "value": one.amount / 10, "unit": "Cel"}


_SAYINGS: dict[str, Callable[[Sighting], Saying]] = {
    doings.MOTION: lambda one: ("motion.detected", {"room": one.room}),
    doings.BED_LEFT: _plain("bed.left"),
    doings.BED_ENTERED: _plain("bed.occupied"),
    doings.DOOR_OPENED: _plain("door.opened", door="front"),
    doings.DOOR_CLOSED: _plain("door.closed", door="front"),
    doings.DOSE_DUE: _dose("due"),
    doings.DOSE_TAKEN: _dose("taken"),
    doings.DOSE_MISSED: _dose("missed"),
    doings.PRESSED: lambda one: ("alarm.pressed", {"trigger": _trigger(one), "test": False}),
    doings.FALL_SUSPECTED: _plain("fall.suspected", source="worn", impact_g=2.9),
    doings.FALL_CONFIRMED: lambda one: ("fall.confirmed", {"source": "worn", "still_seconds": one.amount}),
    doings.FALL_CANCELLED: _plain("fall.cancelled", source="worn"),
    doings.CONCLUDED: lambda one: ("condition.reported", {"code": one.word, "severity": one.amount}),
    doings.PULSE: _measured("heart_rate", "/min"),
    doings.BREATHING: _measured("respiration_rate", "/min"),
    doings.TEMPERATURE: _temperature,
    doings.ALIVE: _plain("heartbeat"),
    doings.BATTERY: lambda one: ("battery.level", {"percent": one.amount}),
}
"""What was seen -> type and fields of contracts §1."""
