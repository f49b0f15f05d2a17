"""Edge: outages become rows. One alert for all homes, the alerts it explains behind it, and a list of people to call.

For: following which gateways are gone (from what the folds observe, `way.broken`), opening and closing an outage, and
ticking people off its list. When many are one is decided in `alerts/quiet/grouping.py`, what an outage explains in
`alerts/quiet/pipeline.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update

from alerts.handling.lifecycle import ACTIVE, CLEARED, NEW
from alerts.incidents import incident_flow
from alerts.incidents.alert_moves import again, close, links_behind, raise_priority, standing
from alerts.incidents.incident import alone_key
from alerts.quiet import grouping
from alerts.quiet.outage_list import list_people, outage_of
from alerts.quiet.pipeline import OUTAGE, explained_by_outage
from alerts.quiet.situation import cut_off_key
from alerts.schema.alerts import alerts
from alerts.schema.people import gateways, homes
from alerts.schema.quiet import NOT_BACK, NOT_OVER, gateways_down, outage_people, outages
from alerts.shifts.duty import WARD, duty_now, ward_of
from alerts.statements import change, put
from alerts.transaction import Row, Transaction
from ingest.event import name_uuid
from rules.effects import Observe

BROKEN = "way.broken"  # reason of `not_watched`: the way named in its arguments is gone
NO_GATEWAY = ("feed", "sensors")  # ways that are no gateway


CRITICAL_PRIORITY = "P2"  # as R52's: a critical person is cut off

_HERE = (gateways_down.c.site_id == bindparam("the_site"), gateways_down.c.home_id == bindparam("the_home"))
_THIS = (*_HERE, gateways_down.c.gateway_id == bindparam("the_gateway"), text(NOT_BACK))
_KNOWN = select(gateways_down.c.outage_id).where(*_THIS)
_JOINS = update(gateways_down).where(*_THIS, gateways_down.c.outage_id.is_(None))
_OPEN_IN_WARD = (
    select(outages)
    .where(outages.c.site_id == bindparam("the_site"), outages.c.ward_id == bindparam("the_ward"), text(NOT_OVER))
    .order_by(outages.c.opened_ms.desc())
    .limit(1)
)
_EXPLAINED_AT_HOME = (
    select(alerts.c.alert_id, alerts.c.rule, alerts.c.priority)
    .where(
        alerts.c.home_id == bindparam("the_home"),
        alerts.c.site_id == bindparam("the_site"),
        alerts.c.open,
        alerts.c.handling == NEW,
        alerts.c.merged_into.is_(None),
    )
    .order_by(alerts.c.opened_ms, alerts.c.alert_id)
)


def follow(tx: Transaction, effect: Observe) -> None:
    """What a person's `not_watched` or `watched` says of the gateway of their home."""
    way = effect.reason.args.get("way") if effect.kind == "not_watched" and effect.reason.code == BROKEN else None
    if isinstance(way, str) and way not in NO_GATEWAY:
        _gone(tx, effect, way)
    else:
        _back(tx, effect)


def ended(tx: Transaction, incident_id: str) -> None:
    """Somebody has ended the incident: what goes silent from now on rings by itself, or is a new outage."""
    ids = select(alerts.c.alert_id).where(alerts.c.incident_id == incident_id, alerts.c.rule == OUTAGE)
    tx.conn.execute(update(outages).where(outages.c.alert_id.in_(ids), text(NOT_OVER)).values(closed_ms=tx.now_ms))


# -- a gateway goes -------------------------------------------------------------------------------------------------


def _gone(tx: Transaction, effect: Observe, gateway: str) -> None:
    ward = ward_of(tx, effect.home)
    if ward is None:
        return
    this = {"the_site": tx.site_id, "the_home": effect.home, "the_gateway": gateway}
    row = tx.direct.execute(_KNOWN, this).first()
    outage_id = row.outage_id if row is not None else None
    outage = outage_of(tx, outage_id) if outage_id else _open_outage(tx, ward)
    joined = 0
    if row is None:
        values: dict[str, Any] = {"home_id": effect.home, "gateway_id": gateway, "ward_id": ward}
        values |= {"site_id": tx.site_id, "since_ms": effect.at_ms}
        anew = {"back_ms": None, "outage_id": outage["outage_id"] if outage else None}
        put(tx.direct, gateways_down, values | anew, anew)  # again: gone, back and gone in one millisecond
        joined = 1
    if outage is None:
        _perhaps_open(tx, ward)
    elif outage["closed_ms"] is None:  # else somebody has ended it: nothing more goes behind what is over
        if not joined:
            joined = _take_in(tx, outage, effect.home, gateway)
        _join(tx, outage, [effect.home], joined)


def _perhaps_open(tx: Transaction, ward: str) -> None:
    alone = gateways_down.c.outage_id.is_(None)  # those of an outage that somebody has ended are no new one
    found = tx.conn.execute(
        select(gateways_down.c.since_ms, gateways_down.c.gateway_id, gateways_down.c.home_id).where(
            gateways_down.c.site_id == tx.site_id, gateways_down.c.ward_id == ward, alone, text(NOT_BACK)
        )
    ).all()
    together = grouping.outage_of([(row.since_ms, row.gateway_id) for row in found], _gateways_in(tx, ward))
    if not together:
        return
    concerned = sorted({(row.home_id, row.gateway_id) for row in found if row.gateway_id in together})
    outage = _open(tx, ward, len(together))
    joined = sum(_take_in(tx, outage, home, gateway) for home, gateway in concerned)
    _join(tx, outage, [home for home, _ in concerned], joined)


def _gateways_in(tx: Transaction, ward: str) -> int:
    query = (
        select(func.count())
        .select_from(gateways)
        .join(homes, (homes.c.site_id == gateways.c.site_id) & (homes.c.id == gateways.c.home))
        .where(gateways.c.site_id == tx.site_id, homes.c.ward == ward)
    )
    return int(tx.conn.execute(query).scalar_one())


def _open(tx: Transaction, ward: str, count: int) -> Row:
    """The outage's alert stands alone: it is about a ward, not about a person."""
    before = select(func.count()).select_from(outages).where(outages.c.ward_id == ward)  # two in one millisecond differ
    alert_id = name_uuid(tx.site_id, OUTAGE, ward, str(tx.now_ms), str(tx.conn.execute(before).scalar_one()))
    duty = duty_now(tx, WARD + ward)
    row = _alert_row(tx, alert_id, ward, count)
    incident = incident_flow.open_incident(tx, row, alone_key(alert_id), duty)
    alert = tx.add_first_alert(row | {"incident_id": incident["incident_id"]})
    values = {"outage_id": alert_id, "site_id": tx.site_id, "ward_id": ward, "alert_id": alert_id}
    tx.conn.execute(insert(outages).values(**values, opened_ms=tx.now_ms, homes_gone=0, homes_most=0))
    incident_flow.report(tx, alert, "raised")
    incident_flow.continue_chain(tx, incident, alert_id)
    tx.change("alert", alert_id)
    outage = outage_of(tx, alert_id)
    assert outage is not None, "it was written just now"
    return outage


def _alert_row(tx: Transaction, alert_id: str, ward: str, count: int) -> dict[str, Any]:
    return {
        "alert_id": alert_id, "site_id": tx.site_id, "home_id": WARD + ward, "ward_id": ward, "subject_id": WARD + ward,
        "resident_id": None, "device_id": None, "rule": OUTAGE, "rule_version": "desk", "code": "", "priority": "P4",
        "episode": str(tx.now_ms), "source": "desk", "alarm": False, "staff_alarm": False, "trigger": None,
        "test": False, "self_resolves": True, "ever_claimed": False, "condition": ACTIVE, "handling": NEW,
        "open": True, "presses": 0, "last_press_ms": None, "opened_ms": tx.now_ms, "late_ms": 0, "due_ms": None,
        "reason": {"code": "outage.many_gone", "args": {"ward": ward, "count": count}}, "parameters": {},
        "suppressed": [],
    }  # fmt: skip


def _take_in(tx: Transaction, outage: Row, home: str, gateway: str) -> int:
    """A gateway that is gone belongs to the outage from now on; how many rows that is new for."""
    this = {"the_site": tx.site_id, "the_home": home, "the_gateway": gateway}
    return tx.direct.execute(_JOINS, {**this, "outage_id": outage["outage_id"]}).rowcount


def _join(tx: Transaction, outage: Row, concerned: Sequence[str], joined: int) -> None:
    """These homes' gateways (so many new ones) belong to the outage: their people come on its list, what it explains
    goes behind it.
    """
    urgent, alert = False, tx.alert(outage["alert_id"])
    for home in dict.fromkeys(concerned):
        tx.batch.forget(cut_off_key(home))
        if alert is not None and alert["open"]:
            tx.batch.know(cut_off_key(home), outage["alert_id"])
        urgent = list_people(tx, outage["outage_id"], home) or urgent
        _absorb(tx, outage, home)
    if joined:
        outage_id = outage["outage_id"]
        tx.batch.sum_up(("gone", outage_id), joined, lambda more: _count(tx, outage_id, more))
    row = standing(tx, outage["alert_id"]) if urgent else None
    if row is not None and row["open"]:
        raise_priority(tx, row, CRITICAL_PRIORITY)  # somebody must be called within the hour, heard before or not


def _count(tx: Transaction, outage_id: str, more: int) -> int:
    """So many homes went (or, below nothing, came back): the outage and its alert say how many are gone now."""
    outage = outage_of(tx, outage_id)
    assert outage is not None, "gateways belong to outages that are there"
    gone: int = max(0, outage["homes_gone"] + more)
    most = max(outage["homes_most"], gone)
    change(tx.conn, outages, outage["outage_id"], {"homes_gone": gone, "homes_most": most})
    row = standing(tx, outage["alert_id"])
    if row is not None and gone:
        reason = row["reason"] | {"args": row["reason"].get("args", {}) | {"count": gone}}
        tx.set_alert(row["alert_id"], reason=reason)
        tx.change("alert", row["alert_id"])
    return gone


def _absorb(tx: Transaction, outage: Row, home: str) -> None:
    """Alerts of the home that the outage explains and nobody has taken stand behind it from now on."""
    for found in tx.reading(alerts).execute(_EXPLAINED_AT_HOME, {"the_site": tx.site_id, "the_home": home}).all():
        if explained_by_outage(found.rule, found.priority):
            put_behind(tx, outage["alert_id"], found.alert_id)


def put_behind(tx: Transaction, outage_alert: str, alert_id: str) -> None:
    """An alert that stood by itself goes behind the outage, which is then at least as urgent."""
    alert, target = tx.alert(alert_id), standing(tx, outage_alert)
    assert alert is not None, "found a moment ago"
    assert target is not None, "an outage has an alert"
    links = links_behind(tx, target)
    tx.conn.execute(update(alerts).where(alerts.c.merged_into == alert_id, alerts.c.open).values(links))
    tx.set_alert(alert_id, **links)
    tx.line({**alert, "incident_id": None}, "grouped", {"rule": OUTAGE})
    tx.change("alert", alert_id)
    incident_flow.settle(tx, alert["incident_id"])
    raise_priority(tx, again(tx, target), alert["priority"])


def _back(tx: Transaction, effect: Observe) -> None:
    here = (gateways_down.c.site_id == tx.site_id, gateways_down.c.home_id == effect.home)
    query = select(gateways_down.c.outage_id, func.count()).where(*here, text(NOT_BACK))
    found = tx.conn.execute(query.group_by(gateways_down.c.outage_id)).all()
    if not found:
        return
    tx.conn.execute(update(gateways_down).where(*here, text(NOT_BACK)).values(back_ms=effect.at_ms))
    for outage_id, gateways_back in found:
        if outage_id is None:
            continue
        tx.conn.execute(
            update(outage_people)
            .where(outage_people.c.outage_id == outage_id, outage_people.c.home_id == effect.home)
            .values(back_ms=effect.at_ms)
        )
        if not _count(tx, outage_id, -gateways_back):
            settle(tx, outage_id)


def _close(tx: Transaction, outage: Row) -> None:
    tx.conn.execute(
        update(outages).where(outages.c.outage_id == outage["outage_id"], text(NOT_OVER)).values(closed_ms=tx.now_ms)
    )
    row = standing(tx, outage["alert_id"])
    if row is not None and row["condition"] == ACTIVE:
        _over(tx, row)


def settle(tx: Transaction, outage_id: str) -> None:
    """All its gateways are back, whatever was counted: it is over (the word of checks/next_steps.py)."""
    if (outage := outage_of(tx, outage_id)) is not None:
        _close(tx, outage)


def _over(tx: Transaction, row: Row) -> None:
    """All are heard again. Nobody had taken it: it closes with all behind it; else its holder is told."""
    tx.set_alert(row["alert_id"], condition=CLEARED, cleared_ms=tx.now_ms)
    tx.line(row, "cleared", text_code="outage.all_back")
    tx.change("alert", row["alert_id"])
    if not row["open"]:
        return
    incident = tx.incident(row["incident_id"])
    if incident["handling"] != NEW:
        incident_flow.tell_holder(tx, incident, "cleared", row["alert_id"])
        return
    tx.send(incident, "cleared", tx.rung(incident["incident_id"]), alert_id=row["alert_id"])
    close(tx, row, "self_resolved", "self_resolved")


def _open_outage(tx: Transaction, ward: str) -> Row | None:
    def read() -> Row | None:
        found = tx.direct.execute(_OPEN_IN_WARD, {"the_site": tx.site_id, "the_ward": ward}).mappings().first()
        return None if found is None else dict(found)

    return tx.batch.once(("outage of", ward), read)
