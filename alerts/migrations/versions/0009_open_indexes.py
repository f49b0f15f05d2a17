"""Open alerts found by home and by device; the index of merged alerts holds only those."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("home", "device"):
        op.create_index(
            f"ix_alerts_open_{column}", "alerts", [f"{column}_id"], unique=False, sqlite_where=sa.text("open = 1"),
            postgresql_where=sa.text("open"),
        )  # fmt: skip
    merged = sa.text("merged_into IS NOT NULL")
    op.drop_index("ix_alerts_merged_into", table_name="alerts")
    op.create_index(
        "ix_alerts_merged_into", "alerts", ["merged_into"], unique=False, sqlite_where=merged, postgresql_where=merged
    )
