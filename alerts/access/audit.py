"""Edge: who changed who may use the service, when and how. Rows are only ever added, in the transaction of the change.

For: accounts and keys. Reads of people stand in `alerts/access/access_log.py`, changes of settings in their versions,
acts on alerts in their timelines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from alerts.database import Database
from alerts.reads.alert_view import instant
from alerts.schema.upkeep import audit

PAGE_MAX = 500


def record(
    conn: Connection,
    site_id: str,
    who: str | None,
    what: str,
    about: str,
    now_ms: int,
    args: Mapping[str, Any] | None = None,
) -> None:
    """Write down that `who` (an account, "local" for the command line, None for the service itself) did `what` (a
    code: user.added, key.revoked …) to the account or key `about`. Never a secret in `args`.
    """
    row = {"site_id": site_id, "at_ms": now_ms, "who": None if who is None else who[:64], "what": what}
    conn.execute(insert(audit).values(**row, about=about[:64], args=dict(args or {})))


def newest(db: Database, site_id: str, limit: int = 50) -> list[dict[str, Any]]:
    """The newest rows first: {at, who, what, about, args}."""
    query = select(audit).where(audit.c.site_id == site_id).order_by(audit.c.id.desc()).limit(min(limit, PAGE_MAX))
    with db.reader.connect() as conn:
        return [
            {"at": instant(row.at_ms), "who": row.who, "what": row.what, "about": row.about, "args": row.args}
            for row in conn.execute(query)
        ]
