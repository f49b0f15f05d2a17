"""Edge: what pages and the API read of the desk. Each question is a fixed number of indexed queries, whatever the rows.

For: reading alerts, incidents, timelines, messages, changes, protection. Answers are JSON-ready dicts with pseudonyms
only; names of residents are joined by whoever may show them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, text

from alerts.database import Database
from alerts.handling.lifecycle import HELD
from alerts.incidents.incident import queue_rank
from alerts.reads.alert_view import (
    attempt_item,
    board_list,
    claimed_by,
    instant,
    is_held,
    next_step_item,
    timeline_item,
)
from alerts.reads.reading import TIMELINE_ROWS, alert_of, items_of, next_timers, rows_of
from alerts.schema.alerts import WAITING, attempts, incidents, timeline, timers
from alerts.schema.alerts import alerts as alert_rows
from alerts.schema.alerts import changes as change_rows
from alerts.schema.alerts import outbox as message_rows
from alerts.schema.people import homes
from alerts.schema.upkeep import findings, protection

MOST_ROWS = 500  # per page, whatever is asked for
QUEUE_ROWS = 500


class BadCursor(ValueError):
    """A cursor that none of our lists gave out."""


def alerts(
    db: Database,
    *,
    state: str | None = None,
    priority: str | None = None,
    ward: str | None = None,
    wards: Collection[str] | None = None,
    subject: str | None = None,
    since_ms: int | None = None,
    cursor: str | None = None,
    limit: int = 50,
    now_ms: int | None = None,
) -> dict[str, Any]:
    """Alerts, newest first: {"items": […], "next": cursor or None}. `state`: open | closed | all (the default).

    `wards`: only of these, and of none (None = no bound). Raises BadCursor. `now_ms` is not needed (kept so that
    callers may pass it).
    """
    query = select(alert_rows).order_by(alert_rows.c.opened_ms.desc(), alert_rows.c.alert_id.desc())
    if state in {"open", "closed"}:
        query = query.where(alert_rows.c.open if state == "open" else ~alert_rows.c.open)
    if priority is not None:
        query = query.where(alert_rows.c.priority == priority)
    if ward is not None:
        query = query.where(alert_rows.c.ward_id == ward)
    if wards is not None:
        query = query.where(or_(alert_rows.c.ward_id.in_(sorted(wards)), alert_rows.c.ward_id.is_(None)))
    if subject is not None:
        query = query.where(alert_rows.c.subject_id == subject)
    if since_ms is not None:
        query = query.where(alert_rows.c.opened_ms >= since_ms)
    if cursor is not None:
        query = _after(query, cursor)
    limit = max(1, min(limit, MOST_ROWS))
    with db.reader.connect() as conn:
        rows = rows_of(conn, query.limit(limit + 1))
        items = items_of(conn, rows[:limit])
    last = rows[limit - 1] if len(rows) > limit else None
    return {"items": items, "next": None if last is None else f"{last['opened_ms']}.{last['alert_id']}"}


def alert(db: Database, alert_id: str) -> dict[str, Any] | None:
    """One alert with its timeline and why it stands, or None."""
    with db.reader.connect() as conn:
        return alert_of(conn, alert_id)


def every_alert(db: Database) -> Iterable[dict[str, Any]]:
    """All alerts ordered by `opened_at`, then `alert_id`: what `replay --alerts` writes. Read in pages."""
    after: tuple[int, str] = (-1, "")
    while True:
        query = (
            select(alert_rows)
            .where(
                or_(
                    alert_rows.c.opened_ms > after[0],
                    and_(alert_rows.c.opened_ms == after[0], alert_rows.c.alert_id > after[1]),
                )
            )
            .order_by(alert_rows.c.opened_ms, alert_rows.c.alert_id)
            .limit(MOST_ROWS)
        )
        with db.reader.connect() as conn:
            rows = rows_of(conn, query)
            yield from items_of(conn, rows)
        if len(rows) < MOST_ROWS:
            return
        after = (rows[-1]["opened_ms"], rows[-1]["alert_id"])


def queue(db: Database, now_ms: int) -> list[dict[str, Any]]:
    """Open incidents in the order of the board: alarms nobody has, what nobody has, what is taken; priority, age."""
    query = (
        select(incidents)
        .where(incidents.c.open)
        .order_by(incidents.c.priority, incidents.c.opened_ms)
        .limit(QUEUE_ROWS)
    )
    with db.reader.connect() as conn:
        rows = rows_of(conn, query)
        ids = [row["incident_id"] for row in rows]
        found = conn.execute(
            select(alert_rows)
            .where(alert_rows.c.incident_id.in_(ids), alert_rows.c.open)
            .order_by(alert_rows.c.priority, alert_rows.c.opened_ms, alert_rows.c.alert_id)
        ).mappings()
        items = items_of(conn, [dict(row) for row in found])
        due = next_timers(conn, ids)
    of_incident: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        of_incident[item["incident_id"]].append(item)
    rows.sort(key=_rank)
    return [_queue_item(row, of_incident[row["incident_id"]], due.get(row["incident_id"]), now_ms) for row in rows]


def timeline_of(db: Database, subject: str, since_ms: int, limit: int) -> list[dict[str, Any]]:
    """What happened at the desk about one person, newest first."""
    query = (
        select(timeline)
        .where(timeline.c.subject_id == subject, timeline.c.at_ms >= since_ms)
        .order_by(timeline.c.at_ms.desc(), timeline.c.id.desc())
        .limit(max(1, min(limit, TIMELINE_ROWS)))
    )
    with db.reader.connect() as conn:
        return [timeline_item(line) for line in rows_of(conn, query)]


def changes(db: Database, after_id: int, limit: int) -> list[dict[str, Any]]:
    """What changed after `after_id`, in order: {"id", "kind", "ref", "at" (ms)}."""
    query = select(change_rows).where(change_rows.c.id > after_id).order_by(change_rows.c.id).limit(limit)
    with db.reader.connect() as conn:
        return [
            {"id": row["id"], "kind": row["kind"], "ref": row["ref"], "at": row["at_ms"]}
            for row in conn.execute(query).mappings()
        ]


def last_change(db: Database) -> int:
    """Id of the newest change, 0 when there is none."""
    with db.reader.connect() as conn:
        return int(conn.execute(select(func.coalesce(func.max(change_rows.c.id), 0))).scalar_one())


def first_change(db: Database) -> int:
    """Id of the oldest change still kept, 0 when there is none: who resumes from before it must read everything."""
    with db.reader.connect() as conn:
        return int(conn.execute(select(func.coalesce(func.min(change_rows.c.id), 0))).scalar_one())


def outbox(db: Database, alert_id: str) -> list[dict[str, Any]]:
    """Everything that was sent (or tried) for an alert's incident, oldest first: one row per try."""
    incident = select(alert_rows.c.incident_id).where(alert_rows.c.alert_id == alert_id).scalar_subquery()
    tries = [column for column in attempts.c if column.name not in {"id", "message_id"}]
    query = (
        select(message_rows, *tries, message_rows.c.id.label("message_id"))
        .outerjoin(attempts, attempts.c.message_id == message_rows.c.id)
        .where(message_rows.c.incident_id == incident)
        .order_by(message_rows.c.id, attempts.c.id)
        .limit(TIMELINE_ROWS)
    )
    with db.reader.connect() as conn:
        return [attempt_item(row) for row in rows_of(conn, query)]


def counts(db: Database) -> dict[str, int]:
    """Numbers of the frame and of /metrics, all from open rows."""
    query = select(incidents.c.priority, incidents.c.handling, incidents.c.alarm).where(incidents.c.open)
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
        unwatched = conn.execute(select(func.count(func.distinct(protection.c.subject_id)))).scalar_one()
        waiting = conn.execute(select(func.count()).select_from(message_rows).where(text(WAITING))).scalar_one()
        undocumented = conn.execute(select(func.count()).select_from(timers).where(timers.c.kind == "document"))
        found = {
            "open": len(rows),
            "unclaimed": sum(1 for row in rows if row.handling not in HELD),
            "unclaimed_p1": sum(1 for row in rows if row.priority == "P1" and row.handling not in HELD),
            "unclaimed_alarms": sum(1 for row in rows if row.alarm and row.handling not in HELD),
            "not_watched": unwatched,
            "messages_waiting": waiting,
            "undocumented": undocumented.scalar_one(),
        }
    by_priority = {f"open_p{number}": sum(1 for row in rows if row.priority == f"P{number}") for number in range(1, 6)}
    return found | by_priority


def not_watched(db: Database) -> list[dict[str, Any]]:
    """Whose protection is gone now, the longest first."""
    query = (
        select(protection, homes.c.ward)
        .outerjoin(homes, and_(homes.c.site_id == protection.c.site_id, homes.c.id == protection.c.home_id))
        .order_by(protection.c.since_ms, protection.c.subject_id, protection.c.rule)
        .limit(MOST_ROWS)
    )
    with db.reader.connect() as conn:
        return [
            {
                "resident": row["subject_id"],
                "home": row["home_id"],
                "ward": row["ward"],
                "since": instant(row["since_ms"]),
                "rule": row["rule"] or None,
                "reason": row["reason"]["code"],
                "args": row["reason"].get("args", {}),
            }
            for row in conn.execute(query).mappings()
        ]


def recent_findings(db: Database, limit: int = 50) -> list[dict[str, Any]]:
    """What the reconciler found lately, newest first."""
    query = select(findings).order_by(findings.c.id.desc()).limit(min(limit, MOST_ROWS))
    with db.reader.connect() as conn:
        return [
            {"at": instant(row["at_ms"]), "kind": row["kind"], "ref": row["ref"], "repaired": row["repaired"]}
            for row in conn.execute(query).mappings()
        ]


def device_tests(db: Database, device_id: str, limit: int = 20) -> list[dict[str, Any]]:
    """Tests of one device, newest first, each with what was sent: the proof that a press reached a phone."""
    query = (
        select(alert_rows.c.alert_id, alert_rows.c.opened_ms)
        .where(alert_rows.c.device_id == device_id, alert_rows.c.test)
        .order_by(alert_rows.c.opened_ms.desc())
        .limit(min(limit, MOST_ROWS))
    )
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
    return [{"alert_id": row.alert_id, "at": instant(row.opened_ms), "sent": outbox(db, row.alert_id)} for row in rows]


def _after(query: Select[Any], cursor: str) -> Select[Any]:
    opened, _, alert_id = cursor.partition(".")
    if not opened.isascii() or not opened.isdigit() or not alert_id:
        raise BadCursor(cursor[:100])
    opened_ms = min(int(opened[:18]), 2**62)
    return query.where(
        or_(
            alert_rows.c.opened_ms < opened_ms,
            and_(alert_rows.c.opened_ms == opened_ms, alert_rows.c.alert_id < alert_id),
        )
    )


def _rank(row: dict[str, Any]) -> tuple[int, str, int]:
    return queue_rank(
        priority=row["priority"], alarm=row["alarm"], held=row["handling"] in HELD, opened_ms=row["opened_ms"]
    )


def _queue_item(row: dict[str, Any], items: list[dict[str, Any]], timer: Any, now_ms: int) -> dict[str, Any]:
    return {
        "incident_id": row["incident_id"],
        "list": board_list(row["priority"]),
        "priority": row["priority"],
        "handling": row["handling"],
        "alarm": row["alarm"],
        "staff_alarm": row["staff_alarm"],
        "home_id": row["home_id"],
        "ward_id": row["ward_id"],
        "subject_id": row["subject_id"],
        "opened_at": instant(row["opened_ms"]),
        "age_seconds": max(0, now_ms - row["opened_ms"]) // 1_000,
        "claimed_by": claimed_by(row),
        "held": is_held(row),
        "handed_to": row["handed_to"],
        "next_step": next_step_item(row, timer),
        "presses": sum(item["presses"] for item in items if item["merged_into"] is None),
        "lead": next((item for item in items if item["merged_into"] is None), items[0] if items else None),
        "alerts": items,
    }
