"""What of an input becomes a curve's point or a mark in the band of a day, and for whom that may be kept. Pure.

Behaviour (motion, bed, doors, visits, measurements of a person) is kept only for people with an active measure
(domain §4 "Who is watched"); person alarms, fire, doses and the health of devices are always kept. Positions are
never kept here: they are visible during an alert or an authorised search only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from ingest.event import RETAINED, TEST, Event
from ingest.record import EVENT, SETTING, Input, Setting
from ingest.series import Mark, Point

ALWAYS = (
    "alarm.", "fall.", "nursecall.", "staff.", "condition.", "contact.", "smoke.", "heat.", "co.", "gas.", "water.",
    "epilepsy.", "dose.", "dispenser.", "device.", "battery.", "accumulator.", "mains.", "tamper.", "radio.", "link.",
    "trigger.", "test.", "tracker.powered", "tracker.not_carried", "tracker.charging", "tracker.self_check", "voice.",
    "lock.", "camera.", "privacy.",
)  # fmt: skip
BEHAVIOUR = (
    "motion.", "room.", "person.", "presence.", "away.", "bed.", "chair.", "door.", "stove.", "sound.", "continence.",
    "measurement.", "answered", "visit.", "zone.", "beacon.", "tracking.",
)  # fmt: skip
NO_MARK = ("battery.level", "dispenser.stock", "continence.level")  # curves say it better

STATES = {  # type -> (metric, value): step curves of things that are
    "bed.occupied": ("bed", 1), "bed.left": ("bed", 0), "chair.occupied": ("chair", 1), "chair.left": ("chair", 0),
    "presence.started": ("presence", 1), "presence.ended": ("presence", 0), "door.opened": ("door", 1),
    "door.closed": ("door", 0), "battery.low": ("battery_low", 1), "battery.ok": ("battery_low", 0),
}  # fmt: skip
LEVELS = {  # type -> ((field, metric, unit), …)
    "battery.level": (("percent", "battery", "%"), ("volts", "battery_volts", "V")),
    "dispenser.stock": (("doses_left", "doses_left", ""), ("days_left", "days_left", "d")),
    "continence.level": (("percent", "continence", "%"),),
}


class Rows(msgspec.Struct, frozen=True, gc=False):
    """What one input adds to the series. `behaviour`: to be kept only where a measure allows it."""

    points: tuple[Point, ...] = ()
    marks: tuple[Mark, ...] = ()
    behaviour: bool = False


NOTHING = Rows()


def rows(one: Input) -> Rows:
    """Points and marks of one input; nothing for settings and clocks, tests, and states of unknown age."""
    event = one.event
    if one.kind != EVENT or event is None or TEST in event.quality:
        return NOTHING
    if RETAINED in event.quality and event.observed_at_ms is None:
        return NOTHING  # when it began to be so is unknown; a mark at each reconnect would be a lie
    if event.type == "measured":
        return Rows(_measured(event), (), behaviour=event.resident is not None)
    behaviour = event.type.startswith(BEHAVIOUR)
    if not behaviour and not event.type.startswith(ALWAYS):
        return NOTHING
    marks = () if event.type in NO_MARK else (_mark(event),)
    return Rows(_states(event) + _levels(event), marks, behaviour)


class Watched:
    """Whose behaviour may be kept on a day: residents by home, and measures. Fed with the settings in order."""

    def __init__(self, *, all_measures: bool = False) -> None:
        self._all = all_measures
        self._measures: dict[str, dict[str, Mapping[str, object]]] = {}  # resident -> setting id -> measure
        self._resident_of: dict[str, str] = {}  # setting id of a measure -> resident
        self._home_of: dict[str, str] = {}  # resident -> home
        self._people: dict[str, set[str]] = {}  # home -> residents

    def apply(self, one: Input) -> None:
        if one.kind == SETTING and one.setting is not None:
            self.put(one.setting)

    def put(self, setting: Setting) -> None:
        if setting.kind == "measure":
            self._put_measure(setting)
        elif setting.kind == "resident":
            self._put_resident(_item(setting), setting.value)

    def may_keep(self, event: Event, day: str) -> bool:
        """Whether behaviour of this event's resident may be kept; a device of the whole home asks for anybody there.

        `day` is the home's local date, YYYY-MM-DD.
        """
        if self._all:
            return True
        people = {event.resident} if event.resident else self._people.get(event.home, set())
        return any(_covers(one, day) for name in sorted(people) for one in self._measures.get(name, {}).values())

    def _put_measure(self, setting: Setting) -> None:
        before = self._resident_of.pop(setting.setting_id, None)
        if before is not None:
            del self._measures[before][setting.setting_id]
        if setting.value is not None:
            resident = str(setting.value.get("resident"))
            self._resident_of[setting.setting_id] = resident
            self._measures.setdefault(resident, {})[setting.setting_id] = setting.value

    def _put_resident(self, resident: str, value: Mapping[str, object] | None) -> None:
        self._people.get(self._home_of.pop(resident, ""), set()).discard(resident)
        if value is not None:
            home = str(value.get("home", ""))
            self._home_of[resident] = home
            self._people.setdefault(home, set()).add(resident)


def _item(setting: Setting) -> str:
    return setting.setting_id.partition("/")[2]


def _covers(measure: Mapping[str, object], day: str) -> bool:
    """`until` includes that day; without one it is open, without `from` it has not begun."""
    begins, ends = measure.get("from"), measure.get("until")
    return begins is not None and str(begins)[:10] <= day and (ends is None or day <= str(ends)[:10])


def _measured(event: Event) -> tuple[Point, ...]:
    metric, unit = event.content.get("metric"), event.content.get("unit")
    point = _point(event, str(metric), event.content.get("value"), "" if unit is None else str(unit))
    return point if metric else ()


def _states(event: Event) -> tuple[Point, ...]:
    state = STATES.get(event.type)
    return () if state is None else _point(event, state[0], state[1], "")


def _levels(event: Event) -> tuple[Point, ...]:
    found: tuple[Point, ...] = ()
    for field, metric, unit in LEVELS.get(event.type, ()):
        found += _point(event, metric, event.content.get(field), unit)
    return found


def _point(event: Event, metric: str, value: object, unit: str) -> tuple[Point, ...]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return ()
    device = event.device or event.address
    return (Point(event.subject, device, metric, event.effective_at_ms, float(value), unit),)


def _mark(event: Event) -> Mark:
    return Mark(event.subject, event.effective_at_ms, event.type, event.room or "", event.event_id)
