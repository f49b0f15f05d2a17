"""Pure: which alerts belong together. One person, one incident; never across people or triggers of a shared home.

For: the two questions asked when an alert opens. Which incident does it join (`incident_key`)? Is it a further press
into an open alarm (`merges`)? Nothing here reads or writes.

| alert | incident |
|---|---|
| staff need help (R53) | its own, always |
| test within a test session | its own, always |
| care alert (P1, P2, P3) of a resident | the resident's |
| person alarm nobody is known behind | that of its trigger in that home |
| everything else: technical, cards, homes | its own |

A further press joins the *open* alarm of the same person and trigger, however long ago that was: until somebody has
ended it, it is the same call for help. Where nobody acts (a replay), presses within 120 s of the last one are the
same.
"""

from __future__ import annotations

import msgspec

CARE = ("P1", "P2", "P3")
UNATTENDED_MERGE_MS = 120_000


class Opening(msgspec.Struct, frozen=True):
    """What decides where an alert belongs."""

    alert_id: str
    home: str
    priority: str
    resident: str | None = None
    trigger: str | None = None
    alarm: bool = False
    staff_alarm: bool = False
    test: bool = False


def incident_key(opening: Opening) -> str:
    """Alerts with one key that are open at one time are one incident."""
    if opening.staff_alarm or opening.test:
        return alone_key(opening.alert_id)
    if opening.resident is not None and opening.priority in CARE:
        return f"resident:{opening.resident}"
    if opening.alarm and opening.trigger is not None:
        return f"trigger:{opening.home}:{opening.trigger}"
    return alone_key(opening.alert_id)


def alone_key(alert_id: str) -> str:
    """The key of an alert that stands alone."""
    return f"alert:{alert_id}"


def may_merge(opening: Opening) -> bool:
    """Whether this is a press that could belong to an open alarm at all."""
    return opening.alarm and opening.trigger is not None and not opening.staff_alarm and not opening.test


def merges(*, unattended: bool, last_press_ms: int, press_ms: int) -> bool:
    """Whether a press belongs to the open alarm of the same person and trigger.

    Times are when the presses happened, not when they arrived: a buffer emptied at once is still many presses.
    """
    return not unattended or abs(press_ms - last_press_ms) <= UNATTENDED_MERGE_MS


def queue_rank(*, priority: str, alarm: bool, held: bool, opened_ms: int) -> tuple[int, str, int]:
    """Sorting key of the board: alarms nobody has, then what nobody has, then what is taken; by priority, then age."""
    group = 2 if held else 0 if alarm else 1
    return group, priority, opened_ms
