"""Numbers of what happened when, hand-overs of shifts, lists of untested devices, and who checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from alerts.numbers import moments

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "moments",
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("ward_id", sa.String(length=64), nullable=True),
        sa.Column("priority", sa.String(length=2), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=300), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("local_day", sa.Integer(), nullable=False),
        sa.Column("local_hour", sa.Integer(), nullable=False),
        sa.Column("told_s", sa.Integer(), nullable=True),
        sa.Column("claimed_s", sa.Integer(), nullable=True),
        sa.Column("arrived_s", sa.Integer(), nullable=True),
        sa.Column("ended_s", sa.Integer(), nullable=True),
        sa.Column("documented_s", sa.Integer(), nullable=True),
        sa.Column("ending", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_moments")),
    )
    op.create_index(op.f("ix_moments_site_id_opened_ms"), "moments", ["site_id", "opened_ms"], unique=False)
    for name in ("told_s", "claimed_s", "arrived_s", "ended_s"):
        columns = ["site_id", "ward_id", "priority", name, "opened_ms"]
        op.create_index(f"ix_moments_{name}", "moments", columns, unique=False)
    op.create_table(
        "handovers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("ward_id", sa.String(length=64), nullable=True),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("accepted_by", sa.String(length=64), nullable=False),
        sa.Column("accepted_name", sa.String(length=200), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_handovers_site_id_ward_id_until_ms"), "handovers", ["site_id", "ward_id", "until_ms"], unique=False
    )
    _checks()
    conn = op.get_bind()
    for site in conn.execute(sa.text("SELECT DISTINCT site_id FROM alerts")).scalars().all():
        moments.rebuild(conn, site)  # from the timeline of what was before


def _checks() -> None:
    op.create_table(
        "untested_lists",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("ward_id", sa.String(length=64), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "ward_id", name=op.f("pk_untested_lists")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    for name, table, columns, where in (
        ("ix_setting_versions_tests", "setting_versions", ["site_id", "saved_ms"], "kind = 'test_session'"),
        ("ix_alerts_untested", "alerts", ["site_id", "ward_id"], "rule = 'R48' AND condition = 'active'"),
        ("ix_outbox_exhausted", "outbox", ["done_ms"], "state = 'exhausted'"),
    ):
        found = sa.text(where)
        op.create_index(name, table, columns, unique=False, sqlite_where=found, postgresql_where=found)
    op.create_index(
        "ix_incidents_held_back", "incidents", ["quiet_until_ms"], unique=False,
        sqlite_where=sa.text("open = 1 AND quiet_until_ms IS NOT NULL"),
        postgresql_where=sa.text("open AND quiet_until_ms IS NOT NULL"),
    )  # fmt: skip
