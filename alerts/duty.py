"""Edge: who is on duty for a home, from the tables of people and wards.

For: the one look-up the desk makes when an incident opens. A home nobody knows (an unassigned device) belongs to every
function of the site: better rung twice than not at all.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from alerts.escalation import ARRIVAL_GOAL_MS, FUNCTION, Duty, Target
from alerts.schema_people import functions, homes, keys, sites, wards

DEFAULT_TIMEZONE = "Europe/Oslo"
MOST_FUNCTIONS = 50  # a chain over more than these would be a mistake in the site file


def duty_of(conn: Connection, site_id: str, home_id: str) -> Duty:
    """Ward, profile, chain and key tag of a home. Never fails: what is unknown gets the safe default."""
    timezone = conn.execute(select(sites.c.timezone).where(sites.c.id == site_id)).scalar()
    ward = conn.execute(
        select(wards.c.id, wards.c.profile, wards.c.arrival_goal_ms)
        .join(homes, (homes.c.ward == wards.c.id) & (homes.c.site_id == wards.c.site_id))
        .where(homes.c.site_id == site_id, homes.c.id == home_id)
    ).first()
    key_tag = conn.execute(
        select(keys.c.tag)
        .where(keys.c.site_id == site_id, keys.c.home == home_id, keys.c.tag.is_not(None))
        .order_by(keys.c.id)
        .limit(1)
    ).scalar()
    return Duty(
        ward_id=None if ward is None else ward.id,
        profile="on_foot" if ward is None else ward.profile,
        functions=_functions(conn, site_id, None if ward is None else ward.id),
        arrival_goal_ms=ARRIVAL_GOAL_MS if ward is None or ward.arrival_goal_ms is None else ward.arrival_goal_ms,
        timezone=timezone or DEFAULT_TIMEZONE,
        key_tag=key_tag,
    )


def known_function(conn: Connection, site_id: str, function_id: str) -> Target | None:
    """A function of this site, or None."""
    row = conn.execute(
        select(functions.c.id, functions.c.name).where(functions.c.site_id == site_id, functions.c.id == function_id)
    ).first()
    return None if row is None else Target(FUNCTION, row.id, row.name)


def _functions(conn: Connection, site_id: str, ward_id: str | None) -> tuple[Target, ...]:
    query = select(functions.c.id, functions.c.name).where(functions.c.site_id == site_id)
    if ward_id is not None:
        query = query.where(functions.c.ward == ward_id)
    query = query.order_by(functions.c.ward, functions.c.position, functions.c.id).limit(MOST_FUNCTIONS)
    return tuple(Target(FUNCTION, row.id, row.name) for row in conn.execute(query))
