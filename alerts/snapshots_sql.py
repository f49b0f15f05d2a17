"""Edge: states of folds in the desk's database (port `ingest.journal.SnapshotStore`), where every worker reaches them.

A snapshot is one row and one transaction, so it is whole or not there. It takes no turn at the desk: a worker that
writes a large state holds up neither alarm nor act of another.
"""

from __future__ import annotations

import time

from sqlalchemy import delete, insert, select

from alerts.database import Database
from alerts.database_postgres import AS_BYTES
from alerts.schema.folds import bases

KEPT = 2


class SqlSnapshots:
    """Snapshots by name `<lane>/<partition>` (or `<lane>`, which is partition 0). Callable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        """See the port; keeps the newest two of the name. One that is older than both is forgotten at once, so a
        worker that wakes late takes nothing from who has its partition now.
        """
        lane, partition = _place(name)
        of_name = (bases.c.lane == lane, bases.c.partition == partition)
        row = {"lane": lane, "partition": partition, "position": position, "engine": engine, "state": state}
        newest = select(bases.c.position).where(*of_name).order_by(bases.c.position.desc()).limit(KEPT)
        with self._database.aside.begin() as conn:
            conn.execute(delete(bases).where(*of_name, bases.c.position == position))
            conn.execute(insert(bases).values(**row, saved_ms=time.time_ns() // 1_000_000))
            kept = conn.execute(newest).scalars().all()
            conn.execute(delete(bases).where(*of_name, bases.c.position.not_in(kept)))

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        """See the port."""
        lane, partition = _place(name)
        query = (
            select(bases.c.position, bases.c.state)
            .where(bases.c.lane == lane, bases.c.partition == partition)
            .where(bases.c.engine == engine, bases.c.position <= not_after)
            .order_by(bases.c.position.desc())
            .limit(1)
            .execution_options(**{AS_BYTES: True})
        )
        with self._database.reader.connect() as conn:
            found = conn.execute(query).first()
        return None if found is None else (found.position, bytes(found.state))


def _place(name: str) -> tuple[str, int]:
    lane, _, partition = name.partition("/")
    return lane, int(partition or 0)
