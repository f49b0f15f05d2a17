"""Edge: somebody searches for a person. It begins and stops by hand, and is over when the alert has ended.

For: the search's two times on the incident, and telling the folds (they watch that positions come, R15). While it runs
positions are visible (`api/routes/handling.py`); afterwards only who looked at them.
"""

from __future__ import annotations

from alerts.handling.acts import Refused
from alerts.handling.doing import Doing, say
from alerts.handling.lifecycle import NEW
from alerts.incidents import incident_flow
from alerts.relay import enqueue_staff
from alerts.transaction import Row, Transaction


def is_on(incident: Row) -> bool:
    """Whether a search runs."""
    return incident["search_from_ms"] is not None and incident["search_until_ms"] is None


def begin_or_stop(do: Doing, *, begin: bool) -> None:
    """Raises Refused: a search is for a known person in an open alert, and stops only if it runs."""
    resident = incident_flow.resident_of(do.incident)
    if not do.alert["open"] or resident is None or (begin and do.incident["handling"] == NEW):
        raise Refused("not_claimed" if do.alert["open"] else "already_ended", {"holder": do.incident["claimed_name"]})
    if begin and not is_on(do.incident):
        do.tx.set_incident(do.incident_id, search_from_ms=do.tx.now_ms, search_until_ms=None)
        say(do, "search_started")
        _tell_rules(do.tx, do.incident, "tracking.started", resident, do.actor.holder, do.alert["alert_id"])
    elif not begin and is_on(do.incident):
        over(do.tx, do.incident, do.actor.holder)
        say(do, "search_stopped")


def over(tx: Transaction, incident: Row, actor: str) -> None:
    """Nothing is tracked any more; positions are hidden again."""
    resident = incident_flow.resident_of(incident)
    if is_on(incident) and resident is not None:
        tx.set_incident(incident["incident_id"], search_until_ms=tx.now_ms)
        _tell_rules(tx, incident, "tracking.ended", resident, actor, "")


def _tell_rules(tx: Transaction, incident: Row, type: str, resident: str, actor: str, alert_id: str) -> None:
    payload = {
        "type": type, "home": incident["home_id"], "resident": resident, "actor": actor, "alert_id": alert_id,
    }  # fmt: skip
    enqueue_staff(tx.conn, tx.site_id, payload, tx.now_ms)
