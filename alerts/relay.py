"""Edge: what the desk decides on its way to the folds. Rows are written in the desk's own transactions and sent to RAW
afterwards, in order, each at least once; the folds ignore a version or an act that they have seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from alerts.database import Database
from alerts.lease import take_lease
from alerts.schema.people import relay
from alerts.statements import add
from ingest.record import SETTING, STAFF, RawRecord, Setting

BATCH = 500
SYNC_WITHIN_S = 30.0
RELAY = "relay"  # name of the lease
LEASE_MS = 10_000  # where several processes could send: who has it dies, and settings wait this long


def enqueue_setting(conn: Connection, site_id: str, setting: Setting, now_ms: int) -> None:
    """Leave a setting for the folds, in the transaction that saved it."""
    payload = msgspec.json.encode(setting, order="sorted").decode()
    _enqueue(conn, site_id, SETTING, setting.setting_id, payload, now_ms)


def enqueue_staff(conn: Connection, site_id: str, act: Mapping[str, Any], now_ms: int) -> None:
    """Leave what staff did on the spot ({"type": "staff.arrived", …}, see ingest.record) for the folds."""
    _enqueue(conn, site_id, STAFF, "", msgspec.json.encode(act, order="sorted").decode(), now_ms)


def _enqueue(conn: Connection, site_id: str, kind: str, topic: str, payload: str, now_ms: int) -> None:
    row = {"site_id": site_id, "kind": kind, "topic": topic, "payload": payload, "created_ms": now_ms}
    add(conn, relay, row)


class Relay:
    """Carries waiting rows to receive. One caller at a time; the rows' order is the order of their commits."""

    def __init__(
        self,
        database: Database,
        submit: Callable[[Sequence[RawRecord]], Future[int]],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        holder: str = "",
    ) -> None:
        """`submit` as `ingest.receive.Receiver.submit_many`: it stamps the time, its future resolves once synced.
        `holder` names this process among others that relay; of those, one at a time does.
        """
        self._database, self._submit, self._clock, self._holder = database, submit, clock, holder

    def run_once(self) -> int:
        """Send what waits, at most BATCH rows, and mark it once it is on disk; how many.

        Raises what the future raises (JournalError, TimeoutError): the rows stay and go again with the next call. A
        crash between disk and mark sends them twice, which the folds do not notice.
        """
        with self._database.reader.connect() as conn:
            query = select(relay).where(relay.c.relayed_ms.is_(None)).order_by(relay.c.id).limit(BATCH)
            rows = conn.execute(query).all()
        if not rows or not self._my_turn():
            return 0
        records = [RawRecord(row.created_ms, row.kind, row.topic, row.payload.encode()) for row in rows]
        self._submit(records).result(timeout=SYNC_WITHIN_S)
        with self._database.writer.begin() as conn:
            done = update(relay).where(relay.c.id.in_([row.id for row in rows]))
            conn.execute(done.values(relayed_ms=self._clock()))
        return len(rows)

    def _my_turn(self) -> bool:
        """Whoever loses the lease amid a call sends rows that another sends too, which the folds do not notice."""
        if not self._holder:
            return True
        with self._database.aside.begin() as conn:
            return take_lease(conn, RELAY, self._holder, self._clock(), LEASE_MS)

    def waiting(self) -> int:
        """How many rows have not reached RAW yet."""
        with self._database.reader.connect() as conn:
            return conn.execute(
                select(func.count()).select_from(relay).where(relay.c.relayed_ms.is_(None))
            ).scalar_one()

    def cut(self, before_ms: int) -> int:
        """Delete rows that were relayed before a time; how many. RAW has them."""
        with self._database.writer.begin() as conn:
            return conn.execute(delete(relay).where(relay.c.relayed_ms < before_ms)).rowcount
