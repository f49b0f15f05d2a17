"""Edge: rows of alerts with everything that belongs to them, in a fixed number of queries.

For: reading on a connection that is given, so that transactions and pages share it; the questions of pages stand in
`alerts/reads/queries.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, or_, select, tuple_

from alerts.reads.alert_view import alert_item, instant, timeline_item
from alerts.schema.alerts import alerts as alert_rows
from alerts.schema.alerts import causes, incidents, timeline, timers
from alerts.schema.routing import responder_answers

TIMELINE_ROWS = 1_000


def leads() -> ColumnElement[bool]:
    """Of each incident the one alert that stands for it in lists and counts: the most urgent, then the oldest."""
    other = alert_rows.alias()
    before = tuple_(other.c.priority, other.c.opened_ms, other.c.alert_id) < tuple_(
        alert_rows.c.priority, alert_rows.c.opened_ms, alert_rows.c.alert_id
    )
    same = other.c.incident_id == alert_rows.c.incident_id
    return alert_rows.c.merged_into.is_(None) & ~exists().where(same, other.c.merged_into.is_(None), before)


def alert_of(conn: Connection, alert_id: str) -> dict[str, Any] | None:
    """The same inside a transaction: what an act answers with."""
    row = conn.execute(select(alert_rows).where(alert_rows.c.alert_id == alert_id)).mappings().first()
    if row is None:
        return None
    item = items_of(conn, [dict(row)])[0]
    lines = rows_of(
        conn,
        select(timeline)
        .where(or_(timeline.c.incident_id == row["incident_id"], timeline.c.alert_id == alert_id))
        .order_by(timeline.c.id.desc())
        .limit(TIMELINE_ROWS),
    )
    item["timeline"] = [timeline_item(line) for line in reversed(lines)]
    offered = [line["args"]["card"] for line in item["timeline"] if line["kind"] == "card_offered"]
    item["cards"] = list(dict.fromkeys(offered))
    said = select(responder_answers).where(responder_answers.c.incident_id == row["incident_id"])
    item["responders"] = [
        {"contact": one["contact_id"], "coming": one["coming"], "at": instant(one["at_ms"])}
        for one in rows_of(conn, said.order_by(responder_answers.c.contact_id))
    ]
    item["why"] = {
        "code": item["reason"],
        "args": item["reason_args"],
        "parameters": item["parameters"],
        "causes": item["causes"],
        "suppressed": item["suppressed"],
        "rule": item["rule"],
        "rule_version": item["rule_version"],
        "source": row["source"],
    }
    return item


def items_of(conn: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alerts with their causes, incidents, next timers and siblings: four queries for any number of rows."""
    if not rows:
        return []
    ids = [row["alert_id"] for row in rows]
    incident_ids = list(dict.fromkeys(row["incident_id"] for row in rows))
    of_alert: dict[str, list[Any]] = defaultdict(list)
    found = conn.execute(select(causes).where(causes.c.alert_id.in_(ids)).order_by(causes.c.alert_id, causes.c.place))
    for cause in found.mappings():
        of_alert[cause["alert_id"]].append(cause)
    of_incident: dict[str, list[Any]] = defaultdict(list)
    siblings = (
        select(alert_rows.c.incident_id, alert_rows.c.alert_id, alert_rows.c.open)
        .where(alert_rows.c.incident_id.in_(incident_ids))
        .order_by(alert_rows.c.opened_ms, alert_rows.c.alert_id)
    )
    for sibling in conn.execute(siblings).mappings():
        of_incident[sibling["incident_id"]].append(sibling)
    by_id = {
        row["incident_id"]: row
        for row in rows_of(conn, select(incidents).where(incidents.c.incident_id.in_(incident_ids)))
    }
    due = next_timers(conn, incident_ids)
    return [
        alert_item(
            row,
            by_id[row["incident_id"]],
            of_alert[row["alert_id"]],
            due.get(row["incident_id"]),
            of_incident[row["incident_id"]],
        )
        for row in rows
    ]


def next_timers(conn: Connection, incident_ids: Sequence[str]) -> dict[str, Any]:
    """The earliest timer of each incident."""
    query = (
        select(timers)
        .where(timers.c.incident_id.in_(incident_ids), timers.c.alert_id == "")
        .order_by(timers.c.due_ms.desc(), timers.c.kind)
    )
    return {row["incident_id"]: row for row in conn.execute(query).mappings()}


def rows_of(conn: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(zip(row._fields, row, strict=True)) for row in conn.execute(query)]
