"""What things are called on a page: "Snor, bad (Alma Askeladd)", "Hjemme hos Alma Askeladd". Never an id where there
are words for it. Whose a thing is, is said to those who care for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.board.page import Page
from api.board.resident_view import device_name
from api.board.words import Words


def device_names(page: Page) -> dict[str, str]:
    """Words for each device of the reader's wards, by id."""
    reads = page.reads
    devices = reads.scope.keep("device", reads.store.list("device"))
    homes = home_names(page)
    people = _people(page, [str(one["resident"]) for one in devices if one.get("resident")])
    return {one["id"]: _device(one, people, homes, page) for one in devices}


def home_names(page: Page) -> dict[str, str]:
    """Words for each home of the reader's wards, by id: who lives there, for those who may know it."""
    reads = page.reads
    homes = {one["id"] for one in reads.scope.keep("home", reads.store.list("home"))}
    living = reads.residents_of(homes)
    people = _people(page, [one for found in living.values() for one in found])
    return {home: ", ".join(people[one] for one in found if one in people) or home for home, found in living.items()}


def silence_about(silence: Mapping[str, Any], words: Words, names: Mapping[str, str]) -> str:
    """What a silence keeps quiet: a rule, and of whom, what or where. `names` by id, of people, things and wards."""
    things = (silence[kind] for kind in ("resident", "device", "home", "ward"))
    rule = words.code("rule", silence["rule"]) if silence["rule"] else ""
    return " · ".join(part for part in (rule, *(names.get(one, one) for one in things if one)) if part)


def _people(page: Page, ids: list[str]) -> dict[str, str]:
    return page.reads.names(ids) if page.has_role("carer") else {}


def _device(one: Mapping[str, Any], people: Mapping[str, str], homes: Mapping[str, str], page: Page) -> str:
    whose = people.get(one.get("resident") or "") or homes.get(one.get("home") or "") or ""
    name = device_name(one, page.words)
    return f"{name} ({whose})" if whose else name
