"""Tables of how people are reached: how each channel does, subscriptions, receipts, answers, refusals.

What may live here: tables on the one MetaData, nothing that reads or writes them. Messages and their tries stand in
`alerts/schema/alerts.py`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from alerts.schema.alerts import CODE, ID, KEY, SEQUENCE
from alerts.schema.metadata import metadata

# How a channel does, kept with each result (alerts/messages/channel_health.py says what follows from what).
channel_states = Table(
    "channel_states",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("channel", ID, nullable=False),
    Column("state", String(16), nullable=False),  # ok | slow | down
    Column("since_ms", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),  # in a row, as far as they say something of the channel
    Column("latency_ms", BigInteger),  # of the newest try that was taken
    Column("last_ok_ms", BigInteger),
    Column("last_failed_ms", BigInteger),
    Column("detail", String(200)),  # of the newest try that was not taken
    Column("alert_id", ID),  # the technical alert that stands while it is down
    PrimaryKeyConstraint("site_id", "channel"),
)

# Browsers and phones that asked for web push. The endpoint is a secret of theirs.
push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("id", ID, primary_key=True),  # hash of the endpoint
    Column("site_id", ID, nullable=False),
    Column("owner_kind", String(16), nullable=False),  # function | staff
    Column("owner", ID, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", String(200), nullable=False),
    Column("auth", String(64), nullable=False),
    Column("created_by", ID),
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "site_id", "owner_kind", "owner"),
)

# What a gateway said afterwards of a try. The same said twice is one row.
receipts = Table(
    "receipts",
    metadata,
    Column("attempt_id", BigInteger, nullable=False, autoincrement=False),
    Column("kind", String(16), nullable=False),  # delivered | failed | answered
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("attempt_id", "kind"),
)

# What people answered from their phones, and what became of it. A link that was used stands here.
phone_answers = Table(
    "phone_answers",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("site_id", ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("via", String(16), nullable=False),  # link | sms
    Column("key", String(200), nullable=False),  # of the answer itself: what comes twice is one
    Column("phone", String(32)),  # personal: where the answer to an SMS goes
    Column("target_kind", String(16)),
    Column("target", KEY),
    Column("alert_id", ID),
    Column("message_id", BigInteger),
    Column("answer", String(16)),  # take | cannot
    Column("outcome", CODE, nullable=False),  # done, or the named reason why not
    Index(None, "at_ms"),
    Index("uq_phone_answers_key", "site_id", "via", "key", unique=True),
    sqlite_autoincrement=True,
)

# What was refused at the doors that are open to the outside, counted by the minute: a flood is one row.
outside_refusals = Table(
    "outside_refusals",
    metadata,
    Column("site_id", ID, nullable=False),
    Column("channel", ID, nullable=False),
    Column("reason", CODE, nullable=False),  # forged_receipt | forged_reply | link_altered | …
    Column("minute_ms", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("site_id", "channel", "reason", "minute_ms"),
    Index(None, "minute_ms"),
)
