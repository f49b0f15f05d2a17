"""A whole site as its items, and the ids of those that a file leaves without one. Pure.

Measures, keys, contacts and plans have no id in a site file (contracts §3). Each is known again by what it says it is
(a plan: person, rule, first day), takes the id it already has at the desk, else the next free number of its owner:
`r1-p2`. So importing a file twice changes nothing, and an offline replay names them as a fresh desk would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from alerts.site.model import MODELS, Item
from alerts.site.projection import relayed, setting
from ingest.record import Setting

SECTIONS: dict[str, str] = {
    "wards": "ward",
    "homes": "home",
    "residents": "resident",
    "measures": "measure",
    "keys": "key",
    "contacts": "contact",
    "gateways": "gateway",
    "devices": "device",
    "functions": "function",
    "staff": "staff",
    "plans": "plan",
}
"""Section of a site file -> kind, in the order of contracts §3. `site` stands alone: one object, not a list."""

UNNAMED: dict[str, tuple[str, ...]] = {
    "measure": ("resident", "service", "decision", "from"),
    "key": ("home", "kind", "tag", "where"),
    "contact": ("resident", "name"),
    "plan": ("resident", "rule", "from"),
}
"""Kinds without ids in a file -> what makes two of them the same, the owner first."""

OWNER_MAX = 41

NaturalKey = tuple[str, ...]


class SiteFile(msgspec.Struct, frozen=True):
    """A site file that was found good: items by kind, in the order of the file, each with an id."""

    path: str
    items: dict[str, tuple[Item, ...]]
    numbered: frozenset[tuple[str, str]] = frozenset()  # (kind, id) of those that the file leaves without an id

    @property
    def site_id(self) -> str:
        return self.items["site"][0].id

    def each(self) -> Iterator[tuple[str, Item]]:
        """(kind, item) in an order in which each can be saved after what it refers to."""
        for kind in MODELS:
            for item in self.items.get(kind, ()):
                yield kind, item


def natural_key(kind: str, value: Mapping[str, Any]) -> NaturalKey:
    """What an item without id is known by, from its value as people write it.

    A measure with a decision is that decision, whatever its dates become; without one its first day tells it apart.
    """
    names = UNNAMED[kind]
    if kind == "measure":
        names = names[:3] if value.get("decision") else (*names[:2], "from")
    if kind == "key" and value.get("tag"):
        names = names[:3]
    return tuple(str(value.get(name) or "") for name in names)


def next_id(kind: str, owner: str, taken: Mapping[str, object] | set[str]) -> str:
    """The first free id of an owner: its id, the kind's letter and a number."""
    number = 1
    while (candidate := f"{id_stem(kind, owner)}{number}") in taken:
        number += 1
    return candidate


def id_stem(kind: str, owner: str) -> str:
    """What the ids of an owner's items begin with; cut, so that a number still fits into an id."""
    return f"{owner[:OWNER_MAX]}-{kind[0]}"


def settings_of(site: SiteFile, actor: str | None = None) -> list[Setting]:
    """What a fresh desk would tell the folds about this site, for replays without a desk. Versions all 1."""
    return [setting(kind, item.id, 1, item, actor) for kind, item in site.each() if relayed(kind)]
