"""Edge: one of several desk processes checks (`alerts/checks/reconciler.py`), and that it does is checked.

Theory of operation. The right to check is a **lease**, one row (`leases`), taken by compare-and-set and renewed only by
a check that came to its end. Who dies or hangs in one loses it after LATE_MS, and the next process that asks takes it.
A check that ends after its lease went to another counts for nothing. That none has ended for LATE_MS is known to every
process by the row, and said on the board, at `/health/ready` and outside (`alerts/checks/heartbeat.py`), which falls
silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from sqlalchemy import func, select, update

from alerts.checks.reconciler import SAY_AGAIN_MS, Finding, Reconciler
from alerts.database import Database
from alerts.lease import take_lease
from alerts.schema.checks import leases
from alerts.schema.upkeep import findings

log = structlog.get_logger()

AUDIT = "audit"
LATE_MS = 60_000
LATELY_MS = SAY_AGAIN_MS  # a finding that lasts is said again within this


class Audit(msgspec.Struct, frozen=True):
    """How the checks stand. `done_ms` 0: none has ended yet. `findings`: kind -> how many, of the last ten minutes."""

    holder: str
    done_ms: int
    late: bool
    leads: bool  # this process holds the lease
    findings: dict[str, int]


class Auditor:
    """Checks where this process has the lease. `run_once` from one thread, `state` from any."""

    def __init__(self, reconciler: Reconciler, database: Database, holder: str, clock: Callable[[], int]) -> None:
        """`holder` names this process among others; a name of before its restart may be used again."""
        self.reconciler, self._database, self._holder, self._clock = reconciler, database, holder, clock
        self.begun_ms = clock()  # nobody is late who has only just begun to look

    def run_once(self, now_ms: int, up_to: Mapping[int, int] | None = None) -> list[Finding] | None:
        """See `Reconciler.run_once`; None where another process checks."""
        if not self._take(now_ms):
            return None
        found = self.reconciler.run_once(now_ms, up_to)
        end_ms = self._clock()
        mine = update(leases).where(leases.c.name == AUDIT, leases.c.holder == self._holder)
        with self._database.writer.begin() as conn:
            kept = conn.execute(mine.values(until_ms=end_ms + LATE_MS, done_ms=end_ms)).rowcount == 1
        if not kept:
            log.error("audit_lost_its_lease", took_ms=end_ms - now_ms)
        return found

    def state(self, now_ms: int) -> Audit:
        """As the rows say; cheap."""
        lately = select(findings.c.kind, func.count().label("times")).where(findings.c.at_ms > now_ms - LATELY_MS)
        with self._database.reader.connect() as conn:
            row = conn.execute(select(leases).where(leases.c.name == AUDIT)).mappings().first()
            found = {row.kind: row.times for row in conn.execute(lately.group_by(findings.c.kind))}
        lease: dict[str, Any] = {"holder": "", "done_ms": 0} if row is None else {**row}
        late = now_ms - max(lease["done_ms"], self.begun_ms) > LATE_MS
        return Audit(lease["holder"], lease["done_ms"], late, lease["holder"] == self._holder, found)

    def _take(self, now_ms: int) -> bool:
        with self._database.writer.begin() as conn:
            return take_lease(conn, AUDIT, self._holder, now_ms, LATE_MS)
