"""What LoRaWAN decoders' fields mean, as data: field of `object` → event.

Pure; only tables. Sources: ecosystem.md §2 and §3; field names as the makers' decoders give them. Numbers arrive as
floats, words in one decoder version are numbers in the next, Dragino writes booleans as text. Radio loses messages, so
what calls for help becomes news again when it was last heard long ago (`lapse_ms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from ingest.codecs.readings import Flag, Measure, Words
from ingest.event import Value
from ingest.roles import door_name, press_trigger

_MINUTE = 60_000


class Press(msgspec.Struct, frozen=True):
    """Each message with it is a press. A text is the gesture; `nested` names the text's key inside an object."""

    trigger: str = "panic"
    nested: str = ""


class Held(msgspec.Struct, frozen=True):
    """A flag that says "help was called for". every: each true is a press; else true is news when it changes, and
    again after lapse_ms, because a tracker repeats it until somebody resets it and the reset may be lost.
    """

    trigger: str = "panic"
    every: bool = False
    lapse_ms: int = 10 * _MINUTE


class Battery(msgspec.Struct, frozen=True):
    """`percent` or `volts` left."""

    unit: str


class Quiet(msgspec.Struct, frozen=True):
    """Known, and deliberately no event. `why` is for the reader."""

    why: str


Rule = Flag | Words | Measure | Press | Held | Battery | Quiet

_BY_RADAR: Mapping[str, Mapping[str, Value]] = {
    name: {"source": "radar"} for name in ("fall.suspected", "fall.confirmed", "fall.cancelled")
}
_DOOR = Words({"open": "door.opened", "opened": "door.opened", "close": "door.closed", "closed": "door.closed"},
              numbers={0: "close", 1: "open"})  # fmt: skip
_DOOR_FLAG = Flag("door.opened", "door.closed")
_LEAK_FLAG = Flag("water.detected", "water.cleared", urgent=True)
_TEMPERATURE = Measure("temperature", "Cel", -60, 150)
_HUMIDITY = Measure("humidity", "%", 0, 100)
_DETECTION: Mapping[str, str] = {
    "normal": "presence.started", "vacant": "presence.ended", "in_bed": "bed.occupied", "out_of_bed": "bed.left",
    "fall": "fall.confirmed",
}  # fmt: skip

FIELDS: Mapping[str, Rule] = {
    # calls for help
    "button_event": Press(nested="status"),  # Milesight WS101; its msgid is random and no key
    "press": Press(),  # WS101, older decoders
    "Alarm": Held(every=True),  # Dragino PB01: "TRUE" in the one message of a press
    "ALARM_status": Held(),  # Dragino TrackerD: "TRUE" until reset
    "sosFlag": Held(),  # Abeeway: 1 in every message until reset
    "detection_status": Words(  # Milesight VS373
        _DETECTION, numbers=dict(enumerate(_DETECTION)), urgent=frozenset({"fall"}), contents=_BY_RADAR,
        between={("in_bed", word): "bed.left" for word in ("vacant", "normal", "fall")}, lapse_ms=30 * _MINUTE),
    "geofence_status": Words(  # Milesight AT101
        {"inside": "zone.entered", "outside": "zone.left"}, quiet=frozenset({"unset", "unknown"}),
        numbers={0: "inside", 1: "outside", 2: "unset", 3: "unknown"}, urgent=frozenset({"outside"}),
        contents={"zone.entered": {"zone": "geofence"}, "zone.left": {"zone": "geofence"}}),
    "leakage_status": Words(  # Milesight EM300-SLD, -MLD, -ZLD
        {"leak": "water.detected", "normal": "water.cleared"}, numbers={0: "normal", 1: "leak"},
        urgent=frozenset({"leak"})),
    "WATER_LEAK_STATUS": _LEAK_FLAG,  # Dragino LWL02
    # where people are
    "magnet_status": _DOOR,  # Milesight WS301, EM300-MCS
    "DOOR_OPEN_STATUS": _DOOR_FLAG,  # Dragino LDS02
    "OPEN": _DOOR_FLAG,  # the same sensor through another decoder
    "pir": Words({"trigger": "motion.detected"}, quiet=frozenset({"normal", "idle"}),
                 numbers={0: "normal", 1: "trigger"}),  # Milesight WS202
    # what is measured
    "temperature": _TEMPERATURE,
    "TempC_SHT": _TEMPERATURE, "TempC_SHT41": _TEMPERATURE, "SensorTemperature": _TEMPERATURE,
    "humidity": _HUMIDITY,
    "Hum_SHT": _HUMIDITY, "Hum_SHT41": _HUMIDITY, "RelativeHumidity": _HUMIDITY,
    "pressure": Measure("pressure", "hPa", 0, 2000),
    "co2": Measure("co2", "[ppm]", 0, 50_000),
    "illumination": Measure("illuminance", "lx", 0, 200_000),
    # the device itself
    "battery": Battery("percent"),
    "BatV": Battery("volts"), "BAT_V": Battery("volts"), "BatteryVoltage": Battery("volts"),
    "batteryLevel": Quiet("Abeeway: 0 to 255, not per cent"),
    "tamper_status": Quiet("WS301: documentation and decoder say opposite things"),
    "ALARM": Quiet("Dragino LDS02: open for too long, which our own rules decide"),
    "CONTACT": Quiet("the opposite of OPEN beside it"),
    "msgid": Quiet("made by the decoder with a random function"),
}  # fmt: skip

SMOKE_WORDS = Words(
    {"alarm": "smoke.alarm", "normal": "smoke.cleared", "low_battery": "battery.low", "failover": "condition.reported",
     "removed": "tamper.opened", "installed": "tamper.closed"},
    quiet=frozenset({"silent"}), urgent=frozenset({"alarm"}), lapse_ms=30 * _MINUTE,
    contents={"condition.reported": {"code": "device_fault", "severity": 10}},
)  # fmt: skip
"""Milesight GS524N's `event`; a word that begins with "testing" is a test, whatever follows."""

BROWAN_PORTS: Mapping[int, Rule] = {
    102: Words({"1": "motion.detected"}, quiet=frozenset({"0"}), numbers={0: "0", 1: "1"}),
    106: _LEAK_FLAG,
    120: _DOOR_FLAG,
    147: Held(every=True),
}
"""Browan calls everything `status`: the port says which sensor it is."""

VS373_ALARMS: Mapping[str, tuple[str, Mapping[str, Value]]] = {
    "fall": ("fall.confirmed", {"source": "radar"}),
    "out_of_bed": ("bed.left", {}),
    "motionless": ("person.still", {}),
    "lying": ("person.lying", {}),
    "dwell": ("condition.reported", {"code": "dwell", "severity": 20}),
    "occupied": ("presence.started", {}),
    "vacant": ("presence.ended", {}),
}
"""Milesight VS373 `events[].alarm_type` when triggered. Any other word is a conclusion of the device that a person
should see: condition.reported with severity 30."""

POSITIONS: tuple[tuple[str, str, str], ...] = (
    ("latitude", "longitude", ""),  # Milesight AT101
    ("Latitude", "Longitud", ""),  # Dragino TrackerD, spelled like that
    ("Latitude", "Longitude", ""),
    ("gpsLatitude", "gpsLongitude", "horizontalAccuracy"),  # Abeeway
)
"""Names of latitude, longitude and accuracy in metres."""

TRACKER_FIELDS = frozenset({"motion_status", "geofence_status", "gpsLatitude", "Longitud"})
"""A report with one of these is a tracker's: its temperature is not that of a room."""

LOST_UPLINKS = frozenset({"UPLINK_F_CNT_RESET", "UPLINK_CODEC"})
"""Codes of `log` that mean: the device said something, and nobody will ever read it."""


@lru_cache(maxsize=1024)
def rules_for(role: str | None) -> dict[str, Rule]:
    """Field → rule for a device in that role. Shared between calls: do not change it."""
    rules = dict(FIELDS)
    if trigger := press_trigger(role):
        rules.update(
            {
                field: msgspec.structs.replace(rule, trigger=trigger)
                for field, rule in FIELDS.items()
                if isinstance(rule, Press | Held)
            }
        )
    elif door := door_name(role):
        contents: Mapping[str, Value] = {"door": door}
        both = {"door.opened": contents, "door.closed": contents}
        flag = msgspec.structs.replace(_DOOR_FLAG, content=contents)
        rules.update({"magnet_status": msgspec.structs.replace(_DOOR, contents=both), "DOOR_OPEN_STATUS": flag,
                      "OPEN": flag})  # fmt: skip
    return rules
