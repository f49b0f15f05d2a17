"""Edge: shifts begin and end, and what their people have taken is offered. Each inside a transaction of the caller's.

For: doing what `alerts/shifts/shift.py` decides. Whoever ends leaves no claim without a next action: it rings the
function, and with nobody there the next ones at once.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from alerts.handling import second_helper
from alerts.handling.lifecycle import HANDED_OVER, HELD, NEW
from alerts.incidents import incident_flow
from alerts.routing import escalation
from alerts.schema.alerts import incidents
from alerts.schema.people import functions, sessions, staff, users
from alerts.schema.shifts import phones, rota
from alerts.schema.shifts import shifts as rows
from alerts.shifts import shift as shifts
from alerts.shifts.duty import duty_now, known_function
from alerts.shifts.shift import Planned, Shift, ShiftRefused
from alerts.shifts.staff_access import end_of_day_ms, has_access, timezone_of
from alerts.transaction import Row, Transaction

RING_AT_CHECK_IN = ("P1", "P2")
_open = rows.c.ended_ms.is_(None)


def check_in(
    tx: Transaction, staff_id: str, function_id: str, until_ms: int | None = None, phone_id: str | None = None
) -> str:
    """Somebody has a function from now on: the id of their shift. Whoever had it is succeeded; what waits for somebody
    rings. Raises ShiftRefused: unknown_function, no_access, not_your_function, bad_end.
    """
    function = known_function(tx.conn, tx.site_id, function_id)
    if function is None:
        raise ShiftRefused("unknown_function")
    member = tx.conn.execute(select(staff).where(staff.c.site_id == tx.site_id, staff.c.id == staff_id)).first()
    if member is None or not has_access(tx.conn, tx.site_id, staff_id, tx.now_ms):
        raise ShiftRefused("no_access")
    planned = _planned(tx, staff_id, function_id)
    if not shifts.may_take(function_id, tuple(member.functions), planned):
        raise ShiftRefused("not_your_function")
    end_ms = shifts.end_of(until_ms, planned, tx.now_ms)
    before = open_shift(tx, function_id)
    shifts.decide(shifts.OFF if before is None or before["staff_id"] != staff_id else shifts.ON, shifts.CHECK_IN)
    if phone_id is not None:
        _take_phone(tx, phone_id, staff_id)
    if before is not None and before["staff_id"] == staff_id:
        moved = {"until_ms": end_ms} | ({"phone_id": phone_id} if phone_id is not None else {})
        tx.conn.execute(update(rows).where(rows.c.site_id == tx.site_id, rows.c.id == before["id"]).values(moved))
        tx.change("health", "shift")
        return str(before["id"])
    if before is not None:
        end(tx, before, shifts.SUCCEEDED, attended=True)
    shift_id = str(uuid4())
    row = {"site_id": tx.site_id, "id": shift_id, "function_id": function_id, "staff_id": staff_id}
    tx.conn.execute(insert(rows).values(**row, phone_id=phone_id, since_ms=tx.now_ms, until_ms=end_ms))
    _ring_waiting(tx, function)
    tx.change("health", "shift")
    return shift_id


def check_out(tx: Transaction, shift: dict[str, Any]) -> None:
    """End one's own shift. Raises ShiftRefused: not_on_shift, own_claims (with their alerts)."""
    claims = own_claims(tx, shift)
    try:
        shifts.decide(shifts.OFF if shift["ended_ms"] is not None else shifts.ON, shifts.CHECK_OUT, len(claims))
    except ShiftRefused as refused:
        if claims and refused.code == "own_claims":
            refused.args_of_code["alerts"] = [_lead(tx, one) for one in claims]
        raise
    _close(tx, shift, "checked_out")


def end(tx: Transaction, shift: dict[str, Any], event: str, *, attended: bool = False) -> None:
    """A shift ends otherwise; its claims are offered. `attended`: somebody else has the function in this moment.
    Raises ShiftRefused: not_on_shift.
    """
    move = shifts.decide(shifts.OFF if shift["ended_ms"] is not None else shifts.ON, event)
    claims = own_claims(tx, shift) if move.claims == shifts.OFFERED else []
    _close(tx, shift, event)
    function = known_function(tx.conn, tx.site_id, shift["function_id"])
    for incident in claims:
        if incident["handling"] != HANDED_OVER and function is not None:
            _offer(tx, incident, function, event, attended=attended)


def end_due(tx: Transaction) -> None:
    """End every shift whose time has come."""
    for shift, due_ms, event in _ending(tx):
        if due_ms <= tx.now_ms:
            end(tx, shift, event)


def next_end_ms(tx: Transaction) -> int | None:
    """When the next shift ends by itself."""
    return min((due_ms for _, due_ms, _ in _ending(tx)), default=None)


def open_shift(tx: Transaction, function_id: str) -> dict[str, Any] | None:
    """Who has a function now."""
    query = select(rows).where(rows.c.site_id == tx.site_id, rows.c.function_id == function_id, _open)
    row = tx.conn.execute(query).mappings().first()
    return None if row is None else dict(row)


def own_claims(tx: Transaction, shift: dict[str, Any]) -> list[Row]:
    """Open incidents that the person of a shift has: those taken in its function, and with no other shift all."""
    return _theirs(tx, shift, incidents.c.claimed_by, incidents.c.claimed_function)


def _theirs(
    tx: Transaction, shift: dict[str, Any], person: ColumnElement[Any], function: ColumnElement[Any]
) -> list[Row]:
    others = (
        select(func.count())
        .select_from(rows)
        .where(rows.c.site_id == tx.site_id, rows.c.staff_id == shift["staff_id"], _open, rows.c.id != shift["id"])
    )
    query = select(incidents.c.incident_id).where(
        incidents.c.site_id == tx.site_id,
        incidents.c.open,
        person == shift["staff_id"],
        incidents.c.handling.in_([*HELD, HANDED_OVER]),
    )
    if tx.conn.execute(others).scalar_one():
        query = query.where(function == shift["function_id"])
    ids = (
        tx.conn.execute(query.order_by(incidents.c.priority, incidents.c.opened_ms, incidents.c.incident_id))
        .scalars()
        .all()
    )
    return [tx.incident(one) for one in ids]


def _offer(tx: Transaction, incident: Row, function: escalation.Target, event: str, *, attended: bool) -> None:
    """A claim is offered to the function it was taken in, and rings until somebody accepts."""
    incident_id = str(incident["incident_id"])
    duty = duty_now(tx, incident["home_id"])
    # whoever was on duty when it began may be at home: those of now are asked after the function
    chain = msgspec.to_builtins(msgspec.structs.replace(incident["chain"], functions=duty.functions))
    tx.set_incident(incident_id, handling=HANDED_OVER, handling_ms=tx.now_ms, handed_to=function.id, snapshot=chain)
    tx.set_open_alerts(incident_id, handling=HANDED_OVER)
    tx.line(incident, "offered", {"to": function.name, "from": incident["claimed_name"], "why": event})
    incident = tx.incident(incident_id)
    tx.send(incident, "hand_over", (function,), alert_id=_lead(tx, incident))
    incident_flow.set_lease(tx, incident)
    if not attended:  # nobody hears that telephone: the next ones need not wait for it
        tx.set_timer(incident_id, escalation.HAND_OVER, tx.now_ms)
    tx.changed_incident(incident_id)


def _ring_waiting(tx: Transaction, function: escalation.Target) -> None:
    """Whoever comes hears of what rings in their ward and nobody has taken, and of what was offered to them."""
    ward = select(functions.c.ward).where(functions.c.site_id == tx.site_id, functions.c.id == function.id)
    untaken = and_(
        incidents.c.handling == NEW, incidents.c.step >= 0, incidents.c.priority.in_(RING_AT_CHECK_IN),
        incidents.c.ward_id == ward.scalar_subquery(),
    )  # fmt: skip
    offered = and_(incidents.c.handling == HANDED_OVER, incidents.c.handed_to == function.id)
    query = select(incidents.c.incident_id).where(
        incidents.c.site_id == tx.site_id, incidents.c.open, or_(untaken, offered)
    )
    for incident_id in (
        tx.conn.execute(query.order_by(incidents.c.priority, incidents.c.opened_ms, incidents.c.incident_id))
        .scalars()
        .all()
    ):
        incident = tx.incident(incident_id)
        kind = "ring" if incident["handling"] == NEW else "hand_over"
        words = incident_flow.ring_words(incident) if kind == "ring" else None
        tx.send(incident, kind, (function,), alert_id=_lead(tx, incident), args=words)
        tx.line(incident, "rang_at_check_in", {"targets": [function.name]})
        tx.changed_incident(incident_id)


def _close(tx: Transaction, shift: dict[str, Any], reason: str) -> None:
    """The row ends, and with it the person's session on the shift's phone; where they went as the second of two, one
    more is asked for.
    """
    this = (rows.c.site_id == tx.site_id, rows.c.id == shift["id"])
    tx.conn.execute(update(rows).where(*this).values(ended_ms=tx.now_ms, end_reason=reason))
    if shift["phone_id"] is not None:
        theirs = select(users.c.id).where(users.c.site_id == tx.site_id, users.c.staff_id == shift["staff_id"])
        on_it = (sessions.c.site_id == tx.site_id, sessions.c.phone_id == shift["phone_id"])
        tx.conn.execute(
            update(sessions)
            .where(*on_it, sessions.c.user_id.in_(theirs), sessions.c.revoked_ms.is_(None))
            .values(revoked_ms=tx.now_ms)
        )
    for incident in _theirs(tx, shift, incidents.c.second_by, incidents.c.second_function):
        second_helper.gone(tx, incident, _lead(tx, incident), reason)
    tx.change("health", "shift")


def _take_phone(tx: Transaction, phone_id: str, staff_id: str) -> None:
    """Who has a phone in hand has it: another's shift goes on without it, another's session on it ends."""
    on_it = (rows.c.site_id == tx.site_id, rows.c.phone_id == phone_id, _open, rows.c.staff_id != staff_id)
    tx.conn.execute(update(rows).where(*on_it).values(phone_id=None))
    this = (phones.c.site_id == tx.site_id, phones.c.id == phone_id)
    tx.conn.execute(update(phones).where(*this, phones.c.heard_ms < tx.now_ms).values(heard_ms=tx.now_ms, silent=False))


def _planned(tx: Transaction, staff_id: str, function_id: str) -> Planned | None:
    """What the rota gives somebody in a function now or within the hour."""
    here = (rota.c.site_id == tx.site_id, rota.c.function_id == function_id, rota.c.staff_id == staff_id)
    now = (rota.c.from_ms <= tx.now_ms + shifts.EARLY_MS, rota.c.until_ms > tx.now_ms)
    row = tx.conn.execute(select(rota).where(*here, *now).order_by(rota.c.from_ms.desc()).limit(1)).first()
    return None if row is None else Planned(row.staff_id, row.function_id, row.from_ms, row.until_ms)


def _ending(tx: Transaction) -> list[tuple[dict[str, Any], int, str]]:
    """Every shift that is on, with when and by what it ends."""
    same = (staff.c.site_id == rows.c.site_id) & (staff.c.id == rows.c.staff_id)
    query = select(rows, staff.c.until_date).join(staff, same, isouter=True).where(rows.c.site_id == tx.site_id, _open)
    found = []
    for row in tx.conn.execute(query.order_by(rows.c.until_ms, rows.c.id)).mappings():
        access_ms = (
            None if row["until_date"] is None else end_of_day_ms(row["until_date"], timezone_of(tx.conn, tx.site_id))
        )
        due_ms, event = shifts.due(
            Shift(row["staff_id"], row["function_id"], row["since_ms"], row["until_ms"], access_ms)
        )
        found.append((dict(row), due_ms, event))
    return found


def _lead(tx: Transaction, incident: Row) -> str:
    """The alert a message speaks of: the most urgent, then the oldest."""
    return str(tx.alerts_of(incident["incident_id"])[0]["alert_id"])
