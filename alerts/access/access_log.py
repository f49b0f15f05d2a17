"""Edge: who read a person's data, when, what and why (promise 8). Rows are only ever added.

The read and its row belong together: record first, then show, so that nothing is seen that was not written down.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from alerts.database import Database
from alerts.reads.alert_view import instant
from alerts.schema.people import access_log, residents

WHY_MAX = 200
PAGE_MAX = 500


def record(
    where: Database | Connection,
    who: str,
    what: str,
    resident: str,
    why: str | None,
    now_ms: int,
    *,
    site_id: str | None = None,
) -> None:
    """Write down that `who` (an account) read `what` (a code: card, timeline, series, export …) of a resident.

    `where`: the database, or a connection in a transaction of the caller's.
    """
    if isinstance(where, Database):
        with where.aside.begin() as conn:
            record(conn, who, what, resident, why, now_ms, site_id=site_id)
        return
    site = site_id or where.execute(select(residents.c.site_id).where(residents.c.id == resident)).scalar() or ""
    row = {"site_id": site, "at_ms": now_ms, "who": who[:64], "what": what[:64], "resident": resident[:64]}
    where.execute(insert(access_log).values(row | {"why": None if why is None else why[:WHY_MAX]}))


def list(  # noqa: A001 - the name the desk offers (access_log.list)
    db: Database, resident: str, cursor: str | None = None, limit: int = 50, *, site_id: str | None = None
) -> dict[str, Any]:
    """Reads of one resident's data, newest first: {"items": [{at, who, what, why}], "next": cursor or None}."""
    columns, bound = access_log.c, max(1, min(limit, PAGE_MAX))
    query = select(access_log).where(columns.resident == resident).order_by(columns.id.desc()).limit(bound + 1)
    if site_id is not None:
        query = query.where(columns.site_id == site_id)
    if cursor is not None:
        query = query.where(columns.id < int(cursor))
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
    items = [{"at": instant(row.at_ms), "who": row.who, "what": row.what, "why": row.why} for row in rows[:bound]]
    return {"items": items, "next": str(rows[bound - 1].id) if len(rows) > bound else None}
