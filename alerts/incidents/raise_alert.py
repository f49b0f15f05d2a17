"""Edge: an alert that did not stand before. It opens an incident, joins one, merges, goes behind another, or is a test.

For: effects `Raise` whose alert is new. Where it belongs is decided in `alerts/incidents/incident.py`, whether another
stands for it in `alerts/quiet/pipeline.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from alerts.device_tests import untested
from alerts.handling.lifecycle import ENDED, NEW
from alerts.incidents import incident_flow
from alerts.incidents.alert_moves import again, insert_alert, join_incident, links_behind, raise_priority, standing
from alerts.incidents.incident import Opening, alone_key, incident_key, may_merge, merges
from alerts.quiet.pipeline import BEHIND, Verdict
from alerts.quiet.situation import judge_alert
from alerts.routing.escalation import Duty
from alerts.schema.alerts import alerts
from alerts.shifts.duty import duty_now, ward_of
from alerts.transaction import Row, Transaction
from rules.effects import Raise

PRESS = "alarm.pressed"
BEHIND_KINDS = {"quiet.shelved": "shelved", "quiet.outage": "grouped", "quiet.inhibited": "inhibited"}
"""The timeline's word for standing behind another, by the pipeline's reason."""

_OPEN_ALARM = (
    select(alerts)
    .where(
        alerts.c.subject_id == bindparam("the_subject"),
        alerts.c.trigger == bindparam("the_trigger"),
        alerts.c.open,
        alerts.c.alarm,
        alerts.c.merged_into.is_(None),
        alerts.c.staff_alarm.is_(False),
    )
    .order_by(alerts.c.opened_ms.desc(), alerts.c.alert_id.desc())
    .limit(1)
)


def raise_alert(tx: Transaction, effect: Raise) -> None:
    """Open the alert that this effect says has begun."""
    row = _row(tx, effect)
    opening = _opening(effect)
    if effect.test:
        _test(tx, row, effect, _duty(tx, effect))
        return
    if effect.rule == untested.RULE:
        alert = untested.keep(tx, row, _duty(tx, effect))
        tx.add_causes(alert["alert_id"], effect.causes)
        return
    merged = _open_alarm(tx, effect, opening)
    if merged is not None:
        _merge(tx, row, effect, merged)
        return
    verdict = judge_alert(tx, row)
    if verdict.kind == BEHIND:
        _behind(tx, row, effect, verdict)
        return
    alert = join_incident(tx, row, incident_key(opening), _duty(tx, effect))
    tx.add_causes(alert["alert_id"], effect.causes)
    tx.change("alert", alert["alert_id"])


def raise_plainly(tx: Transaction, effect: Raise) -> None:
    """An alarm by the shortest way there is, for when the usual one has failed: an incident of its own that rings."""
    row = _row(tx, effect)
    incident = incident_flow.open_incident(tx, row, alone_key(effect.alert_id), _duty(tx, effect))
    alert = insert_alert(tx, row | {"incident_id": incident["incident_id"]})
    tx.add_causes(alert["alert_id"], effect.causes)
    incident_flow.report(tx, alert, "raised")
    incident_flow.fire_step(tx, incident, 0, alert["alert_id"])
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
    asked = {"the_subject": effect.subject, "the_trigger": effect.trigger}
    row = tx.reading(alerts).execute(_OPEN_ALARM, asked).mappings().first()
    if row is None:
        return None
    last_ms = row["opened_ms"] if row["last_press_ms"] is None else row["last_press_ms"]
    same = merges(unattended=tx.unattended, last_press_ms=last_ms, press_ms=_press_ms(effect))
    return {**row} if same else None


def _merge(tx: Transaction, row: dict[str, Any], effect: Raise, target: Row) -> None:
    """A further press: counted in the open alarm; whoever has it is rung again."""
    incident = tx.incident(target["incident_id"])
    alert = insert_alert(tx, row | links_behind(tx, target))
    tx.add_causes(alert["alert_id"], effect.causes)
    tx.add_causes(target["alert_id"], effect.causes)
    last_ms = max(target["last_press_ms"] or 0, _press_ms(effect))
    tx.set_alert(target["alert_id"], presses=target["presses"] + row["presses"], last_press_ms=last_ms)
    tx.line(again(tx, target), "pressed_again", {"presses": target["presses"] + row["presses"]})
    incident_flow.joined(tx, incident, alert)
    tx.change("alert", target["alert_id"])
    tx.change("alert", alert["alert_id"])


def _behind(tx: Transaction, row: dict[str, Any], effect: Raise, verdict: Verdict) -> None:
    """It stands behind the one that stands for it, which is at least as urgent from then on."""
    target = standing(tx, verdict.behind)
    assert target is not None, "the pipeline names alerts that are there"
    alert = insert_alert(tx, row | links_behind(tx, target))
    tx.add_causes(alert["alert_id"], effect.causes)
    # a hundred homes' lines would bury the outage's own timeline: they stand in each alert's
    spoken = {**alert, "incident_id": None} if verdict.reason.code == "quiet.outage" else alert
    incident_flow.report(tx, spoken, "raised")
    until: dict[str, object] = {"until_ms": target["reason"].get("args", {}).get("until_ms")}
    tx.line(spoken, BEHIND_KINDS[verdict.reason.code], {"rule": target["rule"]} | (until if until["until_ms"] else {}))
    tx.change("alert", target["alert_id"])
    tx.change("alert", alert["alert_id"])
    raise_priority(tx, again(tx, target), row["priority"])


def _duty(tx: Transaction, effect: Raise) -> Duty:
    """Asked only for what may open an incident: a further press or a hundredth home of an outage needs none."""
    return duty_now(tx, effect.home)


def _row(tx: Transaction, effect: Raise) -> dict[str, Any]:
    pressed = any(cause.type == PRESS for cause in effect.causes)
    return {
        "alert_id": effect.alert_id,
        "site_id": tx.site_id,
        "home_id": effect.home,
        "ward_id": ward_of(tx, effect.home),
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
