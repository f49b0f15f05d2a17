"""Edge: the list of an outage. Everybody who is cut off by it, to be telephoned and ticked one by one.

For: putting people on the list, ticking them off, and whether somebody still waits for a voice. Whose turn it is first
is `alerts/quiet/grouping.py`'s; opening and closing outages `alerts/quiet/outages.py`'s.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from alerts.handling.acts import Actor
from alerts.incidents.alert_moves import standing
from alerts.quiet import grouping
from alerts.schema.alerts import alerts
from alerts.schema.people import residents
from alerts.schema.quiet import outage_people, outages
from alerts.transaction import Row, Transaction

_LIVE_THERE = select(residents.c.id, residents.c.critical).where(
    residents.c.site_id == bindparam("the_site"), residents.c.home == bindparam("the_home")
)
_OUTAGE = select(outages).where(outages.c.outage_id == bindparam("the_id"))
_BACK = outage_people.c.back_ms.is_not(None)


class NotOnTheList(Exception):
    """No such outage, or this person is not on its list."""


def list_people(tx: Transaction, outage_id: str, home: str) -> bool:
    """On the list with all who live there; whether one of them is critical."""
    found = tx.direct.execute(_LIVE_THERE, {"the_site": tx.site_id, "the_home": home}).all()
    for person in found:
        values = {"outage_id": outage_id, "resident_id": person.id, "home_id": home, "critical": person.critical}
        again_gone = {"back_ms": None}
        tx.batch.put(outage_people, values | {"since_ms": tx.now_ms}, again_gone, where=_BACK)
    return any(person.critical for person in found)


def tick(tx: Transaction, outage_id: str, resident_id: str, outcome: str, actor: Actor) -> None:
    """Somebody has telephoned or visited a person of the list. Raises NotOnTheList."""
    assert outcome in grouping.OUTCOMES, f"{outcome} is no outcome of a call"
    ticked = tx.conn.execute(
        update(outage_people)
        .where(outage_people.c.outage_id == outage_id, outage_people.c.resident_id == resident_id)
        .values(outcome=outcome, ticked_ms=tx.now_ms, ticked_by=actor.staff, ticked_name=actor.name)
    )
    outage = outage_of(tx, outage_id)
    if ticked.rowcount == 0 or outage is None:
        raise NotOnTheList(outage_id)
    row = standing(tx, outage["alert_id"])
    assert row is not None, "an outage has an alert"
    tx.line(row, "outage_ticked", {"resident": resident_id, "outcome": outcome}, actor=actor)
    tx.change("alert", row["alert_id"])


def people_left(tx: Transaction, incident_id: str) -> int:
    """How many critical people of this incident's outage nobody has reached yet; 0 where it is no outage."""
    query = (
        select(outage_people.c.critical, outage_people.c.back_ms, outage_people.c.outcome)
        .join(outages, outages.c.outage_id == outage_people.c.outage_id)
        .join(alerts, alerts.c.alert_id == outages.c.alert_id)
        .join(
            residents,  # who is not registered any more waits for nobody
            (residents.c.site_id == outages.c.site_id) & (residents.c.id == outage_people.c.resident_id),
        )
        .where(alerts.c.incident_id == incident_id)
    )
    rows = tx.conn.execute(query).all()
    return grouping.left_to_call([(row.critical, row.back_ms is not None, row.outcome) for row in rows])


def outage_of(tx: Transaction, outage_id: str) -> Row | None:
    """An outage by its id."""
    row = tx.direct.execute(_OUTAGE, {"the_id": outage_id}).mappings().first()
    return None if row is None else dict(row)
