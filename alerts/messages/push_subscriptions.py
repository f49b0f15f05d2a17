"""Edge: who asked for web push. A browser is one row, whoever used it before."""

from __future__ import annotations

import hashlib

from sqlalchemy import delete, select

from alerts.channels.channel import PushTo
from alerts.database import Database
from alerts.messages.addresses import MOST_PUSHES
from alerts.schema.channels import push_subscriptions
from alerts.statements import put


def subscribe(database: Database, site_id: str, owner: tuple[str, str], to: PushTo, account: str, now_ms: int) -> str:
    """Tell this browser what `owner` (kind, id) is told; its id. The oldest of too many is forgotten."""
    rows = push_subscriptions.c
    made = hashlib.sha256(f"{site_id} {to.endpoint}".encode()).hexdigest()[:32]
    kind, owner_id = owner
    values = {
        "site_id": site_id, "owner_kind": kind, "owner": owner_id, "endpoint": to.endpoint, "p256dh": to.p256dh,
        "auth": to.auth, "created_by": account, "created_ms": now_ms,
    }  # fmt: skip
    mine = (rows.site_id == site_id, rows.owner_kind == kind, rows.owner == owner_id)
    with database.writer.begin() as conn:
        put(conn, push_subscriptions, values | {"id": made}, values)
        newest = select(rows.id).where(*mine).order_by(rows.created_ms.desc(), rows.id).limit(MOST_PUSHES)
        conn.execute(delete(push_subscriptions).where(*mine, rows.id.not_in(newest)))
    return made


def unsubscribe(database: Database, site_id: str, subscription_id: str, by: str | None) -> bool:
    """Forget a browser; `by`: only if this account made it. False: there is none."""
    rows = push_subscriptions.c
    query = delete(push_subscriptions).where(rows.site_id == site_id, rows.id == subscription_id)
    with database.writer.begin() as conn:
        return conn.execute(query if by is None else query.where(rows.created_by == by)).rowcount == 1
