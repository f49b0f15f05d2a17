"""Tables of what folds keep in the desk where they run on many machines: their states, to begin from.

What may live here: tables on the one MetaData, nothing that reads or writes them. Where each fold stands (`applied`)
moves with its effects and stands in `alerts/schema/alerts.py`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from alerts.schema.alerts import ID
from alerts.schema.metadata import metadata

# A state of a partition of a lane as it was at a position; the newest two are kept (alerts/snapshots_sql.py).
bases = Table(
    "bases",
    metadata,
    Column("lane", ID, nullable=False),
    Column("partition", Integer, nullable=False, autoincrement=False),
    Column("position", BigInteger, nullable=False, autoincrement=False),
    Column("engine", String(200), nullable=False),  # version of code, zones and holidays that wrote it
    Column("state", LargeBinary, nullable=False),
    Column("saved_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("lane", "partition", "position"),
)
