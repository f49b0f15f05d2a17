"""Protection: can this person still call for help, and is the way to them whole? (R52, promise 4.) Pure.

A person is unprotected when every device they can call with, of those ever heard, is out of reach, flat, or behind a
gateway that is not heard. One never heard is "not yet installed" and holds nothing. The change is told to the rules as
an occurrence of the fold's own, `protection.lost` or `protection.restored`, and to the pages as not watched or watched.
"""

from __future__ import annotations

from ingest.event import Event, name_uuid
from rules.effects import Reason
from rules.facts import SENSORS, Facts, Situation

LOST, RESTORED = "protection.lost", "protection.restored"


def why_unwatched(situation: Situation) -> Reason | None:
    """Why this person is not watched, in the code of the broken way; None when all is well."""
    if situation.way == SENSORS:
        return Reason("way.sensors_silent")
    if situation.way is not None:
        return Reason("way.broken", {"way": situation.way})
    lost = situation.lost
    return None if lost is None else Reason(lost.way, {"device": lost.device, "since_ms": lost.since_ms})


def occurrence(facts: Facts, resident: str, situation: Situation, cause: str, now_ms: int) -> Event:
    """The event that tells the rules of a loss or its end. It counts from now; since when stands in its content.

    `cause`: id of the event or setting that brought it about.
    """
    lost = situation.lost
    name = RESTORED if lost is None else LOST
    return Event(
        name_uuid(cause, name, resident),
        name,
        facts.site,
        f"home:{facts.home}",
        facts.home,
        resident,
        now_ms,
        now_ms,
        device=None if lost is None else lost.device,
        resident=resident,
        content={} if lost is None else {"way": lost.way, "device": lost.device, "since_ms": lost.since_ms},
    )
