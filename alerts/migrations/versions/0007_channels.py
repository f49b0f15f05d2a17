"""How people are reached: channels, receipts, links, replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID, LINE, MS = sa.String(length=64), sa.String(length=200), sa.BigInteger()
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _messages()
    op.create_table(
        "channel_states",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("channel", ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since_ms", MS, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("latency_ms", MS, nullable=True),
        sa.Column("last_ok_ms", MS, nullable=True),
        sa.Column("last_failed_ms", MS, nullable=True),
        sa.Column("detail", LINE, nullable=True),
        sa.Column("alert_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("site_id", "channel", name=op.f("pk_channel_states")),
    )
    op.create_table(
        "push_subscriptions",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("owner_kind", sa.String(length=16), nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", LINE, nullable=False),
        sa.Column("auth", ID, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("created_ms", MS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscriptions")),
    )
    owner = ["site_id", "owner_kind", "owner"]
    op.create_index(op.f("ix_push_subscriptions_site_id_owner_kind_owner"), "push_subscriptions", owner, unique=False)
    op.create_table(
        "receipts",
        sa.Column("attempt_id", MS, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at_ms", MS, nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", "kind", name=op.f("pk_receipts")),
    )
    _answers()


def _messages() -> None:
    op.add_column("outbox", sa.Column("follow_up", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("outbox", sa.Column("only_channel", ID, nullable=True))
    op.add_column("outbox", sa.Column("args", sa.JSON(), nullable=True))
    op.drop_index("ix_outbox_waiting", table_name="outbox")
    waiting = sa.text("state IN ('pending', 'sending')")
    op.create_index(
        "ix_outbox_waiting", "outbox", ["priority", "follow_up", "due_ms", "id"], unique=False,
        sqlite_where=waiting, postgresql_where=waiting,
    )  # fmt: skip
    op.add_column("attempts", sa.Column("provider_id", LINE, nullable=True))
    op.create_index(op.f("ix_attempts_channel_started_ms"), "attempts", ["channel", "started_ms"], unique=False)
    named = sa.text("provider_id IS NOT NULL")
    op.create_index(
        "ix_attempts_provider", "attempts", ["channel", "provider_id"], unique=False,
        sqlite_where=named, postgresql_where=named,
    )  # fmt: skip


def _answers() -> None:
    op.create_table(
        "phone_answers",
        sa.Column("id", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("at_ms", MS, nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("key", LINE, nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("target_kind", sa.String(length=16), nullable=True),
        sa.Column("target", sa.String(length=300), nullable=True),
        sa.Column("alert_id", ID, nullable=True),
        sa.Column("message_id", MS, nullable=True),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("outcome", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_answers")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_phone_answers_at_ms"), "phone_answers", ["at_ms"], unique=False)
    op.create_index("uq_phone_answers_key", "phone_answers", ["site_id", "via", "key"], unique=True)
    op.create_table(
        "outside_refusals",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("channel", ID, nullable=False),
        sa.Column("reason", ID, nullable=False),
        sa.Column("minute_ms", MS, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "channel", "reason", "minute_ms", name=op.f("pk_outside_refusals")),
    )
    op.create_index(op.f("ix_outside_refusals_minute_ms"), "outside_refusals", ["minute_ms"], unique=False)
