"""Edge: whose telephone it is, and who acts when it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from alerts.channels.channel import Address
from alerts.handling.acts import Actor
from alerts.messages.addresses import phone_number
from alerts.schema.alerts import incidents
from alerts.schema.people import contacts, functions, staff
from alerts.schema.shifts import shifts


def targets_of(conn: Connection, site_id: str, phone: str, fixed: Mapping[str, Address]) -> list[tuple[str, str]]:
    """(target kind, target) of everybody this number belongs to; nobody for a stranger."""
    if not phone:
        return []
    found = [("function", row.id) for row in _with_phone(conn, functions, site_id, phone)]
    found += [("responder", row.id) for row in _with_phone(conn, contacts, site_id, phone) if row.responder]
    return found + [(kind, kind) for kind, address in sorted(fixed.items()) if address.phone == phone]


def actor_of(conn: Connection, site_id: str, kind: str, target: str, name: str) -> Actor:
    """Who acts when this target answers: who has checked in to the function; else the one member of staff who may hold
    it; else the function itself.
    """
    if kind == "staff":
        return Actor(staff=target, name=name)
    if kind != "function":
        return Actor(staff=None, name=name, kind=kind)
    checked_in = (
        select(staff.c.id, staff.c.name)
        .join(shifts, (shifts.c.staff_id == staff.c.id) & (shifts.c.site_id == staff.c.site_id))
        .where(shifts.c.site_id == site_id, shifts.c.function_id == target, shifts.c.ended_ms.is_(None))
    )
    person = conn.execute(checked_in.limit(1)).first()
    if person is not None:
        return Actor(staff=person.id, name=person.name, function=target)
    query = select(staff.c.id, staff.c.name, staff.c.functions).where(staff.c.site_id == site_id).order_by(staff.c.id)
    holders = [row for row in conn.execute(query) if target in (row.functions or ())]
    if len(holders) == 1:
        return Actor(staff=holders[0].id, name=holders[0].name, function=target)
    return Actor(staff=None, name=name, kind=kind, function=target)


def holder_name(conn: Connection, incident_id: str) -> str | None:
    """The function that has an incident, as others may hear it; None when a person or nobody has."""
    query = (
        select(functions.c.name)
        .join(incidents, incidents.c.claimed_function == functions.c.id)
        .where(incidents.c.incident_id == incident_id, incidents.c.site_id == functions.c.site_id)
    )
    return conn.execute(query).scalar()


def _with_phone(conn: Connection, table: Table, site_id: str, phone: str) -> list[Row[Any]]:
    """Rows of a table of people whose number this is, however it was typed."""
    query = select(table).where(table.c.site_id == site_id, table.c.phone.is_not(None)).order_by(table.c.id)
    return [row for row in conn.execute(query) if phone_number(row.phone) == phone]
