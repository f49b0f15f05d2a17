"""What things are called on a page: "Snor, bad (Alma Askeladd)", "Hjemme hos Alma Askeladd". Never an id where there
are words for it. Whose a thing is, is said to those who care for people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from api.board.page import Page
from api.board.resident_view import device_name
from api.board.words import Words
from api.http.auth import Caller


class ThingNames(msgspec.Struct, frozen=True):
    """Words for things of the reader's wards, by id."""

    devices: dict[str, str]
    homes: dict[str, str]


def thing_names(page: Page, only: Collection[str] | None = None) -> ThingNames:
    """Words for devices and homes; of these ids alone where `only` names them, so that no more people are read."""
    reads = page.reads
    devices = [one for one in _mine(page, "device") if only is None or one["id"] in only]
    wanted = {one["home"] for one in devices if one.get("home")} | set(only or ())
    homes = home_names(page, None if only is None else wanted)
    people = reads.names_of([str(one["resident"]) for one in devices if one.get("resident")], reader(page))
    return ThingNames({one["id"]: _device(one, people, homes, page) for one in devices}, homes)


def home_names(page: Page, only: Collection[str] | None = None) -> dict[str, str]:
    """Words for homes: who lives there, for those who may know it."""
    homes = {one["id"] for one in _mine(page, "home") if only is None or one["id"] in only}
    living = page.reads.residents_of(homes)
    people = page.reads.names_of([one for found in living.values() for one in found], reader(page))
    return {home: ", ".join(people[one] for one in found if one in people) or home for home, found in living.items()}


def reader(page: Page) -> Caller:
    """Who looks; these pages are for those who have signed in."""
    assert page.caller is not None, "the route asks who it is"
    return page.caller


def _mine(page: Page, kind: str) -> list[dict[str, Any]]:
    return page.reads.scope.keep(kind, page.reads.store.list(kind))


def silence_about(silence: Mapping[str, Any], words: Words, names: Mapping[str, str]) -> str:
    """What a silence keeps quiet: a rule, and of whom, what or where. `names` by id, of people, things and wards."""
    things = (silence[kind] for kind in ("resident", "device", "home", "ward"))
    rule = words.code("rule", silence["rule"]) if silence["rule"] else ""
    return " · ".join(part for part in (rule, *(names.get(one, one) for one in things if one)) if part)


def _device(one: Mapping[str, Any], people: Mapping[str, str], homes: Mapping[str, str], page: Page) -> str:
    whose = people.get(one.get("resident") or "") or homes.get(one.get("home") or "") or ""
    name = device_name(one, page.words)
    return f"{name} ({whose})" if whose else name
