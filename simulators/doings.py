"""What happens in the ward, before any device has put it into words. Pure: two records and their words.

A `Doing` is what a person does or what becomes of them; a `Sighting` is that as one device sees it, or something the
device does by itself (a temperature, a sign of life).
"""

from __future__ import annotations

import msgspec

from simulators.ward import Thing

# words of Doing.what
MOTION = "motion"
BED_LEFT, BED_ENTERED = "bed_left", "bed_entered"
DOOR_OPENED, DOOR_CLOSED = "door_opened", "door_closed"
DOSE_DUE, DOSE_TAKEN, DOSE_MISSED = "dose_due", "dose_taken", "dose_missed"
PRESSED = "pressed"  # word: pendant or cord
FALL_SUSPECTED, FALL_CONFIRMED, FALL_CANCELLED = "fall_suspected", "fall_confirmed", "fall_cancelled"
CONCLUDED = "concluded"  # word: the device's own conclusion, amount: severity
PULSE, BREATHING = "pulse", "breathing"
# further words of Sighting.what
STILL = "still"  # a motion sensor's hold time ran out
TEMPERATURE = "temperature"
BATTERY, ALIVE = "battery", "alive"
GATEWAY_ALIVE = "gateway_alive"

PERSON_ALARMS = frozenset({PRESSED, FALL_SUSPECTED, FALL_CONFIRMED, FALL_CANCELLED})


class Doing(msgspec.Struct, frozen=True, gc=False):
    """Something a resident does. `at_ms` UTC."""

    at_ms: int
    what: str
    resident: str
    home: str
    room: str = ""
    word: str = ""
    amount: int = 0
    scheduled_ms: int = 0  # of a dose
    seen_by: str = ""  # role of the device, where the doing alone does not say


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """What a device (or, without `thing`, a gateway) has to tell."""

    at_ms: int
    what: str
    gateway: str
    thing: Thing | None = None
    room: str = ""
    word: str = ""
    amount: int = 0  # tenths of a degree for TEMPERATURE, per cent for BATTERY, per minute for PULSE and BREATHING
    scheduled_ms: int = 0


def order_of(one: Sighting) -> tuple[int, str, str, str]:
    """Sort key: time, then names, so that a tie is broken the same way everywhere."""
    return one.at_ms, one.gateway, one.thing.id if one.thing is not None else "", one.what
