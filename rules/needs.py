"""What a rule needs in a home, and what a home lacks of it. Pure.

A rule that can only be right where certain sensors hang names them (`needs`); where one is missing it is not
applicable, and says so instead of guessing. Only registered devices count; one whose role nobody wrote down is taken
for what is needed, if its room fits: whoever forgot a word switches no rule off.
"""

from __future__ import annotations

from rules.book import Need, Rule
from rules.facts import Device, Facts


def lacking(facts: Facts, rule: Rule, resident: str | None) -> tuple[dict[str, str], ...]:
    """What is missing for this person, in the words of the book ({nb, en}); empty where all is there.

    Devices of another resident do not count; those of nobody do.
    """
    mine = [one for one in facts.devices.values() if resident is None or one.resident in (None, resident)]
    return tuple(need.what for need in rule.needs if not any(_serves(device, need) for device in mine))


def _serves(device: Device, need: Need) -> bool:
    if device.role in need.anywhere:
        return True
    if device.role not in need.roles and (device.role is not None or device.room is None):
        return False
    return (not need.rooms or device.room in need.rooms) and device.room not in need.not_in
