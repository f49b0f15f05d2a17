"""Edge: what one process at a time may do, among all that share the desk's database: a row, taken by compare-and-set.

For: the lease itself. Who takes one renews it before its time is over, or another has it then; whoever wakes after
that must find what it did refused or repeatable.
"""

from __future__ import annotations

from sqlalchemy import Connection, or_, update

from alerts.schema.checks import leases
from alerts.statements import add_missing


def take_lease(conn: Connection, name: str, holder: str, now_ms: int, kept_ms: int) -> bool:
    """Whether it is this holder's until now + kept: it was already, or it was nobody's any more."""
    free = or_(leases.c.holder == holder, leases.c.until_ms <= now_ms)
    wanted = {"holder": holder, "until_ms": now_ms + kept_ms}
    if add_missing(conn, leases, {"name": name, "done_ms": 0, **wanted}) == 1:
        return True
    return conn.execute(update(leases).where(leases.c.name == name, free).values(wanted)).rowcount == 1
