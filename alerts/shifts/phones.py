"""Edge: the telephones of functions: registered once, heard again and again, silent when they are not.

A phone shows a token at each heartbeat; we keep its hash. Whoever checks in with it takes it for the shift; with
nobody checked in it is the phone of the function it is registered for. A function with several phones is reached when
one of them is; one without any is taken to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from alerts.access import audit
from alerts.access.passwords import new_token, token_hash
from alerts.schema.people import functions
from alerts.schema.shifts import phones, shifts
from alerts.transaction import Transaction

LIMIT_MS = 300_000
LIMIT_MIN_MS, LIMIT_MAX_MS = 30_000, 86_400_000
PHONES_MAX = 1_000
_p = phones.c


class PhoneRefused(Exception):
    """`code` is a word of the catalogue, `field` the one at fault."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__(code)
        self.code, self.field = code, field


def register(
    conn: Connection, site_id: str, label: str, function_id: str | None, limit_ms: int, by: str, now_ms: int
) -> tuple[str, str]:
    """A new phone: its id, and its token, shown this once. Raises PhoneRefused."""
    if function_id is not None:
        known = select(functions.c.id).where(functions.c.site_id == site_id, functions.c.id == function_id)
        if conn.execute(known).first() is None:
            raise PhoneRefused("unknown_function", "function")
    working = select(func.count()).select_from(phones).where(_p.site_id == site_id, _p.revoked_ms.is_(None))
    if conn.execute(working).scalar_one() >= PHONES_MAX:
        raise PhoneRefused("too_many", "label")
    token = new_token()
    phone_id = token_hash(token)[:12]
    row = {"site_id": site_id, "id": phone_id, "label": label, "function_id": function_id, "limit_ms": limit_ms}
    row |= {"token_hash": token_hash(token), "heard_ms": now_ms, "silent": False, "created_ms": now_ms}
    conn.execute(insert(phones).values(**row, created_by=by))
    audit.record(conn, site_id, by, "phone.added", phone_id, now_ms, {"label": label, "function": function_id})
    return phone_id, token


def revoke(conn: Connection, site_id: str, phone_id: str, by: str, now_ms: int) -> bool:
    """End a phone at once; whether it worked until now."""
    this = (_p.site_id == site_id, _p.id == phone_id, _p.revoked_ms.is_(None))
    ended = conn.execute(update(phones).where(*this).values(revoked_ms=now_ms)).rowcount > 0
    if ended:
        open_shifts = (shifts.c.site_id == site_id, shifts.c.phone_id == phone_id, shifts.c.ended_ms.is_(None))
        conn.execute(update(shifts).where(*open_shifts).values(phone_id=None))
        audit.record(conn, site_id, by, "phone.revoked", phone_id, now_ms)
    return ended


def by_token(conn: Connection, site_id: str, token: str) -> dict[str, Any] | None:
    """The phone that shows this token; None when it was revoked or never ours."""
    query = select(phones).where(_p.site_id == site_id, _p.token_hash == token_hash(token), _p.revoked_ms.is_(None))
    row = conn.execute(query).mappings().first()
    return None if row is None else dict(row)


def heard(tx: Transaction, phone_id: str) -> None:
    """A sign of life. Time never goes back: a late one changes nothing."""
    this = (_p.site_id == tx.site_id, _p.id == phone_id)
    was_silent = tx.conn.execute(select(_p.silent).where(*this)).scalar()
    tx.conn.execute(update(phones).where(*this, _p.heard_ms <= tx.now_ms).values(heard_ms=tx.now_ms, silent=False))
    if was_silent:
        tx.change("health", "phone")


def listed(conn: Connection, site_id: str) -> list[dict[str, Any]]:
    """Every phone that works, by its label."""
    query = select(phones).where(_p.site_id == site_id, _p.revoked_ms.is_(None)).order_by(_p.label, _p.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def of_functions(conn: Connection, site_id: str, ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """The phones that ring for functions now: the one checked in with, else those registered for it."""
    on_it = (shifts.c.site_id == _p.site_id) & (shifts.c.phone_id == _p.id) & shifts.c.ended_ms.is_(None)
    query = (
        select(phones, shifts.c.function_id.label("carried_by"))
        .outerjoin(shifts, on_it)
        .where(_p.site_id == site_id, _p.revoked_ms.is_(None))
        .order_by(_p.id)
    )
    carried: dict[str, list[dict[str, Any]]] = defaultdict(list)
    registered: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in conn.execute(query).mappings():
        if row["carried_by"] is not None:
            carried[row["carried_by"]].append(dict(row))
        elif row["function_id"] is not None:
            registered[row["function_id"]].append(dict(row))
    return {one: carried.get(one) or registered.get(one, []) for one in ids}


def is_silent(phone: dict[str, Any], now_ms: int) -> bool:
    return bool(now_ms > phone["heard_ms"] + phone["limit_ms"])


def say_silent(tx: Transaction) -> None:
    """Phones that have fallen silent: pages are told, once."""
    gone = (_p.site_id == tx.site_id, _p.revoked_ms.is_(None), _p.silent.is_(False))
    late = tx.conn.execute(
        update(phones).where(*gone, _p.heard_ms + _p.limit_ms < tx.now_ms).values(silent=True)
    ).rowcount
    if late:
        tx.change("health", "phone")


def next_silent_ms(tx: Transaction) -> int | None:
    """When the next phone falls silent if it is not heard."""
    query = select(func.min(_p.heard_ms + _p.limit_ms)).where(
        _p.site_id == tx.site_id, _p.revoked_ms.is_(None), _p.silent.is_(False)
    )
    found = tx.conn.execute(query).scalar()
    return None if found is None else int(found) + 1
