"""Words that people use in site files. Pure data.

Closed lists stand in `alerts/site/model.py` as literals. The lists here are open: a vendor's role or a service that
comes later is no error, but a word that looks like a misspelling of a known one is: it would silently do nothing.
"""

from __future__ import annotations

import difflib

CONVENTIONS = ("vardevakt", "zigbee2mqtt", "chirpstack", "http")
ROLES = (
    "pendant",
    "wrist",
    "cord",
    "hub",
    "panic",
    "button",
    "bed",
    "chair",
    "door",
    "front_door",
    "back_door",
    "balcony_door",
    "exit_door",
    "fridge_door",
    "medicine_door",
    "motion",
    "bathroom_motion",
    "bedroom_motion",
    "kitchen_motion",
    "living_room_motion",
    "hall_motion",
    "entry_motion",
    "fall",
    "radar",
    "camera",
    "mat",
    "dispenser",
    "smoke",
    "heat",
    "co",
    "gas",
    "water",
    "stove",
    "epilepsy",
    "continence",
    "climate",
    "temperature",
    "outdoor_temperature",
    "lock",
    "tracker",
    "beacon",
    "plug",
    "switch",
    "scale",
    "blood_pressure",
    "pulse_oximeter",
    "nurse_call",
    "staff_tag",
)
RISKS = ("fall", "wander", "violence", "infection", "dog", "epilepsy", "diabetes", "oxygen", "smoking", "seizure",
         "low")  # fmt: skip
SERVICES = (
    "digital_supervision",
    "safety_alarm",
    "localisation",
    "medication_support",
    "home_monitoring",
    "electronic_lock",
    "nurse_call",
)
KEY_KINDS = ("key_box", "key", "code", "electronic_lock", "caretaker")

# Rules that nothing may pause (design §4 Ids: what the floor's alerts later turn out to be).
PERSON_ALARMS = frozenset({"R01", "R02", "R03", "R04", "R29", "R32", "R43", "R53", "R56", "R58"})


def _rules(*numbers: int) -> tuple[str, ...]:
    return tuple(f"R{number:02d}" for number in numbers)


# Classes of rules a pause can name. "behaviour" is what acts only under a measure (domain §4 "Who is watched").
CLASSES: dict[str, tuple[str, ...]] = {
    "behaviour": _rules(*range(5, 22), 31, *range(33, 36)),
    "measurements": _rules(*range(44, 48)),
    "medicine": _rules(22, 23, 24, 25, 26, 27, 28, 57),
    "technical": _rules(36, 37, 38, 39, 40, 41, 42, 48, 52, 54, 60),
    # these the fold knows by name (`rules.book.Group`), own rules of a site among them
    **{group: (group,) for group in ("bed", "activity", "doors", "surroundings", "medication", "devices")},
}


def near_miss(word: str, known: tuple[str, ...]) -> str | None:
    """A known word that this one is probably a misspelling of; None when it is known, or like none of them."""
    if word in known:
        return None
    found = difflib.get_close_matches(word, known, 1, 0.85)
    return found[0] if found else None
