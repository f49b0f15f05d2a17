"""A made-up town for load: many homes, each with one watched resident, a gateway and six devices; and what they send.

For crash rounds and benchmarks. Messages are of our own convention, as gateways write them; the same number gives the
same message but for its time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from alerts.access.accounts import Accounts
from alerts.database import migrate, open_database
from alerts.site.items import SECTIONS
from alerts.site.settings_store import SettingsStore

SITE = "solbakken"
ROLES = (("motion", "hall"), ("bed", "bedroom"), ("front_door", None), ("thermo", "kitchen"), ("pendant", None))
HUB = "hub"
PENDANT = "pendant"
SECTION_OF = {kind: section for section, kind in SECTIONS.items()}
KNOWN_ROLES = frozenset({"motion", "bed", "front_door", "pendant"})
DEVICES = (*(name for name, _ in ROLES), HUB)
BODIES: dict[str, tuple[dict[str, Any], ...]] = {
    "motion": ({"type": "motion.detected", "room": "hall"},),
    "bed": ({"type": "bed.occupied"}, {"type": "bed.left"}),
    "front_door": ({"type": "door.opened", "door": "front"}, {"type": "door.closed", "door": "front"}),
    "thermo": ({"type": "measured", "metric": "temperature", "value": 21.5, "unit": "Cel"},),
    "pendant": ({"type": "battery.level", "percent": 90},),
    "hub": ({"type": "heartbeat", "interval_seconds": 300},),
}
Message = tuple[str, bytes]


def items(homes: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Kind, id and value of everything that is entered, in an order in which it may be saved."""
    found: list[tuple[str, str, dict[str, Any]]] = [
        ("site", SITE, {"name": "Solbakken"}),
        ("ward", "nord", {"name": "Nord"}),
    ]
    for number in range(homes):
        home, resident, gateway = f"h{number}", f"r{number}", f"gw{number}"
        found += [
            ("home", home, {"ward": "nord"}),
            ("resident", resident, {"home": home, "name": f"Made Up {number}"}),
            ("gateway", gateway, {"home": home, "address": f"vardevakt:{gateway}", "interval": "5 min"}),
            ("measure", f"m{number}", {"resident": resident, "service": "digital_supervision", "from": "2020-01-01"}),
        ]
        for name, room in (*ROLES, (HUB, None)):
            value = {"address": f"vardevakt:{gateway}/{name}", "resident": resident, "gateway": gateway, "room": room}
            value["role"] = name if name in KNOWN_ROLES else None
            found.append(("device", f"d{number}-{name}", {key: one for key, one in value.items() if one is not None}))
    functions = [("function", name, {"ward": "nord", "name": name.title()}) for name in ("natt-1", "natt-2", "leder")]
    return [*found, *functions]


def site_text(homes: int) -> str:
    """The same as a site file, whose site is called @site."""
    sections: dict[str, list[dict[str, Any]]] = {}
    for kind, item_id, value in items(homes):
        named = {} if kind == "measure" else {"id": "@site" if kind == "site" else item_id}
        more = {"decision": f"2020/{item_id}", "basis": "consent"} if kind == "measure" else {}
        sections.setdefault(SECTION_OF.get(kind, kind), []).append({**named, **value, **more})
    (site,) = sections.pop("site")
    return msgspec.json.encode({"site": {**site, "timezone": "Europe/Oslo", "language": "nb"}, **sections}).decode()


def settle_town(data: Path, homes: int) -> str:
    """Enter the town at the desk in `data`, before the service first starts; a machine key for it."""
    data.mkdir(parents=True, exist_ok=True)
    migrate(data / "desk.db")
    database = open_database(data / "desk.db")
    now_ms = time.time_ns() // 1_000_000
    try:
        store = SettingsStore(database, SITE)
        with database.writer.begin() as conn:
            for kind, item_id, value in items(homes):
                store.save_in(conn, kind, item_id, value, "tests", now_ms)
        return Accounts(database, SITE).create_machine_key("load", ("carer", "operator"), now_ms)
    finally:
        database.close()


def wire_time(at_s: float | None = None) -> str:
    """RFC 3339 of that second, or of now."""
    return (
        datetime.fromtimestamp(time.time() if at_s is None else at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    )


def telemetry(number: int, homes: int, at: str, **more: Any) -> Message:
    """Topic and payload of the `number`th ordinary message of the town: homes in turn, then devices, then words."""
    home, rest = number % homes, number // homes
    device = DEVICES[rest % len(DEVICES)]
    words = BODIES[device]
    body = words[rest // len(DEVICES) % len(words)]
    return f"vardevakt/1/gw{home}/{device}/event", msgspec.json.encode({**body, "time": at, **more})


def press(home: int, at: str | None, **more: Any) -> Message:
    """A pendant is pressed in that home."""
    body = {"type": "alarm.pressed", "trigger": "pendant", **({} if at is None else {"time": at}), **more}
    return f"vardevakt/1/gw{home}/{PENDANT}/event", msgspec.json.encode(body)


def as_http(message: Message) -> bytes:
    """The same message as the object that POST /events takes."""
    topic, payload = message
    gateway, device = topic.split("/")[2:4]
    return msgspec.json.encode({"address": f"vardevakt:{gateway}/{device}", **msgspec.json.decode(payload)})
