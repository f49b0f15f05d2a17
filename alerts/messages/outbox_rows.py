"""Edge: rows of messages and tries, and what a channel is given of them.

For: the small reads and writes that the outbox, receipts and answers share. When a try is made and what follows from
its result stands in `alerts/messages/outbox.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from alerts.channels.channel import FAILED, UNKNOWN, Address, Message, Result
from alerts.channels.reach import EXHAUSTED, Reach
from alerts.channels.texts import texts
from alerts.channels.wording import Facts, answerable, compose, reference
from alerts.messages.addresses import language_of
from alerts.messages.links import PATH, VALID_MS, make_token
from alerts.schema.alerts import UNFINISHED, alerts, attempts, outbox
from alerts.transaction import Transaction

log = structlog.get_logger()

MINUTE_MS = 60_000
REFUSED = "refused"
NOT_TOLD = ("cancelled", EXHAUSTED)  # messages that nobody got
Row = Mapping[str, Any]

_TAKE = update(outbox).where(outbox.c.id == bindparam("the_id"), outbox.c.state == "pending").values(state="sending")
_TRY = insert(attempts).returning(attempts.c.id)
_END = update(attempts).where(attempts.c.id == bindparam("the_id"), attempts.c.result.is_(None))
_TRIED = (
    select(attempts.c.channel, attempts.c.result, attempts.c.detail)
    .where(attempts.c.message_id == bindparam("the_id"))
    .order_by(attempts.c.id)
)
_LOST = select(attempts.c.id, attempts.c.message_id).where(
    text(UNFINISHED), attempts.c.started_ms < bindparam("the_ms")
)


def begin_attempt(
    conn: Connection, row: Row, channel: str, number: int, now_ms: int, *, may_repeat: bool, holder: str
) -> int | None:
    """Take the message for one try: the try's row, and with it the lease; None when another worker has it."""
    if conn.execute(_TAKE, {"the_id": row["id"]}).rowcount != 1:
        return None
    values = {"message_id": row["id"], "channel": channel, "number": number, "started_ms": now_ms}
    values |= {"may_repeat": may_repeat, "holder": holder}
    return int(conn.execute(_TRY, values).scalar_one())


def finish_attempt(conn: Connection, attempt_id: int, result: Result, now_ms: int) -> bool:
    """Write a try's result, unless somebody has said before that it got none. False: this one came too late."""
    detail = f"{REFUSED}: {result.detail}" if result.refused else result.detail
    values = {
        "result": result.outcome, "detail": detail[:200], "ended_ms": now_ms,
        "provider_id": result.provider_id[:200] or None,
    }  # fmt: skip
    return conn.execute(_END, {"the_id": attempt_id, **values}).rowcount == 1


def tried(conn: Connection, message_id: int) -> dict[str, list[str]]:
    """Results so far by channel, in order: ok, failed, unknown, or "refused" for a failure that is final."""
    found: dict[str, list[str]] = {}
    for row in conn.execute(_TRIED, {"the_id": message_id}):
        final = row.result == FAILED and (row.detail or "").startswith(f"{REFUSED}:")
        found.setdefault(row.channel, []).append(REFUSED if final else row.result or UNKNOWN)
    return found


def was_told(conn: Connection, row: Row) -> bool:
    """Whether this target was told of this incident before, at this priority."""
    query = select(outbox.c.id).where(
        outbox.c.incident_id == row["incident_id"],
        outbox.c.target == row["target"],
        outbox.c.priority == row["priority"],
        outbox.c.id < row["id"],
        outbox.c.state.not_in(NOT_TOLD),
    )
    return conn.execute(query.limit(1)).first() is not None


def free_from_ms(conn: Connection, channel: str, per_minute: int, now_ms: int) -> int:
    """From when a channel may be used again for what can wait; not after now = at once."""
    lately = (attempts.c.channel == channel, attempts.c.started_ms > now_ms - MINUTE_MS)
    count, oldest_ms = conn.execute(select(func.count(), func.min(attempts.c.started_ms)).where(*lately)).one()
    return now_ms if count < per_minute else int(oldest_ms) + MINUTE_MS


def message_of(
    conn: Connection, row: Row, channel: str, attempt_id: int, address: Address, reach: Reach, *, may_repeat: bool
) -> Message:
    """What this channel is given: words in the site's language, what it may say, a link where one can be answered."""
    link = _link(row, reach)
    facts = Facts(
        kind=row["kind"],
        target_kind=row["target_kind"],
        priority=row["priority"],
        ref=reference(row["key_tag"], row["id"]),
        may_repeat=may_repeat,
        code=_code(conn, row["alert_id"]) if reach.clearance.get(channel) == "code" else "",
        args=row["args"] or {},
    )
    title, text = compose(texts(language_of(conn, row["site_id"])), channel, facts, link)
    return Message(
        message_id=row["id"],
        site=row["site_id"],
        alert_id=row["alert_id"],
        priority=row["priority"],
        kind=row["kind"],
        target_kind=row["target_kind"],
        target=row["target"],
        key_tag=row["key_tag"],
        may_repeat=may_repeat,
        created_ms=row["created_ms"],
        attempt_id=attempt_id,
        address=address,
        title=title,
        text=text,
        link=link,
    )


def _link(row: Row, reach: Reach) -> str:
    if not reach.link_base or not reach.link_key or not answerable(row["kind"], row["target_kind"]):
        return ""
    until_ms = row["created_ms"] + VALID_MS
    token = make_token(reach.link_key, row["site_id"], row["id"], row["alert_id"], row["target"], until_ms)
    return f"{reach.link_base}{PATH}{token}"


def _code(conn: Connection, alert_id: str) -> str:
    return conn.execute(select(alerts.c.code).where(alerts.c.alert_id == alert_id)).scalar() or ""


def settle_lost(conn: Connection, now_ms: int, started_before_ms: int, holder: str | None = None) -> int:
    """Tries that began before a time and have no result are `unknown`; their messages wait again. How many. With a
    `holder` only those of that process.
    """
    query = _LOST if holder is None else _LOST.where(func.coalesce(attempts.c.holder, "") == holder)
    lost = conn.execute(query, {"the_ms": started_before_ms}).all()
    for attempt_id, message_id in lost:
        finish_attempt(conn, attempt_id, Result(UNKNOWN, "interrupted"), now_ms)
        row = conn.execute(select(outbox).where(outbox.c.id == message_id)).mappings().first()
        if row is None or row["state"] != "sending":
            continue
        again = {"state": "pending", "due_ms": now_ms}
        conn.execute(update(outbox).where(outbox.c.id == message_id).values(again))
        if row["incident_id"]:
            tx = Transaction(conn, row["site_id"], now_ms)
            say(tx, row["incident_id"], row["alert_id"], "delivery_unknown", row["target_name"])
            tx.change("alert", row["alert_id"])
    if lost:
        log.warning("attempts_without_result", count=len(lost))
    return len(lost)


def say(tx: Transaction, incident_id: str, alert_id: str, kind: str, target: str) -> None:
    """A line of the incident about whom a message was for."""
    incident = tx.incident(incident_id)
    tx.line({**incident, "alert_id": alert_id}, kind, {"target": target})
