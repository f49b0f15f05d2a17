"""Edge: the 112/113 card is offered on an alert, and what is without voice contact is sent somebody.

For: the moments of `alerts/handling/cards.py` as timers and lines. What stands on the card:
`alerts/handling/card_reads.py`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from alerts.handling.cards import AGAIN_RULE, AMBULANCE, NO_VOICE_RULE, NOT_FOUND_MS, POLICE, is_wandering, still_needed
from alerts.handling.lifecycle import HANDED_OVER, NEW, VKP
from alerts.incidents import incident_flow
from alerts.routing import owners
from alerts.routing.escalation import CARD
from alerts.schema.alerts import timeline, timers
from alerts.transaction import Row, Transaction
from rules.effects import Update

CENTRE_PROFILE = "centre"
SPOKEN = "voice.connected"


def offer(tx: Transaction, incident: Row, card: str, why: str) -> None:
    """Said once for each card."""
    query = select(timeline.c.args).where(
        timeline.c.incident_id == incident["incident_id"], timeline.c.kind == "card_offered"
    )
    if all(args.get("card") != card for args in tx.conn.execute(query).scalars()):
        tx.line(incident, "card_offered", {"card": card, "why": why})
        tx.changed_incident(incident["incident_id"])


def watch_search(tx: Transaction, incident: Row) -> None:
    """A wandering alarm was claimed: in 15 min the card is offered, if nobody is found. The first claim counts."""
    for alert in tx.alerts_of(incident["incident_id"]):
        if not is_wandering(alert):
            continue
        standing = select(timers.c.due_ms).where(
            timers.c.incident_id == incident["incident_id"],
            timers.c.kind == CARD,
            timers.c.alert_id == alert["alert_id"],
        )
        if tx.conn.execute(standing).first() is None:
            due_ms = tx.now_ms + NOT_FOUND_MS
            tx.set_timer(incident["incident_id"], CARD, due_ms, alert_id=alert["alert_id"])


def fire(tx: Transaction, timer: dict[str, Any]) -> None:
    """The card's time has come."""
    alert = tx.alert(timer["alert_id"])
    if alert is None:
        return
    incident = tx.incident(alert["incident_id"])
    if still_needed(alert, incident):
        offer(tx, incident, POLICE, "staff_unanswered" if alert["staff_alarm"] else "not_found")


def said(tx: Transaction, row: Row, effect: Update) -> None:
    """The rules have said more about an alert: without voice contact somebody is sent; spoken, that is over."""
    if any(cause.type == SPOKEN for cause in effect.causes):
        tx.set_incident(row["incident_id"], no_voice_ms=None)
    if effect.rule not in {NO_VOICE_RULE, AGAIN_RULE} or not row["open"]:
        return
    if effect.rule == NO_VOICE_RULE:
        tx.set_incident(row["incident_id"], no_voice_ms=tx.now_ms)
    incident = tx.incident(row["incident_id"])
    if incident["no_voice_ms"] is not None and (effect.rule == AGAIN_RULE or _pressed_before(tx, incident)):
        offer(tx, incident, AMBULANCE, "no_speech_again")
    if effect.rule == NO_VOICE_RULE:
        _dispatch(tx, incident, row["alert_id"])


def _dispatch(tx: Transaction, incident: Row, alert_id: str) -> None:
    """Whoever has it hears of it: somebody of ours, or the centre outside, which must say anew that it has it. In the
    profile `centre` an alarm that nobody has is handed to the first function on duty.
    """
    if incident["handling"] != NEW:
        incident_flow.tell_holder(tx, incident, "again", alert_id, "no_voice")
        return
    if incident["owner"] is not None:
        owners.to_centre(tx, incident, alert_id, "no_voice")
        return
    functions = incident["chain"].functions
    if incident["chain"].profile != CENTRE_PROFILE or not functions:
        return  # its own chain rings whoever goes
    first = functions[0]
    incident_id = incident["incident_id"]
    tx.set_incident(incident_id, handling=HANDED_OVER, handling_ms=tx.now_ms, handed_to=first.id)
    tx.set_open_alerts(incident_id, handling=HANDED_OVER)
    tx.line(incident, "dispatched", {"to": first.name}, vkp=VKP["dispatched"])
    incident = tx.incident(incident_id)
    tx.send(incident, "hand_over", incident_flow.told(tx, incident, (first,)), alert_id=alert_id)
    incident_flow.set_lease(tx, incident)
    tx.changed_incident(incident_id)


def _pressed_before(tx: Transaction, incident: Row) -> bool:
    """Whether R58 has shown an earlier alarm on this incident."""
    query = select(timeline.c.id).where(
        timeline.c.incident_id == incident["incident_id"], timeline.c.text_code == "sequence.again"
    )
    return tx.conn.execute(query.limit(1)).first() is not None
