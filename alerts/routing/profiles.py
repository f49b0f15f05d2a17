"""Pure: the two shipped profiles, as the data that every policy consists of.

For: chains (when, whom, how often again) by profile and priority. What a site has of its own:
`alerts/routing/policies.py`; what is made of a chain when an incident begins: `alerts/routing/escalation.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

# modes of a chain
RING = "ring"  # at any hour
BY_DAY = "by_day"  # rings by day; what falls due by night waits for the morning list
WORKDAY = "workday"  # only put on the list of the next workday; rings nobody


class Chain(msgspec.Struct, frozen=True):
    """One line of a profile. `steps`: (delay, words); a word is the place of a function ("1"), "all" or "fallback"."""

    mode: str
    steps: tuple[tuple[int, tuple[str, ...]], ...]
    repeat_ms: int


_SENSOR = Chain(RING, ((0, ("1",)), (5 * MINUTE, ("1", "2")), (15 * MINUTE, ("all", "fallback"))), 10 * MINUTE)
_BY_DAY = Chain(BY_DAY, ((0, ("1",)), (30 * MINUTE, ("all",))), 30 * MINUTE)
_LISTED = Chain(WORKDAY, ((0, ()),), 24 * HOUR)
_STAFF = Chain(RING, ((0, ("all",)), (2 * MINUTE, ("all", "fallback"))), 2 * MINUTE)

STAFF_ALARM = "staff_alarm"

PROFILES: dict[str, dict[str, Chain]] = {
    "on_foot": {
        "P1": Chain(
            RING,
            (
                (0, ("1",)),
                (90 * SECOND, ("1", "2")),
                (3 * MINUTE, ("all",)),
                (5 * MINUTE, ("all", "fallback")),
            ),
            2 * MINUTE,
        ),
        "P2": _SENSOR,
        "P3": _BY_DAY,
        "P4": _LISTED,
        "P5": _LISTED,
        STAFF_ALARM: _STAFF,
    },
    "centre": {
        "P1": Chain(
            RING,
            (
                (0, ("1",)),
                (60 * SECOND, ("2",)),
                (120 * SECOND, ("3",)),
                (180 * SECOND, ("all", "fallback")),
            ),
            60 * SECOND,
        ),
        "P2": _SENSOR,
        "P3": _BY_DAY,
        "P4": _LISTED,
        "P5": _LISTED,
        STAFF_ALARM: _STAFF,
    },
}
"""The two profiles of domain §4 as data. `tests/tidy` keeps the table in `alerts/README.md` equal to it."""


def escalation_table() -> list[dict[str, Any]]:
    """The profiles as rows, for documents and the API. Times in seconds."""
    return [
        {
            "profile": profile,
            "priority": priority,
            "mode": chain.mode,
            "steps": [{"after_seconds": ms // SECOND, "targets": list(words)} for ms, words in chain.steps],
            "repeat_seconds": chain.repeat_ms // SECOND,
        }
        for profile, chains in PROFILES.items()
        for priority, chain in chains.items()
    ]
