"""Homes that were recorded for real: what each sensor is as a device, and their rows as our own messages. Pure.

Only sensor rows become messages; what people were doing (labels) is kept beside them and judges. What was not in the
home is added as little as can be: one gateway that reports every five minutes and devices that report twice a day, so
that a replay knows that silence is the person's and not the wire's.

- A PIR that goes ON is `motion.detected`. Its OFF is a hold time running out and is no event.
- Contacts are `door.opened` and `door.closed`. Only the front door is called a front door.
- State changes of taps, switches, flushes and burners (MIT) are movement in that room when they begin: somebody has
  touched them. Lamps of CASAS are left out: their rows follow brightness and power, not hands.
- There is no bed mat in any of them. PIRs over a bed are motion in the bedroom and nothing more.
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from simulators.devices.speech import iso, to_json
from simulators.message import Message
from simulators.real_rows import ON, Label, Row

SITE_ID, WARD, HOME, RESIDENT, GATEWAY = "realhomes", "ward", "home", "r1", "gw-1"
STATUS_MS, HEARTBEAT_MS = 300_000, 43_200_000
DOSE_WINDOW_MINUTES, SLOT_MS = 60, 1_800_000
DOSE_LABELS = ("Morning_Meds", "Evening_Meds")
PIR_OFF, LAMP, CONTACT_BACK = "PIR off", "lamp", "contact back"
_ROOT = f"vardevakt/1/{GATEWAY}"


class Sensor(msgspec.Struct, frozen=True):
    """What one sensor of a recording is as a device. `began`, `ended`: event types; None = left out, `why` says why."""

    device: str
    role: str
    room: str
    began: str | None = "motion.detected"
    ended: str | None = None
    door: str | None = None
    why: str = PIR_OFF


class Sensed(msgspec.Struct, frozen=True, gc=False):
    """One event a device tells."""

    at_ms: int
    device: str
    type: str
    content: dict[str, Any] = {}


class RealHome(msgspec.Struct, frozen=True):
    """A recorded home, converted. `sensed`: all that its sensors told; `labels`: what the person did; both sorted."""

    id: str
    zone: str
    rows: int  # as published
    sensors: dict[str, Sensor]
    sensed: tuple[Sensed, ...]
    labels: tuple[Label, ...]
    left_out: dict[str, int]  # reason -> rows that became no event
    labelled_throughout: bool = False  # every row has a label, so each counts until the next
    doses: bool = False

    @property
    def first_ms(self) -> int:
        return self.sensed[0].at_ms

    @property
    def last_ms(self) -> int:
        return self.sensed[-1].at_ms

    @property
    def devices(self) -> list[Sensor]:
        """Those that told anything, by id; the dispenser last, if there is one."""
        told = {one.device for one in self.sensed}
        seen = {one.device: one for one in self.sensors.values() if one.device in told}
        return [seen[name] for name in sorted(seen)] + ([DISPENSER] if self.doses else [])


DISPENSER = Sensor("dispenser", "dispenser", "kitchen", None)


def convert(
    name: str, zone: str, rows: Sequence[Row], labels: Sequence[Label], published: int | None = None
) -> RealHome:
    """A recorded home out of its rows. `published`: how many rows its file has, where that differs from `rows`.

    ValueError when no row tells anything, or a sensor is in no room we know.
    """
    sensors = {row.sensor: sensor_of(row.sensor) for row in rows}
    sensed, left_out = [], Counter[str]()
    for row in rows:
        sensor = sensors[row.sensor]
        kind = sensor.began if row.state == ON else sensor.ended
        if kind is None:
            left_out[sensor.why] += 1
        else:
            content = {"room": sensor.room} if sensor.door is None else {"door": sensor.door}
            sensed.append(Sensed(row.at_ms, sensor.device, kind, content))
    if not sensed:
        raise ValueError(f"{name}: no row of it is an event")
    left, throughout = dict(sorted(left_out.items())), all(row.label for row in rows)
    count = len(rows) if published is None else published
    return RealHome(name, zone, count, sensors, tuple(sensed), tuple(labels), left, throughout)


def with_doses(home: RealHome) -> RealHome:
    """The same home with a dispenser that hands out a dose for each labelled medicine run.

    Built, not recorded: a dose is due at the half hour at or before its run begins, may be fetched for an hour, and is
    fetched when the run ends. So it says that doses fetched in time raise nothing, not how well a fixed hour would fit.
    """
    told: list[Sensed] = []
    for number, run in enumerate((one for one in home.labels if one.activity in DOSE_LABELS), 1):
        due_ms = run.from_ms - run.from_ms % SLOT_MS
        dose: dict[str, Any] = {"dose_id": f"dose-{number}"}
        due = dose | {"scheduled_at": iso(due_ms), "window_minutes": DOSE_WINDOW_MINUTES}
        told.append(Sensed(due_ms, DISPENSER.device, "dose.due", due))
        told.append(Sensed(run.to_ms, DISPENSER.device, "dose.taken", dose))
    sensed = sorted([*home.sensed, *told], key=lambda one: one.at_ms)
    return msgspec.structs.replace(home, id=f"{home.id}_doses", sensed=tuple(sensed), doses=True)


def messages_of(home: RealHome, tail_ms: int = 0) -> Iterator[Message]:
    """The home on the wire, in order: gateway and devices report, sensors tell; ends `tail_ms` after the last row."""
    begin_ms = home.first_ms - 1_000
    yield from heapq.merge(
        reports_of(home, begin_ms, home.last_ms + tail_ms), told(home.sensed), key=lambda one: one.at_ms
    )


def reports_of(home: RealHome, from_ms: int, to_ms: int) -> Iterator[Message]:
    """Gateway status and heartbeats in [from, to]: they say that the wire is whole, nothing of the person."""
    begin_ms = home.first_ms - 1_000  # reports keep their beat, wherever one begins to listen
    status = {"online": True, "interval_seconds": STATUS_MS // 1_000}
    beat = {"type": "heartbeat", "interval_seconds": HEARTBEAT_MS // 1_000}
    for number in range(max(0, -(-(from_ms - begin_ms) // STATUS_MS)), (to_ms - begin_ms) // STATUS_MS + 1):
        at_ms = begin_ms + number * STATUS_MS
        yield Message(at_ms, f"{_ROOT}/status", to_json(status | {"time": iso(at_ms)}), gateway=GATEWAY)
        if number % (HEARTBEAT_MS // STATUS_MS) == 0:
            for device in home.devices:
                told = beat | {"id": f"beat-{number}", "time": iso(at_ms)}
                yield Message(at_ms, f"{_ROOT}/{device.device}/event", to_json(told), gateway=GATEWAY)


def told(sensed: Iterable[Sensed], counted: int = 0) -> Iterator[Message]:
    """What sensors tell, as their messages. `counted`: how far each device's counter has come already."""
    numbers: Counter[str] = Counter()
    for one in sensed:
        numbers[one.device] += 1
        said = {"type": one.type, "time": iso(one.at_ms), "seq": counted + numbers[one.device], **one.content}
        yield Message(one.at_ms, f"{_ROOT}/{one.device}/event", to_json(said), gateway=GATEWAY)


def site_of(home: RealHome) -> dict[str, Any]:
    """Its site file as plain values: one resident, under the measures that switch rules on behaviour and doses on."""
    services = ("digital_supervision", "medication_support")
    return {
        "site": {"id": SITE_ID, "name": home.id, "timezone": home.zone, "language": "en"},
        "wards": [{"id": WARD, "name": "Recorded homes", "arrival_goal": "30 min"}],
        "homes": [{"id": HOME, "ward": WARD, "kind": "own_home"}],
        "residents": [{"id": RESIDENT, "home": HOME, "name": "Recorded Resident"}],
        "measures": [
            {"resident": RESIDENT, "service": service, "decision": f"recorded/{number}", "from": "2000-01-01"}
            for number, service in enumerate(services, 1)
        ],
        "gateways": [{"id": GATEWAY, "home": HOME, "address": f"vardevakt:{GATEWAY}", "interval": "5 min"}],
        "devices": [
            {
                "id": one.device, "address": f"vardevakt:{GATEWAY}/{one.device}", "role": one.role, "room": one.room,
                "resident": RESIDENT, "gateway": GATEWAY,
            }
            for one in home.devices
        ],
    }  # fmt: skip


def site_yaml(home: RealHome) -> str:
    """The same as a file: JSON is YAML too."""
    return json.dumps(site_of(home), indent=1) + "\n"


# -- what each sensor is ---------------------------------------------------------------------------------------

_CASAS: dict[str, Sensor] = {
    "OutsideDoor/FrontDoor": Sensor("front-door", "front_door", "hall", "door.opened", "door.closed", "front"),
    "OutsideDoor/Entry": Sensor("entry", "entry_motion", "hall"),
}
_ROOMS = {  # longest first: what a sensor's name begins with
    "MainEntryway": "hall", "EntrywayB": "hall", "HallwayA": "corridor", "Hallway": "hall", "Foyer": "hall",
    "BathroomB": "bathroom_2", "Bathroom": "bathroom", "BedroomB": "bedroom_2", "Bedroom": "bedroom",
    "Kitchen": "kitchen", "Dinning room": "dining_room", "DiningRoom": "dining_room", "Living room": "living_room",
    "LivingRoom": "living_room", "LoungeChair": "living_room", "Office": "office", "WorkArea": "office",
    "Butlers Pantry": "pantry", "Den": "den", "Porch": "porch",
}  # fmt: skip
_ENTRIES = ("MainEntryway", "EntrywayB")  # who goes out passes there; that home has no sensor on a door
_FRONT_DOORS = ("Foyer,Door", "Hallway,Door")  # of homes D and E; no plan of E says so, its use does (README)
_CONTACTS = ("Door", "Window", "Refrigerator", "Freezer", "Cabinet", "Medicine cabinet", "Drawer", "Closet")


def sensor_of(name: str) -> Sensor:
    """The device that a sensor of that name is; ValueError for one in a room that nobody knows."""
    known = _CASAS.get(name)
    if known is not None:
        return known
    room = next((room for begin, room in _ROOMS.items() if name.startswith(begin)), None)
    if room is None:
        raise ValueError(f"sensor {name!r} is in no room we know; name it in simulators/real_homes.py")
    device = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    _, comma, thing = name.partition(",")
    if comma:
        return _placelab_sensor(device, room, name, thing.strip())
    if name.endswith("Light"):
        return Sensor(device, "light", room, None, why=LAMP)
    return Sensor(device, "entry_motion" if name in _ENTRIES else _motion_role(room), room)


def _placelab_sensor(device: str, room: str, name: str, thing: str) -> Sensor:
    if name in _FRONT_DOORS:
        return Sensor(device, "front_door", room, "door.opened", "door.closed", "front")
    kind = next((one for one in _CONTACTS if thing.startswith(one)), None)
    if kind is None:
        return Sensor(device, "switch", room, why=CONTACT_BACK)  # a tap, a lamp's switch, a flush
    door = {"Refrigerator": "fridge", "Freezer": "fridge", "Medicine cabinet": "medicine_cabinet"}.get(kind)
    role = {"fridge": "fridge_door", "medicine_cabinet": "medicine_door"}.get(door or "", "door")
    return Sensor(device, role, room, "door.opened", "door.closed", door or f"{room}_{kind.lower()}")


def _motion_role(room: str) -> str:
    return "bathroom_motion" if room.startswith("bathroom") else "motion"
