"""Tables of what folds keep in the desk where they run on many machines: their states, to begin from, and what rules on
trial would have told.

What may live here: tables on the one MetaData, nothing that reads or writes them. Where each fold stands (`applied`)
moves with its effects and stands in `alerts/schema/alerts.py`.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from alerts.schema.alerts import ID, KEY, SEQUENCE
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

# Alerts that nobody is told of (alerts/shadow_sql.py). Cut by age and number.
shadow_alerts = Table(
    "shadow_alerts",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("version", ID, nullable=False),  # hash of the book on trial
    Column("alert_id", ID, nullable=False),
    Column("rule", String(16), nullable=False),
    Column("home_id", KEY, nullable=False),
    Column("subject_id", KEY, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("priority", String(2), nullable=False),
    Column("code", String(16), nullable=False),
    Column("reason", JSON, nullable=False),
    Column("ended_ms", BigInteger),
    Column("ended", String(16), nullable=False),  # "" | cleared | retracted | left
    UniqueConstraint("version", "alert_id"),
    Index(None, "at_ms", "seq"),
)
