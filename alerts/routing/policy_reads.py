"""Edge: what policies are read for: choosing one, checking a new one, and refusing to remove what one names.

For: the desk, the store (`alerts/routing/policy_store.py`) and the settings; nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select

from alerts.routing.policies import FUNCTION_WORD, POLICIES_MAX, Known
from alerts.schema.people import functions, homes, residents, staff, wards
from alerts.schema.routing import policies

_HERE = (
    select(policies.c.value)
    .where(
        policies.c.site_id == bindparam("the_site"),
        or_(policies.c.ward.is_(None), policies.c.ward == bindparam("the_ward")),
    )
    .limit(POLICIES_MAX)
)


def policies_for(conn: Connection, site_id: str, ward_id: str | None) -> list[dict[str, Any]]:
    """What may hold in a ward: its own and those of the whole site."""
    return [dict(value) for value in conn.execute(_HERE, {"the_site": site_id, "the_ward": ward_id}).scalars()]


def policies_naming(conn: Connection, site_id: str, kind: str, item_id: str) -> list[str]:
    """Ids of policies that name this ward, resident or function: none of these may go while they do."""
    query = select(policies.c.policy_id, policies.c.value).where(policies.c.site_id == site_id)
    return [row.policy_id for row in conn.execute(query) if (kind, item_id) in _named(row.value)]


def known_at(conn: Connection, site_id: str) -> Known:
    """What stands at the desk, for the check of what a policy names."""
    places: dict[str, list[str]] = {
        name: [] for name in conn.execute(select(wards.c.id).where(wards.c.site_id == site_id)).scalars()
    }
    manned: set[str] = set()
    query = select(functions.c.id, functions.c.ward, functions.c.phone).where(functions.c.site_id == site_id)
    for row in conn.execute(query.order_by(functions.c.position, functions.c.id)):
        places.setdefault(row.ward, []).append(row.id)
        manned |= {row.id} if row.phone else set()
    for names in conn.execute(select(staff.c.functions).where(staff.c.site_id == site_id)).scalars():
        manned |= set(names)
    people = select(residents.c.id, homes.c.ward).join(
        homes, (homes.c.id == residents.c.home) & (homes.c.site_id == residents.c.site_id)
    )
    found = conn.execute(people.where(residents.c.site_id == site_id))
    return Known({name: tuple(ids) for name, ids in places.items()}, manned, {row.id: row.ward for row in found})


def _named(value: Mapping[str, Any]) -> set[tuple[str, str]]:
    named = {(kind, str(value[kind])) for kind in ("ward", "resident") if value.get(kind)}
    words = (word for step in value["steps"] for word in step["tell"] if word.startswith(FUNCTION_WORD))
    return named | {("function", word.removeprefix(FUNCTION_WORD)) for word in words}
