"""Tables of numbers, hand-overs of shifts, tests of devices, and of who checks.

What may live here: tables on the one MetaData, nothing that reads or writes them.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table, text

from alerts.schema.alerts import CODE, ID, KEY, SEQUENCE, alerts, incidents, outbox, where_text
from alerts.schema.metadata import metadata
from alerts.schema.people import setting_versions

OF_TEST_SESSIONS = "kind = 'test_session'"
UNTESTED = "rule = 'R48' AND condition = 'active'"
EXHAUSTED = "state = 'exhausted'"
"""Conditions of partial indexes, also used word for word by the queries that need them."""

# When what happened in an incident: a projection of the timeline, one row per incident (alerts/numbers/moments.py).
moments = Table(
    "moments",
    metadata,
    Column("incident_id", ID, primary_key=True),
    Column("site_id", ID, nullable=False),
    Column("ward_id", ID),
    Column("priority", String(2), nullable=False),  # the highest it had
    Column("rule", String(16), nullable=False),  # of the alert that opened it
    Column("subject_id", KEY, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("local_day", Integer, nullable=False),  # ordinal of the date in the site's time
    Column("local_hour", Integer, nullable=False),
    # seconds after it opened, NULL = not yet
    Column("told_s", Integer),  # somebody was rung
    Column("claimed_s", Integer),
    Column("arrived_s", Integer),
    Column("ended_s", Integer),
    Column("documented_s", Integer),
    Column("ending", CODE),  # handled | self_resolved
    Index(None, "site_id", "opened_ms"),
)
# Percentiles per ward and priority are read in the order of an index each: sorting a million rows takes seconds.
for _name in ("told_s", "claimed_s", "arrived_s", "ended_s"):
    _columns = (moments.c.site_id, moments.c.ward_id, moments.c.priority, moments.c[_name], moments.c.opened_ms)
    Index(f"ix_moments_{_name}", *_columns)

# A shift's hand-over: what stood in it, and who took it.
handovers = Table(
    "handovers",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("site_id", ID, nullable=False),
    Column("ward_id", ID),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("content", JSON, nullable=False),  # pseudonyms only
    Column("accepted_by", ID, nullable=False),
    Column("accepted_name", String(200), nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    Index(None, "site_id", "ward_id", "until_ms"),
    sqlite_autoincrement=True,
)

# Wards where devices are overdue for a test, and when their next list is due (alerts/device_tests/untested.py).
untested_lists = Table(
    "untested_lists",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("ward_id", ID, nullable=False),  # "" = of no ward
    Column("due_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("site_id", "ward_id"),
)

# What only one of several processes does (alerts/checks/auditor.py). Taken by compare-and-set, renewed by doing it.
leases = Table(
    "leases",
    metadata,
    Column("name", ID, primary_key=True),
    Column("holder", ID, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger, nullable=False),  # when it was last done to its end; 0 = not yet
)

# What the checks ask of tables that others write.
_saved = (setting_versions.c.site_id, setting_versions.c.saved_ms)
Index("ix_setting_versions_tests", *_saved, **where_text(OF_TEST_SESSIONS))
Index("ix_alerts_untested", alerts.c.site_id, alerts.c.ward_id, **where_text(UNTESTED))
Index("ix_outbox_exhausted", outbox.c.done_ms, **where_text(EXHAUSTED))
Index(
    "ix_incidents_held_back",
    incidents.c.quiet_until_ms,
    sqlite_where=text("open = 1 AND quiet_until_ms IS NOT NULL"),
    postgresql_where=text("open AND quiet_until_ms IS NOT NULL"),
)
