"""The ward as a site file (contracts §3): a dict, and YAML of one line an item. Pure."""

from __future__ import annotations

import json
from typing import Any

from simulators.names import RELATIVES, STREETS, name_of, phone_of
from simulators.ward import SITE_ID, Resident, Ward

FROM, UNTIL, REVIEW = "2026-01-01", "2030-12-31", "2030-06-30"
WHOLE_DAY = "05:00-04:59"  # a bed watched round the clock; its seam lies where the demo is shown least
_HEAD = "# An invented ward: nobody here exists, and the telephone numbers lead nowhere.\n"


def site_of(ward: Ward) -> dict[str, Any]:
    """The site file as plain values, in the order of contracts §3."""
    return {
        "site": {"id": SITE_ID, "name": "Solbakken", "timezone": "Europe/Oslo", "language": "nb"},
        "wards": [
            {"id": "nord", "name": "Nord", "arrival_goal": "30 min"},
            {"id": "sor", "name": "Sør", "arrival_goal": "40 min"},
        ],
        "homes": [{"id": home.id, "ward": home.ward, "kind": home.kind} for home in ward.homes],
        "residents": [_resident(person) for person in ward.residents],
        "measures": [_measure(person) for person in ward.residents if person.watched],
        "keys": [
            {"home": home.id, "kind": "key_box", "where": "ved trappa", "tag": f"R{number}"}
            for number, home in enumerate(ward.homes, 11)
            if home.kind == "own_home"
        ],
        "contacts": [_contact(person) for person in ward.residents if person.number % 3 == 0],
        "gateways": [
            {"id": each.id, "home": each.home, "address": each.address, "interval": f"{ward.interval_s} s"}
            for each in ward.gateways
        ],
        "devices": [
            _set({
                "id": each.id, "address": each.address, "model": each.model, "role": each.role, "room": each.room,
                "resident": each.resident, "home": None if each.resident else each.home, "gateway": each.gateway,
            })
            for each in ward.things
        ],
        "functions": [
            {"id": f"{zone}-{number}", "ward": zone, "name": f"{name} {number}", "phone": phone_of(900 + place)}
            for place, (zone, name, number) in enumerate(
                [("nord", "Rute Nord", 1), ("nord", "Rute Nord", 2), ("sor", "Rute Sør", 1), ("sor", "Rute Sør", 2)]
            )
        ],
        "staff": [
            {"id": "ola", "name": "Ola Oppdiktet", "functions": ["nord-1", "sor-1"], "role": "operator"},
            {"id": "ida", "name": "Ida Innbilt", "functions": ["nord-2", "sor-2"], "role": "carer"},
        ],
        "plans": _plans(ward),
    }  # fmt: skip


def site_yaml(ward: Ward) -> str:
    """The same as YAML; each item is a flow mapping, which JSON is too."""
    parts = [_HEAD]
    for section, items in site_of(ward).items():
        if isinstance(items, dict):
            parts.append(f"{section}: {_flow(items)}\n")
        elif items:
            parts.append(f"{section}:\n" + "".join(f"  - {_flow(item)}\n" for item in items))
    return "".join(parts)


def _flow(item: dict[str, Any]) -> str:
    return json.dumps(item, ensure_ascii=False)


def _set(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if value is not None}


def _resident(person: Resident) -> dict[str, Any]:
    number = person.number
    return {
        "id": person.id, "home": person.home, "name": name_of(number),
        "born": f"{1929 + number % 17}-0{1 + number % 9}-1{number % 10}",
        "phone": phone_of(100 + number), "address": f"{STREETS[number % len(STREETS)]} {1 + number}",
        "critical": person.critical, "risks": list(person.risks),
    }  # fmt: skip


def _measure(person: Resident) -> dict[str, Any]:
    return {
        "resident": person.id, "service": "digital_supervision", "decision": f"2026/{100 + person.number}",
        "basis": "consent", "from": FROM, "until": UNTIL, "review": REVIEW,
    }  # fmt: skip


def _contact(person: Resident) -> dict[str, Any]:
    number = person.number
    return {
        "resident": person.id, "name": RELATIVES[number // 3 % len(RELATIVES)],
        "relation": "datter" if number % 2 else "sønn", "phone": phone_of(500 + number), "responder": number % 2 == 0,
    }  # fmt: skip


def _plans(ward: Ward) -> list[dict[str, Any]]:
    """What differs from the book: beds watched round the clock, and one who may be up for longer."""
    plans: list[dict[str, Any]] = []
    for person in ward.residents:
        if person.keeps_bed:
            change = {"window": WHOLE_DAY}
        elif person.number % 11 == 7 and person.watched:
            change = {"for": "35 min"}
        else:
            continue
        plans.append({"resident": person.id, "rule": "R05", "set": change, "from": FROM, "until": UNTIL,
                      "why": f"2026/{100 + person.number}"})  # fmt: skip
    return plans
