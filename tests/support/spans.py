"""What each rule of the shipped book watches, as two words (which one begins it, which one ends it) and a limit.

Written from the catalogue's own words, not from the book: `tests/property/test_no_alert_after.py` judges by it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

S, MIN, H, DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Word(NamedTuple):
    """One event: type, role of its device, content; `own` names a content field that is another for each span."""

    type: str
    role: str | None = None
    content: dict[str, Any] = {}  # noqa: RUF012 - never changed
    own: str = ""


class Span(NamedTuple):
    """From `begin` to `end`; an alert is due `limit_ms` after its beginning.

    `before`: said a minute ahead of each; `setup`: said once. `start`: local time of the story. `most`: spans a story.
    `on`: parameters that switch the rule on. `again`: its end is the next beginning (silence between signs of life).
    `derived`: told by whoever watches silence, so never heard the wrong way round.
    """

    begin: tuple[Word, ...]
    end: tuple[Word, ...]
    limit_ms: int
    start: str = "08:00"
    before: tuple[Word, ...] = ()
    setup: tuple[Word, ...] = ()
    most: int = 3
    on: dict[str, Any] = {}  # noqa: RUF012 - never changed
    again: bool = False
    risks: tuple[str, ...] = ()
    derived: bool = False


def _pair(begin: str, end: str, limit_ms: int, role: str | None = None, **more: Any) -> Span:
    return Span((Word(begin, role),), (Word(end, role),), limit_ms, **more)


def _measured(metric: str, unit: str, bad: float, good: float, role: str) -> tuple[Word, Word]:
    said = {"metric": metric, "unit": unit}
    return Word("measured", role, {**said, "value": bad}), Word("measured", role, {**said, "value": good})


def _limit(metric: str, unit: str, bad: float, good: float, role: str, limit_ms: int, **more: Any) -> Span:
    low, fine = _measured(metric, unit, bad, good, role)
    return Span((low,), (fine,), limit_ms, **more)


def _fault(rule_fault: str) -> Span:
    said = {"fault": rule_fault}
    return Span((Word("dispenser.fault", "dispenser", said),), (Word("dispenser.fault_cleared", "dispenser", said),), 0)


_NEWS2 = (
    ("respiration_rate", "/min", 26, 16), ("spo2", "%", 90, 98), ("oxygen", "L/min", 0, 0),
    ("systolic", "mm[Hg]", 120, 120), ("heart_rate", "/min", 80, 80), ("body_temperature", "Cel", 37.0, 37.0),
)  # fmt: skip
_ALERT = Word("measured", "tablet", {"metric": "consciousness", "value": "alert", "unit": "1"})
_SICK = tuple(_measured(name, unit, bad, good, "tablet")[0] for name, unit, bad, good in _NEWS2)
_WELL = tuple(_measured(name, unit, bad, good, "tablet")[1] for name, unit, bad, good in _NEWS2)
_BATTERY_1, _BATTERY_10, _BATTERY_50 = ({"percent": percent} for percent in (1, 10, 50))
_DAY_AWAY = (Word("away.started", "hub", {"reason": "walk"}),)

SPANS: dict[str, Span] = {
    "R04": _pair("person.lying", "room.left", 45 * S, "radar"),
    "R05": _pair("bed.left", "bed.occupied", 20 * MIN, start="22:10", setup=(Word("bed.occupied"),)),
    "R06": _pair("bed.left", "bed.occupied", 0, start="22:10", on={"on": True}),
    "R08": _pair("chair.left", "chair.occupied", 0, "chair", on={"on": True}),
    "R09": _pair("presence.started", "presence.ended", 30 * MIN, "bathroom_motion"),
    "R10": Span((Word("door.closed", "front_door"),), (Word("motion.detected"),), 5 * MIN, "22:10"),
    "R11": _pair("door.opened", "door.closed", 10 * MIN, "front_door"),
    "R12": _pair("away.started", "away.ended", 4 * H, "hub", most=2),
    "R13": _pair("zone.left", "zone.entered", 0, "tracker"),
    "R14": _pair("beacon.lost", "beacon.found", 5 * MIN, "tracker"),
    "R15": _pair("tracking.started", "tracking.ended", 30 * MIN, "tracker"),
    "R16": _pair("contact.requested", "contact.requested", 12 * H, again=True,
                 setup=(Word("contact.requested"),)),
    "R17": _pair("contact.requested", "contact.requested", 4 * H, again=True, most=2,
                 setup=(Word("contact.requested"),)),
    "R22": Span((Word("dose.due", own="dose_id"),), (Word("dose.taken", own="dose_id"),), 60 * MIN),
    "R23": Span((Word("dose.dispensed", own="dose_id"),), (Word("dose.taken", own="dose_id"),), 15 * MIN,
                before=(Word("dose.due", own="dose_id"),)),
    "R25": _fault("jam"),
    "R26": Span((Word("dispenser.stock", "dispenser", {"doses_left": 0}),),
                (Word("dispenser.stock", "dispenser", {"doses_left": 200}),), 0),
    "R27": Span((Word("device.offline", "dispenser"),), (Word("device.online", "dispenser", {"reason": "heard"}),),
                60 * MIN, derived=True),
    "R28": _pair("dispenser.opened", "dispenser.closed", 0, "dispenser"),
    "R30": _pair("water.detected", "water.cleared", 30 * S, "water"),
    "R33": _pair("continence.wet", "continence.changed", 5 * MIN, "bed"),
    "R34": _limit("temperature", "Cel", 12.0, 20.0, "climate", 60 * MIN),
    "R35": Span((Word("visit.planned", "camera", own="visit_id"),), (Word("visit.started", "camera", own="visit_id"),),
                15 * MIN),
    "R36": _pair("device.offline", "device.online", 60 * MIN, "gateway"),
    "R37": _pair("device.offline", "device.online", 4 * H, "motion"),
    "R38": _pair("mains.lost", "mains.restored", 30 * MIN, "hub"),
    "R38a": _pair("accumulator.low", "mains.restored", 0, "hub"),
    "R39": _pair("battery.low", "battery.ok", 0, "bed", most=1),
    "R39t": _pair("battery.low", "battery.ok", 0, "tracker", setup=_DAY_AWAY),
    "R39w": Span((Word("battery.level", "tracker", _BATTERY_1),), (Word("battery.ok", "tracker"),), 0, setup=_DAY_AWAY,
                 risks=("wander",)),
    "R40": _pair("tamper.opened", "tamper.closed", 0, "hub"),
    "R40j": _pair("radio.jammed", "radio.restored", 60 * S, "hub"),
    "R41": _pair("bed.occupied", "bed.left", 20 * H, most=2),
    "R41d": _pair("door.opened", "door.closed", 24 * H, "front_door", most=2),
    "R44": _limit("spo2", "%", 93, 98, "pulse_oximeter", 30 * MIN),
    "R44b": _limit("systolic", "mm[Hg]", 95, 130, "blood_pressure", 30 * MIN),
    "R44g": _limit("glucose", "mmol/L", 3.5, 6.0, "tablet", 15 * MIN),
    "R44p": _limit("heart_rate", "/min", 120, 70, "pulse_oximeter", 30 * MIN),
    "R44r": _limit("respiration_rate", "/min", 22, 15, "tablet", 30 * MIN),
    "R44t": _limit("body_temperature", "Cel", 39.5, 37.0, "tablet", 30 * MIN),
    "R45": Span((*_SICK, _ALERT), (*_WELL, _ALERT), 0, on={"on": True}),
    "R46": _limit("weight", "kg", 82.5, 80.0, "scale", 0, on={"on": True}, most=1,
                  setup=(_measured("weight", "kg", 0, 80.0, "scale")[1],)),
    "R48": _pair("test.passed", "test.passed", 30 * DAY, "pendant", again=True,
                 setup=(Word("test.passed", "pendant"),)),
    "R52": Span((Word("battery.level", "pendant", _BATTERY_1),), (Word("battery.level", "pendant", _BATTERY_50),), 0),
    "R54": _pair("tracker.powered_off", "tracker.powered_on", 10 * MIN, "tracker"),
    "R54b": _pair("away.started", "away.ended", 0, "hub", before=(Word("tracker.not_carried", "tracker"),)),
    "R55b": _pair("lock.left_unlocked", "lock.locked", 10 * MIN, "lock"),
    "R56": _pair("nursecall.called", "nursecall.reset", 0, "nurse_call"),
    "R57": _fault("no_schedule"),
    "R60": Span((Word("visit.requested", "camera", own="visit_id"),), (Word("visit.ended", "camera", own="visit_id"),),
                0, setup=(Word("camera.covered", "camera"),)),
}  # fmt: skip


class Daily(NamedTuple):
    """By a local time something must have been done since another one; `undone`: the word that takes it back."""

    done: Word
    since: str
    by: str  # with the grace
    undone: Word | None = None
    on: dict[str, Any] = {}  # noqa: RUF012 - never changed


DAILY: dict[str, Daily] = {
    "R07": Daily(Word("bed.occupied"), "21:00", "25:00", Word("bed.left")),
    "R07b": Daily(Word("bed.left"), "07:00", "10:30", Word("bed.occupied")),
    "R18": Daily(Word("stove.rearmed", "stove"), "05:00", "12:00"),
    "R47": Daily(_measured("weight", "kg", 0, 80.0, "scale")[1], "00:00", "12:00", on={"by": "08:00"}),
    "R47f": Daily(Word("answered", "tablet", {"form": "daily"}), "00:00", "12:00", on={"by": "08:00"}),
    "R54c": Daily(Word("tracker.charging", "tracker"), "12:00", "21:00"),
}


class Heap(NamedTuple):
    """So many words less than `within_ms` apart; it is over when the first of them is so long ago (`rest_ms`: at least
    so long after the last).
    """

    words: tuple[Word, ...]  # said in turn
    needed: int
    within_ms: int
    rest_ms: int = 0
    start: str = "08:00"
    setup: tuple[Word, ...] = ()
    on: dict[str, Any] = {}  # noqa: RUF012 - never changed


HEAPS: dict[str, Heap] = {
    "R03b": Heap((Word("fall.cancelled"),), 2, 7 * DAY),
    "R19": Heap((Word("motion.detected", "entry_motion"),), 1, 30 * MIN, start="00:10", setup=(Word("bed.occupied"),)),
    "R21": Heap((Word("sound.loud", "hub", {"duration_seconds": 12}),), 1, 30 * MIN, start="22:10", on={"on": True}),
    "R31": Heap((Word("stove.cut_off", "stove"),), 3, 7 * DAY),
    "R41m": Heap((Word("motion.detected"),), 201, 60 * MIN),
    "R42": Heap(
        (Word("door.opened", "front_door"), Word("door.closed", "front_door")),
        11,
        5 * MIN,
        30 * MIN,
        setup=(Word("door.closed", "front_door"),),
    ),
}

NOTHING_TO_BE_OVER = {
    "momentary: what happened has happened": {"R01", "R03", "R29", "R32", "R43", "R51", "R53", "R55", "R59"},
    "said of an alarm, no alert of its own": {"R01b", "R02", "R29b", "R32b", "R58"},
    "a card about a day or a night that is over already": {"R20", "ROUTINE"},
    "what R22 has said, added up; taken back with it: tests/property/test_doses.py": {"R24"},
}
