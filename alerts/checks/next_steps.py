"""Edge: is what should follow really to come? Questions of the reconciler about messages, claims and quiet.

For: finding in indexed queries, and mending by moving the next action to now. Believes rows, not the code that wrote
them.

| question | if not |
|---|---|
| has each message that reached nobody been followed by the next step within a minute? | the step comes now |
| has each alert that somebody has a timer that asks them? | its lease begins again |
| does whatever waits for a silence, a list or an hour ring within a minute of its end? | it rings now |
| is an outage over when all its gateways are back, or taken away? | it closes |
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy import Connection, Select, select, text, update

from alerts.desk import Desk
from alerts.handling.lifecycle import HANDED_OVER, HELD, NEW
from alerts.incidents import incident_flow
from alerts.quiet import outages
from alerts.routing import escalation
from alerts.schema.alerts import incidents, outbox, timers
from alerts.schema.checks import EXHAUSTED
from alerts.schema.people import gateways
from alerts.schema.quiet import NOT_OVER, gateways_down
from alerts.schema.quiet import outages as outage_rows
from alerts.transaction import RINGING, Row, Transaction

WITHIN_MS = 60_000
LOOKED_BACK_MS = 3_600_000
MOST = 100  # per question and run: more of one kind say nothing new

EXHAUSTED_ALONE = "exhausted_without_next_step"
CLAIM_WITHOUT_LEASE = "claim_without_lease"
QUIET_PAST_END = "quiet_past_its_end"
OUTAGE_PAST_END = "outage_past_its_end"

FOLLOWS = (escalation.ESCALATE, escalation.HAND_OVER, escalation.RING_NEXT)
LEASES = (escalation.ASK, escalation.RING_NEXT, escalation.ARRIVE, escalation.HAND_OVER)


def check(desk: Desk, now_ms: int) -> Iterator[tuple[str, str, bool]]:
    """(kind, about which row, mended) of each promise that was not kept."""
    for kind, find, mend in QUESTIONS:
        with desk.database.reader.connect() as conn:
            refs = find(conn, now_ms)
        for ref in refs:
            yield kind, ref, desk.transact(now_ms, functools.partial(mend, ref=ref))


def _exhausted(conn: Connection, now_ms: int) -> list[str]:
    """Incidents whose newest message reached nobody, while the step that should have come at once is still ahead."""
    newer = outbox.alias()
    told_since = select(newer.c.id).where(newer.c.incident_id == outbox.c.incident_id, newer.c.id > outbox.c.id)
    query = (
        select(incidents.c.incident_id, incidents.c.snapshot, timers.c.step)
        .join(outbox, outbox.c.incident_id == incidents.c.incident_id)
        .join(timers, (timers.c.incident_id == incidents.c.incident_id) & (timers.c.alert_id == ""))
        .where(text(f"outbox.{EXHAUSTED}"), outbox.c.done_ms > now_ms - LOOKED_BACK_MS)
        .where(outbox.c.done_ms <= now_ms - WITHIN_MS, outbox.c.kind.in_(RINGING), ~told_since.exists())
        .where(incidents.c.open, incidents.c.quiet.is_(None), timers.c.kind.in_(FOLLOWS), timers.c.due_ms > now_ms)
        .limit(MOST)
    )
    # the last step repeats at its own pace: a dead channel is not hammered (alerts/messages/outbox.py)
    return [row.incident_id for row in conn.execute(query) if row.step < len(row.snapshot.get("steps", ()))]


def _without_lease(conn: Connection, _now_ms: int) -> list[str]:
    asks = select(timers.c.incident_id).where(
        timers.c.incident_id == incidents.c.incident_id, timers.c.kind.in_(LEASES), timers.c.alert_id == ""
    )
    held = incidents.c.handling.in_(sorted({*HELD, HANDED_OVER}))
    return _ids(conn, select(incidents.c.incident_id).where(incidents.c.open, held, ~asks.exists()))


def _past_end(conn: Connection, now_ms: int) -> list[str]:
    """Nobody is rung for it though its time is over, and it does not ring in this moment either."""
    late = incidents.c.quiet_until_ms < now_ms - WITHIN_MS
    return _ids(conn, select(incidents.c.incident_id).where(incidents.c.open, late, incidents.c.handling == NEW))


def _outage_over(conn: Connection, now_ms: int) -> list[str]:
    """All back, or not registered any more: what was taken away is never heard again."""
    same = (gateways.c.site_id == gateways_down.c.site_id) & (gateways.c.id == gateways_down.c.gateway_id)
    gone = (
        select(gateways_down.c.outage_id)
        .join(gateways, same)
        .where(gateways_down.c.outage_id == outage_rows.c.outage_id, gateways_down.c.back_ms.is_(None))
    )
    query = select(outage_rows.c.outage_id).where(
        text(NOT_OVER), outage_rows.c.opened_ms < now_ms - WITHIN_MS, ~gone.exists()
    )
    return _ids(conn, query)


def _now(tx: Transaction, ref: str) -> bool:
    """The step that waits comes with the next tick."""
    moved = tx.conn.execute(
        update(timers)
        .where(timers.c.incident_id == ref, timers.c.alert_id == "", timers.c.kind.in_(FOLLOWS))
        .where(timers.c.due_ms > tx.now_ms)
        .values(due_ms=tx.now_ms)
    ).rowcount
    tx.changed_incident(ref)
    return moved > 0


def _lease(tx: Transaction, ref: str) -> bool:
    incident = tx.incident(ref)
    _say(tx, incident)
    incident_flow.set_lease(tx, incident)
    return True


def _ring(tx: Transaction, ref: str) -> bool:
    incident, found = tx.incident(ref), tx.alerts_of(ref)
    if not found:
        incident_flow.settle(tx, ref)
        return True
    _say(tx, incident)
    incident_flow.continue_chain(tx, incident, found[0]["alert_id"])
    return True


def _close(tx: Transaction, ref: str) -> bool:
    outages.settle(tx, ref)
    return True


def _say(tx: Transaction, incident: Row) -> None:
    tx.line(incident, "restarted_by_reconciler")
    tx.changed_incident(incident["incident_id"])


def _ids(conn: Connection, query: Select[Any]) -> list[str]:
    return list(conn.execute(query.limit(MOST)).scalars())


class Find(Protocol):
    def __call__(self, conn: Connection, now_ms: int, /) -> list[str]: ...


class Mend(Protocol):
    def __call__(self, tx: Transaction, ref: str) -> bool: ...


QUESTIONS: tuple[tuple[str, Find, Mend], ...] = (
    (EXHAUSTED_ALONE, _exhausted, _now),
    (CLAIM_WITHOUT_LEASE, _without_lease, _lease),
    (QUIET_PAST_END, _past_end, _ring),
    (OUTAGE_PAST_END, _outage_over, _close),
)
