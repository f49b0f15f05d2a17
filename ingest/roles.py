"""What a device's role says where the wire cannot: the trigger it is, the door it stands on, the worst it can mean.

Pure. Roles are free words of the site file (contracts §3): these are the ones that change how a message is read. Only
a role that is known to be harmless rules an alarm out; an unknown device, an unknown role and every trigger do not.
"""

from __future__ import annotations

_HARMLESS = frozenset({
    "air_quality", "bed", "chair", "climate", "contact", "dispenser", "door", "fridge", "humidity", "lamp", "light",
    "lock", "medication", "motion", "plug", "power", "scale", "stove", "switch", "temperature", "thermostat",
    "vibration", "water", "weather", "window",
})  # fmt: skip
_HARMLESS_ENDINGS = ("_bed", "_chair", "_contact", "_door", "_lamp", "_light", "_lock", "_motion", "_plug",
                     "_temperature", "_water", "_window")  # fmt: skip
_TRIGGERS = {
    "pendant": "pendant", "wrist": "wrist", "cord": "cord", "hub": "hub", "panic": "panic", "sos": "panic",
    "button": "panic", "emergency": "panic", "emergency_button": "panic", "call_button": "panic",
}  # fmt: skip
_TRIGGER_ENDINGS = frozenset({"pendant", "wrist", "cord", "panic", "sos"})  # bathroom_cord; but not light_button


_GUARDS = frozenset({"smoke", "heat", "co", "gas", "fall", "radar", "epilepsy", "tracker"})


def may_raise_alarm(role: str | None) -> bool:
    """Whether an undecodable message of a device in this role may have been an alarm."""
    return role is None or not (role in _HARMLESS or role.endswith(_HARMLESS_ENDINGS))


def watched_closely(role: str | None) -> bool:
    """Whether a device of this role must not be silent for more than a day: it calls for help, or guards a life."""
    return role is not None and (role in _GUARDS or press_trigger(role) is not None)


def press_trigger(role: str | None) -> str | None:
    """`trigger` of the alarm that any press on a device in this role is; None = a press there means other things."""
    if role is None:
        return None
    last = role.rsplit("_", 1)[-1]
    return _TRIGGERS.get(last if last in _TRIGGER_ENDINGS else role)


def lain_on(role: str | None) -> str | None:
    """ "bed" or "chair" where the device tells whether somebody is in one."""
    last = "" if role is None else role.rsplit("_", 1)[-1]
    return last if last in {"bed", "chair"} else None


def door_name(role: str | None) -> str | None:
    """`door` of door.opened for "front_door", "balcony_door", "fridge", "window", "kitchen_window" …"""
    if role is None:
        return None
    before, _, last = role.rpartition("_")
    if last in {"door", "window"} and before:
        return before if last == "door" else role
    return role if role in {"fridge", "window", "medicine_cabinet"} else None
