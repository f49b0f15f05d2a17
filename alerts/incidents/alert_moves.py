"""Edge: what may happen to one alert, whoever causes it. It is written, joins, rises, opens again, closes.

For: the moves on rows of `alerts` that effects, acts and timers share; what they mean for the incident is asked of
`alerts/incidents/incident_flow.py`.
"""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import case, literal, select, update

from alerts.handling.lifecycle import ACTIVE, ENDED, NEW, higher
from alerts.incidents import incident_flow
from alerts.routing.escalation import ANSWER_MS, ASK_AGAIN, Duty
from alerts.routing.profiles import HOUR
from alerts.schema.alerts import alerts, timers
from alerts.statements import add_missing_from
from alerts.transaction import Row, Transaction

log = structlog.get_logger()

MOST_LINKS = 1_000  # merged_into and continued_by are followed this far; longer would be a circle
SOON = ("P1", "P2")
"""After what explained it is over, the rules have two minutes to say that these are over too; an hour for the rest, as
sensors speak once an hour (engineer's judgement)."""

NOBODY: dict[str, Any] = {
    "claimed_by": None,
    "claimed_name": None,
    "claimed_function": None,
    "claimed_ms": None,
    "handed_to": None,
    "second_by": None,
    "second_name": None,
    "second_function": None,
    "second_on_site_ms": None,
}
"""An incident that nobody has."""


def again(tx: Transaction, row: Row) -> Row:
    """The alert as it stands now."""
    found = tx.alert(row["alert_id"])
    assert found is not None, "an alert's row never goes away inside a transaction"
    return found


def standing(tx: Transaction, alert_id: str) -> Row | None:
    """The alert that stands for this id: itself, its successor, or what it was merged into."""
    row = tx.alert(alert_id)
    for _ in range(MOST_LINKS):
        following = None if row is None else row["continued_by"] or row["merged_into"]
        if following is None:
            return row
        row = tx.alert(following)
    raise AssertionError(f"alert {alert_id} is linked in a circle")


def orphan(tx: Transaction, alert_id: str, effect: str) -> None:
    """An effect for an alert that nobody raised: kept in sight, not lost."""
    log.warning("effect_without_alert", alert_id=alert_id, effect=effect)
    tx.line({"alert_id": alert_id, "incident_id": None, "subject_id": ""}, "without_alert", {"effect": effect})
    tx.change("health", "effect_without_alert")


def insert_alert(tx: Transaction, row: dict[str, Any]) -> Row:
    """Write a new alert's row and give it back as it stands."""
    return tx.add_alert(row)


def links_behind(tx: Transaction, target: Row) -> dict[str, Any]:
    """What an alert's row says when it goes under another: seen there, rung for nobody by itself, over with it."""
    return {
        "incident_id": target["incident_id"],
        "handling": tx.incident(target["incident_id"])["handling"],
        "merged_into": target["alert_id"],
        "ever_claimed": True,
    }


def join_incident(tx: Transaction, row: dict[str, Any], key: str, duty: Duty) -> Row:
    """Write a new alert into the open incident of `key`, or into a new one whose chain starts now."""
    incident = tx.open_incident(key)
    if incident is not None:
        row = row | {
            "incident_id": incident["incident_id"],
            "handling": incident["handling"],
            "ever_claimed": incident["handling"] != NEW,
        }
        alert = insert_alert(tx, row)
        incident_flow.report(tx, alert, "joined")
        incident_flow.joined(tx, incident, alert)
        return alert
    incident = incident_flow.open_incident(tx, row, key, duty)
    alert = tx.add_first_alert(row | {"incident_id": incident["incident_id"]})
    incident_flow.report(tx, alert, "raised")
    incident_flow.continue_chain(tx, incident, alert["alert_id"])
    return alert


def raise_priority(tx: Transaction, row: Row, priority: str) -> None:
    """Only ever up. An alert that was ended opens again when it becomes more urgent."""
    if higher(priority, row["priority"]) == row["priority"]:
        return
    tx.set_alert(row["alert_id"], priority=priority, raised_from=row["raised_from"] or row["priority"])
    row = again(tx, row)
    if not row["open"]:
        reopen(tx, row, "came_back")
        return
    incident = tx.incident(row["incident_id"])
    if higher(priority, incident["priority"]) != incident["priority"]:
        incident_flow.rise(tx, incident, priority, row["alert_id"])


def close(tx: Transaction, row: Row, kind: str, outcome: str, args: dict[str, object] | None = None) -> None:
    """One alert ends without a person's act. The incident goes on with the others, or ends with it."""
    done: dict[str, object] = {"open": False, "handling": ENDED, "closed_ms": tx.now_ms, "outcome": outcome}
    tx.set_alert(row["alert_id"], **done)
    tx.line(row, kind, args)
    _end_behind(tx, row["alert_id"], done)
    incident_flow.settle(tx, row["incident_id"])


def _end_behind(tx: Transaction, alert_id: str, done: dict[str, object]) -> None:
    """What stood behind it is over with it. What is still true then is asked about again: now there is nothing left
    that explains it. Set by set: behind an outage stand thousands.
    """
    behind = (alerts.c.merged_into == alert_id, alerts.c.open)
    if tx.reading(alerts).execute(select(alerts.c.alert_id).where(*behind).limit(1)).first() is None:
        return
    due_ms = tx.now_ms + case((alerts.c.priority.in_(SOON), ANSWER_MS), else_=HOUR)
    asked = select(alerts.c.incident_id, literal(ASK_AGAIN), alerts.c.alert_id, due_ms, literal(0))
    names = ["incident_id", "kind", "alert_id", "due_ms", "step"]
    still_true = asked.where(*behind, alerts.c.condition == ACTIVE)
    add_missing_from(tx.conn, timers, names, still_true)
    tx.conn.execute(update(alerts).where(*behind).values(done))


def reopen(tx: Transaction, row: Row, kind: str, args: dict[str, object] | None = None) -> None:
    """An ended alert is open again: in the incident that stands open for the same person, else in its own."""
    incident = tx.incident(row["incident_id"])
    tx.drop_timers(incident["incident_id"], alert_id=row["alert_id"])
    into = incident if incident["open"] else tx.open_incident(incident["key"])
    values: dict[str, Any] = {"open": True, "closed_ms": None, "outcome": None, "ever_claimed": True}
    if into is not None:
        tx.set_alert(row["alert_id"], **values, incident_id=into["incident_id"], handling=into["handling"])
        row = again(tx, row)
        tx.line(row, kind, args)
        incident_flow.joined(tx, into, row)
    else:
        tx.set_alert(row["alert_id"], **values, handling=NEW)
        tx.line(row, kind, args)
        _reopen_incident(tx, incident, row)
    tx.change("alert", row["alert_id"])


def _reopen_incident(tx: Transaction, incident: Row, row: Row) -> None:
    tx.drop_timers(incident["incident_id"])
    tx.set_incident(
        incident["incident_id"],
        **NOBODY,
        open=True,
        handling=NEW,
        handling_ms=tx.now_ms,
        ended_ms=None,
        priority=row["priority"],
        alarm=row["alarm"],
        staff_alarm=row["staff_alarm"],
        contact_ms=None,
        on_site_ms=None,
        no_voice_ms=None,
    )
    incident_flow.start_chain(tx, tx.incident(incident["incident_id"]), row["alert_id"])
