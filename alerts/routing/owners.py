"""Edge: an outside centre has an alert first. Our row watches, and becomes ours again.

Theory of operation. Where the policy says so (`owner`), the chain's place is taken by one message to the centre. Until
it says that it has it (`received`) our row waits 120 s, then until it has ended it or said more 30 min; when that time
is over, or it hands it back (`returned`), the chain of the policy begins as if the alert had come now. Told more (a
further press, no voice contact), it must say anew that it has it; a word it has not answered yet gives it no more time,
or somebody who presses again and again would be nobody's. What the centre does about it are acts as anybody's: a claim
by one of its people makes it ours to see through.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from alerts.handling.acts import SYSTEM, Actor, Refused
from alerts.handling.lifecycle import NEW, VKP
from alerts.routing.escalation import CENTRE, RECEIPT_MS, WATCH, WATCH_MS, Snapshot, Target
from alerts.schema.alerts import timers
from alerts.transaction import Row, Transaction

RECEIVED = "received"
RETURNED = "returned"
WORDS = (RECEIVED, RETURNED)


def to_centre(tx: Transaction, incident: Row, alert_id: str, say: str | None = None) -> None:
    """Tell the centre (`say`: in other words than that somebody must go), and watch."""
    owner: str = incident["chain"].owner
    due_ms = _answer_by_ms(tx, incident, owner)
    tx.drop_timers(incident["incident_id"])
    tx.set_incident(incident["incident_id"], owner=owner, received_ms=None, step=-1)
    args = None if say is None else {"say": say}
    tx.send(incident, "ring", (Target(CENTRE, owner, owner),), alert_id=alert_id, args=args)
    tx.line(incident, "to_centre", {"centre": owner}, vkp=VKP["to_centre"])
    tx.set_timer(incident["incident_id"], WATCH, due_ms)


def _answer_by_ms(tx: Transaction, incident: Row, owner: str) -> int:
    """120 s from the first word that it has not answered."""
    due_ms = tx.now_ms + RECEIPT_MS
    if incident["owner"] != owner or incident["received_ms"] is not None:
        return due_ms
    waits = select(timers.c.due_ms).where(timers.c.incident_id == incident["incident_id"], timers.c.kind == WATCH)
    return min([due_ms, *(int(standing) for standing in tx.conn.execute(waits).scalars())])


def received(tx: Transaction, incident: Row, actor: Actor = SYSTEM) -> None:
    """The centre has it. Raises Refused where it is ours, or somebody's, already."""
    if incident["owner"] is None or incident["handling"] != NEW or not incident["open"]:
        raise Refused("not_yours", {"holder": incident["claimed_name"], "handling": incident["handling"]})
    if incident["received_ms"] is None:
        tx.set_incident(incident["incident_id"], received_ms=tx.now_ms)
        tx.line(incident, "centre_received", {"centre": incident["owner"]}, actor=actor)
        tx.set_timer(incident["incident_id"], WATCH, tx.now_ms + WATCH_MS, 1)
        tx.changed_incident(incident["incident_id"])


def take_back(tx: Transaction, incident: Row, why: str, actor: Actor = SYSTEM) -> Row:
    """It is ours from now on: the incident with its own chain, which the caller begins."""
    chain: Snapshot = incident["chain"]
    ours = msgspec.structs.replace(chain, owner="", base_ms=tx.now_ms)
    tx.drop_timers(incident["incident_id"])
    tx.set_incident(incident["incident_id"], owner=None, received_ms=None, step=-1, snapshot=msgspec.to_builtins(ours))
    tx.line(incident, "from_centre", {"centre": incident["owner"], "why": why}, actor=actor)
    tx.changed_incident(incident["incident_id"])
    return tx.incident(incident["incident_id"])
