"""Tables beside the alerts: who is not watched, what was held back, which acts were answered, who gave whom access.

For: what the desk keeps so that pages, retries and inspectors find it; most of it is cut by age (`retention.py`).
What may live here: tables on the one MetaData, nothing that reads or writes them.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, String, Table, Text

from alerts.schema.alerts import CODE, ID, KEY, SEQUENCE
from alerts.schema.metadata import metadata

# Who is not watched now, and by which rule ("" = all).
protection = Table(
    "protection",
    metadata,
    Column("home_id", KEY, nullable=False),
    Column("subject_id", KEY, nullable=False),
    Column("rule", String(16), nullable=False),
    Column("site_id", ID, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("reason", JSON, nullable=False),
    PrimaryKeyConstraint("home_id", "subject_id", "rule"),
)

# No alert, but somebody will ask. Cut by age.
observations = Table(
    "observations",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("home_id", KEY, nullable=False),
    Column("subject_id", KEY, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", CODE, nullable=False),
    Column("rule", String(16)),
    Column("reason", JSON, nullable=False),
    Column("causes", JSON, nullable=False),
    Index(None, "subject_id", "at_ms"),
    Index(None, "at_ms"),
)

# An act that comes twice is answered the same, and done once.
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("request", String(64), nullable=False),  # hash of who, what, which alert and the body
    Column("answer", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "at_ms"),
)

# What the reconciler found and whether it could mend it. Cut by age.
findings = Table(
    "findings",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", CODE, nullable=False),
    Column("ref", KEY, nullable=False),
    Column("repaired", Boolean, nullable=False),
    Index(None, "at_ms"),
)

# Who changed who may use the service. Append-only, never cut.
audit = Table(
    "audit",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("site_id", ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", ID),  # account; NULL = the service itself
    Column("what", CODE, nullable=False),
    Column("about", ID, nullable=False),
    Column("args", JSON, nullable=False),
    Index(None, "site_id", "id"),
    sqlite_autoincrement=True,
)
