"""Edge: how an incident moves on. Its chain starts, fires a step, rises, stops, or the incident is over.

For: the moves that effects, acts and timers share. Whoever leaves an incident open leaves it with a timer (promise 5):
every function here that takes a next action away sets the one that follows. When and whom is decided in
`alerts/routing/escalation.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.handling.cards import NO_ANSWER_MS
from alerts.handling.lifecycle import CLAIMED, ENDED, HANDED_OVER, HELD, NEW, REPORTED_VKP
from alerts.quiet.pipeline import WAIT
from alerts.quiet.situation import judge_incident
from alerts.routing import chains as routing
from alerts.routing import escalation, owners, profiles
from alerts.routing.escalation import Duty, Target
from alerts.shifts.duty import duty_now
from alerts.shifts.duty import shift_end_ms as shift_end
from alerts.transaction import Row, Transaction, highest, holder_target
from ingest.event import name_uuid

LEASES = (
    escalation.ESCALATE, escalation.ASK, escalation.RING_NEXT, escalation.ARRIVE, escalation.HAND_OVER,
    escalation.DOCUMENT, escalation.WATCH,
)  # fmt: skip
"""Timers of an incident of which one stands at a time; asking for a second goes on beside them."""
LATE_AFTER_MS = 5_000  # a timer that fires later than this says so


def open_incident(tx: Transaction, alert: Row, key: str, duty: Duty) -> Row:
    """A new incident around its first alert (whose row may not be written yet); its chain is not started."""
    row = {
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
        "snapshot": _chain(tx, duty, alert, alert),
    }
    return tx.add_incident(row)


def start_chain(tx: Transaction, incident: Row, alert_id: str) -> None:
    """Begin (again) with the chain for the incident's priority, by the policies and the ward's duty of now."""
    duty = duty_now(tx, incident["home_id"])
    alert = tx.alert(alert_id)
    assert alert is not None, "an incident's chain begins because of an alert"
    chain = _chain(tx, duty, alert, incident)
    tx.set_incident(
        incident["incident_id"], snapshot=chain, step=-1, ward_id=duty.ward_id, owner=None, received_ms=None
    )
    continue_chain(tx, tx.incident(incident["incident_id"]), alert_id)


def continue_chain(tx: Transaction, incident: Row, alert_id: str) -> None:
    """The step after the last one that was fired: now if it may ring now, else when it may."""
    step = incident["step"] + 1
    if step == 0 and incident["chain"].nobody:
        tx.line(incident, "nobody_on_duty", {"ward": incident["ward_id"]})
        tx.change("health", "nobody_on_duty")
    if step == 0 and incident["staff_alarm"]:
        tx.set_timer(incident["incident_id"], escalation.CARD, tx.now_ms + NO_ANSWER_MS, alert_id=alert_id)
    ring_or_hold(tx, incident, step, alert_id, listed=True)


def ring_or_hold(
    tx: Transaction, incident: Row, step: int, alert_id: str, late_ms: int = 0, *, listed: bool = False
) -> None:
    """A step's time has come: fire it, unless everything the incident has open must be quiet for now
    (alerts/quiet/pipeline.py). `listed`: the hours of its chain have not been waited for yet.
    """
    verdict = judge_incident(tx, incident, listed=listed or incident["chain"].mode == profiles.BY_DAY)
    if verdict is None or verdict.kind != WAIT:
        if incident["quiet"] is not None:
            tx.set_incident(incident["incident_id"], quiet=None, quiet_until_ms=None)
        fire_step(tx, incident, step, alert_id, late_ms)
        return
    reason = msgspec.to_builtins(verdict.reason)
    tx.set_incident(incident["incident_id"], quiet=reason, quiet_until_ms=verdict.until_ms)
    if incident["quiet"] != reason:
        tx.line(incident, "held_back", verdict.reason.args, text_code=verdict.reason.code)
    tx.set_timer(incident["incident_id"], escalation.ESCALATE, verdict.until_ms, step)


def fire_step(tx: Transaction, incident: Row, step: int, alert_id: str, late_ms: int = 0) -> None:
    """Tell this step's targets and set the timer of the next. An outside centre that owns it is told instead."""
    chain: escalation.Snapshot = incident["chain"]
    if step == 0 and chain.owner:
        owners.to_centre(tx, incident, alert_id)
        return
    targets = chain.steps[min(step, len(chain.steps) - 1)].targets
    tx.set_incident(incident["incident_id"], step=step)
    if targets and not tx.unattended:
        targets = told(tx, incident, targets, as_begun=step == 0 and chain.base_ms == tx.now_ms)
        tx.send(incident, "ring", targets, alert_id=alert_id, step=step, args=ring_words(incident))
        tx.line(incident, "rang", {"step": step, "targets": [t.name for t in targets]} | late_args(late_ms))
    elif step == 0 and not targets:
        tx.line(incident, "listed", late_args(late_ms))
    after = escalation.next_step(chain, step + 1, tx.now_ms)
    tx.set_timer(incident["incident_id"], escalation.ESCALATE, after.due_ms, step + 1)


def ring_words(incident: Row) -> dict[str, object] | None:
    """In which words somebody is rung; None: that somebody must go."""
    if incident["staff_alarm"]:
        return {"say": "colleague"}
    return {"say": "two"} if incident["chain"].two and incident["claimed_by"] is None else None


def told(
    tx: Transaction, incident: Row, targets: tuple[Target, ...], *, as_begun: bool = False, going: tuple[Any, ...] = ()
) -> tuple[Target, ...]:
    """Whom a step tells as of now (`routing.told_now`). `as_begun`: its chain was made this instant, and knows.
    `going`: functions that go already, and are nobody's replacement.
    """
    chain: escalation.Snapshot = incident["chain"]
    if as_begun:
        duty = Duty(incident["ward_id"], chain.profile, chain.functions, timezone=chain.timezone)
    else:
        duty = duty_now(tx, incident["home_id"])
    if going:
        others = tuple(one for one in duty.functions if one.id not in going)
        duty = msgspec.structs.replace(duty, functions=others)
    resident = resident_of(incident)
    return routing.told_now(tx, targets, duty, chain.functions, resident)


def resident_of(incident: Row) -> str | None:
    """The person an incident is about, where one is known (alerts/incidents/incident.py)."""
    kind, _, resident = str(incident["key"]).partition(":")
    return resident if kind == "resident" else None


def set_lease(tx: Transaction, incident: Row) -> None:
    """Somebody has it (or has ended it): the chain stops, and what happens if they do nothing takes its place. Where
    two must go and one is missing, the asking for one more goes on.
    """
    handling, chain = incident["handling"], incident["chain"]
    asking = chain.two and incident["second_by"] is None and handling in HELD
    tx.drop_timers(incident["incident_id"], kinds=LEASES if asking else None)
    shift_end_ms = None
    if handling == ENDED and incident["claimed_function"]:
        shift_end_ms = shift_end(tx.conn, tx.site_id, incident["claimed_function"], tx.now_ms)
    kind, due_ms = escalation.lease(
        chain, handling, incident["priority"], incident["claimed_ms"] or tx.now_ms, tx.now_ms,
        shift_end_ms=shift_end_ms,
    )  # fmt: skip
    tx.set_timer(incident["incident_id"], kind, due_ms)


def tell_holder(tx: Transaction, incident: Row, kind: str, alert_id: str, say: str | None = None) -> None:
    """A message to the one who has it; `say`: other words than its kind's."""
    args = None if say is None else {"say": say}
    tx.send(incident, kind, (holder_target(incident),), alert_id=alert_id, args=args)


def tell_again(tx: Transaction, incident: Row, alert_id: str, otherwise: str) -> None:
    """The one who has it is rung again; "alarm again" only of what is one, else with the words `otherwise`."""
    alert = tx.alert(alert_id)
    tell_holder(tx, incident, "again", alert_id, None if alert is not None and alert["alarm"] else otherwise)


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
    tell_again(tx, incident, alert_id, "urgent")
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
        tell_again(tx, incident, alert["alert_id"], "more")
    elif incident["owner"] is not None and (alert["alarm"] or alert["priority"] == "P1"):
        owners.to_centre(tx, incident, alert["alert_id"])  # they must say within 120 s that they have this one too
    elif incident["quiet"] is not None:  # what has joined may be louder than what waits
        continue_chain(tx, incident, alert["alert_id"])


def report(tx: Transaction, alert: Row, kind: str) -> None:
    """The first line of an alert: the reason of who raised it, and how late it comes where the desk stood still."""
    reason = alert["reason"]
    late = {} if tx.told_ms is None else late_args(tx.told_ms - tx.now_ms)
    tx.line(alert, kind, (reason.get("args") or {}) | late, text_code=reason["code"], vkp=REPORTED_VKP)


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


def late_args(late_ms: int) -> dict[str, object]:
    """What a line says of a timer that fired late."""
    return {"late_ms": late_ms} if late_ms > LATE_AFTER_MS else {}


def _chain(tx: Transaction, duty: Duty, alert: Row, incident: Row) -> object:
    return msgspec.to_builtins(routing.chain_for(tx, duty, alert, incident))
