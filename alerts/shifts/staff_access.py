"""Edge: how long somebody of the staff has access, and which wards they see while they are on shift.

A temp's last day is a field of their own (`until` of staff, included): at the midnight after it, by the site's clock,
they are out: no log-in, no session, no push, no shift. Whoever is checked in sees the wards of their functions and no
others, whatever their account says; an operator's view is not narrowed, as they look after the whole.
"""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import Connection, and_, delete, or_, select

from alerts.access.account import Account
from alerts.schema.channels import push_subscriptions
from alerts.schema.people import functions, sites, staff, users
from alerts.schema.shifts import shifts
from alerts.transaction import Transaction
from rules import local_time

DEFAULT_TIMEZONE = "Europe/Oslo"


def timezone_of(conn: Connection, site_id: str) -> str:
    """The site's zone."""
    found = conn.execute(select(sites.c.timezone).where(sites.c.id == site_id)).scalar()
    return str(found or DEFAULT_TIMEZONE)


def access_until_ms(conn: Connection, site_id: str, staff_id: str) -> int | None:
    """The midnight at which somebody's access ends; None = never, also for whom nobody knows."""
    last = conn.execute(select(staff.c.until_date).where(staff.c.site_id == site_id, staff.c.id == staff_id)).scalar()
    return None if last is None else end_of_day_ms(last, timezone_of(conn, site_id))


def has_access(conn: Connection, site_id: str, staff_id: str | None, now_ms: int) -> bool:
    """Whether somebody may come in now. Who is nobody of the staff is not bound by a last day."""
    until_ms = None if staff_id is None else access_until_ms(conn, site_id, staff_id)
    return until_ms is None or now_ms < until_ms


def end_of_day_ms(day: str, timezone: str) -> int:
    """The instant after a day written as 2026-07-20."""
    _, end_ms = local_time.day_range_ms(date.fromisoformat(day), date.fromisoformat(day), timezone)
    assert end_ms is not None, "a day ends"
    return end_ms


def on_shift(conn: Connection, site_id: str, account: Account, now_ms: int) -> Account | None:
    """The account as it is now: with the wards of its functions while checked in; None when its access has ended."""
    if account.staff_id is None:
        return account
    if not has_access(conn, site_id, account.staff_id, now_ms):
        return None
    if "operator" in account.roles:
        return account
    query = (
        select(functions.c.ward)
        .join(shifts, (shifts.c.function_id == functions.c.id) & (shifts.c.site_id == functions.c.site_id))
        .where(shifts.c.site_id == site_id, shifts.c.staff_id == account.staff_id, shifts.c.ended_ms.is_(None))
        .distinct()
        .order_by(functions.c.ward)
    )
    wards = tuple(conn.execute(query).scalars())
    return msgspec.structs.replace(account, wards=wards) if wards else account


def end_pushes(tx: Transaction) -> None:
    """Forget the browsers of those whose access has ended: their own, and those they let ring for a function."""
    for subscription_id, until_ms in _ending_pushes(tx):
        if until_ms <= tx.now_ms:
            tx.conn.execute(delete(push_subscriptions).where(push_subscriptions.c.id == subscription_id))


def next_push_end_ms(tx: Transaction) -> int | None:
    """When the next browser is to be forgotten."""
    return min((until_ms for _, until_ms in _ending_pushes(tx)), default=None)


def _ending_pushes(tx: Transaction) -> list[tuple[str, int]]:
    """Subscriptions of people with a last day, and when it is over."""
    pushes, mine = push_subscriptions.c, users.c.id == push_subscriptions.c.created_by
    whose = or_(and_(pushes.owner_kind == "staff", pushes.owner == staff.c.id), users.c.staff_id == staff.c.id)
    query = (
        select(pushes.id, staff.c.until_date)
        .select_from(push_subscriptions)
        .join(users, mine & (users.c.site_id == pushes.site_id), isouter=True)
        .join(staff, whose & (staff.c.site_id == pushes.site_id))
        .where(pushes.site_id == tx.site_id, staff.c.until_date.is_not(None))
    )
    found = tx.conn.execute(query).all()
    timezone = timezone_of(tx.conn, tx.site_id) if found else ""
    return [(row.id, end_of_day_ms(row.until_date, timezone)) for row in found]
