"""Edge: silences. Somebody says that certain alerts shall not ring for a time, why, and until when.

For: making, ending and reading them; what they silence is decided in `alerts/quiet/pipeline.py`. A silence is never
edited: it is ended and made anew, so that each row is one decision of one person. It always has an end, and it never
reaches an alarm or a P1, whatever it says.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, text, update

from alerts.access import audit
from alerts.database import Database
from alerts.quiet.pipeline import HOUR
from alerts.reads.alert_view import instant
from alerts.routing import escalation
from alerts.schema.alerts import incidents, timers
from alerts.schema.quiet import RUNNING, silences
from alerts.site.item_tables import ITEM_TABLES
from alerts.transaction import Transaction
from ingest.event import name_uuid

LONGEST_MS = 7 * 24 * HOUR
REASON_LIMIT = 500
SHOWN_MAX = 500
RUNNING_MAX = 500
REFERS = ("ward", "home", "resident", "device")  # fields that name a thing of the site
ALARM_RULES = frozenset({"R01", "R02", "R03", "R04", "R29", "R32", "R43", "R53", "R56", "R58"})
"""Rules whose alerts call for help: they ring through every silence, so a silence of them would be a lie."""


class SilenceRefused(ValueError):
    """What is wrong with a silence: the field at fault, a code, and what it may be."""

    def __init__(self, field: str, code: str, limit: str = "") -> None:
        super().__init__(f"{field}: {code}")
        self.field, self.code, self.limit = field, code, limit


class NewSilence(msgspec.Struct, frozen=True):
    """What somebody wants silenced. At least one of rule, home, resident and device says what."""

    until_ms: int
    reason: str
    from_ms: int | None = None
    ward: str | None = None
    home: str | None = None
    resident: str | None = None
    device: str | None = None
    rule: str | None = None


def add(tx: Transaction, wanted: NewSilence, author: str, author_name: str) -> str:
    """Its id. Raises SilenceRefused; then nothing was written."""
    from_ms = tx.now_ms if wanted.from_ms is None else wanted.from_ms
    _check(tx.conn, tx.site_id, wanted, from_ms, tx.now_ms)
    silence_id = name_uuid(tx.site_id, "silence", author, str(tx.now_ms), str(msgspec.json.encode(wanted)))
    values = msgspec.structs.asdict(wanted) | {"from_ms": from_ms, "silence_id": silence_id, "site_id": tx.site_id}
    if tx.conn.execute(select(silences.c.silence_id).where(silences.c.silence_id == silence_id)).first():
        return silence_id  # the same wish, sent twice in a millisecond
    tx.conn.execute(
        insert(silences).values(**values, author=author, author_name=author_name[:200], created_ms=tx.now_ms)
    )
    told = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value and name != "reason"}
    audit.record(tx.conn, tx.site_id, author, "silence.added", silence_id, tx.now_ms, told)
    tx.change("health", "silences")
    return silence_id


def end(tx: Transaction, silence_id: str, by: str) -> bool:
    """End it now; what waited because of it is judged again at once. False when there is none that runs."""
    ended = tx.conn.execute(
        update(silences)
        .where(silences.c.silence_id == silence_id, silences.c.site_id == tx.site_id, text(RUNNING))
        .where(silences.c.until_ms > tx.now_ms)
        .values(ended_ms=tx.now_ms, ended_by=by)
    )
    if ended.rowcount == 0:
        return False
    audit.record(tx.conn, tx.site_id, by, "silence.ended", silence_id, tx.now_ms)
    waiting = select(incidents.c.incident_id, incidents.c.quiet).where(incidents.c.open, incidents.c.quiet.is_not(None))
    for row in tx.conn.execute(waiting).all():
        if row.quiet.get("args", {}).get("silence") == silence_id:
            tx.conn.execute(
                update(timers)
                .where(timers.c.incident_id == row.incident_id, timers.c.kind == escalation.ESCALATE)
                .values(due_ms=tx.now_ms)
            )
    tx.change("health", "silences")
    return True


def shown(db: Database, site_id: str, now_ms: int, *, ended_too: bool = False) -> list[dict[str, Any]]:
    """Silences that run or will run (with `ended_too` all that are kept), those that end first before the others."""
    query = select(silences).where(silences.c.site_id == site_id)
    if not ended_too:
        query = query.where(silences.c.until_ms > now_ms, text(RUNNING))
    query = query.order_by(silences.c.until_ms, silences.c.silence_id).limit(SHOWN_MAX)
    with db.reader.connect() as conn:
        return [_item(dict(row), now_ms) for row in conn.execute(query).mappings()]


def one(db: Database, site_id: str, silence_id: str, now_ms: int) -> dict[str, Any] | None:
    """One silence, or None."""
    query = select(silences).where(silences.c.site_id == site_id, silences.c.silence_id == silence_id)
    with db.reader.connect() as conn:
        row = conn.execute(query).mappings().first()
    return None if row is None else _item(dict(row), now_ms)


def _item(row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    over = row["ended_ms"] is not None or row["until_ms"] <= now_ms
    return {
        "id": row["silence_id"],
        **{name: row[name] for name in (*REFERS, "rule")},
        "from": instant(row["from_ms"]),
        "until": instant(row["until_ms"]),
        "reason": row["reason"],
        "author": {"staff": row["author"], "name": row["author_name"]},
        "state": "over" if over else "running" if row["from_ms"] <= now_ms else "planned",
        "ended_at": None if row["ended_ms"] is None else instant(row["ended_ms"]),
    }


def _check(conn: Connection, site_id: str, wanted: NewSilence, from_ms: int, now_ms: int) -> None:
    if not wanted.reason.strip() or len(wanted.reason) > REASON_LIMIT:
        raise SilenceRefused("reason", "silence.reason", str(REASON_LIMIT))
    if wanted.until_ms <= max(from_ms, now_ms):
        raise SilenceRefused("until", "silence.past")
    if wanted.until_ms - max(from_ms, now_ms) > LONGEST_MS or from_ms > now_ms + LONGEST_MS:
        raise SilenceRefused("until", "silence.too_long", "7")
    if not (wanted.rule or wanted.home or wanted.resident or wanted.device):
        raise SilenceRefused("rule", "silence.everything")
    if wanted.rule in ALARM_RULES:
        raise SilenceRefused("rule", "silence.alarm", str(wanted.rule))
    for field in REFERS:
        value = getattr(wanted, field)
        if value is None:
            continue
        table = ITEM_TABLES[field]
        known = select(table.c.id).where(table.c.site_id == site_id, table.c.id == value)
        if conn.execute(known).first() is None:
            raise SilenceRefused(field, "silence.unknown", value[:64])
    running = select(silences.c.silence_id).where(
        silences.c.site_id == site_id, silences.c.until_ms > now_ms, text(RUNNING)
    )
    if len(conn.execute(running.limit(RUNNING_MAX)).all()) >= RUNNING_MAX:
        raise SilenceRefused("until", "silence.too_many", str(RUNNING_MAX))
