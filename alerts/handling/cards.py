"""Pure: when the desk offers what 112 or 113 will ask about (domain §4 "113/112 card"). By hand it can always be asked,
for every number of NUMBERS.

| card | offered | unless by then |
|---|---|---|
| 113 | R58 (alarm again) without speech: at once; a hand-over without voice contact that nobody answered | - |
| 112 | a wandering alarm: 15 min after it was claimed | somebody has reached the person, or it is over |
| 112 | staff need help (R53): after 2 min | somebody has answered on the spot |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from alerts.handling.lifecycle import ACTIVE, MOMENTARY
from alerts.routing.profiles import MINUTE

AMBULANCE = "113"
POLICE = "112"
CardNumber = Literal["113", "112", "110", "116117"]  # 116117: the doctor on call
NUMBERS: tuple[CardNumber, ...] = get_args(CardNumber)  # in the order in which they are mostly needed

WANDERING_RULES = ("R10", "R12", "R13", "R14")
WANDERING_CODES = ("2", "4.15", "4.21")
NOT_FOUND_MS = 15 * MINUTE
NO_ANSWER_MS = 2 * MINUTE

NO_VOICE_RULE = "R02"
AGAIN_RULE = "R58"

Row = Mapping[str, Any]


def is_wandering(alert: Row) -> bool:
    """Whether this is about a person who may be out there alone."""
    return alert["rule"] in WANDERING_RULES or alert["code"] in WANDERING_CODES


def still_needed(alert: Row, incident: Row) -> bool:
    """At the time the card would be offered: whether nobody has reached the person (or the colleague) yet."""
    if not alert["open"]:
        return False
    if alert["staff_alarm"]:
        return incident["contact_ms"] is None and incident["on_site_ms"] is None
    return alert["condition"] in {ACTIVE, MOMENTARY} and incident["contact_ms"] is None
