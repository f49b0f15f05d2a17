"""Edge: what those outside say about an alert: a relative who was rung, and an alarm centre that has it first.

For: two answers, each in one transaction, said once or twice alike. A relative's answer is written down and changes
nothing of who has the alert; a centre's moves the owner (`alerts/routing/owners.py`).
"""

from __future__ import annotations

from sqlalchemy import select

from alerts.handling.acts import BAD_BODY, SYSTEM, UNKNOWN_ALERT, Actor, Refused
from alerts.handling.lifecycle import VKP
from alerts.incidents import incident_flow
from alerts.routing import owners
from alerts.schema.people import contacts
from alerts.schema.routing import responder_answers
from alerts.statements import put
from alerts.transaction import Row, Transaction

COMING = "coming"
CANNOT = "cannot"
ANSWERS = (COMING, CANNOT)


def responder_says(tx: Transaction, alert_id: str, contact_id: str, answer: str, actor: Actor = SYSTEM) -> None:
    """A relative is coming, or cannot. `actor`: who wrote it down, where they said it on the telephone. Raises Refused
    for an alert that is not there or over, a contact of somebody else, or one who has not agreed to be asked.
    """
    alert, incident = _open(tx, alert_id)
    if answer not in ANSWERS:
        raise Refused(BAD_BODY, {"act": "responder", "field": "answer", "expected": "coming or cannot"})
    query = select(contacts.c.id).where(
        contacts.c.site_id == tx.site_id, contacts.c.id == contact_id, contacts.c.resident == alert["resident_id"],
        contacts.c.responder,
    )  # fmt: skip
    if alert["resident_id"] is None or tx.conn.execute(query).first() is None:
        raise Refused(BAD_BODY, {"act": "responder", "field": "contact_id", "expected": "a responder of this person"})
    known = (responder_answers.c.incident_id == incident["incident_id"], responder_answers.c.contact_id == contact_id)
    before = tx.conn.execute(select(responder_answers.c.coming).where(*known)).scalar()
    coming = answer == COMING
    if before == coming:
        return
    values = {"incident_id": incident["incident_id"], "contact_id": contact_id, "coming": coming, "at_ms": tx.now_ms}
    put(tx.conn, responder_answers, values, {"coming": coming, "at_ms": tx.now_ms})
    kind = "responder_coming" if coming else "responder_cannot"
    tx.line(alert, kind, {"contact": contact_id}, actor=actor, vkp=VKP.get(kind))
    tx.changed_incident(incident["incident_id"])


def centre_says(tx: Transaction, alert_id: str, word: str, actor: Actor) -> None:
    """The outside centre has it (`received`), or hands it back to us (`returned`). Raises Refused."""
    _, incident = _open(tx, alert_id)
    if word not in owners.WORDS:
        raise Refused(BAD_BODY, {"act": "owner", "field": "said", "expected": "received or returned"})
    if word == owners.RECEIVED:
        owners.received(tx, incident, actor)
        return
    if incident["owner"] is None:
        raise Refused("not_yours", {"holder": incident["claimed_name"], "handling": incident["handling"]})
    incident_flow.continue_chain(tx, owners.take_back(tx, incident, "returned", actor), alert_id)


def _open(tx: Transaction, alert_id: str) -> tuple[Row, Row]:
    alert = tx.alert(alert_id)
    if alert is None or alert["site_id"] != tx.site_id:
        raise Refused(UNKNOWN_ALERT)
    if not alert["open"]:
        raise Refused("already_ended")
    return alert, tx.incident(alert["incident_id"])
