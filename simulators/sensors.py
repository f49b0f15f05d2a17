"""Which devices see what a resident does: doings become sightings. Pure.

A doing that no device of the home can see (nobody sleeps in the bed without a pad) is simply not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulators import doings
from simulators.doings import Doing, Sighting
from simulators.ward import VARDEVAKT, ZIGBEE, Thing, Ward

HOLD_MS = 60_000  # how long a sensor of the radio kinds says "occupied" after it last saw somebody
_ROLES = {
    doings.BED_LEFT: "bed", doings.BED_ENTERED: "bed", doings.DOOR_OPENED: "front_door",
    doings.DOOR_CLOSED: "front_door", doings.DOSE_DUE: "dispenser", doings.DOSE_TAKEN: "dispenser",
    doings.DOSE_MISSED: "dispenser", doings.CONCLUDED: "radar", doings.PULSE: "radar", doings.BREATHING: "radar",
}  # fmt: skip
_FALLS = frozenset({doings.FALL_SUSPECTED, doings.FALL_CONFIRMED, doings.FALL_CANCELLED})
_NATIVE_ONLY = frozenset({doings.CONCLUDED, doings.PULSE, doings.BREATHING})


def _holds(doing: Doing, thing: Thing) -> bool:
    """Whether it goes on saying that somebody is there, until its hold time runs out."""
    if doing.what == doings.MOTION:
        return thing.convention != VARDEVAKT
    decided = doing.what in {doings.FALL_CONFIRMED, doings.FALL_CANCELLED}
    return decided and thing.convention == ZIGBEE and thing.role == "radar"


class Sensors:
    """The ward's devices by what they look at."""

    def __init__(self, ward: Ward) -> None:
        self._by_role: dict[tuple[str, str], list[Thing]] = {}
        for thing in ward.things:
            self._by_role.setdefault((thing.home, thing.role), []).append(thing)

    def look(self, told: Iterable[Doing]) -> Iterator[Sighting]:
        """Sightings of doings; a hold that runs out comes later than its doing, so the result is not sorted."""
        for doing in told:
            thing = self.thing_for(doing)
            if thing is None:
                continue
            yield Sighting(
                doing.at_ms, doing.what, thing.gateway, thing, doing.room or thing.room or "", doing.word,
                doing.amount, doing.scheduled_ms,
            )  # fmt: skip
            if _holds(doing, thing):
                yield Sighting(doing.at_ms + HOLD_MS, doings.STILL, thing.gateway, thing)

    def thing_for(self, doing: Doing) -> Thing | None:
        """The device that sees it: the resident's own, else one that all of the home share."""
        if doing.what == doings.MOTION:
            return self._find(doing, f"{doing.room}_motion")
        if doing.what == doings.PRESSED:
            return self._find(doing, doing.word) or self._find(doing, "pendant")
        if doing.what in _FALLS:
            return self._fall_detector(doing)
        found = self._find(doing, _ROLES[doing.what])
        if found is not None and doing.what in _NATIVE_ONLY and found.convention != VARDEVAKT:
            return None
        return found

    def _fall_detector(self, doing: Doing) -> Thing | None:
        """A worn detector is the native pendant; else the radar of the flat, else the one over the bed."""
        for role, convention in (("pendant", VARDEVAKT), ("radar", None), ("bed", "chirpstack")):
            found = self._find(doing, role)
            if found is not None and convention in {None, found.convention}:
                return found
        return None

    def _find(self, doing: Doing, role: str) -> Thing | None:
        for thing in self._by_role.get((doing.home, role), ()):
            if thing.resident in {None, doing.resident}:
                return thing
        return None
