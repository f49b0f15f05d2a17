"""Edge: a `Raise` for an alert that stands already. The floor and the rules speak of the same alarm; one comes second.

For: who may name an alert, and what changes when the name does. The rules win over the floor, whatever the order; a
priority only goes up; staff's own alarm leaves the person's incident.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import literal_column, select, update

from alerts.handling.lifecycle import ACTIVE, CLEARED, HELD, NEW, RETRACTED
from alerts.incidents import incident_flow
from alerts.incidents.alert_moves import again, raise_priority, reopen
from alerts.incidents.incident import alone_key
from alerts.schema.alerts import alerts, outbox
from alerts.shifts.duty import duty_now
from alerts.transaction import Row, Transaction, highest
from rules.effects import Raise

RULES = "rules"


def enrich_alert(tx: Transaction, row: Row, effect: Raise) -> None:
    """Add what this effect knows to the alert that stands; open it again where its condition has come back."""
    named_by_rules = row["source"] == RULES
    returns = named_by_rules and effect.source == RULES and row["condition"] in {CLEARED, RETRACTED}
    tx.add_causes(row["alert_id"], effect.causes)
    # the lanes run on their own: the earlier one counts, whichever was told first
    changed: dict[str, Any] = {"opened_ms": effect.at_ms} if effect.at_ms < row["opened_ms"] else {}
    named = effect.source == RULES or not named_by_rules
    changed |= _names(row, effect) if named else {}
    if changed:
        tx.set_alert(row["alert_id"], **changed)
    if named:
        tx.line(row, "named", {"rule": effect.rule}, text_code=effect.reason.code)
    if row["test"] and not effect.test:
        # one side believed a test, the other does not: then it is real
        tx.set_alert(row["alert_id"], test=False)
        reopen(tx, again(tx, row), "not_a_test")
    if effect.staff_alarm and not row["staff_alarm"]:
        _stand_alone(tx, again(tx, row))
    raise_priority(tx, again(tx, row), effect.priority)
    if returns and effect.condition == ACTIVE:
        _come_back(tx, again(tx, row))
    tx.change("alert", row["alert_id"])


def _come_back(tx: Transaction, row: Row) -> None:
    tx.set_alert(row["alert_id"], condition=ACTIVE, cleared_ms=None)
    if row["open"]:
        tx.line(row, "came_back")
    else:
        reopen(tx, row, "came_back")


def _names(row: Row, effect: Raise) -> dict[str, Any]:
    """What the one who knows better says the alert is."""
    alarm = effect.alarm or row["alarm"]
    return {
        "rule": effect.rule,
        "rule_version": effect.rule_version,
        "code": effect.code,
        "episode": effect.episode,
        "source": effect.source,
        "reason": msgspec.to_builtins(effect.reason),
        "parameters": msgspec.to_builtins(effect.parameters) or row["parameters"],
        "suppressed": msgspec.to_builtins(effect.suppressed) or row["suppressed"],
        "due_ms": row["due_ms"] if effect.due_ms is None else effect.due_ms,
        "late_ms": max(effect.late_ms, row["late_ms"]),
        "resident_id": effect.resident or row["resident_id"],
        "device_id": effect.device or row["device_id"],
        "alarm": alarm,
        "self_resolves": effect.self_resolves and not alarm,
    }


def _stand_alone(tx: Transaction, row: Row) -> None:
    """It is staff who call (R53): out of the person's incident, and all on shift are rung at once."""
    tx.set_alert(row["alert_id"], staff_alarm=True)
    if not row["open"]:
        return
    before = tx.incident(row["incident_id"])
    if any(other["alert_id"] != row["alert_id"] for other in tx.alerts_of(before["incident_id"])):
        _move_out(tx, row, before)
        return
    tx.set_incident(before["incident_id"], key=alone_key(row["alert_id"]), staff_alarm=True)
    if before["handling"] == NEW:
        incident_flow.start_chain(tx, tx.incident(before["incident_id"]), row["alert_id"])


def _move_out(tx: Transaction, row: Row, before: Row) -> None:
    if row["merged_into"] is not None:
        fewer = {"presses": alerts.c.presses - row["presses"]}
        tx.conn.execute(update(alerts).where(alerts.c.alert_id == row["merged_into"]).values(fewer))
        tx.change("alert", row["merged_into"])
    _part_presses(tx, row)
    key = alone_key(row["alert_id"])
    staff_row = {**row, "staff_alarm": True}
    incident = incident_flow.open_incident(tx, staff_row, key, duty_now(tx, row["home_id"]))
    tx.set_alert(
        row["alert_id"],
        incident_id=incident["incident_id"],
        merged_into=None,
        handling=NEW,
        ever_claimed=False,
    )
    tx.line(again(tx, row), "staff_alarm")
    incident_flow.continue_chain(tx, incident, row["alert_id"])
    _as_before(tx, before, row["alert_id"])
    incident_flow.settle(tx, before["incident_id"])


def _as_before(tx: Transaction, before: Row, alert_id: str) -> None:
    """What the floor took for a further alarm of the person is none: their incident goes on as it did without it."""
    unsent = (outbox.c.incident_id == before["incident_id"], outbox.c.alert_id == alert_id, outbox.c.kind == "again")
    waiting = update(outbox).where(*unsent, literal_column("state = 'pending'"))
    tx.conn.execute(waiting.values(state="cancelled", done_ms=tx.now_ms))
    left = [one for one in tx.alerts_of(before["incident_id"]) if one["alert_id"] != alert_id]
    if left and before["handling"] in HELD:
        tx.set_incident(before["incident_id"], priority=highest(left), alarm=any(one["alarm"] for one in left))
        incident_flow.set_lease(tx, tx.incident(before["incident_id"]))


def _part_presses(tx: Transaction, row: Row) -> None:
    """Presses that merged into what turns out to be staff's alarm stay with the person: the first stands for them."""
    query = (
        select(alerts).where(alerts.c.merged_into == row["alert_id"]).order_by(alerts.c.opened_ms, alerts.c.alert_id)
    )
    followers = tx.conn.execute(query).mappings().all()
    if not followers:
        return
    first, rest = followers[0], followers[1:]
    last_ms = max(follower["last_press_ms"] or 0 for follower in followers)
    count = sum(follower["presses"] for follower in followers)
    tx.set_alert(first["alert_id"], merged_into=None, presses=count, last_press_ms=last_ms)
    for follower in rest:
        tx.set_alert(follower["alert_id"], merged_into=first["alert_id"])
        tx.copy_causes(follower["alert_id"], first["alert_id"])
    tx.set_alert(row["alert_id"], presses=row["presses"] - count)
    tx.change("alert", first["alert_id"])
