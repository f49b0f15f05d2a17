"""Tables of what is held back, until when and why: silences, outages and whom they concern.

What may live here: tables on the one MetaData, nothing that reads or writes them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from alerts.schema.alerts import CODE, ID, KEY, where_text
from alerts.schema.metadata import metadata

NOT_BACK = "back_ms IS NULL"
NOT_OVER = "closed_ms IS NULL"
RUNNING = "ended_ms IS NULL"
"""Conditions of partial indexes, also used word for word by the queries that need them."""

# Somebody's decision that certain alerts shall not ring for a time. Never edited: ended, and made anew.
silences = Table(
    "silences",
    metadata,
    Column("silence_id", ID, primary_key=True),
    Column("site_id", ID, nullable=False),
    Column("ward", ID),
    Column("home", KEY),
    Column("resident", ID),
    Column("device", ID),
    Column("rule", String(16)),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("author", ID, nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),  # ended before its time
    Column("ended_by", ID),
    Index(None, "site_id", "until_ms"),
)

# Many gateways of one ward gone at one time.
outages = Table(
    "outages",
    metadata,
    Column("outage_id", ID, primary_key=True),
    Column("site_id", ID, nullable=False),
    Column("ward_id", ID, nullable=False),
    Column("alert_id", ID, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("homes_gone", Integer, nullable=False),  # now; counted as they go and come: a count of rows grows with them
    Column("homes_most", Integer, nullable=False),  # at one time, at the most
    Column("closed_ms", BigInteger),  # all are back, or somebody ended it
)
Index("ix_outages_open", outages.c.site_id, outages.c.ward_id, **where_text(NOT_OVER))

# A gateway that is not heard, by home: what outages are made of.
gateways_down = Table(
    "gateways_down",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("home_id", KEY, nullable=False),
    Column("gateway_id", ID, nullable=False),
    Column("ward_id", ID, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("back_ms", BigInteger),
    Column("outage_id", ID),
    PrimaryKeyConstraint("site_id", "home_id", "gateway_id", "since_ms"),
    Index(None, "outage_id"),
)
Index("ix_gateways_down_now", gateways_down.c.site_id, gateways_down.c.ward_id, **where_text(NOT_BACK))

# Whom an outage leaves without a way to call: telephoned, ticked one by one.
outage_people = Table(
    "outage_people",
    metadata,
    Column("outage_id", ID, nullable=False),
    Column("resident_id", ID, nullable=False),
    Column("home_id", KEY, nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("back_ms", BigInteger),
    Column("outcome", CODE),  # spoke | no_answer | visit | visited
    Column("ticked_ms", BigInteger),
    Column("ticked_by", ID),
    Column("ticked_name", String(200)),
    PrimaryKeyConstraint("outage_id", "resident_id"),
)
