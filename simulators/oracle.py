"""Which person alarms must exist, from what truly happened; and what an answer lacks or has too many of. Pure.

It knows nothing of rules, folds or desk: a press is an alarm; so is a confirmed fall; so is a suspected one that nobody
cancels or confirms within its window. A person's alarm counts as raised when some alert has it among its causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ingest.wire_time import rfc3339_ms
from simulators.doings import FALL_CANCELLED, FALL_CONFIRMED, FALL_SUSPECTED, PRESSED, Sighting
from simulators.ward import CHIRPSTACK

CANCEL_WINDOW_MS = 30_000
PRESS, CONFIRMED, SUSPECTED = "alarm.pressed", "fall.confirmed", "fall.suspected"


class PersonAlarm(msgspec.Struct, frozen=True, order=True):
    """One alarm that a person must see. `at_ms`: when it was observed."""

    at_ms: int
    device: str
    type: str
    subject: str  # the resident, else the device


def person_alarms(sightings: Iterable[Sighting]) -> list[PersonAlarm]:
    """The alarms in sightings, sorted by time. A LoRaWAN radar tells of falls only once it is sure."""
    seen = [one for one in sightings if one.thing is not None]
    found = []
    for one in seen:
        if one.what == PRESSED:
            found.append(_alarm(one, PRESS))
        elif one.what == FALL_CONFIRMED:
            found.append(_alarm(one, CONFIRMED))
        elif one.what == FALL_SUSPECTED and _told(one) and not _answered(one, seen):
            found.append(_alarm(one, SUSPECTED))
    return sorted(found)


def verdict(
    expected: Sequence[PersonAlarm], alerts: Iterable[Mapping[str, Any]]
) -> tuple[list[PersonAlarm], list[dict[str, Any]]]:
    """(alarms without a P1, P1 alerts of which no cause is an expected alarm). `alerts`: lines of contracts §4."""
    missing = dict.fromkeys(expected)
    known = set(expected)
    unexpected = []
    for alert in alerts:
        if alert["priority"] != "P1":
            continue
        causes = [_cause(alert, cause) for cause in alert["causes"]]
        if not any(cause in known for cause in causes):
            unexpected.append(dict(alert))
        for cause in causes:
            if cause is not None:
                missing.pop(cause, None)
    return list(missing), unexpected


def _alarm(one: Sighting, type_: str) -> PersonAlarm:
    assert one.thing is not None, "a gateway raises no alarm"
    return PersonAlarm(one.at_ms, one.thing.id, type_, one.thing.resident or one.thing.id)


def _told(one: Sighting) -> bool:
    return one.thing is not None and one.thing.convention != CHIRPSTACK


def _answered(suspected: Sighting, seen: Sequence[Sighting]) -> bool:
    until_ms = suspected.at_ms + CANCEL_WINDOW_MS
    return any(
        one.thing == suspected.thing
        and one.what in {FALL_CANCELLED, FALL_CONFIRMED}
        and suspected.at_ms <= one.at_ms < until_ms
        for one in seen
    )


def _cause(alert: Mapping[str, Any], cause: Mapping[str, Any]) -> PersonAlarm | None:
    at_ms = rfc3339_ms(cause["observed_at"]) if cause["observed_at"] else None
    if at_ms is None:
        return None
    return PersonAlarm(at_ms, str(alert["device_id"]), str(cause["type"]), str(alert["subject_id"]))
