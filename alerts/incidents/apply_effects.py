"""Edge: what the folds say becomes rows. Saying one effect twice changes nothing.

For: the dispatch of effects, and those that tell more about what stands: `Update`, `Clear`, `Observe`. A new alert is
`alerts/incidents/raise_alert.py`, one that the other lane has raised already `alerts/incidents/enrich_alert.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog
from sqlalchemy import Connection, delete

from alerts.device_tests import tasks as test_tasks
from alerts.device_tests import untested
from alerts.handling import card_offers
from alerts.handling.lifecycle import ACTIVE, MOMENTARY, NEW, condition_after, may_self_resolve
from alerts.incidents import incident_flow
from alerts.incidents.alert_moves import again, close, orphan, raise_priority, standing
from alerts.incidents.enrich_alert import enrich_alert
from alerts.incidents.raise_alert import raise_alert
from alerts.quiet import outages
from alerts.routing.escalation import ASK_AGAIN
from alerts.schema.upkeep import observations, protection
from alerts.transaction import Row, Transaction
from rules.effects import Clear, Effect, Observe, Raise, Update

log = structlog.get_logger()

InForce = Callable[[Connection, str, str, int], None]
"""(connection, site, setting_id, version): the fold has seen this version of a setting."""

NOT_WATCHED = ("not_watched", "quarantined")
WAYS = ("not_watched", "watched")  # without a rule: the way to the person is broken, or whole again


def apply_effect(tx: Transaction, lane: str, effect: Effect, in_force: InForce | None) -> None:
    """Do one effect, unless this lane has said it before."""
    if not tx.batch.first_time(lane, effect.effect_id, effect.at_ms):
        return
    match effect:
        case Raise():
            row = tx.alert(effect.alert_id)
            if row is None:
                raise_alert(tx, effect)
                test_tasks.follow(tx, effect)
            else:
                enrich_alert(tx, row, effect)
        case Update():
            _update(tx, effect)
        case Clear():
            _clear(tx, effect)
        case Observe():
            _observe(tx, effect, in_force)


def _update(tx: Transaction, effect: Update) -> None:
    row = standing(tx, effect.alert_id)
    if row is None:
        orphan(tx, effect.alert_id, "update")
        return
    tx.add_causes(row["alert_id"], effect.causes)
    tx.line(row, "updated", effect.reason.args, text_code=effect.reason.code)
    if effect.priority is not None:
        raise_priority(tx, row, effect.priority)
    card_offers.said(tx, again(tx, row), effect)
    tx.change("alert", row["alert_id"])


def _clear(tx: Transaction, effect: Clear) -> None:
    """The condition of the alert is over, and of every successor that opened because it was still true."""
    row = tx.alert(effect.alert_id)
    if row is None:
        orphan(tx, effect.alert_id, "clear")
        return
    last = standing(tx, effect.alert_id)
    assert last is not None, "a row that is there stands for itself at least"
    behind = row["merged_into"] and not row["continued_by"]
    for each in (row,) if last["alert_id"] == row["alert_id"] or behind else (row, last):
        _clear_one(tx, each, effect)
    untested.follow(tx, row)


def _clear_one(tx: Transaction, row: Row, effect: Clear) -> None:
    condition = condition_after(row["condition"], retracted=effect.retracted)
    cleared_ms = effect.at_ms if condition != row["condition"] else row["cleared_ms"]
    tx.set_alert(row["alert_id"], condition=condition, cleared_ms=cleared_ms)
    tx.add_causes(row["alert_id"], effect.causes)
    kind = "retracted" if effect.retracted else "cleared"
    tx.line(row, kind, effect.reason.args, text_code=effect.reason.code)
    tx.drop_timers(row["incident_id"], kinds=(ASK_AGAIN,), alert_id=row["alert_id"])
    tx.change("alert", row["alert_id"])
    if not row["open"] or row["merged_into"]:
        return
    row = again(tx, row)
    incident = tx.incident(row["incident_id"])
    resolves = may_self_resolve(
        self_resolves=row["self_resolves"],
        priority=row["priority"],
        alarm=row["alarm"],
        ever_claimed=row["ever_claimed"],
        handling=row["handling"],
    )
    needed = _still_needed(tx, row)
    if resolves and not effect.retracted and not effect.stays:
        rung = tx.rung(incident["incident_id"])
        close(tx, row, "self_resolved", "self_resolved")
        after = tx.incident(incident["incident_id"])
        if not needed or (after["open"] and after["quiet"] is not None):  # what is left of it waits for the morning
            tx.send(incident, "cleared", rung, alert_id=row["alert_id"])
    elif incident["handling"] != NEW and not needed:
        # nobody is told to stay at home by a sensor: a son who opens the door is no sign that she was found
        say = "seems_over" if row["alarm"] or row["priority"] == "P1" else None
        incident_flow.tell_holder(tx, incident, "cleared", row["alert_id"], say)


def _still_needed(tx: Transaction, row: Row) -> bool:
    """Whether somebody must go all the same: back in bed says nothing of the alarm in the same incident."""
    others = (one for one in tx.alerts_of(row["incident_id"]) if one["alert_id"] != row["alert_id"])
    return any(not one["merged_into"] and one["condition"] in {ACTIVE, MOMENTARY} for one in others)


def _observe(tx: Transaction, effect: Observe, in_force: InForce | None) -> None:
    if effect.kind == "in_force":
        _in_force(tx, effect, in_force)
        return
    if effect.kind in NOT_WATCHED:
        _not_watched(tx, effect)
    elif effect.kind == "watched":
        _watched(tx, effect)
    if effect.kind in WAYS and not effect.rule:
        outages.follow(tx, effect)
    seen = {
        "home_id": effect.home,
        "subject_id": effect.subject,
        "at_ms": effect.at_ms,
        "kind": effect.kind,
        "rule": effect.rule,
        "reason": msgspec.to_builtins(effect.reason),
        "causes": [cause.event_id for cause in effect.causes],
    }
    tx.batch.add(observations, seen)
    tx.change("resident", effect.subject)


def _in_force(tx: Transaction, effect: Observe, in_force: InForce | None) -> None:
    setting_id, version = effect.reason.args.get("setting_id"), effect.reason.args.get("version")
    if not isinstance(setting_id, str) or not isinstance(version, int):
        log.error("in_force_without_setting", effect_id=effect.effect_id)
        return
    if in_force is not None:
        in_force(tx.direct, tx.site_id, setting_id, version)
    tx.change("setting", setting_id)


def _not_watched(tx: Transaction, effect: Observe) -> None:
    """A person without protection, until the fold says that they are watched again. The first moment counts."""
    reason = msgspec.to_builtins(effect.reason)
    values = {
        "site_id": tx.site_id,
        "home_id": effect.home,
        "subject_id": effect.subject,
        "rule": effect.rule or "",
        "since_ms": effect.at_ms,
        "reason": reason,
    }
    tx.batch.put(protection, values, {"reason": reason})
    tx.change("health", "not_watched")


def _watched(tx: Transaction, effect: Observe) -> None:
    # without a rule it is the way to the person that is whole again; a rule that failed is still off
    tx.conn.execute(
        delete(protection).where(
            protection.c.home_id == effect.home,
            protection.c.subject_id == effect.subject,
            protection.c.rule == (effect.rule or ""),
        )
    )
    tx.change("health", "not_watched")
