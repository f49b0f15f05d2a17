"""Edge: the hand-over of a shift. What the next one must know, in one line each, taken over by a named person.

For: gathering it, and keeping what was accepted. Pseudonyms only; names are joined by whoever may show them.

| part | what |
|---|---|
| open | incidents that somebody must still deal with, alarms nobody has first |
| undocumented | ended in this shift, and nobody has written down why |
| self_resolved | what went over by itself, one line per person and rule with how often (story 9) |
| not_watched | whose protection is gone |
| paused | whose rules are withheld, until when |
| faults | technical alerts that are open |
| silences, outages | what is kept quiet now |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, func, insert, or_, select

from alerts.database import Database
from alerts.handling.lifecycle import ENDED
from alerts.quiet import outage_reads, silences
from alerts.reads import queries
from alerts.reads.alert_view import instant
from alerts.reads.belonging import Belonging
from alerts.reads.reading import leads
from alerts.schema.alerts import alerts
from alerts.schema.checks import handovers
from alerts.schema.people import homes, pauses, residents
from alerts.transaction import Transaction

LONGEST_MS = 7 * 86_400_000
ROWS_MAX = 200


def handover(db: Database, site_id: str, ward: str | None, from_ms: int, now_ms: int) -> dict[str, Any]:
    """What happened since `from_ms` and stands now, of one ward (None = the whole site)."""
    queue = [row for row in queries.queue(db, now_ms) if ward is None or row["ward_id"] in {ward, None}]
    wards = None if ward is None else (ward,)
    return {
        "ward": ward,
        "from": instant(from_ms),
        "until": instant(now_ms),
        "open": [_open(row) for row in queue if row["list"] == "now"][:ROWS_MAX],
        "faults": [_open(row) for row in queue if row["list"] == "technical"][:ROWS_MAX],
        "undocumented": _undocumented(db, site_id, wards, from_ms),
        "self_resolved": _self_resolved(db, site_id, wards, from_ms),
        "not_watched": [row for row in queries.not_watched(db) if ward is None or row["ward"] == ward][:ROWS_MAX],
        "paused": _paused(db, site_id, ward, now_ms),
        "silences": _silences(db, site_id, ward, now_ms),
        "outages": [
            {name: row[name] for name in ("id", "ward", "opened_at", "homes_gone", "homes_most")}
            for row in outage_reads.outages_shown(db, site_id)
            if ward is None or row["ward"] == ward
        ],
    }


def accept(tx: Transaction, content: Mapping[str, Any], from_ms: int, staff: str, name: str) -> int:
    """Somebody takes over: what they were shown is kept as it was. The number of the row."""
    values = {
        "site_id": tx.site_id, "ward_id": content["ward"], "from_ms": from_ms, "until_ms": tx.now_ms,
        "content": dict(content), "accepted_by": staff, "accepted_name": name[:200], "accepted_ms": tx.now_ms,
    }  # fmt: skip
    row_id = tx.conn.execute(insert(handovers).values(**values).returning(handovers.c.id)).scalar_one()
    tx.change("health", "handover")
    return int(row_id)


def last_accepted(db: Database, site_id: str, ward: str | None, limit: int = 1) -> list[dict[str, Any]]:
    """The newest hand-overs of a ward: who took over what, and when."""
    query = select(handovers).where(handovers.c.site_id == site_id)
    query = query.where(handovers.c.ward_id.is_(None) if ward is None else handovers.c.ward_id == ward)
    with db.reader.connect() as conn:
        rows = conn.execute(query.order_by(handovers.c.until_ms.desc(), handovers.c.id.desc()).limit(limit)).all()
    return [
        {
            "id": row.id, "ward": row.ward_id, "from": instant(row.from_ms), "until": instant(row.until_ms),
            "accepted_by": {"staff": row.accepted_by, "name": row.accepted_name}, "content": row.content,
        }
        for row in rows
    ]  # fmt: skip


def _silences(db: Database, site_id: str, ward: str | None, now_ms: int) -> list[dict[str, Any]]:
    """Those of the ward, by whom they name, and those of everybody."""
    found, whose = silences.shown(db, site_id, now_ms), Belonging(db, site_id)
    if ward is None:
        return found
    wards_of = {row["id"]: whose.wards_of("silence", row["id"]) for row in found}
    return [row for row in found if not wards_of[row["id"]] or ward in (wards_of[row["id"]] or ())]


def _open(row: Mapping[str, Any]) -> dict[str, Any]:
    lead = row["lead"]
    return {
        "incident_id": row["incident_id"], "alert_id": lead["alert_id"], "rule": lead["rule"],
        "priority": row["priority"], "subject": row["subject_id"], "handling": row["handling"],
        "opened_at": row["opened_at"], "presses": row["presses"],
        "claimed_by": None if row["claimed_by"] is None else row["claimed_by"]["name"],
    }  # fmt: skip


def _undocumented(db: Database, site_id: str, wards: Collection[str] | None, from_ms: int) -> list[dict[str, Any]]:
    query = (
        select(alerts.c.alert_id, alerts.c.rule, alerts.c.priority, alerts.c.subject_id, alerts.c.closed_ms)
        .where(
            *_of_site(site_id, wards),
            alerts.c.handling == ENDED,
            alerts.c.closed_ms >= from_ms,
            leads(),
            alerts.c.outcome.not_in(("self_resolved", "test")),
        )
        .order_by(alerts.c.closed_ms, alerts.c.alert_id)
        .limit(ROWS_MAX)
    )
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
    return [
        {
            "alert_id": row.alert_id, "rule": row.rule, "priority": row.priority, "subject": row.subject_id,
            "ended_at": instant(row.closed_ms),
        }
        for row in rows
    ]  # fmt: skip


def _self_resolved(db: Database, site_id: str, wards: Collection[str] | None, from_ms: int) -> list[dict[str, Any]]:
    """A restless night is one line, not a page."""
    query = (
        select(
            alerts.c.subject_id,
            alerts.c.rule,
            func.count().label("times"),
            func.min(alerts.c.opened_ms).label("first_ms"),
            func.max(alerts.c.closed_ms).label("last_ms"),
            func.max(alerts.c.alert_id).label("alert_id"),
        )
        .where(*_of_site(site_id, wards), alerts.c.closed_ms >= from_ms, alerts.c.outcome == "self_resolved")
        .group_by(alerts.c.subject_id, alerts.c.rule)
        .order_by(func.count().desc(), alerts.c.subject_id, alerts.c.rule)
        .limit(ROWS_MAX)
    )
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
    return [
        {
            "subject": row.subject_id, "rule": row.rule, "times": row.times, "alert_id": row.alert_id,
            "first_at": instant(row.first_ms), "last_at": instant(row.last_ms),
        }
        for row in rows
    ]  # fmt: skip


def _paused(db: Database, site_id: str, ward: str | None, now_ms: int) -> list[dict[str, Any]]:
    lives = and_(residents.c.site_id == pauses.c.site_id, residents.c.id == pauses.c.resident)
    home = and_(homes.c.site_id == residents.c.site_id, homes.c.id == residents.c.home)
    query = (
        select(pauses.c.resident, pauses.c.reason, pauses.c.until_ms, pauses.c.rules)
        .join(residents, lives)
        .join(homes, home)
        .where(pauses.c.site_id == site_id, pauses.c.from_ms <= now_ms, pauses.c.until_ms > now_ms)
        .order_by(pauses.c.until_ms, pauses.c.resident)
        .limit(ROWS_MAX)
    )
    if ward is not None:
        query = query.where(homes.c.ward == ward)
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
    return [
        {"subject": row.resident, "reason": row.reason, "until": instant(row.until_ms), "rules": row.rules}
        for row in rows
    ]


def _of_site(site_id: str, wards: Collection[str] | None) -> list[Any]:
    found: list[Any] = [alerts.c.site_id == site_id]
    if wards is not None:
        found.append(or_(alerts.c.ward_id.in_(sorted(wards)), alerts.c.ward_id.is_(None)))
    return found
