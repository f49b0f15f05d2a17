"""Edge: what pages and REST show of people, joined from the tables where names live. Reads only.

Whoever calls `resident_card` or `residents` shows personal data and records it with `alerts/access/access_log.py`
first. `site_id` None = whichever site of this desk has them; give it wherever a desk serves several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from alerts.database import Database
from alerts.schema.people import functions, homes, staff
from alerts.schema.people import residents as resident_rows
from alerts.schema.people import wards as ward_rows
from alerts.site.settings_reads import SettingsReads

PAGE_MAX = 500
NAMES_MAX = 5_000
_OF_RESIDENT = (
    ("contacts", "contact"),
    ("devices", "device"),
    ("measures", "measure"),
    ("plans", "plan"),
    ("pauses", "pause"),
)


def resident_card(db: Database, resident_id: str, *, site_id: str | None = None) -> dict[str, Any] | None:
    """Everything the desk knows of one resident, None when there is none. Personal: record the read first.

    Fields of the resident as in contracts §3, with `ward`, `ward_name`, `home_kind`, and lists `contacts`, `keys`,
    `devices` (their own and those of the home), `measures`, `plans`, `pauses`, each item with `version` and `in_force`.
    """
    with db.reader.connect() as conn:
        here = (resident_rows.c.id == resident_id, *_of_site(resident_rows, site_id))
        found = conn.execute(select(resident_rows.c.site_id).where(*here)).scalar()
        if found is None:
            return None
        reads = SettingsReads(db, found)
        card = reads.list_in(conn, "resident", id=resident_id)[0]
        card |= _place(conn, found, card["home"])
        card |= {name: reads.list_in(conn, kind, resident=resident_id) for name, kind in _OF_RESIDENT}
        shared = reads.list_in(conn, "device", home=card["home"])
        card["devices"] += [device for device in shared if device.get("resident") is None]
        card["keys"] = reads.list_in(conn, "key", home=card["home"])
    return card


def residents(
    db: Database, ward: str | None = None, cursor: str | None = None, limit: int = 50, *, site_id: str | None = None,
    wards: Collection[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Residents by id, of one ward, of `wards`, or of all: {"items": [{id, name, home, ward, critical, protected,
    risks}], "next": cursor or None}.
    """
    bound = max(1, min(limit, PAGE_MAX))
    same_home = (homes.c.site_id == resident_rows.c.site_id) & (homes.c.id == resident_rows.c.home)
    query = select(resident_rows, homes.c.ward).join(homes, same_home).where(*_of_site(resident_rows, site_id))
    if ward is not None:
        query = query.where(homes.c.ward == ward)
    if wards is not None:
        query = query.where(homes.c.ward.in_(sorted(wards)))
    if cursor is not None:
        query = query.where(resident_rows.c.id > cursor)
    with db.reader.connect() as conn:
        rows = conn.execute(query.order_by(resident_rows.c.id).limit(bound + 1)).all()
    items = [
        {
            "id": row.id, "name": row.name, "home": row.home, "ward": row.ward, "critical": row.critical,
            "protected": row.protected, "risks": row.risks,
        }
        for row in rows[:bound]
    ]  # fmt: skip
    return {"items": items, "next": rows[bound - 1].id if len(rows) > bound else None}


def names(db: Database, ids: Iterable[str], *, site_id: str | None = None) -> dict[str, str]:
    """Display names of residents, for the pseudonyms that a page shows. Unknown ids are left out."""
    return _names(db, resident_rows, ids, site_id)


def phones(db: Database, ids: Iterable[str], *, site_id: str) -> dict[str, str]:
    """Telephone numbers of residents who have one, by id."""
    wanted = sorted(set(ids))[:NAMES_MAX]
    query = select(resident_rows.c.id, resident_rows.c.phone).where(
        resident_rows.c.id.in_(wanted), resident_rows.c.phone.is_not(None), *_of_site(resident_rows, site_id)
    )
    with db.reader.connect() as conn:
        return {row.id: row.phone for row in conn.execute(query)}


def staff_names(db: Database, ids: Iterable[str], *, site_id: str | None = None) -> dict[str, str]:
    """Display names of staff."""
    return _names(db, staff, ids, site_id)


def function_names(db: Database, ids: Iterable[str], *, site_id: str | None = None) -> dict[str, str]:
    """Display names of functions on shift."""
    return _names(db, functions, ids, site_id)


def ward_names(db: Database, *, site_id: str | None = None) -> dict[str, str]:
    """Every ward's name by id."""
    query = (
        select(ward_rows.c.id, ward_rows.c.name)
        .where(*_of_site(ward_rows, site_id))
        .order_by(ward_rows.c.id)
        .limit(NAMES_MAX)
    )
    with db.reader.connect() as conn:
        return {row.id: row.name for row in conn.execute(query)}


def staff_member(db: Database, staff_id: str, *, site_id: str | None = None) -> dict[str, Any] | None:
    """One of the staff: id, name, functions, role; None when there is none."""
    query = select(staff.c.site_id).where(staff.c.id == staff_id, *_of_site(staff, site_id))
    with db.reader.connect() as conn:
        found = conn.execute(query).scalar()
        return None if found is None else SettingsReads(db, found).list_in(conn, "staff", id=staff_id)[0]


def _names(db: Database, table: Table, ids: Iterable[str], site_id: str | None) -> dict[str, str]:
    wanted = sorted(set(ids))[:NAMES_MAX]
    query = select(table.c.id, table.c.name).where(table.c.id.in_(wanted), *_of_site(table, site_id))
    with db.reader.connect() as conn:
        return {row.id: row.name for row in conn.execute(query)}


def _of_site(table: Table, site_id: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if site_id is None else (table.c.site_id == site_id,)


def _place(conn: Connection, site_id: str, home_id: str) -> dict[str, Any]:
    same_ward = (ward_rows.c.site_id == homes.c.site_id) & (ward_rows.c.id == homes.c.ward)
    query = select(homes.c.ward, homes.c.kind, ward_rows.c.name).join(ward_rows, same_ward)
    row = conn.execute(query.where(homes.c.site_id == site_id, homes.c.id == home_id)).one()
    return {"ward": row.ward, "ward_name": row.name, "home_kind": row.kind}
