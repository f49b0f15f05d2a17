"""Who is on shift: check-ins, the rota, phones, PINs, and the last day of temps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.String(length=64)


def upgrade() -> None:
    _rota()
    _shifts()
    op.create_table(
        "phones",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("function_id", ID, nullable=True),
        sa.Column("token_hash", ID, nullable=False),
        sa.Column("limit_ms", sa.BigInteger(), nullable=False),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_phones")),
        sa.UniqueConstraint("site_id", "token_hash", name=op.f("uq_phones_site_id_token_hash")),
    )
    op.create_table(
        "pins",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("set_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "user_id"], ["users.site_id", "users.id"], name=op.f("fk_pins_site_id_user_id_users")
        ),
        sa.PrimaryKeyConstraint("site_id", "user_id", name=op.f("pk_pins")),
    )
    op.add_column("staff", sa.Column("until_date", sa.String(length=10), nullable=True))
    op.add_column("sessions", sa.Column("phone_id", ID, nullable=True))


def _rota() -> None:
    op.create_table(
        "rota",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("function_id", ID, nullable=False),
        sa.Column("planned_staff_id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("agreed_by", ID, nullable=True),
        sa.Column("saved_by", ID, nullable=True),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_rota")),
    )
    op.create_index(
        op.f("ix_rota_site_id_function_id_until_ms"), "rota", ["site_id", "function_id", "until_ms"], unique=False
    )
    op.create_index(op.f("ix_rota_site_id_until_ms"), "rota", ["site_id", "until_ms"], unique=False)


def _shifts() -> None:
    op.create_table(
        "shifts",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("function_id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("phone_id", ID, nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", ID, nullable=True),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_shifts")),
    )
    op.create_index(
        op.f("ix_shifts_site_id_function_id_since_ms"), "shifts", ["site_id", "function_id", "since_ms"], unique=False
    )
    op.create_index(
        "uq_shifts_open_function", "shifts", ["site_id", "function_id"], unique=True,
        sqlite_where=sa.text("ended_ms IS NULL"), postgresql_where=sa.text("ended_ms IS NULL"),
    )  # fmt: skip
