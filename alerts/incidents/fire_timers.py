"""Edge: what happens by itself when its time has come. One function per kind of timer.

For: firing due rows of `timers`. Each either sets the timer that follows or belongs to something that is over. After a
stop, what fell due meanwhile fires once, in order, and says how late it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, func, select

from alerts.handling import card_offers, second_helper
from alerts.handling.cards import AMBULANCE
from alerts.handling.lifecycle import ACTIVE, ENDED, HANDED_OVER, HELD, NEW
from alerts.incidents import incident_flow
from alerts.incidents.alert_moves import join_incident
from alerts.incidents.incident import Opening, incident_key
from alerts.quiet.pipeline import OUTAGE
from alerts.routing import escalation, owners
from alerts.schema.alerts import timers
from alerts.shifts.duty import duty_now
from alerts.transaction import Row, Transaction
from ingest.event import name_uuid

log = structlog.get_logger()

TRY_AGAIN_MS = 60_000  # after a timer that broke
BATCH = 50  # timers per transaction: short enough that an act never waits long

_NAMES = ("incident_id", "kind", "alert_id", "due_ms", "step")
_NEXT = select(func.min(timers.c.due_ms))
_DUE = (
    select(timers)
    .where(timers.c.due_ms <= bindparam("the_ms"))
    .order_by(timers.c.due_ms, timers.c.incident_id, timers.c.kind, timers.c.alert_id)
    .limit(BATCH)
)
_TAKE = delete(timers).where(*(timers.c[name] == bindparam(f"the_{name}") for name in _NAMES))


def fire_together(tx: Transaction) -> None:
    """Fire timers that are due, at most BATCH. One that breaks raises, and undoes the others."""
    tx.batch.begin()
    _fire_due(tx, _fire)
    tx.batch.settle()


def fire_alone(tx: Transaction) -> None:
    """The same, each behind a savepoint of its own: one that breaks is put off, the others fire."""
    _fire_due(tx, _try_to_fire)


def _fire_due(tx: Transaction, fire: Callable[[Transaction, dict[str, Any]], None]) -> None:
    due = [dict(row) for row in tx.direct.execute(_DUE, {"the_ms": tx.now_ms}).mappings()]
    for timer in due:
        this = {f"the_{name}": timer[name] for name in _NAMES}
        # else one fired before it in this batch has replaced or dropped it
        if tx.reading(timers).execute(_TAKE, this).rowcount == 1:
            fire(tx, timer)


def _fire(tx: Transaction, timer: dict[str, Any]) -> None:
    FIRERS[timer["kind"]](tx, tx.incident(timer["incident_id"]), timer)


def _try_to_fire(tx: Transaction, timer: dict[str, Any]) -> None:
    try:
        with tx.conn.begin_nested():
            _fire(tx, timer)
    except Exception as error:  # noqa: BLE001 - the quarantine of timers: one that breaks must not stop the others
        log.error("timer_raised", kind=timer["kind"], incident_id=timer["incident_id"], error=type(error).__name__)
        due_ms = tx.now_ms + TRY_AGAIN_MS
        tx.set_timer(timer["incident_id"], timer["kind"], due_ms, timer["step"], timer["alert_id"])
        tx.change("health", "timer_raised")


def next_due_ms(tx: Transaction) -> int | None:
    """When the earliest timer is due. Asked before anything waits."""
    return tx.direct.execute(_NEXT).scalar()


def ring_after_hand_over(tx: Transaction, incident: Row, alert_id: str, step: int, late_ms: int) -> None:
    """Nobody accepted, or the one asked cannot: the next function is asked, in the end all of them and the fallback."""
    asked = escalation.hand_over_targets(incident["chain"], incident["handed_to"] or "", step)
    targets = incident_flow.told(tx, incident, asked)
    tx.send(incident, "hand_over", targets, alert_id=alert_id, step=step)
    tx.line(incident, "hand_over_unanswered", _args(late_ms, targets=[t.name for t in targets]))
    tx.set_timer(incident["incident_id"], escalation.HAND_OVER, tx.now_ms + escalation.ANSWER_MS, step + 1)
    if incident["no_voice_ms"] is not None:
        card_offers.offer(tx, incident, AMBULANCE, "no_voice_unanswered")
    tx.changed_incident(incident["incident_id"])


def _escalate(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    if incident["handling"] != NEW or not incident["open"]:
        return
    incident_flow.ring_or_hold(tx, incident, timer["step"], _lead(tx, incident), _late(tx, timer))
    tx.changed_incident(incident["incident_id"])


def _ask(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    _ask_holder(tx, incident, timer, "asked")


def _arrive(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    _ask_holder(tx, incident, timer, "asked_arrival")


def _ask_holder(tx: Transaction, incident: Row, timer: dict[str, Any], kind: str) -> None:
    """The one who has it has not taken the next step: they are asked, and two minutes later the next is rung."""
    if incident["handling"] not in HELD:
        return
    incident_flow.tell_holder(tx, incident, "ask", _lead(tx, incident))
    tx.line(incident, kind, _args(_late(tx, timer), holder=incident["claimed_name"]))
    tx.set_timer(incident["incident_id"], escalation.RING_NEXT, tx.now_ms + escalation.ANSWER_MS)
    tx.changed_incident(incident["incident_id"])


def _ring_next(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    """The claim stays, but somebody else is rung as well; then the holder is asked again, and so on."""
    if incident["handling"] not in HELD:
        return
    going = (incident["claimed_function"], incident["second_function"])
    targets = incident_flow.told(tx, incident, escalation.next_as_well(incident["chain"], *going), going=going)
    tx.send(incident, "ring", targets, alert_id=_lead(tx, incident), args=incident_flow.ring_words(incident))
    tx.line(incident, "rang_next", _args(_late(tx, timer), targets=[t.name for t in targets]))
    tx.set_timer(incident["incident_id"], escalation.ASK, tx.now_ms + escalation.ASK_MS[incident["priority"]])
    tx.changed_incident(incident["incident_id"])


def _hand_over(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    if incident["handling"] == HANDED_OVER:
        ring_after_hand_over(tx, incident, _lead(tx, incident), timer["step"], _late(tx, timer))


def _document(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    """Ended, and nobody has written it down: reminded once a day for a week; it stays on the list after that."""
    if incident["handling"] != ENDED or timer["step"] >= escalation.DOCUMENT_REMINDERS:
        return
    tx.line(incident, "document_reminder", _args(_late(tx, timer)))
    tx.set_timer(
        incident["incident_id"], escalation.DOCUMENT, tx.now_ms + escalation.DOCUMENT_EVERY_MS, timer["step"] + 1
    )
    tx.change("health", "undocumented")


def _ask_again(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    """It was ended though still true. If it is true now, a successor opens; if not, that was all."""
    earlier = tx.alert(timer["alert_id"])
    if earlier is None or earlier["open"] or earlier["condition"] != ACTIVE or earlier["continued_by"]:
        return
    stood_for_it = tx.alert(earlier["merged_into"]) if earlier["merged_into"] else None
    if stood_for_it is not None and stood_for_it["rule"] == OUTAGE and stood_for_it["condition"] == ACTIVE:
        return  # the outage is asked about again, for all its homes at once
    alert_id = name_uuid(earlier["alert_id"], "successor")
    row = dict(earlier) | {
        "alert_id": alert_id,
        "handling": NEW,
        "open": True,
        "source": "desk",
        "ever_claimed": False,
        "merged_into": None,
        "opened_ms": tx.now_ms,
        "closed_ms": None,
        "outcome": None,
        "cause_code": None,
        "action_code": None,
        "contact_code": None,
        "reason": {"code": "still_active", "args": {"since_ms": earlier["opened_ms"], "rule": earlier["rule"]}},
    }
    opening = Opening(
        alert_id=alert_id,
        home=earlier["home_id"],
        priority=earlier["priority"],
        resident=earlier["resident_id"],
        trigger=earlier["trigger"],
        alarm=earlier["alarm"],
        staff_alarm=earlier["staff_alarm"],
    )
    alert = join_incident(tx, row, incident_key(opening), duty_now(tx, earlier["home_id"]))
    tx.copy_causes(earlier["alert_id"], alert_id)
    tx.set_alert(earlier["alert_id"], continued_by=alert_id)
    tx.line(earlier, "continued", _args(_late(tx, timer), alert_id=alert_id))
    tx.change("alert", earlier["alert_id"])
    tx.change("alert", alert["alert_id"])


def _second(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    second_helper.ask_for_second(tx, incident, _lead(tx, incident), _late(tx, timer))
    tx.changed_incident(incident["incident_id"])


def _watch(tx: Transaction, incident: Row, timer: dict[str, Any]) -> None:
    """The centre has not said that it has it, or nothing since: it is ours."""
    if incident["owner"] is None or incident["handling"] != NEW or not incident["open"]:
        return
    incident = owners.take_back(tx, incident, "silent" if timer["step"] else "no_receipt")
    incident_flow.continue_chain(tx, incident, _lead(tx, incident))


def _card(tx: Transaction, _incident: Row, timer: dict[str, Any]) -> None:
    card_offers.fire(tx, timer)


FIRERS: dict[str, Callable[[Transaction, Row, dict[str, Any]], None]] = {
    escalation.ESCALATE: _escalate,
    escalation.ASK: _ask,
    escalation.ARRIVE: _arrive,
    escalation.RING_NEXT: _ring_next,
    escalation.HAND_OVER: _hand_over,
    escalation.DOCUMENT: _document,
    escalation.ASK_AGAIN: _ask_again,
    escalation.SECOND: _second,
    escalation.WATCH: _watch,
    escalation.CARD: _card,
}


def _lead(tx: Transaction, incident: Row) -> str:
    """The alert a message speaks of: one that stands behind no other, the most urgent, then the oldest."""
    rows = tx.alerts_of(incident["incident_id"])
    assert rows, "an open incident has an open alert"
    return str(min(rows, key=lambda one: one["merged_into"] is not None)["alert_id"])


def _late(tx: Transaction, timer: dict[str, Any]) -> int:
    return tx.now_ms - int(timer["due_ms"])


def _args(late_ms: int, **args: object) -> dict[str, object]:
    return args | ({"late_ms": late_ms} if late_ms > incident_flow.LATE_AFTER_MS else {})
