"""Edge: cause, action and contact are written down, and what staff did about a dose by hand reaches the rules.

For: the act `document`, and settling doses, which `end` does as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select, update

from alerts.handling import lifecycle
from alerts.handling.act_bodies import DOSE_ACTIONS, Document
from alerts.handling.doing import Doing, say
from alerts.relay import enqueue_staff
from alerts.schema.alerts import alerts, causes
from alerts.transaction import Row, Transaction

UNTOLD_OUTCOMES = ("self_resolved", "test")  # these ended without a person: nobody has anything to write down


def document(do: Doing) -> None:
    """Cause, action and contact, for the whole incident; self-resolved alerts only when it is one that was tapped."""
    assert isinstance(do.body, Document), "parse_body gives each act its own shape"
    codes: dict[str, object] = {
        "cause_code": do.body.cause,
        "action_code": do.body.action,
        "contact_code": do.body.contact,
    }
    told = select(alerts.c.alert_id).where(
        alerts.c.incident_id == do.incident_id,
        alerts.c.open.is_(False),
        or_(
            alerts.c.alert_id == do.alert["alert_id"],
            and_(alerts.c.handling == lifecycle.ENDED, alerts.c.outcome.not_in(UNTOLD_OUTCOMES)),
        ),
    )
    ids = list(do.tx.conn.execute(told.order_by(alerts.c.alert_id)).scalars())
    settle_doses(do, [row for one in ids if (row := do.tx.alert(one)) is not None], do.body.action)
    done = {"handling": lifecycle.DOCUMENTED, **codes}
    do.tx.conn.execute(update(alerts).where(alerts.c.alert_id.in_(ids)).values(done))
    if not do.incident["open"]:
        do.tx.set_incident(do.incident_id, handling=lifecycle.DOCUMENTED)
        do.tx.drop_timers(do.incident_id)
    say(do, "cause", {"cause_code": do.body.cause})
    say(do, "documented", codes)
    for alert_id in ids:
        do.tx.change("alert", alert_id)


def settle_doses(do: Doing, rows: Sequence[Row], action: str | None) -> None:
    """What staff did by hand about a dose reaches the rules as an event of that dose, so that they call it settled
    and nobody is asked again (domain §4 R22). Said once: the same code a second time says nothing new.
    """
    kind = DOSE_ACTIONS.get(action or "")
    if kind is None:
        return
    told: set[tuple[str, str]] = set()  # several alerts may be about one dose: not fetched, and its dispenser silent
    for row in rows:
        if row["action_code"] != action and row["resident_id"] is not None:
            for dose in _doses_of(do.tx, row["alert_id"]):
                if (row["resident_id"], dose) not in told:
                    told.add((row["resident_id"], dose))
                    _journal_dose(do.tx, row, kind, dose, do.actor.holder)


def _doses_of(tx: Transaction, alert_id: str) -> list[str]:
    """Ids of the doses that an alert's events speak of, in the order of its causes."""
    query = select(causes.c.content).where(causes.c.alert_id == alert_id, causes.c.type.startswith("dose."))
    found = (content.get("dose_id") for content in tx.conn.execute(query.order_by(causes.c.place)).scalars())
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and one))


def _journal_dose(tx: Transaction, alert: Row, type: str, dose_id: str, actor: str) -> None:
    """What staff did about a resident's dose by hand, on the same way as `Transaction.journal_staff`."""
    payload = {
        "type": type, "home": alert["home_id"], "resident": alert["resident_id"], "actor": actor,
        "alert_id": alert["alert_id"], "dose_id": dose_id, "assisted": True, "at_ms": tx.now_ms,
        "id": f"{dose_id}@{tx.now_ms}",
    }  # fmt: skip
    enqueue_staff(tx.conn, tx.site_id, payload, tx.now_ms)
