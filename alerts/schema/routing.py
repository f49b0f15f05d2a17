"""Tables of who is rung, as data: a site's own policies, every version of them, and what relatives answered.

What may live here: tables on the one MetaData, nothing that reads or writes them. Owner, second helper, search and
the like belong to an incident and stand in `alerts/schema/alerts.py`.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, PrimaryKeyConstraint, String, Table

from alerts.schema.alerts import ID
from alerts.schema.metadata import metadata

# What holds now. `value` as people write it (alerts/routing/policies.py); the ward stands beside it for those who ask
# by ward.
policies = Table(
    "policies",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("policy_id", ID, nullable=False),
    Column("ward", ID),
    Column("value", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("saved_ms", BigInteger, nullable=False),
    Column("saved_by", String(64)),
    PrimaryKeyConstraint("site_id", "policy_id"),
)

# Append-only: each save and each removal, by whom and when. `value` NULL = removed.
policy_versions = Table(
    "policy_versions",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("policy_id", ID, nullable=False),
    Column("version", Integer, nullable=False, autoincrement=False),
    Column("value", JSON(none_as_null=True)),
    Column("saved_ms", BigInteger, nullable=False),
    Column("saved_by", String(64)),
    PrimaryKeyConstraint("site_id", "policy_id", "version"),
)

# A relative's last word about an incident. Who has the alert does not change by it.
responder_answers = Table(
    "responder_answers",
    metadata,
    Column("incident_id", ID, nullable=False),
    Column("contact_id", ID, nullable=False),
    Column("coming", Boolean, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("incident_id", "contact_id"),
)
