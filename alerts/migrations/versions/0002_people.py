"""People and things, their versions, accounts, the relay and the access log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _access_log()
    _books()
    _login_attempts()
    _machine_keys()
    _relay()
    _setting_versions()
    _sites()
    _staff()
    _users()
    _wards()
    _functions()
    _homes()
    _sessions()
    _gateways()
    _keys()
    _residents()
    _contacts()
    _devices()
    _measures()
    _pauses()
    _plans()
    _test_sessions()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


TABLES = (
    "access_log",
    "books",
    "login_attempts",
    "machine_keys",
    "relay",
    "setting_versions",
    "sites",
    "staff",
    "users",
    "wards",
    "functions",
    "homes",
    "sessions",
    "gateways",
    "keys",
    "residents",
    "contacts",
    "devices",
    "measures",
    "pauses",
    "plans",
    "test_sessions",
)


def _access_log() -> None:
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("resident", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_access_log_site_id_resident_id"), "access_log", ["site_id", "resident", "id"], unique=False
    )


def _books() -> None:
    op.create_table(
        "books",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("book", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_books")),
    )


def _login_attempts() -> None:
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempts")),
    )
    op.create_index(
        op.f("ix_login_attempts_site_id_login_at_ms"), "login_attempts", ["site_id", "login", "at_ms"], unique=False
    )
    op.create_index(
        op.f("ix_login_attempts_site_id_source_at_ms"), "login_attempts", ["site_id", "source", "at_ms"], unique=False
    )


def _machine_keys() -> None:
    op.create_table(
        "machine_keys",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_machine_keys")),
        sa.UniqueConstraint("site_id", "token_hash", name=op.f("uq_machine_keys_site_id_token_hash")),
    )


def _relay() -> None:
    op.create_table(
        "relay",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("relayed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relay")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_relay_pending",
        "relay",
        ["id"],
        unique=False,
        sqlite_where=sa.text("relayed_ms IS NULL"),
        postgresql_where=sa.text("relayed_ms IS NULL"),
    )


def _setting_versions() -> None:
    op.create_table(
        "setting_versions",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("setting_id", sa.String(length=96), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=True),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.Column("in_force_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "setting_id", "version", name=op.f("pk_setting_versions")),
    )


def _sites() -> None:
    op.create_table(
        "sites",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_sites")),
    )


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("functions", sa.JSON(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_staff")),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("wards", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("disabled_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_users")),
    )


def _wards() -> None:
    op.create_table(
        "wards",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("arrival_goal_ms", sa.BigInteger(), nullable=True),
        sa.Column("profile", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_wards")),
    )


def _functions() -> None:
    op.create_table(
        "functions",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "ward"], ["wards.site_id", "wards.id"], name=op.f("fk_functions_site_id_ward_wards")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_functions")),
    )
    op.create_index(op.f("ix_functions_site_id_ward"), "functions", ["site_id", "ward"], unique=False)


def _homes() -> None:
    op.create_table(
        "homes",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("ward", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "ward"], ["wards.site_id", "wards.id"], name=op.f("fk_homes_site_id_ward_wards")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_homes")),
    )
    op.create_index(op.f("ix_homes_site_id_ward"), "homes", ["site_id", "ward"], unique=False)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id", "user_id"], ["users.site_id", "users.id"], name=op.f("fk_sessions_site_id_user_id_users")
        ),
        sa.PrimaryKeyConstraint("site_id", "token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_site_id_user_id"), "sessions", ["site_id", "user_id"], unique=False)


def _gateways() -> None:
    op.create_table(
        "gateways",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("interval_ms", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "home"], ["homes.site_id", "homes.id"], name=op.f("fk_gateways_site_id_home_homes")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_gateways")),
        sa.UniqueConstraint("site_id", "address", name=op.f("uq_gateways_site_id_address")),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("where", sa.String(length=200), nullable=True),
        sa.Column("tag", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "home"], ["homes.site_id", "homes.id"], name=op.f("fk_keys_site_id_home_homes")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_keys")),
    )
    op.create_index(op.f("ix_keys_site_id_home"), "keys", ["site_id", "home"], unique=False)


def _residents() -> None:
    op.create_table(
        "residents",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("home", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("born", sa.String(length=10), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("risks", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "home"], ["homes.site_id", "homes.id"], name=op.f("fk_residents_site_id_home_homes")
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_residents")),
    )
    op.create_index(op.f("ix_residents_site_id_home"), "residents", ["site_id", "home"], unique=False)


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("resident", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("relation", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("responder", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "resident"],
            ["residents.site_id", "residents.id"],
            name=op.f("fk_contacts_site_id_resident_residents"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_site_id_resident"), "contacts", ["site_id", "resident"], unique=False)


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("role", sa.String(length=200), nullable=True),
        sa.Column("room", sa.String(length=200), nullable=True),
        sa.Column("resident", sa.String(length=64), nullable=True),
        sa.Column("home", sa.String(length=64), nullable=True),
        sa.Column("gateway", sa.String(length=64), nullable=True),
        sa.Column("interval_ms", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "gateway"],
            ["gateways.site_id", "gateways.id"],
            name=op.f("fk_devices_site_id_gateway_gateways"),
        ),
        sa.ForeignKeyConstraint(
            ["site_id", "home"], ["homes.site_id", "homes.id"], name=op.f("fk_devices_site_id_home_homes")
        ),
        sa.ForeignKeyConstraint(
            ["site_id", "resident"],
            ["residents.site_id", "residents.id"],
            name=op.f("fk_devices_site_id_resident_residents"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_devices")),
        sa.UniqueConstraint("site_id", "address", name=op.f("uq_devices_site_id_address")),
    )
    op.create_index(op.f("ix_devices_site_id_home"), "devices", ["site_id", "home"], unique=False)
    op.create_index(op.f("ix_devices_site_id_resident"), "devices", ["site_id", "resident"], unique=False)


def _measures() -> None:
    op.create_table(
        "measures",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("resident", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=200), nullable=False),
        sa.Column("decision", sa.String(length=200), nullable=True),
        sa.Column("basis", sa.String(length=200), nullable=True),
        sa.Column("from_date", sa.String(length=10), nullable=False),
        sa.Column("until_date", sa.String(length=10), nullable=True),
        sa.Column("review_date", sa.String(length=10), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "resident"],
            ["residents.site_id", "residents.id"],
            name=op.f("fk_measures_site_id_resident_residents"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_measures")),
    )
    op.create_index(op.f("ix_measures_site_id_resident"), "measures", ["site_id", "resident"], unique=False)


def _pauses() -> None:
    op.create_table(
        "pauses",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("resident", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "resident"],
            ["residents.site_id", "residents.id"],
            name=op.f("fk_pauses_site_id_resident_residents"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_pauses")),
    )
    op.create_index(op.f("ix_pauses_site_id_resident"), "pauses", ["site_id", "resident"], unique=False)


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("resident", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=8), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("from_date", sa.String(length=10), nullable=False),
        sa.Column("until_date", sa.String(length=10), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "resident"],
            ["residents.site_id", "residents.id"],
            name=op.f("fk_plans_site_id_resident_residents"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_plans")),
    )
    op.create_index(op.f("ix_plans_site_id_resident"), "plans", ["site_id", "resident"], unique=False)


def _test_sessions() -> None:
    op.create_table(
        "test_sessions",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "device"],
            ["devices.site_id", "devices.id"],
            name=op.f("fk_test_sessions_site_id_device_devices"),
        ),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_test_sessions")),
    )
