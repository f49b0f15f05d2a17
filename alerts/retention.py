"""Edge: what of desk.db is cut by age, so that it does not grow for ever. Alerts, timelines and the access log stay.

For: the limits and the deletes. Each run deletes a bounded number of rows, so that no act waits for it.
"""

from __future__ import annotations

from sqlalchemy import Column, Table, delete, func, select, update

from alerts.database import Database
from alerts.schema.alerts import attempts, changes, effects, outbox
from alerts.schema.channels import outside_refusals, phone_answers, receipts
from alerts.schema.folds import shadow_alerts
from alerts.schema.upkeep import findings, idempotency, observations
from rules.shadow_alert import KEEP_MS

HOUR = 3_600_000
DAY = 24 * HOUR
PRUNE_EVERY_MS = HOUR
BATCH = 5_000

KEPT_MS: tuple[tuple[Table, Column[int], int], ...] = (
    (effects, effects.c.at_ms, 30 * DAY),  # far beyond what any refold says again
    (observations, observations.c.at_ms, 90 * DAY),
    (idempotency, idempotency.c.at_ms, 7 * DAY),
    (findings, findings.c.at_ms, 30 * DAY),
    (outbox, outbox.c.created_ms, 90 * DAY),
    (phone_answers, phone_answers.c.at_ms, 90 * DAY),
    (outside_refusals, outside_refusals.c.minute_ms, 30 * DAY),
    (shadow_alerts, shadow_alerts.c.at_ms, KEEP_MS),
)
PHONES_KEPT_MS = DAY  # whose telephone it was: for the answer back and whoever asks next morning
KEPT_CHANGES = 100_000  # an SSE client that was away for longer reads everything anew


def prune(database: Database, now_ms: int) -> int:
    """Delete what is older than its limit; how many rows went."""
    gone = 0
    with database.aside.begin() as conn:  # nobody looks at what is that old
        for table, at, kept_ms in KEPT_MS:
            keys = list(table.primary_key.columns)
            old = select(*keys).where(at < now_ms - kept_ms).order_by(at).limit(BATCH)
            old = old.with_for_update(skip_locked=True)  # PostgreSQL: what another process is just cutting is its own
            rows = conn.execute(old).all()
            for row in rows:
                conditions = [key == value for key, value in zip(keys, row, strict=True)]
                if table is outbox:
                    tries = select(attempts.c.id).where(attempts.c.message_id == row[0])
                    conn.execute(delete(receipts).where(receipts.c.attempt_id.in_(tries)))
                    conn.execute(delete(attempts).where(attempts.c.message_id == row[0]))
                conn.execute(delete(table).where(*conditions))
            gone += len(rows)
        told = (phone_answers.c.at_ms < now_ms - PHONES_KEPT_MS, phone_answers.c.phone.is_not(None))
        conn.execute(update(phone_answers).where(*told).values(phone=None))
        newest = conn.execute(select(func.coalesce(func.max(changes.c.id), 0))).scalar_one()
        oldest = conn.execute(select(func.coalesce(func.min(changes.c.id), 0))).scalar_one()
        limit = min(newest - KEPT_CHANGES, oldest + BATCH)
        if limit > oldest:
            gone += conn.execute(delete(changes).where(changes.c.id <= limit)).rowcount
    return gone
