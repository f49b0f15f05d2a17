"""Who is rung by data: policies, owners, responders, second helpers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OF_INCIDENTS = (
    ("owner", sa.String(length=64)),
    ("received_ms", sa.BigInteger()),
    ("second_by", sa.String(length=64)),
    ("second_name", sa.String(length=200)),
    ("second_function", sa.String(length=64)),
    ("second_on_site_ms", sa.BigInteger()),
    ("no_voice_ms", sa.BigInteger()),
    ("search_from_ms", sa.BigInteger()),
    ("search_until_ms", sa.BigInteger()),
)


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=64), nullable=True),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.Column("saved_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "policy_id", name=op.f("pk_policies")),
    )
    op.create_table(
        "policy_versions",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("policy_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.Column("saved_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "policy_id", "version", name=op.f("pk_policy_versions")),
    )
    op.create_table(
        "responder_answers",
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("contact_id", sa.String(length=64), nullable=False),
        sa.Column("coming", sa.Boolean(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "contact_id", name=op.f("pk_responder_answers")),
    )
    for name, kind in OF_INCIDENTS:
        op.add_column("incidents", sa.Column(name, kind, nullable=True))
    op.add_column("contacts", sa.Column("hours", sa.String(length=16), nullable=True))
