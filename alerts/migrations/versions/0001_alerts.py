"""The desk: alerts, incidents, timers, messages and what stands beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _alerts()
    _applied()
    _attempts()
    _causes()
    _changes()
    _effects()
    _findings()
    _idempotency()
    _incidents()
    _observations()
    _outbox()
    _protection()
    _timeline()
    _timers()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


TABLES = (
    "alerts",
    "applied",
    "attempts",
    "causes",
    "changes",
    "effects",
    "findings",
    "idempotency",
    "incidents",
    "observations",
    "outbox",
    "protection",
    "timeline",
    "timers",
)


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("home_id", sa.String(length=300), nullable=False),
        sa.Column("ward_id", sa.String(length=64), nullable=True),
        sa.Column("subject_id", sa.String(length=300), nullable=False),
        sa.Column("resident_id", sa.String(length=64), nullable=True),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("rule_version", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.String(length=2), nullable=False),
        sa.Column("raised_from", sa.String(length=2), nullable=True),
        sa.Column("episode", sa.String(length=300), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("alarm", sa.Boolean(), nullable=False),
        sa.Column("staff_alarm", sa.Boolean(), nullable=False),
        sa.Column("trigger", sa.String(length=300), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("self_resolves", sa.Boolean(), nullable=False),
        sa.Column("ever_claimed", sa.Boolean(), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("handling", sa.String(length=16), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.String(length=64), nullable=True),
        sa.Column("continued_by", sa.String(length=64), nullable=True),
        sa.Column("presses", sa.Integer(), nullable=False),
        sa.Column("last_press_ms", sa.BigInteger(), nullable=True),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("cleared_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("late_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("suppressed", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=True),
        sa.Column("cause_code", sa.String(length=64), nullable=True),
        sa.Column("action_code", sa.String(length=64), nullable=True),
        sa.Column("contact_code", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "ix_alerts_device_test",
        "alerts",
        ["device_id", "opened_ms"],
        unique=False,
        sqlite_where=sa.text("test = 1"),
        postgresql_where=sa.text("test"),
    )
    op.create_index(op.f("ix_alerts_incident_id"), "alerts", ["incident_id"], unique=False)
    op.create_index(op.f("ix_alerts_merged_into"), "alerts", ["merged_into"], unique=False)
    op.create_index(
        "ix_alerts_open",
        "alerts",
        ["opened_ms", "alert_id"],
        unique=False,
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )
    op.create_index(
        "ix_alerts_open_trigger",
        "alerts",
        ["subject_id", "trigger"],
        unique=False,
        sqlite_where=sa.text("open = 1 AND alarm = 1"),
        postgresql_where=sa.text("open AND alarm"),
    )
    op.create_index(op.f("ix_alerts_opened_ms_alert_id"), "alerts", ["opened_ms", "alert_id"], unique=False)
    op.create_index(op.f("ix_alerts_subject_id_opened_ms"), "alerts", ["subject_id", "opened_ms"], unique=False)
    op.create_index(op.f("ix_alerts_ward_id_opened_ms"), "alerts", ["ward_id", "opened_ms"], unique=False)


def _applied() -> None:
    op.create_table(
        "applied",
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "partition", name=op.f("pk_applied")),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("may_repeat", sa.Boolean(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempts_message_id"), "attempts", ["message_id"], unique=False)
    op.create_index(
        "ix_attempts_unfinished",
        "attempts",
        ["started_ms"],
        unique=False,
        sqlite_where=sa.text("result IS NULL"),
        postgresql_where=sa.text("result IS NULL"),
    )


def _causes() -> None:
    op.create_table(
        "causes",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("observed_ms", sa.BigInteger(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("effective_ms", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("quality", sa.JSON(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "event_id", name=op.f("pk_causes")),
    )
    op.create_index(op.f("ix_causes_event_id"), "causes", ["event_id"], unique=False)


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.String(length=300), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )


def _effects() -> None:
    op.create_table(
        "effects",
        sa.Column("lane", sa.String(length=64), nullable=False),
        sa.Column("effect_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "effect_id", name=op.f("pk_effects")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_effects_at_ms"), "effects", ["at_ms"], unique=False)


def _findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("ref", sa.String(length=300), nullable=False),
        sa.Column("repaired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_at_ms"), "findings", ["at_ms"], unique=False)


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_at_ms"), "idempotency", ["at_ms"], unique=False)


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("home_id", sa.String(length=300), nullable=False),
        sa.Column("ward_id", sa.String(length=64), nullable=True),
        sa.Column("subject_id", sa.String(length=300), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.String(length=2), nullable=False),
        sa.Column("alarm", sa.Boolean(), nullable=False),
        sa.Column("staff_alarm", sa.Boolean(), nullable=False),
        sa.Column("handling", sa.String(length=16), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("claimed_name", sa.String(length=200), nullable=True),
        sa.Column("claimed_function", sa.String(length=64), nullable=True),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=True),
        sa.Column("handed_to", sa.String(length=64), nullable=True),
        sa.Column("contact_ms", sa.BigInteger(), nullable=True),
        sa.Column("on_site_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_alarm_ms", sa.BigInteger(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incidents")),
    )
    op.create_index(
        "ix_incidents_open",
        "incidents",
        ["priority", "opened_ms"],
        unique=False,
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )
    op.create_index(
        "uq_incidents_open_key",
        "incidents",
        ["site_id", "key"],
        unique=True,
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )


def _observations() -> None:
    op.create_table(
        "observations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=300), nullable=False),
        sa.Column("subject_id", sa.String(length=300), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("causes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
    )
    op.create_index(op.f("ix_observations_at_ms"), "observations", ["at_ms"], unique=False)
    op.create_index(op.f("ix_observations_subject_id_at_ms"), "observations", ["subject_id", "at_ms"], unique=False)


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.String(length=2), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target_kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("target_name", sa.String(length=200), nullable=False),
        sa.Column("key_tag", sa.String(length=200), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_created_ms"), "outbox", ["created_ms"], unique=False)
    op.create_index(op.f("ix_outbox_incident_id"), "outbox", ["incident_id"], unique=False)
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["priority", "due_ms", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'sending')"),
    )


def _protection() -> None:
    op.create_table(
        "protection",
        sa.Column("home_id", sa.String(length=300), nullable=False),
        sa.Column("subject_id", sa.String(length=300), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "subject_id", "rule", name=op.f("pk_protection")),
    )


def _timeline() -> None:
    op.create_table(
        "timeline",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=True),
        sa.Column("incident_id", sa.String(length=64), nullable=True),
        sa.Column("subject_id", sa.String(length=300), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=True),
        sa.Column("text_code", sa.String(length=64), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("vkp", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_timeline_alert_id_id"), "timeline", ["alert_id", "id"], unique=False)
    op.create_index(op.f("ix_timeline_incident_id_id"), "timeline", ["incident_id", "id"], unique=False)
    op.create_index(op.f("ix_timeline_subject_id_at_ms"), "timeline", ["subject_id", "at_ms"], unique=False)


def _timers() -> None:
    op.create_table(
        "timers",
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "kind", "alert_id", name=op.f("pk_timers")),
    )
    op.create_index(op.f("ix_timers_due_ms"), "timers", ["due_ms"], unique=False)
