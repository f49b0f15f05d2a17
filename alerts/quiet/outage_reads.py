"""Edge: what pages and the API read of outages. Pseudonyms only; names are joined by whoever may show them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import select, text

from alerts.database import Database
from alerts.quiet.grouping import CALL_WITHIN_MS, LOOKED_AFTER
from alerts.reads.alert_view import instant
from alerts.schema.quiet import NOT_OVER, outage_people, outages

SHOWN_MAX = 50


def outages_shown(
    db: Database, site_id: str, *, open_only: bool = True, outage_id: str | None = None
) -> list[dict[str, Any]]:
    """Outages, newest first, each with its people: critical ones not reached yet before the others."""
    query = select(outages).where(outages.c.site_id == site_id)
    if open_only:
        query = query.where(text(NOT_OVER))
    if outage_id is not None:
        query = query.where(outages.c.outage_id == outage_id)
    query = query.order_by(outages.c.opened_ms.desc(), outages.c.outage_id).limit(SHOWN_MAX)
    with db.reader.connect() as conn:
        rows = [dict(row) for row in conn.execute(query).mappings()]
        ids = [row["outage_id"] for row in rows]
        people = defaultdict(list)
        for row in conn.execute(select(outage_people).where(outage_people.c.outage_id.in_(ids))).mappings():
            people[row["outage_id"]].append(dict(row))
    return [_item(row, people[row["outage_id"]]) for row in rows]


def _item(row: dict[str, Any], people: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": row["outage_id"],
        "alert_id": row["alert_id"],
        "ward": row["ward_id"],
        "opened_at": instant(row["opened_ms"]),
        "closed_at": None if row["closed_ms"] is None else instant(row["closed_ms"]),
        "homes_gone": row["homes_gone"],
        "homes_most": row["homes_most"],
        "people": [_person(one) for one in sorted(people, key=_rank)],
    }


def _rank(one: dict[str, Any]) -> tuple[bool, bool, bool, int, str]:
    reached = one["outcome"] in LOOKED_AFTER
    return one["back_ms"] is not None, reached, not one["critical"], one["since_ms"], one["resident_id"]


def _person(one: dict[str, Any]) -> dict[str, Any]:
    told = one["ticked_ms"] is not None
    return {
        "resident": one["resident_id"],
        "home": one["home_id"],
        "critical": one["critical"],
        "since": instant(one["since_ms"]),
        "call_before": instant(one["since_ms"] + CALL_WITHIN_MS),
        "back_at": None if one["back_ms"] is None else instant(one["back_ms"]),
        "outcome": one["outcome"],
        "ticked_at": instant(one["ticked_ms"]) if told else None,
        "ticked_by": {"staff": one["ticked_by"], "name": one["ticked_name"]} if told else None,
    }
