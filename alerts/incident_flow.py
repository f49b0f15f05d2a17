"""Edge: how an incident moves on. Its chain starts, fires a step, rises, stops, or the incident is over.

For: the moves that effects, acts and timers share. Whoever leaves an incident open leaves it with a timer (promise 5):
every function here that takes a next action away sets the one that follows. When and whom is decided in
`alerts/escalation.py`.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import insert

from alerts import escalation
from alerts.duty import duty_of
from alerts.escalation import Duty
from alerts.lifecycle import CLAIMED, HANDED_OVER, HELD, NEW, REPORTED_VKP
from alerts.schema import incidents
from alerts.transaction import Row, Transaction, highest, holder_target
from ingest.event import name_uuid

LATE_AFTER_MS = 5_000  # a timer that fires later than this says so


def open_incident(tx: Transaction, alert: Row, key: str, duty: Duty) -> Row:
    """A new incident around its first alert (whose row may not be written yet); its chain is not started."""
    values = {
        "incident_id": name_uuid(tx.site_id, "incident", key, alert["alert_id"]),
        "site_id": tx.site_id,
        "key": key,
        "home_id": alert["home_id"],
        "ward_id": duty.ward_id,
        "subject_id": alert["subject_id"],
        "open": True,
        "priority": alert["priority"],
        "alarm": alert["alarm"],
        "staff_alarm": alert["staff_alarm"],
        "handling": NEW,
        "opened_ms": alert["opened_ms"],
        "last_alarm_ms": tx.now_ms if alert["alarm"] else None,
        "step": -1,
        "snapshot": _chain(duty, alert["priority"], tx.now_ms, staff_alarm=alert["staff_alarm"]),
    }
    tx.conn.execute(insert(incidents).values(**values))
    return tx.incident(str(values["incident_id"]))


def start_chain(tx: Transaction, incident: Row, alert_id: str) -> None:
    """Begin (again) with the chain for the incident's priority, by the ward's duty of now."""
    duty = duty_of(tx.conn, tx.site_id, incident["home_id"])
    chain = _chain(duty, incident["priority"], tx.now_ms, staff_alarm=incident["staff_alarm"])
    tx.set_incident(incident["incident_id"], snapshot=chain, step=-1, ward_id=duty.ward_id)
    continue_chain(tx, tx.incident(incident["incident_id"]), alert_id)


def continue_chain(tx: Transaction, incident: Row, alert_id: str) -> None:
    """Fire the step after the last one that was fired, now if it may ring now, else when it may."""
    chain: escalation.Snapshot = incident["chain"]
    step = incident["step"] + 1
    if step == 0 and chain.nobody:
        tx.line(incident, "nobody_on_duty", {"ward": incident["ward_id"]})
        tx.change("health", "nobody_on_duty")
    due_ms = max(escalation.earliest_ms(chain, tx.now_ms), tx.now_ms)
    if due_ms > tx.now_ms:
        tx.set_timer(incident["incident_id"], escalation.ESCALATE, due_ms, step)
    else:
        fire_step(tx, incident, step, alert_id)


def fire_step(tx: Transaction, incident: Row, step: int, alert_id: str, late_ms: int = 0) -> None:
    """Tell this step's targets and set the timer of the next."""
    chain: escalation.Snapshot = incident["chain"]
    targets = chain.steps[min(step, len(chain.steps) - 1)].targets
    tx.set_incident(incident["incident_id"], step=step)
    if targets and not tx.unattended:
        tx.send(incident, "ring", targets, alert_id=alert_id, step=step)
        tx.line(incident, "rang", {"step": step, "targets": [t.name for t in targets]} | _late(late_ms))
    elif step == 0 and not targets:
        tx.line(incident, "listed", _late(late_ms))
    after = escalation.next_step(chain, step + 1, tx.now_ms)
    tx.set_timer(incident["incident_id"], escalation.ESCALATE, after.due_ms, step + 1)
    if targets and incident["staff_alarm"] and step == 1:
        tx.line(incident, "card_offered", {"card": "112"})


def set_lease(tx: Transaction, incident: Row) -> None:
    """Somebody has it (or has ended it): the chain stops, and what happens if they do nothing takes its place."""
    tx.drop_timers(incident["incident_id"])
    kind, due_ms = escalation.lease(
        incident["chain"], incident["handling"], incident["priority"], incident["claimed_ms"] or tx.now_ms, tx.now_ms
    )
    tx.set_timer(incident["incident_id"], kind, due_ms)


def tell_holder(tx: Transaction, incident: Row, kind: str, alert_id: str) -> None:
    """A message to the one who has it."""
    tx.send(incident, kind, (holder_target(incident),), alert_id=alert_id)


def rise(tx: Transaction, incident: Row, priority: str, alert_id: str) -> None:
    """The incident has become more urgent. Nobody has it: its new chain begins at once. Somebody has: they are rung
    and must answer soon, or the next is rung as well.
    """
    before = incident["priority"]
    tx.set_incident(incident["incident_id"], priority=priority)
    incident = tx.incident(incident["incident_id"])
    tx.line(incident, "priority_raised", {"from": before, "to": priority})
    if incident["handling"] == NEW:
        start_chain(tx, incident, alert_id)
        return
    tell_holder(tx, incident, "again", alert_id)
    if incident["handling"] == HANDED_OVER:
        tx.set_timer(incident["incident_id"], escalation.HAND_OVER, tx.now_ms, 0)
        return
    kind, due_ms = escalation.lease(incident["chain"], CLAIMED, priority, tx.now_ms, tx.now_ms)
    tx.set_timer(incident["incident_id"], kind, due_ms)


def joined(tx: Transaction, incident: Row, alert: Row) -> None:
    """An alert has come into an incident that was open already."""
    if alert["alarm"]:
        tx.set_incident(incident["incident_id"], alarm=True, last_alarm_ms=tx.now_ms)
    if alert["priority"] < incident["priority"]:
        rise(tx, tx.incident(incident["incident_id"]), alert["priority"], alert["alert_id"])
    elif incident["handling"] in {*HELD, HANDED_OVER}:
        tell_holder(tx, incident, "again", alert["alert_id"])


def report(tx: Transaction, alert: Row, kind: str) -> None:
    """The first line of an alert: the reason of who raised it."""
    reason = alert["reason"]
    tx.line(alert, kind, reason.get("args"), text_code=reason["code"], vkp=REPORTED_VKP)


def settle(tx: Transaction, incident_id: str) -> None:
    """After an alert left an incident: close it if it was the last, else take the priority of those that stay."""
    incident = tx.incident(incident_id)
    left = tx.alerts_of(incident_id)
    if not left:
        tx.set_incident(incident_id, open=False, ended_ms=tx.now_ms)
        tx.drop_timers(incident_id)
        tx.stop_ringing(incident_id)
        return
    priority = highest(left)
    alarm = any(row["alarm"] for row in left)
    tx.set_incident(incident_id, priority=priority, alarm=alarm)
    if priority != incident["priority"] and incident["handling"] == NEW:
        start_chain(tx, tx.incident(incident_id), left[0]["alert_id"])


def end_incident(tx: Transaction, incident: Row) -> None:
    """All its open alerts have ended by a person's hand: nobody is rung any more, somebody must still write it down."""
    tx.stop_ringing(incident["incident_id"])
    set_lease(tx, incident)


def _chain(duty: Duty, priority: str, now_ms: int, *, staff_alarm: bool) -> object:
    return msgspec.to_builtins(escalation.snapshot(duty, priority, now_ms, staff_alarm=staff_alarm))


def _late(late_ms: int) -> dict[str, object]:
    return {"late_ms": late_ms} if late_ms > LATE_AFTER_MS else {}
