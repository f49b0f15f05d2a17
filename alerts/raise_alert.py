"""Edge: an alert that did not stand before. It opens an incident, joins one, merges, is shelved, or is a test.

For: effects `Raise` whose alert is new. Where it belongs is decided in `alerts/incidents.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import func, select

from alerts import incident_flow
from alerts.alert_moves import again, insert_alert, join_incident
from alerts.duty import duty_of
from alerts.escalation import Duty
from alerts.incidents import Opening, alone_key, incident_key, may_merge, merges
from alerts.lifecycle import ENDED, NEW
from alerts.schema import alerts
from alerts.transaction import Row, Transaction
from rules.effects import Raise

PRESS = "alarm.pressed"
SHELVES = "count.shelves"  # reason of an alert that stands for others of its device; they are its `covers`
SHELVES_MAX = 16  # open alerts of one device that are looked at
NEVER_SHELVED = "P1"


def raise_alert(tx: Transaction, effect: Raise) -> None:
    """Open the alert that this effect says has begun."""
    duty = duty_of(tx.conn, tx.site_id, effect.home)
    row = _row(tx, effect, duty)
    opening = _opening(effect)
    if effect.test:
        _test(tx, row, effect, duty)
        return
    merged = _open_alarm(tx, effect, opening)
    if merged is not None:
        _merge(tx, row, effect, merged)
        return
    stands_for_it = _shelved_by(tx, effect)
    if stands_for_it is not None:
        _shelve(tx, row, effect, stands_for_it)
        return
    alert = join_incident(tx, row, incident_key(opening), duty)
    tx.add_causes(alert["alert_id"], effect.causes)
    tx.change("alert", alert["alert_id"])


def _test(tx: Transaction, row: dict[str, Any], effect: Raise, duty: Duty) -> None:
    """A press within a test session: it goes to a phone like any other, stands on no queue and is over at once."""
    incident = incident_flow.open_incident(tx, row, alone_key(effect.alert_id), duty)
    closed = {"handling": ENDED, "open": False, "outcome": "test", "closed_ms": tx.now_ms}
    alert = insert_alert(tx, row | closed | {"incident_id": incident["incident_id"]})
    tx.add_causes(alert["alert_id"], effect.causes)
    incident_flow.report(tx, alert, "test")
    tx.send(incident, "test", incident["chain"].steps[0].targets, alert_id=alert["alert_id"])
    tx.set_incident(incident["incident_id"], open=False, handling=ENDED, ended_ms=tx.now_ms)
    tx.change("alert", alert["alert_id"])


def _open_alarm(tx: Transaction, effect: Raise, opening: Opening) -> Row | None:
    """The open alarm of the same person and trigger that this press belongs to."""
    if not may_merge(opening):
        return None
    query = (
        select(alerts)
        .where(
            alerts.c.subject_id == effect.subject,
            alerts.c.trigger == effect.trigger,
            alerts.c.open,
            alerts.c.alarm,
            alerts.c.merged_into.is_(None),
            alerts.c.staff_alarm.is_(False),
        )
        .order_by(alerts.c.opened_ms.desc(), alerts.c.alert_id.desc())
        .limit(1)
    )
    row = tx.conn.execute(query).mappings().first()
    if row is None:
        return None
    last_ms = row["opened_ms"] if row["last_press_ms"] is None else row["last_press_ms"]
    same = merges(unattended=tx.unattended, last_press_ms=last_ms, press_ms=_press_ms(effect))
    return {**row} if same else None


def _merge(tx: Transaction, row: dict[str, Any], effect: Raise, target: Row) -> None:
    """A further press: counted in the open alarm; whoever has it is rung again."""
    incident = tx.incident(target["incident_id"])
    links = {
        "incident_id": target["incident_id"],
        "handling": incident["handling"],
        "merged_into": target["alert_id"],
        "ever_claimed": True,
    }
    alert = insert_alert(tx, row | links)
    tx.add_causes(alert["alert_id"], effect.causes)
    tx.add_causes(target["alert_id"], effect.causes)
    last_ms = max(target["last_press_ms"] or 0, _press_ms(effect))
    tx.set_alert(target["alert_id"], presses=target["presses"] + row["presses"], last_press_ms=last_ms)
    tx.line(again(tx, target), "pressed_again", {"presses": target["presses"] + row["presses"]})
    incident_flow.joined(tx, incident, alert)
    tx.change("alert", target["alert_id"])
    tx.change("alert", alert["alert_id"])


def _shelved_by(tx: Transaction, effect: Raise) -> Row | None:
    """The open alert of a chattering device (R42) that names this rule, is as urgent, and whose time still runs.

    Never for a person's alarm or P1; nor once somebody has ended it: then what the device says rings again.
    """
    if effect.alarm or effect.staff_alarm or effect.priority == NEVER_SHELVED or effect.device is None:
        return None
    standing = func.coalesce(alerts.c.merged_into, "") == ""  # not by the index of what was merged: most never were
    query = (
        select(alerts)
        .where(alerts.c.device_id == effect.device, alerts.c.open, standing)
        .order_by(alerts.c.priority, alerts.c.opened_ms.desc(), alerts.c.alert_id)
        .limit(SHELVES_MAX)
    )
    for row in tx.conn.execute(query).mappings():
        said = row["reason"].get("args", {}) if row["reason"]["code"] == SHELVES else {}
        covered = effect.rule in said.get("covers", ()) and row["home_id"] == effect.home
        if covered and said.get("until_ms", 0) > tx.now_ms and row["priority"] <= effect.priority:
            return {**row}
    return None


def _shelve(tx: Transaction, row: dict[str, Any], effect: Raise, target: Row) -> None:
    """It stands behind the one that stands for it: seen there, rung for nobody, over with it."""
    incident = tx.incident(target["incident_id"])
    links = {
        "incident_id": target["incident_id"],
        "handling": incident["handling"],
        "merged_into": target["alert_id"],
        "ever_claimed": True,
    }
    alert = insert_alert(tx, row | links)
    tx.add_causes(alert["alert_id"], effect.causes)
    incident_flow.report(tx, alert, "raised")
    tx.line(alert, "shelved", {"rule": target["rule"], "until_ms": target["reason"]["args"]["until_ms"]})
    tx.change("alert", target["alert_id"])
    tx.change("alert", alert["alert_id"])


def _row(tx: Transaction, effect: Raise, duty: Duty) -> dict[str, Any]:
    pressed = any(cause.type == PRESS for cause in effect.causes)
    return {
        "alert_id": effect.alert_id,
        "site_id": tx.site_id,
        "home_id": effect.home,
        "ward_id": duty.ward_id,
        "subject_id": effect.subject,
        "resident_id": effect.resident,
        "device_id": effect.device,
        "rule": effect.rule,
        "rule_version": effect.rule_version,
        "code": effect.code,
        "priority": effect.priority,
        "episode": effect.episode,
        "source": effect.source,
        "alarm": effect.alarm,
        "staff_alarm": effect.staff_alarm,
        "trigger": effect.trigger,
        "test": effect.test,
        "self_resolves": effect.self_resolves and not effect.alarm,
        "ever_claimed": False,
        "condition": effect.condition,
        "handling": NEW,
        "open": True,
        "presses": 1 if pressed else 0,
        "last_press_ms": _press_ms(effect) if effect.alarm else None,
        "opened_ms": effect.at_ms,
        "late_ms": effect.late_ms,
        "due_ms": effect.due_ms,
        "reason": msgspec.to_builtins(effect.reason),
        "parameters": msgspec.to_builtins(effect.parameters),
        "suppressed": msgspec.to_builtins(effect.suppressed),
    }


def _opening(effect: Raise) -> Opening:
    return Opening(
        alert_id=effect.alert_id,
        home=effect.home,
        priority=effect.priority,
        resident=effect.resident,
        trigger=effect.trigger,
        alarm=effect.alarm,
        staff_alarm=effect.staff_alarm,
        test=effect.test,
    )


def _press_ms(effect: Raise) -> int:
    """When it happened, not when it arrived."""
    return max((cause.effective_at_ms for cause in effect.causes if cause.effective_at_ms), default=effect.at_ms)
