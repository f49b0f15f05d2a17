"""Edge: how the ways out have done lately. Reads tries, states and what waits; nothing here sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text

from alerts.database import Database
from alerts.messages.channel_health import DOWN, SLOW
from alerts.reads.alert_view import instant
from alerts.schema.alerts import WAITING, attempts, outbox
from alerts.schema.channels import channel_states, outside_refusals, receipts

NEWEST = 1_000  # tries looked at, all channels together
TRIES_SHOWN = 50
DAY_MS = 24 * 3_600_000
UNUSED = "unused"


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


def channel_items(db: Database, site_id: str, configured: Sequence[str]) -> list[dict[str, Any]]:
    """Every channel that is configured or was used lately, for lists and pages; `queue` = messages that wait, whatever
    way they will take, and the tries of this channel that are under way.
    """
    results = channel_results(db)
    with db.reader.connect() as conn:
        rows = conn.execute(select(channel_states).where(channel_states.c.site_id == site_id)).mappings()
        states = {row["channel"]: row for row in rows}
        waiting = conn.execute(select(func.count()).select_from(outbox).where(text(WAITING))).scalar_one()
    names = [*configured, *sorted((results.keys() | states.keys()) - set(configured))]
    items = []
    for name in names:
        state = states.get(name)
        items.append(
            {
                "channel": name,
                "configured": name in configured,
                "state": UNUSED if state is None else state["state"],
                "since": None if state is None else instant(state["since_ms"]),
                "latency_ms": None if state is None else state["latency_ms"],
                "failures": 0 if state is None else state["failures"],
                "last_detail": None if state is None else state["detail"],
                "alert_id": None if state is None else state["alert_id"],
                "queue": waiting if name in configured else 0,
            }
            | results.get(name, {})
        )
    return items


def troubled(db: Database, site_id: str, configured: Sequence[str]) -> list[tuple[str, str]]:
    """(channel, slow | down) of those in use that do not do well."""
    query = select(channel_states.c.channel, channel_states.c.state).where(
        channel_states.c.site_id == site_id,
        channel_states.c.state.in_((SLOW, DOWN)),
        channel_states.c.channel.in_(list(configured)),
    )
    with db.reader.connect() as conn:
        return [(row.channel, row.state) for row in conn.execute(query.order_by(channel_states.c.channel))]


def channel_tries(db: Database, site_id: str, channel: str) -> list[dict[str, Any]]:
    """The newest tries of a channel, the newest first. No words, no addresses."""
    receipt = (
        select(receipts.c.kind)
        .where(receipts.c.attempt_id == attempts.c.id)
        .order_by(receipts.c.at_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(attempts, outbox.c.kind, outbox.c.priority, outbox.c.target_kind, receipt.label("receipt"))
        .join(outbox, outbox.c.id == attempts.c.message_id)
        .where(attempts.c.channel == channel, outbox.c.site_id == site_id)
        .order_by(attempts.c.started_ms.desc(), attempts.c.id.desc())
        .limit(TRIES_SHOWN)
    )
    with db.reader.connect() as conn:
        return [
            {
                "at": instant(row["started_ms"]),
                "message_id": row["message_id"],
                "kind": row["kind"],
                "priority": row["priority"],
                "target_kind": row["target_kind"],
                "result": row["result"],
                "detail": row["detail"],
                "took_ms": None if row["ended_ms"] is None else row["ended_ms"] - row["started_ms"],
                "may_repeat": row["may_repeat"],
                "receipt": row["receipt"],
            }
            for row in conn.execute(query).mappings()
        ]


def refusals(db: Database, site_id: str, now_ms: int) -> dict[str, int]:
    """What was refused at the doors open to the outside in the last day: reason -> how often."""
    query = (
        select(outside_refusals.c.reason, func.sum(outside_refusals.c.count).label("times"))
        .where(outside_refusals.c.site_id == site_id, outside_refusals.c.minute_ms > now_ms - DAY_MS)
        .group_by(outside_refusals.c.reason)
        .order_by(outside_refusals.c.reason)
    )
    with db.reader.connect() as conn:
        return {row.reason: int(row.times) for row in conn.execute(query)}
