"""Edge: what is known that could keep an alert quiet, read for the pipeline of `alerts/quiet/pipeline.py`.

For: one look at shelving alerts, outages, gateways, silences and earlier alerts. Reads only; alarm class is not even
looked up, so that nothing here can stand in its way.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from sqlalchemy import Integer, bindparam, select, text

from alerts.quiet.pipeline import (
    INHIBITED,
    MINUTE,
    RATE_MOST,
    RATE_WINDOW_MS,
    Notice,
    Silence,
    Situation,
    Verdict,
    explained_by_outage,
    judge,
    loudest,
)
from alerts.routing import escalation
from alerts.schema.alerts import alerts
from alerts.schema.quiet import RUNNING, gateways_down, outages, silences
from alerts.transaction import Row, Transaction

SHELVES = "count.shelves"  # reason of an alert that stands for others of its device; they are its `covers`
SHELVES_MAX = 16  # open alerts of one device that are looked at
SILENCES_MAX = 500  # running at one time, per site
GATEWAY_RULES = ("R36",)

_OF_DEVICE = (
    select(alerts.c.alert_id, alerts.c.home_id, alerts.c.priority, alerts.c.reason)
    .where(alerts.c.device_id == bindparam("the_device"), alerts.c.open, alerts.c.merged_into.is_(None))
    .order_by(alerts.c.priority, alerts.c.opened_ms.desc(), alerts.c.alert_id)
    .limit(SHELVES_MAX)
)
_OUTAGE_OF_HOME = (
    select(outages.c.alert_id)
    .join(gateways_down, gateways_down.c.outage_id == outages.c.outage_id)
    .join(alerts, alerts.c.alert_id == outages.c.alert_id)
    .where(
        gateways_down.c.site_id == bindparam("the_site"),
        gateways_down.c.home_id == bindparam("the_home"),
        gateways_down.c.back_ms.is_(None),
        outages.c.closed_ms.is_(None),
        alerts.c.open,
    )
    .limit(1)
)
_GATEWAY_GONE = (
    select(alerts.c.alert_id)
    .where(
        alerts.c.home_id == bindparam("the_home"),
        alerts.c.rule.in_(GATEWAY_RULES),
        alerts.c.open,
        alerts.c.condition == "active",
        alerts.c.merged_into.is_(None),
    )
    .order_by(alerts.c.opened_ms)
    .limit(1)
)
_RUNNING = (
    select(silences)
    .where(silences.c.site_id == bindparam("the_site"), silences.c.until_ms > bindparam("the_ms"), text(RUNNING))
    .order_by(silences.c.until_ms, silences.c.silence_id)
    .limit(SILENCES_MAX)
)
_RANG = (
    select(alerts.c.opened_ms)
    .where(
        alerts.c.subject_id == bindparam("the_subject"),
        alerts.c.rule == bindparam("the_rule"),
        alerts.c.opened_ms > bindparam("the_from_ms"),
        alerts.c.opened_ms <= bindparam("the_until_ms"),
        alerts.c.alert_id != bindparam("the_alert"),
        alerts.c.merged_into.is_(None),
    )
    .order_by(alerts.c.opened_ms.desc())
    .limit(bindparam("the_most", type_=Integer))
)


def judge_alert(tx: Transaction, row: Row, may_ring_ms: int = 0) -> Verdict:
    """The verdict about one alert (its row, written or not) at the transaction's time."""
    notice = _notice(row)
    if notice.alarm or notice.staff_alarm or notice.priority == "P1":
        return judge(notice, Situation(tx.now_ms))
    return judge(notice, _situation(tx, row, notice, may_ring_ms))


def judge_incident(tx: Transaction, incident: Row, *, listed: bool) -> Verdict | None:
    """The loudest verdict about its open alerts. `listed`: hours of its chain count (False once its list's hour is
    there). None when all of it stands behind others.
    """
    may_ring_ms = escalation.earliest_ms(incident["chain"], tx.now_ms) if listed else 0
    rows = [row for row in tx.alerts_of(incident["incident_id"]) if row["merged_into"] is None]
    return loudest(judge_alert(tx, row, may_ring_ms) for row in rows)


def cut_off_key(home_id: str) -> Hashable:
    """Under which a batch remembers the open alert of a home's outage."""
    return "cut off", home_id


def _notice(row: Row) -> Notice:
    return Notice(
        rule=row["rule"],
        priority=row["priority"],
        opened_ms=row["opened_ms"],
        home=row["home_id"],
        alarm=row["alarm"],
        staff_alarm=row["staff_alarm"],
        ward=row["ward_id"],
        resident=row["resident_id"],
        device=row["device_id"],
    )


def _situation(tx: Transaction, row: Row, notice: Notice, may_ring_ms: int) -> Situation:
    return Situation(
        now_ms=tx.now_ms,
        may_ring_ms=may_ring_ms,
        shelved_by=_shelved_by(tx, notice),
        outage=_outage(tx, notice) if explained_by_outage(notice.rule, notice.priority) else None,
        gateway_gone=_gateway_gone(tx, notice) if notice.rule in INHIBITED else None,
        silences=_silences(tx),
        rang_ms=_rang(tx, row, notice, RATE_MOST[notice.priority]) if notice.priority in RATE_MOST else (),
    )


def _shelved_by(tx: Transaction, notice: Notice) -> str | None:
    """The open alert of a chattering device (R42) that names this rule, is as urgent, and whose time still runs. Not
    once somebody has ended it: then what the device says rings again.
    """
    if notice.device is None:
        return None
    for found in tx.reading(alerts).execute(_OF_DEVICE, {"the_device": notice.device}):
        said: dict[str, Any] = found.reason.get("args", {}) if found.reason["code"] == SHELVES else {}
        covered = notice.rule in said.get("covers", ()) and found.home_id == notice.home
        if covered and said.get("until_ms", 0) > tx.now_ms and found.priority <= notice.priority:
            return str(found.alert_id)
    return None


def _outage(tx: Transaction, notice: Notice) -> str | None:
    """The open alert of the outage that its home belongs to now."""
    asked = {"the_site": tx.site_id, "the_home": notice.home}
    return tx.batch.once(cut_off_key(notice.home), lambda: tx.reading(alerts).execute(_OUTAGE_OF_HOME, asked).scalar())


def _gateway_gone(tx: Transaction, notice: Notice) -> str | None:
    return tx.reading(alerts).execute(_GATEWAY_GONE, {"the_home": notice.home}).scalar()


def _silences(tx: Transaction) -> tuple[Silence, ...]:
    """Those that run now; read once a minute in a batch, whose effects are of many moments (its stage looks again)."""
    names = Silence.__struct_fields__
    from_ms = tx.now_ms - tx.now_ms % MINUTE

    def read() -> tuple[Silence, ...]:
        found = tx.direct.execute(_RUNNING, {"the_site": tx.site_id, "the_ms": from_ms}).mappings()
        return tuple(Silence(**{name: row[name] for name in names}) for row in found)

    return tx.batch.once(("silences", from_ms), read, kept=True)


def _rang(tx: Transaction, row: Row, notice: Notice, most: int) -> tuple[int, ...]:
    """When this rule opened for this person or thing in the hour before, as often as could matter."""
    asked = {
        "the_subject": row["subject_id"], "the_rule": notice.rule, "the_alert": row["alert_id"], "the_most": most,
        "the_from_ms": notice.opened_ms - RATE_WINDOW_MS, "the_until_ms": notice.opened_ms,
    }  # fmt: skip
    return tuple(reversed(tx.reading(alerts).execute(_RANG, asked).scalars().all()))
