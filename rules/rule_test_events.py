"""From the words of a timeline to an event of the vocabulary, and to the device that says it. Pure.

Events use the canonical names ("bed.left") or their spoken form ("bed left"); fields are those of the vocabulary. A
device that the site does not name is made up: `d-<role>`, in the room where such a thing hangs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from ingest.event import Value
from ingest.field_kinds import FLAG, INTEGER, NESTED, NUMBER, SCALAR, TIME, Field
from ingest.roles import door_name, press_trigger
from ingest.vocabulary import OTHER_FIELDS, TYPES, UNKNOWN_WORDS, typed
from ingest.wire_time import rfc3339_ms
from rules.book import Book
from rules.rule_test import Clock, Device, Site, WrongWord
from rules.rule_test_words import near

NOTES = ("retained", "untimed", "test", "unassigned", "state")
ENVELOPE = ("device", "role", "room", "resident", "gateway", "address")
NOBODY = "nobody"
HALF_DAY_MS = 43_200_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROLES = {
    "bed": "bed", "chair": "chair", "alarm": "pendant", "fall": "pendant", "trigger": "pendant", "battery": "pendant",
    "tamper": "pendant", "condition": "pendant", "test": "pendant", "heartbeat": "pendant", "device": "pendant",
    "dose": "dispenser", "dispenser": "dispenser", "door": "front_door", "motion": "motion", "room": "motion",
    "person": "motion", "presence": "motion", "smoke": "smoke", "heat": "smoke", "co": "smoke", "gas": "gas",
    "water": "water", "stove": "stove", "epilepsy": "epilepsy", "continence": "continence", "sound": "sound",
    "position": "tracker", "tracking": "tracker", "zone": "tracker", "beacon": "tracker", "tracker": "tracker",
    "measured": "scale", "measurement": "scale", "answered": "tablet", "voice": "hub", "accumulator": "hub",
    "mains": "hub", "radio": "hub", "link": "hub", "contact": "tablet", "lock": "lock", "key": "key_box",
    "camera": "camera", "privacy": "camera", "nursecall": "cord", "away": "presence", "visit": "tablet",
}  # fmt: skip
"""Family of an event -> role of the device that says it, when a line names none."""
ROOMS = {
    "bed": "bedroom", "chair": "living_room", "motion": "hall", "front_door": "hall", "dispenser": "kitchen",
    "stove": "kitchen", "smoke": "kitchen", "water": "bathroom", "lock": "hall", "key_box": "hall",
}  # fmt: skip
_IDS = ("dose_id", "visit_id")  # 1 when a line gives none


class EventWords:
    """What events a book and a site know."""

    def __init__(self, book: Book, site: Site, clock: Clock) -> None:
        self._site, self._clock = site, clock
        names = {name for rule in book.rules for role in ("at_once", "enter", "leave", "extend", "then")
                 for match in getattr(rule, role) for name in match.types}  # fmt: skip
        self._types: dict[str, str] = {
            _spoken(name): name for name in sorted({*TYPES, *names}) if not name.startswith("protection.")
        }
        self._residents = [person.id for person in site.residents]
        self._made: dict[str, Device] = {}

    def type_of(self, words: list[str], line: int) -> str:
        """The type that is written or spoken."""
        if words[:1] == ["other"] and len(words) == 2:
            return words[1]
        spoken = _spoken(" ".join(words))
        if spoken not in self._types:
            raise WrongWord(line, f"{' '.join(words)!r} is no event of the vocabulary{near(spoken, self._types)}")
        return self._types[spoken]

    def content_of(self, type_: str, said: dict[str, str], at_ms: int, role: str | None, line: int) -> dict[str, Value]:
        """The fields of an event, as the vocabulary types them."""
        fields = TYPES.get(type_, OTHER_FIELDS)
        for name in said:
            if name not in fields:
                known = [*fields, *(word for word in ENVELOPE if word not in fields)]
                raise WrongWord(line, f"{type_} has no field {name!r}{near(name, known)}")
        raw: dict[str, object] = {name: self._value(fields[name], text, at_ms) for name, text in said.items()}
        for name in _IDS:
            if name in fields:
                raw.setdefault(name, "1")
        trigger, door = press_trigger(role), door_name(role)
        if type_ == "alarm.pressed" and trigger is not None:
            raw.setdefault("trigger", trigger)
        if type_ in ("door.opened", "door.closed") and door is not None:
            raw.setdefault("door", door)
        content, extra, invalid, missing = typed(type_, raw)
        for name, text in said.items():
            if fields[name].kind == NESTED:
                continue
            if invalid and name in extra:
                raise WrongWord(line, f"{type_}: {name}={text} is no {fields[name].kind}")
            strange = extra.get(UNKNOWN_WORDS)
            if isinstance(strange, list) and name in strange:
                raise WrongWord(line, f"{type_}: {name}={text}{near(text, fields[name].words)}")
        if missing:
            raise WrongWord(line, f"{type_} needs {', '.join(missing)}")
        return content

    def _value(self, field: Field, text: str, at_ms: int) -> object:
        if field.kind == FLAG or (field.kind == SCALAR and text in ("true", "false")):
            return {"true": True, "false": False}.get(text, text)
        if field.kind in (INTEGER, NUMBER, SCALAR):
            try:
                return float(text)
            except ValueError:
                return text
        if field.kind == TIME:
            return self._time(text, at_ms)
        if field.kind == NESTED:
            try:
                return msgspec.json.decode(text)
            except msgspec.DecodeError:
                return text
        return text

    def _time(self, text: str, at_ms: int) -> str:
        """ "08:00" is the one nearest to the event; a whole RFC 3339 time is taken as it is."""
        hour, _, minute = text.partition(":")
        if rfc3339_ms(text) is None and hour.isdigit() and minute.isdigit() and len(text) == 5:
            instant_ms = self._clock.next(int(hour) * 3_600 + int(minute) * 60, at_ms - HALF_DAY_MS)
            return (EPOCH + timedelta(milliseconds=instant_ms)).isoformat()
        return text

    # -- devices -----------------------------------------------------------------------------------------------

    def device_of(self, type_: str, said: dict[str, str], line: int) -> Device:
        """The device a line means; takes the words of the envelope out of `said`, but for a room of the content."""
        named, role, resident = said.pop("device", None), said.pop("role", None), said.pop("resident", None)
        room, gateway = said.get("room"), said.pop("gateway", None)
        if "room" in said and "room" not in TYPES.get(type_, OTHER_FIELDS):
            del said["room"]
        if gateway is not None and gateway not in self._site.gateways:
            raise WrongWord(line, f"unknown gateway {gateway!r}{near(gateway, self._site.gateways)}")
        if named is not None:
            return self.device(named, line)
        role = role or _ROLES.get(type_.partition(".")[0], "pendant")
        self._check_resident(resident, line)
        known = [
            device
            for device in self._site.devices
            if device.role == role
            and (room is None or device.room in (None, room))
            and (resident is None or device.resident == resident)
        ]
        exact = [device for device in known if room is not None and device.room == room]
        if len(exact or known) > 1:
            raise WrongWord(line, f"which {role}? say device={' or device='.join(one.id for one in exact or known)}")
        if known:
            return (exact or known)[0]
        return self._make(role, room, resident, gateway)

    def _make(self, role: str, room: str | None, resident: str | None, gateway: str | None) -> Device:
        usual = ROOMS.get(role)
        resident = resident or self._residents[0]
        parts = [room if room not in (None, usual) else None, resident if resident != self._residents[0] else None,
                 gateway if gateway not in (None, self._site.gateways[0]) else None]  # fmt: skip
        name = "-".join(["d", role, *(part for part in parts if part is not None)])
        made = Device(name, role, room or usual, resident, gateway or self._site.gateways[0])
        return self._made.setdefault(name, made)

    def device(self, name: str, line: int) -> Device:
        """The device of that id; `d-<role>` is made up."""
        by_id = {device.id: device for device in self._site.devices} | self._made
        if name in by_id:
            return by_id[name]
        role = name.removeprefix("d-")
        if name.startswith("d-") and role in (*_ROLES.values(), *ROOMS):
            return self._make(role, None, None, None)
        raise WrongWord(line, f"unknown device {name!r}{near(name, [*by_id, *(f'd-{role}' for role in ROOMS)])}")

    def _check_resident(self, resident: str | None, line: int) -> None:
        if resident not in (None, NOBODY, *self._residents):
            raise WrongWord(line, f"unknown resident {resident!r}{near(str(resident), [*self._residents, NOBODY])}")


def _spoken(name: str) -> str:
    return name.replace(".", " ").replace("_", " ")
