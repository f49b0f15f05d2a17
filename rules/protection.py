"""Protection: can this person still call for help, and is the way to them whole? (R52, promise 4.) Pure.

A person is unprotected when every device they can call with, of those ever heard, is out of reach, flat, or behind a
gateway that is not heard. One never heard is "not yet installed" and holds nothing. The change is told to the rules as
an occurrence of the fold's own, `protection.lost` or `protection.restored`, and to the pages as not watched or watched.
"""

from __future__ import annotations

from ingest.event import Event, name_uuid
from rules.effects import Reason
from rules.facts import SENSORS, Facts, Situation
from rules.occurrence import occurrence

LOST, RESTORED = "protection.lost", "protection.restored"


def why_unwatched(situation: Situation) -> Reason | None:
    """Why this person is not watched, in the code of the broken way; None when all is well."""
    if situation.way == SENSORS:
        return Reason("way.sensors_silent")
    if situation.way is not None:
        return Reason("way.broken", {"way": situation.way})
    lost = situation.lost
    return None if lost is None else Reason(lost.way, {"device": lost.device, "since_ms": lost.since_ms})


def protection_told(
    facts: Facts, resident: str, situation: Situation, cause: str, now_ms: int, *, late: bool = False
) -> Event:
    """The event that tells the rules of a loss or its end. It counts from now; since when stands in its content.

    `cause`: id of the event or setting that brought it about; `late`: that came late.
    """
    lost = situation.lost
    if lost is None:
        name = name_uuid(cause, RESTORED, resident)
        return occurrence(facts, name, RESTORED, resident, resident, now_ms, late=late)
    return occurrence(
        facts, name_uuid(cause, LOST, resident), LOST, resident, resident, now_ms, device=lost.device,
        content={"way": lost.way, "device": lost.device, "since_ms": lost.since_ms}, late=late,
    )  # fmt: skip
