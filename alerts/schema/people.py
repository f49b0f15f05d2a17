"""Tables of people and things, their versions, the relay, accounts and the access log.

For: everything of desk.db that people enter or that concerns who may see it; alerts and outbox stand in
`alerts/schema/alerts.py`. What may live here: tables on the one MetaData, nothing that reads or writes them.

Every key begins with the site, so that one desk can serve several. Item columns have the names of the fields in
`alerts/site/model.py`; dates are ISO text (a day of the home, not an instant), instants and durations end in `_ms`.
The columns marked personal never leave the desk: `alerts/site/projection.py` decides what does.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from alerts.schema.metadata import metadata

ID = String(64)
LABEL = String(200)
# SQLite gives out row ids itself only for its own INTEGER; PostgreSQL needs the wide type.
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")


def _refers(column: str, target: str) -> ForeignKeyConstraint:
    """A reference within one site."""
    return ForeignKeyConstraint(["site_id", column], [f"{target}.site_id", f"{target}.id"])


def _item(name: str, *columns: Column[object] | ForeignKeyConstraint | UniqueConstraint | Index) -> Table:
    """A table of items that people edit: keyed by site and id, each row knowing which version of it this is."""
    return Table(
        name,
        metadata,
        Column("site_id", ID, nullable=False),
        Column("id", ID, nullable=False),
        *columns,
        Column("version", Integer, nullable=False),
        Column("saved_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("site_id", "id"),
    )


sites = _item(
    "sites",
    Column("name", LABEL, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("language", String(8), nullable=False),
)
wards = _item(
    "wards",
    Column("name", LABEL, nullable=False),
    Column("arrival_goal_ms", BigInteger),
    Column("profile", String(16), nullable=False),
)
homes = _item(
    "homes",
    Column("ward", ID, nullable=False),
    Column("kind", String(16), nullable=False),
    _refers("ward", "wards"),
    Index(None, "site_id", "ward"),
)
residents = _item(
    "residents",
    Column("home", ID, nullable=False),
    Column("name", LABEL, nullable=False),  # personal
    Column("born", String(10)),  # personal
    Column("phone", String(32)),  # personal
    Column("address", LABEL),  # personal
    Column("protected", Boolean, nullable=False),  # personal: the address must not be shown
    Column("critical", Boolean, nullable=False),
    Column("risks", JSON, nullable=False),
    _refers("home", "homes"),
    Index(None, "site_id", "home"),
)
contacts = _item(
    "contacts",
    Column("resident", ID, nullable=False),
    Column("name", LABEL, nullable=False),  # personal
    Column("relation", LABEL),  # personal
    Column("phone", String(32)),  # personal
    Column("responder", Boolean, nullable=False),
    Column("hours", String(16)),  # when a responder may be rung, local; NULL = at any hour
    Column("position", Integer, nullable=False),  # order in which they are shown and rung
    _refers("resident", "residents"),
    Index(None, "site_id", "resident"),
)
keys = _item(
    "keys",
    Column("home", ID, nullable=False),
    Column("kind", LABEL, nullable=False),
    Column("where", LABEL),  # personal: how to get into somebody's home
    Column("tag", LABEL),
    _refers("home", "homes"),
    Index(None, "site_id", "home"),
)
measures = _item(
    "measures",
    Column("resident", ID, nullable=False),
    Column("service", LABEL, nullable=False),
    Column("decision", LABEL),
    Column("basis", LABEL),
    Column("from_date", String(10), nullable=False),
    Column("until_date", String(10)),  # includes that day
    Column("review_date", String(10)),
    _refers("resident", "residents"),
    Index(None, "site_id", "resident"),
)
gateways = _item(
    "gateways",
    Column("home", ID),
    Column("address", LABEL, nullable=False),
    Column("interval_ms", BigInteger),
    _refers("home", "homes"),
    UniqueConstraint("site_id", "address"),
)
devices = _item(
    "devices",
    Column("address", LABEL, nullable=False),
    Column("model", LABEL),
    Column("role", LABEL),
    Column("room", LABEL),
    Column("resident", ID),
    Column("home", ID),
    Column("gateway", ID),
    Column("interval_ms", BigInteger),
    _refers("resident", "residents"),
    _refers("home", "homes"),
    _refers("gateway", "gateways"),
    UniqueConstraint("site_id", "address"),
    Index(None, "site_id", "resident"),
    Index(None, "site_id", "home"),
)
functions = _item(
    "functions",
    Column("ward", ID, nullable=False),
    Column("name", LABEL, nullable=False),
    Column("phone", String(32)),
    Column("position", Integer, nullable=False),  # place in the ward's chain, 0 is rung first
    _refers("ward", "wards"),
    Index(None, "site_id", "ward"),
)
staff = _item(
    "staff",
    Column("name", LABEL, nullable=False),  # personal
    Column("email", LABEL),  # personal
    Column("functions", JSON, nullable=False),
    Column("role", String(16), nullable=False),
    Column("until_date", String(10)),  # a temp's last day, included: no log-in and no push after it
)
plans = _item(
    "plans",
    Column("resident", ID, nullable=False),
    Column("rule", String(8), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("from_date", String(10), nullable=False),
    Column("until_date", String(10)),  # includes that day
    Column("why", LABEL),  # personal: free text
    _refers("resident", "residents"),
    Index(None, "site_id", "resident"),
)
pauses = _item(
    "pauses",
    Column("resident", ID, nullable=False),
    Column("rules", JSON, nullable=False),  # classes of rules or single rules; empty = all that may be paused
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("note", LABEL),  # personal: free text
    _refers("resident", "residents"),
    Index(None, "site_id", "resident"),
)
books = _item("books", Column("book", JSON, nullable=False))
test_sessions = _item(
    "test_sessions",
    Column("device", ID, nullable=False),
    Column("staff", ID, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    _refers("device", "devices"),
)

# One row for each save or removal. `value` is the pseudonymous projection, NULL when removed or never projected;
# `in_force_ms` is when the fold said that it has seen it (at once for kinds that no fold reads).
setting_versions = Table(
    "setting_versions",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("setting_id", String(96), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("value", JSON(none_as_null=True)),
    Column("actor", ID),
    Column("saved_ms", BigInteger, nullable=False),
    Column("in_force_ms", BigInteger),
    PrimaryKeyConstraint("site_id", "setting_id", "version"),
)

# What the folds must hear, in this order: settings and staff acts, on their way from the desk to RAW.
relay = Table(
    "relay",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("site_id", ID, nullable=False),
    Column("kind", String(16), nullable=False),  # ingest.record SETTING or STAFF
    Column("topic", String(200), nullable=False),
    Column("payload", Text, nullable=False),  # the JSON that becomes RawRecord.payload
    Column("created_ms", BigInteger, nullable=False),
    Column("relayed_ms", BigInteger),
    sqlite_autoincrement=True,  # an id is never given twice, also after old rows are cut
)
Index(
    "ix_relay_pending",
    relay.c.id,
    sqlite_where=text("relayed_ms IS NULL"),
    postgresql_where=text("relayed_ms IS NULL"),
)

users = Table(
    "users",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("id", ID, nullable=False),  # what is typed at log-in
    Column("staff_id", ID),
    Column("name", LABEL, nullable=False),  # personal
    Column("password_hash", String(200), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("wards", JSON(none_as_null=True)),  # NULL = every ward of the site
    Column("language", String(8), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger),
    PrimaryKeyConstraint("site_id", "id"),
)
sessions = Table(
    "sessions",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("user_id", ID, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("phone_id", ID),  # the registered phone it was made on
    PrimaryKeyConstraint("site_id", "token_hash"),
    ForeignKeyConstraint(["site_id", "user_id"], ["users.site_id", "users.id"]),
    Index(None, "site_id", "user_id"),
)
machine_keys = Table(
    "machine_keys",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("id", ID, nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("label", LABEL, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", ID),
    Column("revoked_ms", BigInteger),
    PrimaryKeyConstraint("site_id", "id"),
    UniqueConstraint("site_id", "token_hash"),
)
# Failed log-ins within the last window only; bounded in alerts/access/login_limit.py.
login_attempts = Table(
    "login_attempts",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("site_id", ID, nullable=False),
    Column("login", String(64), nullable=False),  # hash of what was typed: people type passwords into name fields
    Column("source", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "site_id", "login", "at_ms"),
    Index(None, "site_id", "source", "at_ms"),
)
access_log = Table(
    "access_log",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("site_id", ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", ID, nullable=False),
    Column("what", String(64), nullable=False),  # which view or export, a code
    Column("resident", ID, nullable=False),
    Column("why", LABEL),  # the purpose, a code or the words of who broke the glass
    Index(None, "site_id", "resident", "id"),
    sqlite_autoincrement=True,
)
