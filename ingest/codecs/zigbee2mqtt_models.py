"""What Zigbee2MQTT's fields mean, as data: field → event, and where a role or a model changes that.

Pure; only tables and the one function that lays them over each other. Sources: ecosystem.md §2 and §3, field names as
the published converters give them. A new device that uses known field names needs no line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from ingest.codecs.readings import Flag, Measure, Words
from ingest.event import Value
from ingest.roles import door_name, lain_on, press_trigger


class Battery(msgspec.Struct, frozen=True):
    """Per cent left; `voltage` beside it is in millivolts."""


class Press(msgspec.Struct, frozen=True):
    """`action`: an event each time it comes, never cached. trigger "": only emergency words are a call for help."""

    trigger: str = ""


Rule = Flag | Words | Measure | Battery | Press

EMERGENCY_WORDS = frozenset({"emergency", "sos", "panic", "help"})
"""An action with one of these words, alone or between underscores, is a call for help on any device."""
RELEASE_WORDS = frozenset({"release", "released", "up", "stop"})
"""Last word of an action that only ends an earlier one."""
LOCK_ACTIONS: Mapping[str, str] = {
    "lock": "lock.locked", "unlock": "lock.unlocked",
    "manual_lock": "lock.locked", "manual_unlock": "lock.unlocked",
    "key_lock": "lock.locked", "key_unlock": "lock.unlocked",
    "keypad_lock": "lock.locked", "keypad_unlock": "lock.unlocked",
    "rf_lock": "lock.locked", "rf_unlock": "lock.unlocked",
    "rfid_lock": "lock.locked", "rfid_unlock": "lock.unlocked",
    "fingerprint_unlock": "lock.unlocked", "one_touch_lock": "lock.locked", "auto_lock": "lock.locked",
    "schedule_lock": "lock.locked", "schedule_unlock": "lock.unlocked",
    "lock_failure_invalid_pin_or_id": "lock.failed", "lock_failure_invalid_schedule": "lock.failed",
    "unlock_failure_invalid_pin_or_id": "lock.failed", "unlock_failure_invalid_schedule": "lock.failed",
}  # fmt: skip

_BY_RADAR: Mapping[str, Mapping[str, Value]] = {
    name: {"source": "radar"} for name in ("fall.suspected", "fall.confirmed", "fall.cancelled")
}
_MOTION = Flag("motion.detected")
_PRESENCE = Flag("presence.started", "presence.ended")
_BED = Flag("bed.occupied", "bed.left")
_CHAIR = Flag("chair.occupied", "chair.left")
_SOS = Flag("alarm.pressed", "alarm.reset", {"trigger": "panic"}, urgent=True)
# What one model calls `status` another uses for something else: only these words count, whoever says them.
_POSTURES: Mapping[str, str] = {
    "unoccupied": "presence.ended", "occupied": "presence.started", "sitting": "presence.started",
    "on_the_bed": "bed.occupied", "low_posture": "person.lying", "falling": "fall.confirmed",
}  # fmt: skip
_POSTURE = Words(
    _POSTURES, between={("on_the_bed", word): "bed.left" for word in _POSTURES}, urgent=frozenset({"falling"}),
    contents=_BY_RADAR, strict=False,
)  # fmt: skip

FIELDS: dict[str, Rule] = {
    # a person, or something that burns
    "action": Press(),
    "click": Press(),  # what `action` was called before 1.17; ignored where both come
    "sos": _SOS,
    "emergency": _SOS,
    "panic": _SOS,
    "smoke": Flag("smoke.alarm", "smoke.cleared", urgent=True),
    "gas": Flag("gas.alarm", "gas.cleared", urgent=True, metric="gas", unit="%"),  # a number: % of the explosive limit
    "carbon_monoxide": Flag("co.alarm", "co.cleared", urgent=True),
    "fall_down_status": Words(
        {"maybe_fall": "fall.suspected", "fall": "fall.confirmed"}, quiet=frozenset({"none"}), contents=_BY_RADAR,
        between={("maybe_fall", "none"): "fall.cancelled"}, urgent=frozenset({"maybe_fall", "fall"})),
    "status": _POSTURE,
    "water_leak": Flag("water.detected", "water.cleared", urgent=True),
    # where people are
    "contact": Flag("door.closed", "door.opened"),  # contact false = open
    "occupancy": _MOTION,
    "moving": _MOTION,
    "presence": _PRESENCE,
    "presence_event": Words({"enter": "room.entered", "leave": "room.left"}, strict=False),
    "static_dwell_alarm": Flag("person.still"),
    "lock_state": Words({"locked": "lock.locked", "unlocked": "lock.unlocked", "not_fully_locked": "lock.failed"}),
    # what is measured. `device_temperature` is the chip's own and not listed on purpose
    "temperature": Measure("temperature", "Cel", -60, 150),
    "local_temperature": Measure("temperature", "Cel", -60, 150),  # a thermostat's room
    "humidity": Measure("humidity", "%", 0, 100),
    "pressure": Measure("pressure", "hPa", 0, 2000),
    "co2": Measure("co2", "[ppm]", 0, 50_000),
    "co": Measure("co", "[ppm]", 0, 10_000),
    "illuminance": Measure("illuminance", "lx", 0, 200_000),
    "illuminance_lux": Measure("illuminance", "lx", 0, 200_000),
    "noise": Measure("noise", "dB", 0, 200),
    "power": Measure("power", "W", -100_000, 100_000),
    "energy": Measure("energy", "kW.h", 0, 1e9),
    "breathing_rate": Measure("respiration_rate", "/min", 0, 100),
    "heart_rate": Measure("heart_rate", "/min", 0, 300),
    # the device itself
    "battery": Battery(),
    "battery_low": Flag("battery.low", "battery.ok", calm=True),
    "battery_defect": Flag("battery.low"),
    "tamper": Flag("tamper.opened", "tamper.closed", calm=True),
    "ac_status": Flag("mains.lost", "mains.restored", calm=True),  # the IAS bit "AC fault"
    "test": Flag("test.passed"),  # a test that reached us; alarms in the same message are marked test
    "trouble": Flag("condition.reported", "condition.cleared", {"code": "device_trouble", "severity": 10}, calm=True),
}  # fmt: skip

_PRESENCE_ROLES = frozenset({"presence", "radar", "fall_radar", "fall_detector"})
_OCCUPIED_FIELDS = ("occupancy", "contact", "presence")  # contact true = circuit closed = somebody on the pad

MODEL_ROLES: Mapping[str, str] = {
    "HS1EB": "panic", "HS1EB/HS1EB-E": "panic", "SBTZB-110": "panic", "TS0215A_sos": "panic", "TS0601_sos": "panic",
    "SEB01ZB": "panic", "SPM915": "bed", "TS0601_bed_presence_sensor": "bed", "FDS315": "fall_radar",
    "MIR-HE200-TY": "fall_radar", "RTCZCGQ11LM": "presence",
}  # fmt: skip
"""The role of a model where the site file gives none."""
MODEL_FIELDS: Mapping[str, Mapping[str, Rule]] = {
    "MIR-HE200-TY": {"occupancy": _MOTION},  # it reports `presence` beside it
}


@lru_cache(maxsize=1024)
def rules_for(model: str | None, role: str | None) -> dict[str, Rule]:
    """Field → rule for a device of that model in that role. Shared between calls: do not change it."""
    rules = dict(FIELDS)
    meant = role if role is not None else MODEL_ROLES.get(model or "")
    if place := lain_on(meant):
        rules.update(dict.fromkeys(_OCCUPIED_FIELDS, _BED if place == "bed" else _CHAIR))
    elif meant in _PRESENCE_ROLES:
        rules["occupancy"] = _PRESENCE
    elif trigger := press_trigger(meant):
        press, sos = Press(trigger), msgspec.structs.replace(_SOS, content={"trigger": trigger})
        rules.update({"action": press, "click": press, "sos": sos, "emergency": sos, "panic": sos})
    elif door := door_name(meant):
        rules["contact"] = Flag("door.closed", "door.opened", {"door": door})
    rules.update(MODEL_FIELDS.get(model or "", {}))
    return rules
