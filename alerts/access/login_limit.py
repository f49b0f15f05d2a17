"""Edge: how often somebody may try to log in: per user and per sender, counted over the last minutes in rows.

A try is counted before the password is checked, so that a hundred at once do not slip through together, and forgiven
when it was right. What is refused is not counted: a lock ends by itself, however long somebody knocks. Rows are
bounded; names are kept as hashes, because people type passwords into name fields.
"""

from __future__ import annotations

import hashlib
import ipaddress

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from alerts.schema.people import login_attempts

WINDOW_MS = 5 * 60_000
PER_USER = 10
PER_SOURCE = 30
ROWS_MAX = 5_000

_columns = login_attempts.c


def login_name(login: str) -> str:
    """What is kept of a typed user name."""
    return hashlib.blake2b(login.encode(errors="replace"), digest_size=16).hexdigest()


def source_name(source: str) -> str:
    """Who sends: an IPv4 address, or the network of an IPv6 one, whose owner has 2⁶⁴ addresses."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source[:64]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def wait_ms(conn: Connection, site_id: str, login: str, source: str, now_ms: int) -> int:
    """How long until the next try is allowed; 0 = now."""
    by_user = _wait(conn, site_id, _columns.login == login_name(login), PER_USER, now_ms)
    by_source = _wait(conn, site_id, _columns.source == source_name(source), PER_SOURCE, now_ms)
    return max(by_user, by_source)


def count(conn: Connection, site_id: str, login: str, source: str, now_ms: int) -> None:
    """Count a try, and forget those that no longer matter."""
    of_site = _columns.site_id == site_id
    conn.execute(delete(login_attempts).where(of_site, _columns.at_ms <= now_ms - WINDOW_MS))
    row = {"site_id": site_id, "login": login_name(login), "source": source_name(source), "at_ms": now_ms}
    conn.execute(insert(login_attempts).values(row))
    newest = conn.execute(select(func.max(_columns.id))).scalar_one()
    conn.execute(delete(login_attempts).where(of_site, _columns.id <= newest - ROWS_MAX))


def forgive(conn: Connection, site_id: str, login: str) -> None:
    """The password was right: the tries for this user are forgotten."""
    conn.execute(delete(login_attempts).where(_columns.site_id == site_id, _columns.login == login_name(login)))


def _wait(conn: Connection, site_id: str, who: ColumnElement[bool], allowed: int, now_ms: int) -> int:
    """Until the oldest of the last `allowed` tries leaves the window."""
    query = (
        select(_columns.at_ms)
        .where(_columns.site_id == site_id, who, _columns.at_ms > now_ms - WINDOW_MS)
        .order_by(_columns.at_ms.desc())
        .offset(allowed - 1)
        .limit(1)
    )
    limiting = conn.execute(query).scalar()
    return 0 if limiting is None else max(int(limiting) + WINDOW_MS - now_ms, 1)
