"""What sensors of a home say of cold, cameras and beds, read from the traces that `facts.py` keeps. Pure questions.

For kinds that must know how things stand when a timer of theirs is due. Temperatures are thousandths of a degree.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules.facts import Facts
from rules.presence import occupied_since_ms
from rules.sign import Sign

HOUR_MS = 3_600_000
READING_BELIEVED_MS = 3 * HOUR_MS  # an older temperature says nothing about now
BED_BELIEVED_MS = 14 * HOUR_MS  # who has lain longer than this may be a stuck sensor
OUTSIDE_ROOMS = ("outside", "outdoor", "outdoors", "balcony", "terrace", "garden")
COLD_ROLES = ("fridge", "freezer")  # their cold is their work
CAMERA_ROLES = ("camera", "radar")
_COVERED = {"camera.covered": "covered", "camera.blurred": "blurred", "privacy.on": "privacy"}


def outdoor_milli(facts: Facts, now_ms: int) -> int | None:
    """The newest temperature outside this home; None when nothing there has been heard of for long."""
    readings = [event for event in _temperatures(facts, now_ms) if _outside(event)]
    newest = max(readings, key=lambda event: (event.effective_at_ms, event.event_id), default=None)
    return None if newest is None else _milli(newest)


def indoor_milli(facts: Facts, now_ms: int) -> int | None:
    """The lowest of the temperatures inside: an open door is felt near it first."""
    inside = [event for event in _temperatures(facts, now_ms) if not _outside(event)]
    return min(
        (_milli(event) for event in inside if not (event.role or "").startswith(COLD_ROLES)),
        default=None,
    )


def camera_out(facts: Facts, resident: str | None) -> str | None:
    """Why a visit by camera cannot see this person: "covered", "blurred", "privacy", "offline"; None when one can.

    Also None for who has no camera at all.
    """
    alone = len(facts.residents) == 1
    why: str | None = None
    for device in facts.devices.values():
        mine = device.resident == resident or (device.resident is None and alone)
        if not mine or device.role not in CAMERA_ROLES:
            continue
        word = _why_blind(facts, device.id, device.gateway)
        if word is None:
            return None  # one of them sees
        why = word
    return why


def in_bed(facts: Facts, resident: str | None, now_ms: int) -> bool:
    """Whether this person's bed stands occupied, and has not done so for so long that it may be stuck."""
    since_ms = occupied_since_ms(facts, resident) if resident is not None else None
    return since_ms is not None and since_ms > now_ms - BED_BELIEVED_MS


def _why_blind(facts: Facts, device: str, gateway: str | None) -> str | None:
    if device in facts.offline_since_ms or gateway in facts.offline_since_ms:
        return "offline"
    for family in ("camera", "privacy"):
        for trace in facts.traces(family):
            if trace.last.device == device and trace.last.type in _COVERED:
                return _COVERED[trace.last.type]
    return None


def _temperatures(facts: Facts, now_ms: int) -> Iterator[Sign]:
    for trace in facts.traces("temperature"):
        if trace.last.effective_at_ms <= now_ms - READING_BELIEVED_MS:
            continue
        if isinstance(trace.last.content.get("value"), int | float):
            yield trace.last


def _outside(event: Sign) -> bool:
    return (event.role or "").startswith("outdoor") or event.room in OUTSIDE_ROOMS


def _milli(event: Sign) -> int:
    value = event.content["value"]
    assert isinstance(value, int | float), "looked at by _temperatures"
    return round(value * 1_000)
