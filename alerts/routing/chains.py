"""Edge: which chain an incident gets, whether two must go, and which relatives may be rung now.

For: the look-ups that choosing needs. What is chosen is decided in `alerts/routing/policies.py` and
`alerts/routing/escalation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, select

from alerts.routing.escalation import FUNCTION, RESPONDER, Chosen, Duty, Snapshot, Target, snapshot, with_next
from alerts.routing.policies import FUNCTION_WORD, US, Policy
from alerts.routing.policy_choice import Asked, choose
from alerts.routing.policy_reads import policies_for
from alerts.schema.people import contacts, functions, residents
from alerts.shifts.duty import functions_now
from alerts.transaction import Transaction
from ingest.quantities import parse_window
from rules.local_time import window_at

log = structlog.get_logger()

TWO_RISKS = frozenset({"violence"})
RESPONDERS_MAX = 10

Row = Mapping[str, Any]

_RISKS = select(residents.c.risks).where(
    residents.c.site_id == bindparam("the_site"), residents.c.id == bindparam("the_resident")
)


def chain_for(tx: Transaction, duty: Duty, alert: Row, incident: Row) -> Snapshot:
    """The chain of an incident that begins (again) now around this alert. `incident`: priority and staff_alarm."""
    asked = Asked(
        priority=incident["priority"], at_ms=tx.now_ms, timezone=duty.timezone, ward=duty.ward_id,
        resident=alert["resident_id"], rule=alert["rule"], code=alert["code"], staff_alarm=incident["staff_alarm"],
    )  # fmt: skip
    policy = choose(_parsed(tx, duty.ward_id), asked)
    # who comes to help a colleague does not wait outside: all are rung, and whoever is nearest goes in
    asks_two = alert["resident_id"] is not None and not incident["staff_alarm"]
    two = asks_two and _goes_two(tx, alert["resident_id"])
    chosen = None if policy is None else _chosen(tx, duty, policy)
    found = snapshot(duty, incident["priority"], tx.now_ms, staff_alarm=incident["staff_alarm"], chosen=chosen)
    return msgspec.structs.replace(found, two=True) if two else found


def told_now(
    tx: Transaction, targets: tuple[Target, ...], duty: Duty, begun: tuple[Target, ...], resident_id: str | None
) -> tuple[Target, ...]:
    """A step's targets as of now: with the next one for each that is not heard, or that was on duty when the chain
    began (`begun`) and is not any more; and with the relatives who may be rung at this hour, for as long as they agree.
    """
    gone = {one.id: msgspec.structs.replace(one, reachable=False) for one in begun}
    known = {**gone, **{target.id: target for target in duty.functions}}
    now = [known.get(target.id, target) if target.kind == FUNCTION else target for target in targets]
    told = with_next([target for target in now if target.kind != RESPONDER], duty.functions)
    if not any(target.kind == RESPONDER for target in targets) or resident_id is None:
        return told
    return told + ready_responders(tx.direct, tx.site_id, resident_id, duty.timezone, tx.now_ms)


def ready_responders(
    conn: Connection, site_id: str, resident_id: str, timezone: str, now_ms: int
) -> tuple[Target, ...]:
    """Relatives who have agreed to be rung, within their hours. No name: a target is an id, words stand outside."""
    query = (
        select(contacts.c.id, contacts.c.hours)
        .where(contacts.c.site_id == site_id, contacts.c.resident == resident_id, contacts.c.responder)
        .order_by(contacts.c.position, contacts.c.id)
        .limit(RESPONDERS_MAX)
    )
    return tuple(
        Target(RESPONDER, row.id, "responder")
        for row in conn.execute(query)
        if row.hours is None or window_at(now_ms, parse_window(row.hours), timezone) is not None
    )


def _parsed(tx: Transaction, ward_id: str | None) -> list[Policy]:
    def read() -> list[Policy]:
        found = []
        for value in policies_for(tx.direct, tx.site_id, ward_id):
            try:
                found.append(Policy.model_validate(value))
            except ValidationError:  # saved by an older version with other rules: the profile is safe, a guess is not
                log.error("policy_not_understood", policy=value.get("id"))
        return found

    return tx.batch.once(("policies", ward_id), read, kept=True)


def _chosen(tx: Transaction, duty: Duty, policy: Policy) -> Chosen:
    words = (word for step in policy.steps for word in step.tell if word.startswith(FUNCTION_WORD))
    ids = sorted({word.removeprefix(FUNCTION_WORD) for word in words} - {one.id for one in duty.functions})
    elsewhere = {}
    if ids:
        # a function of the ward itself that is not among those on duty is nobody; another ward's may be a leader's
        query = select(functions.c.ward).where(
            functions.c.site_id == tx.site_id, functions.c.id.in_(ids), functions.c.ward != (duty.ward_id or "")
        )
        there = [functions_now(tx, ward) for ward in sorted(set(tx.direct.execute(query).scalars()))]
        elsewhere = {one.id: one for found in there for one in found if one.id in ids}
    owner = "" if policy.owner == US else policy.owner
    return Chosen(policy.chain(), policy.id, policy.two, owner, elsewhere)


def _goes_two(tx: Transaction, resident_id: str) -> bool:
    def read() -> Sequence[str]:
        return tx.direct.execute(_RISKS, {"the_site": tx.site_id, "the_resident": resident_id}).scalar() or ()

    return not TWO_RISKS.isdisjoint(tx.batch.once(("risks", resident_id), read, kept=True))
