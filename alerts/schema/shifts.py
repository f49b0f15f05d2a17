"""Tables of who is on shift: the rota, check-ins, the phones they ring, and the PINs they check in with.

What may live here: tables on the one MetaData, nothing that reads or writes them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from alerts.schema.alerts import CODE, ID
from alerts.schema.metadata import metadata
from alerts.schema.people import LABEL

_OPEN = text("ended_ms IS NULL")

# Who is planned where. `planned_staff_id` is whom the file named, `staff_id` who does it after a swap.
rota = Table(
    "rota",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("id", ID, nullable=False),
    Column("function_id", ID, nullable=False),
    Column("planned_staff_id", ID, nullable=False),
    Column("staff_id", ID, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("agreed_by", ID),  # who agreed to the swap, NULL = not swapped
    Column("saved_by", ID),  # account
    Column("saved_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("site_id", "id"),
    Index(None, "site_id", "function_id", "until_ms"),
    Index(None, "site_id", "until_ms"),
)

# Who checked in to which function. Never cut: that a ward works with shifts is known by these rows.
shifts = Table(
    "shifts",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("id", ID, nullable=False),
    Column("function_id", ID, nullable=False),
    Column("staff_id", ID, nullable=False),
    Column("phone_id", ID),
    Column("since_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),  # planned; 15 min later it ends by itself
    Column("ended_ms", BigInteger),
    Column("end_reason", CODE),  # checked_out | succeeded | overdue | access_ended | ended
    PrimaryKeyConstraint("site_id", "id"),
    Index(None, "site_id", "function_id", "since_ms"),
)
Index(
    "uq_shifts_open_function", shifts.c.site_id, shifts.c.function_id,
    unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN,
)  # fmt: skip

phones = Table(
    "phones",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("id", ID, nullable=False),
    Column("label", LABEL, nullable=False),
    Column("function_id", ID),  # whose it is when nobody has checked in with it
    Column("token_hash", String(64), nullable=False),
    Column("limit_ms", BigInteger, nullable=False),  # unheard for longer = silent
    Column("heard_ms", BigInteger, nullable=False),
    Column("silent", Boolean, nullable=False),  # it has been said that it is silent
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", ID),
    Column("revoked_ms", BigInteger),
    PrimaryKeyConstraint("site_id", "id"),
    UniqueConstraint("site_id", "token_hash"),
)

pins = Table(
    "pins",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("user_id", ID, nullable=False),
    Column("pin_hash", String(200), nullable=False),
    Column("failures", Integer, nullable=False),  # wrong ones since the last right one
    Column("set_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("site_id", "user_id"),
    ForeignKeyConstraint(["site_id", "user_id"], ["users.site_id", "users.id"]),
)
