"""Tables of alerts: what stands open, who has it, what happens next, and what was sent.

For: everything of desk.db that effects and acts change; people, settings and accounts: `alerts/schema/people.py`.
What may live here: tables on the one MetaData, nothing that reads or writes them.

Who has an alert and what happens next belong to its **incident** (one per person, domain §4): claim, handling,
escalation snapshot and timers stand there. `alerts.handling` repeats the incident's while the alert is open and keeps
its own end.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    false,
    text,
)

from alerts.schema.metadata import metadata

ID = String(64)
KEY = String(300)  # addresses and incident keys: as long as a vendor's topic allows
CODE = String(64)
# SQLite gives out row ids itself only for its own INTEGER; PostgreSQL needs the wide type.
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")


def _where(*flags: str) -> dict[str, Any]:
    """A partial index over rows where all these flags are set, worded as SQLAlchemy words `.where(flag)` for each
    database: an index whose condition reads otherwise is never used.
    """
    return {
        "sqlite_where": text(" AND ".join(f"{flag} = 1" for flag in flags)),
        "postgresql_where": text(" AND ".join(flags)),
    }


def where_text(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


WAITING = "state IN ('pending', 'sending')"
UNFINISHED = "result IS NULL"
"""Conditions of partial indexes, also used word for word by the queries that need them."""


# Where each fold stands. Moved by compare-and-set in the transaction that writes its effects.
applied = Table(
    "applied",
    metadata,
    Column("lane", ID, nullable=False),
    Column("partition", Integer, nullable=False, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("lane", "partition"),
)

# Effects already done; the floor and the rules may use one id for one alert, so the lane belongs to the key.
effects = Table(
    "effects",
    metadata,
    Column("lane", ID, nullable=False),
    Column("effect_id", ID, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("lane", "effect_id"),
    Index(None, "at_ms"),
    sqlite_with_rowid=False,
)

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", ID, primary_key=True),
    Column("site_id", ID, nullable=False),
    Column("key", KEY, nullable=False),  # resident, trigger, or the alert itself (alerts/incidents/incident.py)
    Column("home_id", KEY, nullable=False),
    Column("ward_id", ID),
    Column("subject_id", KEY, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("priority", String(2), nullable=False),  # the highest of its open alerts
    Column("alarm", Boolean, nullable=False),  # a person alarm is among them
    Column("staff_alarm", Boolean, nullable=False),
    Column("handling", String(16), nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("claimed_by", ID),
    Column("claimed_name", String(200)),
    Column("claimed_function", ID),
    Column("claimed_ms", BigInteger),
    Column("handling_ms", BigInteger),  # since when the handling is what it is, NULL = since it opened
    Column("handed_to", ID),  # function that was asked to take over
    Column("contact_ms", BigInteger),
    Column("on_site_ms", BigInteger),
    Column("last_alarm_ms", BigInteger),  # contact before this one does not count for it
    Column("step", Integer, nullable=False),  # the last step that was fired, -1 = none yet
    Column("snapshot", JSON, nullable=False),  # the escalation in force when it began (alerts/routing/escalation.py)
    Column("owner", ID),  # outside centre that has it, while our row watches; NULL = us
    Column("received_ms", BigInteger),  # when that centre said that it has it
    Column("second_by", ID),  # where two must go (its chain says so), the other of them
    Column("second_name", String(200)),
    Column("second_function", ID),
    Column("second_on_site_ms", BigInteger),
    Column("no_voice_ms", BigInteger),  # since when the alarm is without voice contact (R02)
    Column("search_from_ms", BigInteger),  # somebody searches for the person: positions are visible
    Column("search_until_ms", BigInteger),
    Column("quiet", JSON(none_as_null=True)),  # why nobody is rung for it yet (alerts/quiet/pipeline.py), NULL = rings
    Column("quiet_until_ms", BigInteger),
)
Index("uq_incidents_open_key", incidents.c.site_id, incidents.c.key, unique=True, **_where("open"))
Index("ix_incidents_open", incidents.c.priority, incidents.c.opened_ms, **_where("open"))

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", ID, primary_key=True),
    Column("incident_id", ID, nullable=False),
    Column("site_id", ID, nullable=False),
    Column("home_id", KEY, nullable=False),
    Column("ward_id", ID),
    Column("subject_id", KEY, nullable=False),
    Column("resident_id", ID),
    Column("device_id", ID),
    Column("rule", String(16), nullable=False),
    Column("rule_version", ID, nullable=False),
    Column("code", String(16), nullable=False),
    Column("priority", String(2), nullable=False),
    Column("raised_from", String(2)),  # priority it began with, where it went up
    Column("episode", KEY, nullable=False),
    Column("source", String(16), nullable=False),  # floor | rules | reconciler | desk: who says what it is
    Column("alarm", Boolean, nullable=False),
    Column("staff_alarm", Boolean, nullable=False),
    Column("trigger", KEY),
    Column("test", Boolean, nullable=False),
    Column("self_resolves", Boolean, nullable=False),
    Column("ever_claimed", Boolean, nullable=False),
    Column("condition", String(16), nullable=False),
    Column("handling", String(16), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("merged_into", ID),
    Column("continued_by", ID),  # the successor that opened because it was still true
    Column("presses", Integer, nullable=False),
    Column("last_press_ms", BigInteger),
    Column("opened_ms", BigInteger, nullable=False),
    Column("cleared_ms", BigInteger),
    Column("closed_ms", BigInteger),
    Column("late_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger),
    Column("reason", JSON, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("suppressed", JSON, nullable=False),
    Column("outcome", CODE),  # self_resolved | test | handled | …
    Column("cause_code", CODE),
    Column("action_code", CODE),
    Column("contact_code", CODE),
    Index(None, "opened_ms", "alert_id"),
    Index(None, "incident_id"),
    Index(None, "subject_id", "opened_ms"),
    Index(None, "ward_id", "opened_ms"),
)
Index("ix_alerts_open", alerts.c.opened_ms, alerts.c.alert_id, **_where("open"))
Index("ix_alerts_open_home", alerts.c.home_id, **_where("open"))
Index("ix_alerts_open_device", alerts.c.device_id, **_where("open"))
# without those that were never merged: nearly all, and SQLite would look for "merged into none" here
Index("ix_alerts_merged_into", alerts.c.merged_into, **where_text("merged_into IS NOT NULL"))
Index("ix_alerts_open_trigger", alerts.c.subject_id, alerts.c.trigger, **_where("open", "alarm"))
Index("ix_alerts_device_test", alerts.c.device_id, alerts.c.opened_ms, **_where("test"))

# The events behind each alert. By event: "has this alarm an alert?" is what the reconciler asks all day.
causes = Table(
    "causes",
    metadata,
    Column("alert_id", ID, nullable=False),
    Column("event_id", ID, nullable=False),
    Column("place", Integer, nullable=False),
    Column("type", CODE, nullable=False),
    Column("observed_ms", BigInteger),
    Column("received_ms", BigInteger, nullable=False),
    Column("effective_ms", BigInteger, nullable=False),
    Column("device_id", ID),
    Column("quality", JSON, nullable=False),
    Column("content", JSON, nullable=False),
    PrimaryKeyConstraint("alert_id", "event_id"),
    Index(None, "event_id"),
)

# Append-only. `vkp` is the composition-event code of the national hub, NULL where it has none.
timeline = Table(
    "timeline",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("alert_id", ID),
    Column("incident_id", ID),
    Column("subject_id", KEY, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", CODE, nullable=False),
    Column("actor", ID),
    Column("actor_name", String(200)),
    Column("text_code", CODE, nullable=False),
    Column("args", JSON, nullable=False),
    Column("vkp", Integer),
    Index(None, "incident_id", "id"),
    Index(None, "alert_id", "id"),
    Index(None, "subject_id", "at_ms"),
    sqlite_autoincrement=True,
)

# Everything that will happen by itself. No open incident without a row here (promise 5).
timers = Table(
    "timers",
    metadata,
    Column("incident_id", ID, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("alert_id", ID, nullable=False),  # "" = the incident's
    Column("due_ms", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),
    PrimaryKeyConstraint("incident_id", "kind", "alert_id"),
    Index(None, "due_ms"),
)

# What shall be said to whom. One row per target; each channel's tries stand in `attempts`.
outbox = Table(
    "outbox",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("site_id", ID, nullable=False),
    Column("incident_id", ID, nullable=False),
    Column("alert_id", ID, nullable=False),
    Column("priority", String(2), nullable=False),
    Column("kind", String(16), nullable=False),  # ring | again | ask | hand_over | cleared | test | known | answer
    Column("target_kind", String(16), nullable=False),  # alerts/messages/addresses.py lists them
    Column("target", ID, nullable=False),
    Column("target_name", String(200), nullable=False),
    Column("key_tag", String(200)),
    Column("step", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # pending | sending | sent | unknown | exhausted | cancelled
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    Index(None, "incident_id"),
    Column("follow_up", Boolean, nullable=False, server_default=false()),  # somebody was told: what is new goes first
    Column("only_channel", ID),  # the one way it goes: the test of a channel
    Column("args", JSON(none_as_null=True)),  # what its words need besides
    Index(None, "created_ms"),
    sqlite_autoincrement=True,
)
_NEXT = (outbox.c.priority, outbox.c.follow_up, outbox.c.due_ms, outbox.c.id)
Index("ix_outbox_waiting", *_NEXT, **where_text(WAITING))

# One row before each call of a channel. `result` NULL = the call may be under way, or we died in it. Its id is the
# lease of whoever calls: a result is only ever written over NULL.
attempts = Table(
    "attempts",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("message_id", BigInteger, nullable=False),
    Column("channel", ID, nullable=False),
    Column("number", Integer, nullable=False),
    Column("may_repeat", Boolean, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("result", String(16)),  # ok | failed | unknown
    Column("detail", String(200)),
    Column("provider_id", String(200)),  # what the gateway calls it: its receipts name that
    Column("holder", ID),  # the process that called, where several send
    Index(None, "message_id"),
    Index(None, "channel", "started_ms"),
    sqlite_autoincrement=True,
)
Index("ix_attempts_provider", attempts.c.channel, attempts.c.provider_id, **where_text("provider_id IS NOT NULL"))
Index("ix_attempts_unfinished", attempts.c.started_ms, **where_text(UNFINISHED))

# One sequence for everything a page may show: what SSE resumes from.
changes = Table(
    "changes",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),  # alert | health | resident | setting
    Column("ref", KEY, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
