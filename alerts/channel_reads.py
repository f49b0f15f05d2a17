"""Edge: how the ways out have done lately. Reads the newest tries of the outbox; nothing here sends."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from alerts.alert_view import instant
from alerts.database import Database
from alerts.schema import attempts

NEWEST = 1_000  # tries looked at, all channels together


def channel_results(db: Database) -> dict[str, dict[str, Any]]:
    """Channel -> results of its newest tries: {"ok", "failed", "unknown", "last_ok_at", "last_failed_at"}."""
    newest = select(func.coalesce(func.max(attempts.c.id), 0)).scalar_subquery()
    query = (
        select(
            attempts.c.channel,
            attempts.c.result,
            func.count().label("tries"),
            func.max(attempts.c.ended_ms).label("at"),
        )
        .where(attempts.c.id > newest - NEWEST, attempts.c.result.is_not(None))
        .group_by(attempts.c.channel, attempts.c.result)
    )
    found: dict[str, dict[str, Any]] = {}
    with db.reader.connect() as conn:
        for row in conn.execute(query):
            blank = {"ok": 0, "failed": 0, "unknown": 0, "last_ok_at": None, "last_failed_at": None}
            one = found.setdefault(row.channel, blank)
            one[row.result] = row.tries
            if f"last_{row.result}_at" in one:
                one[f"last_{row.result}_at"] = instant(row.at)
    return found
