"""What is held back, until when and why: silences, outages, rates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _silences_and_outages()
    _whom_they_concern()
    op.add_column("incidents", sa.Column("quiet", sa.JSON(), nullable=True))
    op.add_column("incidents", sa.Column("quiet_until_ms", sa.BigInteger(), nullable=True))


def _silences_and_outages() -> None:
    op.create_table(
        "silences",
        sa.Column("silence_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=64), nullable=True),
        sa.Column("home", sa.String(length=300), nullable=True),
        sa.Column("resident", sa.String(length=64), nullable=True),
        sa.Column("device", sa.String(length=64), nullable=True),
        sa.Column("rule", sa.String(length=16), nullable=True),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("author_name", sa.String(length=200), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("silence_id", name=op.f("pk_silences")),
    )
    op.create_index(op.f("ix_silences_site_id_until_ms"), "silences", ["site_id", "until_ms"], unique=False)
    op.create_table(
        "outages",
        sa.Column("outage_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("ward_id", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("homes_gone", sa.Integer(), nullable=False),
        sa.Column("homes_most", sa.Integer(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("outage_id", name=op.f("pk_outages")),
    )
    not_over = sa.text("closed_ms IS NULL")
    op.create_index(
        "ix_outages_open", "outages", ["site_id", "ward_id"], unique=False,
        sqlite_where=not_over, postgresql_where=not_over,
    )  # fmt: skip


def _whom_they_concern() -> None:
    op.create_table(
        "gateways_down",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("home_id", sa.String(length=300), nullable=False),
        sa.Column("gateway_id", sa.String(length=64), nullable=False),
        sa.Column("ward_id", sa.String(length=64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("back_ms", sa.BigInteger(), nullable=True),
        sa.Column("outage_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "home_id", "gateway_id", "since_ms", name=op.f("pk_gateways_down")),
    )
    op.create_index(op.f("ix_gateways_down_outage_id"), "gateways_down", ["outage_id"], unique=False)
    not_back = sa.text("back_ms IS NULL")
    op.create_index(
        "ix_gateways_down_now", "gateways_down", ["site_id", "ward_id"], unique=False,
        sqlite_where=not_back, postgresql_where=not_back,
    )  # fmt: skip
    op.create_table(
        "outage_people",
        sa.Column("outage_id", sa.String(length=64), nullable=False),
        sa.Column("resident_id", sa.String(length=64), nullable=False),
        sa.Column("home_id", sa.String(length=300), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("back_ms", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=True),
        sa.Column("ticked_ms", sa.BigInteger(), nullable=True),
        sa.Column("ticked_by", sa.String(length=64), nullable=True),
        sa.Column("ticked_name", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("outage_id", "resident_id", name=op.f("pk_outage_people")),
    )
