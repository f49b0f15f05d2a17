"""What devices and gateways say by themselves: signs of life, temperatures, batteries. Pure.

Everything lies on a grid of its own period and phase, so that any span of time gives the same sightings, however it is
cut up.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulators.chance import Chance
from simulators.doings import ALIVE, BATTERY, GATEWAY_ALIVE, TEMPERATURE, Sighting
from simulators.ward import CHIRPSTACK, VARDEVAKT, Thing, Ward

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
TEMPERATURE_EVERY_MS = 30 * MINUTE
ALIVE_EVERY_MS = {"pendant": 9 * HOUR, "cord": DAY, "dispenser": 30 * MINUTE, "front_door": 12 * HOUR}
RADIO_ALIVE_EVERY_MS = 6 * HOUR
# tenths of a degree above the night's 20.0, by hour UTC: coldest before dawn, warmest in the evening
_CURVE = (2, 1, 0, 0, 1, 3, 6, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 19, 15, 11, 7, 4)


def telemetry(ward: Ward, from_ms: int, to_ms: int) -> Iterator[Sighting]:
    """Sightings in [from_ms, to_ms), device by device."""
    for gateway in ward.gateways:
        phase = Chance(ward.seed, gateway.id, "phase").below(ward.interval_s * 1_000)
        for at_ms in _grid(ward.interval_s * 1_000, phase, from_ms, to_ms):
            yield Sighting(at_ms, GATEWAY_ALIVE, gateway.id)
    for thing in ward.things:
        phase = Chance(ward.seed, thing.id, "phase").below(DAY)
        if thing.role == "temperature":
            for at_ms in _grid(TEMPERATURE_EVERY_MS, phase, from_ms, to_ms):
                yield Sighting(at_ms, TEMPERATURE, thing.gateway, thing, amount=tenths_of_a_degree(ward, thing, at_ms))
        every_ms = _alive_every_ms(thing)
        if every_ms:
            for at_ms in _grid(every_ms, phase, from_ms, to_ms):
                yield Sighting(at_ms, ALIVE, thing.gateway, thing, amount=battery(ward, thing, at_ms))
        for at_ms in _grid(DAY, phase, from_ms, to_ms):
            if thing.convention == VARDEVAKT and thing.role in {"pendant", "cord", "bed"}:
                yield Sighting(at_ms, BATTERY, thing.gateway, thing, amount=battery(ward, thing, at_ms))


def tenths_of_a_degree(ward: Ward, thing: Thing, at_ms: int) -> int:
    """The room's temperature: a curve over the day, a little different in each home."""
    hour, rest = divmod(at_ms % DAY, HOUR)
    now, then = _CURVE[hour], _CURVE[(hour + 1) % 24]
    home = Chance(ward.seed, thing.home, "warmth").between(-8, 14)
    wobble = Chance(ward.seed, thing.id, at_ms // TEMPERATURE_EVERY_MS).between(-2, 2)
    return 200 + home + wobble + now + (then - now) * rest // HOUR


def battery(ward: Ward, thing: Thing, at_ms: int) -> int:
    """Per cent left: a cell lasts about two years and is changed in time."""
    age = (at_ms // DAY + Chance(ward.seed, thing.id, "cell").below(700)) % 700
    return 100 - age // 10


def _alive_every_ms(thing: Thing) -> int:
    if thing.convention == VARDEVAKT:
        return ALIVE_EVERY_MS.get(thing.role, 0)
    if thing.convention == CHIRPSTACK or thing.role in {"pendant", "smoke", "water", "bed", "radar", "front_door"}:
        return RADIO_ALIVE_EVERY_MS
    return 0


def _grid(period_ms: int, phase_ms: int, from_ms: int, to_ms: int) -> Iterator[int]:
    phase_ms %= period_ms
    at_ms = (from_ms - phase_ms + period_ms - 1) // period_ms * period_ms + phase_ms
    while at_ms < to_ms:
        yield at_ms
        at_ms += period_ms
