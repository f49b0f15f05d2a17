"""Edge: a device that calls itself tested when nobody tests it is a task for the technician (domain §4 "Tests").

For: the P4 beside such an alarm, for the one who tested the device last. The alarm itself is real and rings.
"""

from __future__ import annotations

from sqlalchemy import select

from alerts.device_tests.proof import DAY_MS, last_tester
from alerts.handling.lifecycle import MOMENTARY
from alerts.incidents.raise_alert import raise_alert
from alerts.routing.escalation import STAFF, Target
from alerts.schema.alerts import alerts
from alerts.schema.people import staff
from alerts.transaction import Transaction
from ingest.event import DEVICE_SAYS_TEST
from rules.effects import LIVE, Raise, Reason, effect_id, rule_alert_id

DEVICE_TEST = "DEVICE_TEST"  # a rule of the desk itself: no book has it
NAMED_FOR_MS = 30 * DAY_MS  # whoever tested it longer ago than this has nothing to do with it


def follow(tx: Transaction, effect: Raise) -> None:
    """After an alarm: if its device said test and was not believed, somebody must switch that off. Once, while that
    task is open.
    """
    device = effect.device
    if device is None or not any(DEVICE_SAYS_TEST in cause.quality for cause in effect.causes):
        return
    standing = select(alerts.c.alert_id).where(
        alerts.c.subject_id == device, alerts.c.rule == DEVICE_TEST, alerts.c.open, alerts.c.site_id == tx.site_id
    )
    alert_id = rule_alert_id(LIVE, tx.site_id, DEVICE_TEST, device, effect.episode)
    if tx.conn.execute(standing.limit(1)).first() is not None or tx.alert(alert_id) is not None:
        return
    tester = last_tester(tx.conn, tx.site_id, device, tx.now_ms - NAMED_FOR_MS)
    query = select(staff.c.name).where(staff.c.site_id == tx.site_id, staff.c.id == tester)
    name = None if tester is None else tx.conn.execute(query).scalar()
    _raise(tx, effect, device, alert_id, name)
    if tester is not None and name is not None:
        row = tx.alert(alert_id)
        assert row is not None, "it was raised just now"
        target = Target(STAFF, tester, name)
        tx.send(tx.incident(row["incident_id"]), "ring", (target,), alert_id=alert_id, args={"say": "device_test"})


def _raise(tx: Transaction, alarm: Raise, device: str, alert_id: str, name: str | None) -> None:
    """Its alert; of a device, so that it never joins the person's incident."""
    reason = (
        Reason("device_test.unnamed", {"device": device})
        if name is None
        else Reason("device_test.named", {"device": device, "name": name})
    )
    raise_alert(
        tx,
        Raise(
            effect_id=effect_id(alert_id, "raise", alarm.episode), alert_id=alert_id, at_ms=tx.now_ms, site=tx.site_id,
            home=alarm.home, subject=device, device=device, rule=DEVICE_TEST, rule_version="desk", code="",
            priority="P4", episode=alarm.episode, condition=MOMENTARY, reason=reason, source="desk",
        ),
    )  # fmt: skip
