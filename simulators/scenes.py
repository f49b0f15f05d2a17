"""What the "Try it" page can make happen, as sightings of one device. Pure.

Some scenes begin in the past, because nobody waits twenty minutes for a rule: who "left the bed" has been up for 19½
minutes when the button is pressed. The gateway then hands it in as what it had kept, and the alert comes after the
settling time of late messages, 30 s.
"""

from __future__ import annotations

from simulators import doings
from simulators.days import MINUTE, SECOND
from simulators.doings import Sighting
from simulators.ward import ZIGBEE, Thing

UP_FOR_MS = 19 * MINUTE + 30 * SECOND
BED_BEFORE_MS = 10 * MINUTE + 30 * SECOND  # rules ask for some time in bed first
BACK_AFTER_MS = 10 * MINUTE
CONFIRMED_AFTER_MS = 20 * SECOND
FETCHED_AFTER_MS = 15 * MINUTE
DOSE_WINDOW_MS = 60 * MINUTE


def press(thing: Thing, now_ms: int) -> list[Sighting]:
    """A press of a pendant or button, or a pull at a cord."""
    return [_seen(thing, now_ms, doings.PRESSED, word=thing.role)]


def fall(thing: Thing, now_ms: int) -> list[Sighting]:
    """Suspected now, confirmed 20 s later (a radar over the bed says it at once). A radar lets go after a minute."""
    confirmed_ms = now_ms + (0 if thing.role == "bed" else CONFIRMED_AFTER_MS)
    seen = [
        _seen(thing, now_ms, doings.FALL_SUSPECTED),
        _seen(thing, confirmed_ms, doings.FALL_CONFIRMED, amount=CONFIRMED_AFTER_MS // SECOND),
    ]
    if thing.convention == ZIGBEE:
        seen.append(_seen(thing, confirmed_ms + MINUTE, doings.STILL))
    return seen


def leave_bed(thing: Thing, now_ms: int, changed_ms: int, *, in_bed: bool) -> list[Sighting]:
    """Up for 19½ minutes, back in ten. `changed_ms`: when the bed was last seen to change; `in_bed`: to what.

    Nothing may be said from before that change: then the person has been up for less long, and the alert comes later.
    """
    entered_ms = changed_ms if in_bed else max(now_ms - UP_FOR_MS - 15 * MINUTE, changed_ms + MINUTE)
    # said again when it was heard already: a duplicate changes nothing, and a ward that began now was not heard before
    seen = [_seen(thing, min(entered_ms, now_ms - SECOND), doings.BED_ENTERED)]
    left_ms = min(now_ms, max(now_ms - UP_FOR_MS, entered_ms + BED_BEFORE_MS))
    seen += [
        _seen(thing, left_ms, doings.BED_LEFT),
        _seen(thing, now_ms + BACK_AFTER_MS, doings.BED_ENTERED),
    ]
    return seen


def miss_dose(thing: Thing, now_ms: int) -> list[Sighting]:
    """The dispenser says now that the dose of an hour ago was not fetched; it is fetched in a quarter of an hour."""
    due_ms = now_ms - DOSE_WINDOW_MS
    word = f"try-{thing.resident}-{now_ms // SECOND}"
    return [
        _seen(thing, now_ms, doings.DOSE_MISSED, word=word, scheduled_ms=due_ms),
        _seen(thing, now_ms + FETCHED_AFTER_MS, doings.DOSE_TAKEN, word=word, scheduled_ms=due_ms),
    ]


def _seen(thing: Thing, at_ms: int, what: str, *, word: str = "", amount: int = 0, scheduled_ms: int = 0) -> Sighting:
    return Sighting(at_ms, what, thing.gateway, thing, thing.room or "", word, amount, scheduled_ms)
