"""Edge: whether an item fits what stands at the desk. Reads on the writer's connection: nothing changes meanwhile."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from alerts.routing.policy_reads import policies_naming
from alerts.schema.people import devices, gateways
from alerts.site.item_tables import ITEM_TABLES
from alerts.site.model import REFERENCES, Device, Gateway, Item, written_name
from alerts.site.problems import Problem, meant, shown

ENDING = ("pause", "test_session")  # items that end by themselves
CHOICES_MAX = 5_000
_ITEM = {
    kind: select(table.c.id).where(table.c.site_id == bindparam("the_site"), table.c.id == bindparam("the_id"))
    for kind, table in ITEM_TABLES.items()
}
_WITH_ADDRESS = {
    kind: select(one.c.id).where(one.c.site_id == bindparam("the_site"), one.c.address == bindparam("the_address"))
    for kind, one in (("gateway", gateways), ("device", devices))
}


def loose_ends(conn: Connection, site_id: str, kind: str, item: Item) -> list[Problem]:
    """References of the item that lead nowhere, and an address that something else has."""
    problems = []
    for field, target in REFERENCES.get(kind, {}).items():
        value = getattr(item, field)
        wanted_ids = value if isinstance(value, tuple) else (value,)
        problems += [
            _dangling(conn, site_id, written_name(type(item), field), target, wanted)
            for wanted in wanted_ids
            if wanted is not None and not _exists(conn, site_id, target, wanted)
        ]
    if isinstance(item, Gateway | Device):
        problems += _address_taken(conn, site_id, kind, item)
    return problems


def dependents(conn: Connection, site_id: str, kind: str, item_id: str) -> list[tuple[str, str, int | None]]:
    """(kind, id, end or None) of items that refer to this one; a few of each kind are enough to refuse."""
    found: list[tuple[str, str, int | None]] = []
    for other, fields in REFERENCES.items():
        table = ITEM_TABLES[other]
        for field, target in fields.items():
            if target != kind:
                continue
            query = select(table).where(table.c.site_id == site_id)
            if other != "staff":  # a list of functions; there are few of the staff
                query = query.where(table.c[field] == item_id)
            found += [
                (other, row["id"], row["until_ms"] if other in ENDING else None)
                for row in conn.execute(query).mappings()
                if other != "staff" or item_id in row[field]
            ]
    return found + [("policy", policy_id, None) for policy_id in policies_naming(conn, site_id, kind, item_id)]


def _exists(conn: Connection, site_id: str, kind: str, item_id: str) -> bool:
    return conn.execute(_ITEM[kind], {"the_site": site_id, "the_id": item_id}).first() is not None


def _dangling(conn: Connection, site_id: str, field: str, kind: str, wanted: str) -> Problem:
    table = ITEM_TABLES[kind]
    ids = conn.execute(select(table.c.id).where(table.c.site_id == site_id).limit(CHOICES_MAX)).scalars().all()
    sentence, near = meant(ids, wanted) if ids else (f"there is no {kind} yet", None)
    return Problem("dangling", field, f"there is no {kind} {wanted}; {sentence}", nearest=near)


def _address_taken(conn: Connection, site_id: str, kind: str, item: Gateway | Device) -> list[Problem]:
    """Gateways and devices share one space of addresses: a message belongs to exactly one of them."""
    for other, query in _WITH_ADDRESS.items():
        owner = conn.execute(query, {"the_site": site_id, "the_address": item.address}).scalar()
        if owner is not None and (other, owner) != (kind, item.id):
            return [Problem("duplicate", "address", f"{shown(item.address)} is the address of {other} {owner}")]
    return []
