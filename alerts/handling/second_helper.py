"""Edge: two must go. Who comes as the second, what they do, and who rings on until there is one.

For: acts of the second (`lifecycle.SECOND`, `ONE_MORE`) and the timer that asks for one. The first reads "wait
outside" until both are there; claim, outcome and documentation stay the first one's.
"""

from __future__ import annotations

from typing import Any

from alerts.handling.doing import Doing, move, say
from alerts.handling.lifecycle import AT_ON_SITE, CLAIMED, HELD
from alerts.incidents import incident_flow
from alerts.routing import escalation
from alerts.transaction import Row, Transaction

NO_SECOND: dict[str, Any] = {
    "second_by": None, "second_name": None, "second_function": None, "second_on_site_ms": None
}  # fmt: skip


def missing(incident: Row) -> bool:
    """Two must go, somebody does, and one is still asked for."""
    return incident["chain"].two and incident["second_by"] is None and incident["handling"] in HELD


def claim(do: Doing) -> None:
    """One more comes: nobody is asked any longer."""
    do.tx.set_incident(
        do.incident_id, second_by=do.actor.holder, second_name=do.actor.name, second_function=do.actor.function
    )
    do.tx.drop_timers(do.incident_id, kinds=(escalation.SECOND,))
    do.tx.stop_ringing(do.incident_id)
    say(do, "second_claimed", {"first": do.incident["claimed_name"]})
    incident_flow.tell_holder(do.tx, do.incident, "second", do.alert["alert_id"])
    do.tx.changed_incident(do.incident_id)


def en_route(do: Doing) -> None:
    say(do, "en_route")
    do.tx.changed_incident(do.incident_id)


def on_site(do: Doing) -> None:
    if do.incident["second_on_site_ms"] is None:
        do.tx.set_incident(do.incident_id, second_on_site_ms=do.happened_ms)
        say(do, "on_site")
        do.tx.journal_staff(do.incident, "staff.arrived", do.actor.staff, do.alert["alert_id"])
    do.tx.changed_incident(do.incident_id)


def release(do: Doing) -> None:
    """The second cannot after all: one more is asked for again."""
    _left(do.tx, do.incident, do.alert["alert_id"])
    do.tx.set_incident(do.incident_id, **NO_SECOND)
    say(do, "second_released")
    ask_for_second(do.tx, do.tx.incident(do.incident_id), do.alert["alert_id"])
    do.tx.changed_incident(do.incident_id)


def gone(tx: Transaction, incident: Row, alert_id: str, why: str) -> None:
    """The second's shift is over: one more is asked for again, and the first is told to wait."""
    _left(tx, incident, alert_id)
    tx.set_incident(incident["incident_id"], **NO_SECOND)
    tx.line(incident, "second_released", {"why": why, "from": incident["second_name"]})
    after = tx.incident(incident["incident_id"])
    if missing(after):
        incident_flow.tell_holder(tx, after, "second", alert_id, "second_gone")
    ask_for_second(tx, after, alert_id)
    tx.changed_incident(incident["incident_id"])


def step_up(do: Doing) -> bool:
    """The first gives it back: the second, where there is one, has it from now on. Whether there was."""
    one = do.incident
    if one["second_by"] is None:
        return False
    there = one["second_on_site_ms"] is not None
    first = Doing(do.tx, do.alert, one, do.actor, do.body, AT_ON_SITE if there else CLAIMED, do.who, do.happened_ms)
    move(
        first, claimed_by=one["second_by"], claimed_name=one["second_name"], claimed_function=one["second_function"],
        claimed_ms=do.tx.now_ms, handed_to=None, on_site_ms=one["second_on_site_ms"], **NO_SECOND,
    )  # fmt: skip
    say(do, "released")
    incident = do.tx.incident(do.incident_id)
    incident_flow.tell_holder(do.tx, incident, "again", do.alert["alert_id"], "yours")
    incident_flow.set_lease(do.tx, incident)
    ask_for_second(do.tx, incident, do.alert["alert_id"])
    return True


def ask_for_second(tx: Transaction, incident: Row, alert_id: str, late_ms: int = 0) -> None:
    """The chain's next step, for one more; and the timer of the one after it. Nothing where nobody is missing."""
    if not missing(incident):
        return
    chain: escalation.Snapshot = incident["chain"]
    step = incident["step"] + 1
    targets = escalation.second_targets(chain, step, (incident["claimed_function"],))
    told = incident_flow.told(tx, incident, targets, going=(incident["claimed_function"],))
    tx.set_incident(incident["incident_id"], step=step)
    tx.send(incident, "ring", told, alert_id=alert_id, step=step, args={"say": "one_more"})
    tx.line(incident, "second_asked", {"targets": [t.name for t in told]} | incident_flow.late_args(late_ms))
    due_ms = escalation.next_step(chain, step + 1, tx.now_ms).due_ms
    due_ms = min(max(due_ms, tx.now_ms + escalation.SECOND_MIN_MS), tx.now_ms + escalation.SECOND_MAX_MS)
    tx.set_timer(incident["incident_id"], escalation.SECOND, due_ms, step + 1)


def seconds_left(do: Doing) -> None:
    """It has ended: the second is not there any more either."""
    _left(do.tx, do.incident, do.alert["alert_id"])


def _left(tx: Transaction, incident: Row, alert_id: str) -> None:
    if incident["second_on_site_ms"] is not None:
        tx.journal_staff(incident, "staff.left", _staff(incident["second_by"]), alert_id)


def _staff(holder: str | None) -> str | None:
    return None if holder is None or ":" in holder else holder
