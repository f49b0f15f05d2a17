"""Edge: devices that nobody has tested and nobody has pressed for too long, as one list a week for each ward (R48).

Theory of operation. When a device is overdue is the rule's to say (`rules/book/devices.yaml`, R48, which counts tests
and real presses). Its alerts ring nobody and stand on no queue: each is kept as a row that is over at once (outcome
`listed`) and whose condition says whether it is still so. On Monday at 08:00 of the site's time each ward with such
rows gets one P4, "n devices untested"; the list behind it is always the one of now. A test takes a device off the
list; with the last one the P4 closes by itself. Ended by a person, it comes again next Monday with what is left.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update

from alerts.database import Database
from alerts.handling.lifecycle import ENDED, MOMENTARY, NEW
from alerts.incidents import alert_moves, incident_flow
from alerts.incidents.incident import alone_key
from alerts.reads.alert_view import instant
from alerts.routing.escalation import WORKDAY_MINUTES, Duty
from alerts.schema.alerts import alerts
from alerts.schema.checks import UNTESTED, untested_lists
from alerts.schema.people import devices
from alerts.shifts.duty import WARD, duty_now
from alerts.statements import add_missing
from alerts.transaction import Row, Transaction
from ingest.event import name_uuid
from rules import local_time

RULE = "R48"
LIST = "UNTESTED"  # a rule of the desk itself: no book has it
LISTED = "listed"
SHOWN_MAX = 5_000
MONDAY = 0
_due = untested_lists.c


def keep(tx: Transaction, row: dict[str, Any], duty: Duty) -> Row:
    """An alert of R48: written down for its ward's next list; it rings nobody and opens nothing."""
    incident = incident_flow.open_incident(tx, row, alone_key(row["alert_id"]), duty)
    closed = {"handling": ENDED, "open": False, "outcome": LISTED, "closed_ms": tx.now_ms}
    alert = alert_moves.insert_alert(tx, row | closed | {"incident_id": incident["incident_id"]})
    tx.set_incident(incident["incident_id"], open=False, handling=ENDED, ended_ms=tx.now_ms)
    incident_flow.report(tx, alert, "kept_for_list")
    due_ms = next_monday_ms(tx.now_ms, duty.timezone)
    values = {"site_id": tx.site_id, "ward_id": row["ward_id"] or "", "due_ms": due_ms}
    add_missing(tx.conn, untested_lists, values)
    return alert


def follow(tx: Transaction, row: Row) -> None:
    """A device was tested after all: its ward's open list is one shorter, or over."""
    if row["rule"] != RULE:
        return
    listed = _open_list(tx, row["ward_id"])
    if listed is not None:
        _say(tx, listed, _count(tx, row["ward_id"]))


def fire_due(tx: Transaction) -> None:
    """Monday: one list for each ward where devices are overdue; the next one is a week later."""
    query = select(_due.ward_id).where(_due.site_id == tx.site_id, _due.due_ms <= tx.now_ms).order_by(_due.ward_id)
    wards = tx.conn.execute(query).scalars().all()
    if not wards:
        return
    for ward in wards:
        this = (_due.site_id == tx.site_id, _due.ward_id == ward)
        count, listed = _count(tx, ward or None), _open_list(tx, ward or None)
        if not count:
            tx.conn.execute(delete(untested_lists).where(*this))
            continue
        tx.conn.execute(update(untested_lists).where(*this).values(due_ms=next_monday_ms(tx.now_ms, tx.timezone)))
        if listed is None:
            _open(tx, ward or None, count)
        else:
            _say(tx, listed, count)


def next_due_ms(tx: Transaction) -> int | None:
    """When the next list is due."""
    return tx.conn.execute(select(func.min(_due.due_ms)).where(_due.site_id == tx.site_id)).scalar()


def next_monday_ms(now_ms: int, zone: str) -> int:
    """The next Monday at 08:00 after now."""
    today = local_time.local_date(now_ms, zone)
    monday = today + timedelta(days=(MONDAY - today.weekday()) % 7)
    at_ms = local_time.instant_ms(monday, WORKDAY_MINUTES, zone)
    return at_ms if at_ms > now_ms else local_time.instant_ms(monday + timedelta(days=7), WORKDAY_MINUTES, zone)


def overdue(db: Database, site_id: str, ward: str | None = None) -> list[dict[str, Any]]:
    """Devices overdue now, those that have been so the longest first. Pseudonyms."""
    query = (
        select(
            alerts.c.device_id, func.max(alerts.c.resident_id).label("resident_id"),
            func.max(alerts.c.home_id).label("home_id"), func.max(alerts.c.ward_id).label("ward_id"),
            func.min(alerts.c.opened_ms).label("since_ms"), func.max(devices.c.role).label("role"),
        )
        .outerjoin(devices, (devices.c.site_id == alerts.c.site_id) & (devices.c.id == alerts.c.device_id))
        .where(alerts.c.site_id == site_id, text(UNTESTED), alerts.c.device_id.is_not(None))
        .group_by(alerts.c.device_id)
        .order_by(func.min(alerts.c.opened_ms), alerts.c.device_id)
        .limit(SHOWN_MAX)
    )  # fmt: skip
    if ward is not None:
        query = query.where(alerts.c.ward_id == ward)
    with db.reader.connect() as conn:
        return [
            {
                "device": row["device_id"],
                "role": row["role"],
                "resident": row["resident_id"],
                "home": row["home_id"],
                "ward": row["ward_id"],
                "since": instant(row["since_ms"]),
            }
            for row in conn.execute(query).mappings()
        ]


def _count(tx: Transaction, ward: str | None) -> int:
    query = select(func.count(func.distinct(alerts.c.device_id))).where(
        alerts.c.site_id == tx.site_id, text(UNTESTED), alerts.c.ward_id == ward
    )
    return int(tx.conn.execute(query).scalar_one())


def _open_list(tx: Transaction, ward: str | None) -> Row | None:
    query = select(alerts).where(
        alerts.c.subject_id == _subject(ward), alerts.c.rule == LIST, alerts.c.open, alerts.c.site_id == tx.site_id
    )
    row = tx.conn.execute(query.limit(1)).mappings().first()
    return None if row is None else {**row}


def _say(tx: Transaction, listed: Row, count: int) -> None:
    """The open list says how many there are now; with none left it is over."""
    reason = {"code": "untested.list", "args": {"ward": listed["ward_id"] or "", "count": count}}
    tx.set_alert(listed["alert_id"], reason=reason)
    if not count:
        alert_moves.close(tx, listed, "self_resolved", "self_resolved")
    tx.change("alert", listed["alert_id"])


def _open(tx: Transaction, ward: str | None, count: int) -> None:
    home = f"{WARD}{ward or ''}"
    alert_id = name_uuid(tx.site_id, LIST, ward or "", str(tx.now_ms))
    row: dict[str, Any] = {
        "alert_id": alert_id, "site_id": tx.site_id, "home_id": home, "ward_id": ward, "subject_id": _subject(ward),
        "resident_id": None, "device_id": None, "rule": LIST, "rule_version": "desk", "code": "", "priority": "P4",
        "episode": str(tx.now_ms), "source": "desk", "alarm": False, "staff_alarm": False, "trigger": None,
        "test": False, "self_resolves": False, "ever_claimed": False, "condition": MOMENTARY, "handling": NEW,
        "open": True, "presses": 0, "last_press_ms": None, "opened_ms": tx.now_ms, "late_ms": 0, "due_ms": None,
        "reason": {"code": "untested.list", "args": {"ward": ward or "", "count": count}}, "parameters": {},
        "suppressed": [],
    }  # fmt: skip
    incident = incident_flow.open_incident(tx, row, alone_key(alert_id), duty_now(tx, home))
    alert = alert_moves.insert_alert(tx, row | {"incident_id": incident["incident_id"]})
    incident_flow.report(tx, alert, "raised")
    incident_flow.fire_step(tx, incident, 0, alert_id)  # it is a list of this morning, not one for the next
    tx.change("alert", alert_id)


def _subject(ward: str | None) -> str:
    return f"{WARD}{ward or ''}"
