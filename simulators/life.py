"""A span of the ward's life: everything its devices have to tell, and the same as messages on the wire. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from simulators.chance import Chance
from simulators.days import Instant, day_of
from simulators.doings import Doing, Sighting, order_of
from simulators.fleet import Fleet
from simulators.message import Message
from simulators.sensors import Sensors
from simulators.telemetry import telemetry
from simulators.ward import Ward

ON_THE_WAY_MS = (40, 900)  # from device to broker


def doings_in(ward: Ward, from_ms: int, to_ms: int, instant: Instant) -> list[Doing]:
    """What the residents do in [from_ms, to_ms), sorted by time."""
    found = [
        doing
        for person in ward.residents
        for day in _days(from_ms, to_ms)
        for doing in day_of(ward.seed, person, day, instant)
        if from_ms <= doing.at_ms < to_ms
    ]
    return sorted(found, key=lambda one: (one.at_ms, one.resident, one.what, one.room))


def sightings_in(ward: Ward, from_ms: int, to_ms: int, instant: Instant) -> list[Sighting]:
    """What devices see and do in the span, sorted; a motion sensor's hold may run out shortly after its end."""
    seen = list(Sensors(ward).look(doings_in(ward, from_ms, to_ms, instant)))
    return sorted([*seen, *telemetry(ward, from_ms, to_ms)], key=order_of)


def messages_in(ward: Ward, from_ms: int, to_ms: int, instant: Instant) -> Iterator[Message]:
    """The same on the wire, in the order of arrival; begins with every gateway coming up."""
    fleet, sent = Fleet(ward), Chance(ward.seed, "way", from_ms)
    arriving: list[Message] = []
    for gateway in ward.gateways:
        arriving += fleet.greet(gateway.id, from_ms)
    for sighting in sightings_in(ward, from_ms, to_ms, instant):
        arriving += fleet.tell(sighting, sighting.at_ms + sent.between(*ON_THE_WAY_MS))
    yield from sorted(arriving, key=lambda one: one.at_ms)


def _days(from_ms: int, to_ms: int) -> list[date]:
    """Every local day that may touch the span, wherever the place is."""
    first = datetime.fromtimestamp(from_ms // 1_000, UTC).date() - timedelta(days=2)
    last = datetime.fromtimestamp(to_ms // 1_000, UTC).date() + timedelta(days=1)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
