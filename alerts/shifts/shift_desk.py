"""Edge: who is on shift, for API and pages: check in and out, and what they show. Each change is one transaction.

What a check-in does stands in `alerts/shifts/shift_moves.py`; reads are of the caller's wards only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import structlog
from sqlalchemy import Connection, select

from alerts.access import audit
from alerts.desk import Desk
from alerts.routing.escalation import FUNCTION, Target
from alerts.schema.people import functions, staff
from alerts.schema.shifts import rota
from alerts.schema.shifts import shifts as rows
from alerts.shifts import duty, phones, shift_moves
from alerts.shifts import shift as shifts
from alerts.shifts.shift import ShiftRefused
from alerts.transaction import Transaction

log = structlog.get_logger()

NEXT_MS = 7 * 86_400_000


class ShiftDesk:
    """Shifts of one site. Callable from any thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._database, self._site_id = desk, desk.database, desk.site_id

    # -- moves -------------------------------------------------------------------------------------------------
    def check_in(
        self, staff_id: str, function_id: str, now_ms: int, *, until_ms: int | None = None, phone_id: str | None = None
    ) -> dict[str, Any]:
        """Somebody has a function from now on; the shift. Raises ShiftRefused."""

        def move(tx: Transaction) -> dict[str, Any]:
            return self._shift(tx.conn, shift_moves.check_in(tx, staff_id, function_id, until_ms, phone_id))

        found = self._desk.transact(now_ms, move)
        log.info("checked_in", function=function_id, staff=staff_id, phone=phone_id)
        return found

    def check_out(self, shift_id: str, staff_id: str, now_ms: int) -> dict[str, Any]:
        """End one's own shift. Raises ShiftRefused: unknown_shift, not_on_shift, own_claims."""

        def move(tx: Transaction) -> dict[str, Any]:
            shift = self._shift(tx.conn, shift_id)
            if shift["staff_id"] != staff_id:
                raise ShiftRefused("unknown_shift")
            shift_moves.check_out(tx, shift)
            return self._shift(tx.conn, shift_id)

        found = self._desk.transact(now_ms, move)
        log.info("checked_out", function=found["function_id"], staff=staff_id)
        return found

    def end(self, shift_id: str, by: str, now_ms: int) -> dict[str, Any]:
        """A leader ends somebody's shift; what they have is offered. Raises ShiftRefused."""

        def move(tx: Transaction) -> dict[str, Any]:
            shift = self._shift(tx.conn, shift_id)
            shift_moves.end(tx, shift, shifts.ENDED)
            audit.record(tx.conn, self._site_id, by, "shift.ended", shift_id, now_ms, {"staff": shift["staff_id"]})
            return self._shift(tx.conn, shift_id)

        return self._desk.transact(now_ms, move)

    # -- reads -------------------------------------------------------------------------------------------------
    def now(self, wards: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Every shift that is on: its row with function_name, ward and staff_name, in the order of chains."""
        with self._database.reader.connect() as conn:
            query = _named().where(rows.c.site_id == self._site_id, rows.c.ended_ms.is_(None))
            if wards is not None:
                query = query.where(functions.c.ward.in_(sorted(wards)))
            ordered = query.order_by(functions.c.ward, functions.c.position, functions.c.id)
            return [dict(row) for row in conn.execute(ordered).mappings()]

    def of_staff(self, staff_id: str) -> list[dict[str, Any]]:
        """Somebody's own shifts that are on, the oldest first."""
        with self._database.reader.connect() as conn:
            mine = (rows.c.site_id == self._site_id, rows.c.staff_id == staff_id, rows.c.ended_ms.is_(None))
            query = _named().where(*mine).order_by(rows.c.since_ms, rows.c.function_id)
            return [dict(row) for row in conn.execute(query).mappings()]

    def open_to(self, staff_id: str, now_ms: int) -> set[str]:
        """Ids of the functions that somebody may check in to now: their own, and those that the rota gives them."""
        here = (rota.c.site_id == self._site_id, rota.c.staff_id == staff_id)
        now = (rota.c.from_ms <= now_ms + shifts.EARLY_MS, rota.c.until_ms > now_ms)
        one = select(staff.c.functions).where(staff.c.site_id == self._site_id, staff.c.id == staff_id)
        with self._database.reader.connect() as conn:
            planned = conn.execute(select(rota.c.function_id).where(*here, *now)).scalars().all()
            return {*planned, *(conn.execute(one).scalar() or ())}

    def functions(self, now_ms: int, wards: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Functions by ward and place in the chain: {id, name, ward, on_duty, reachable, shift, next, phones}.

        `shift`: who is checked in (as `now`), `next`: who the rota gives it to now or next (None = nobody in a week).
        """
        on = {one["function_id"]: one for one in self.now(wards)}
        query = select(functions).where(functions.c.site_id == self._site_id)
        if wards is not None:
            query = query.where(functions.c.ward.in_(sorted(wards)))
        with self._database.reader.connect() as conn:
            found = conn.execute(query.order_by(functions.c.ward, functions.c.position, functions.c.id)).all()
            ids = [one.id for one in found]
            chains: dict[str, list[Target]] = defaultdict(list)
            for one in found:
                chains[one.ward].append(Target(FUNCTION, one.id, one.name))
            reached = {one.id: one.reachable for one in duty.on_duty_of(conn, self._site_id, chains, now_ms)}
            carried = phones.of_functions(conn, self._site_id, ids)
            coming = self._coming(conn, ids, now_ms)
        return [
            {
                "id": one.id, "name": one.name, "ward": one.ward, "on_duty": one.id in reached,
                "reachable": reached.get(one.id, False), "shift": on.get(one.id),
                "next": next((row for row in coming if row["function_id"] == one.id), None),
                "phones": [
                    {
                        "id": row["id"], "label": row["label"], "heard_ms": row["heard_ms"],
                        "silent": phones.is_silent(row, now_ms),
                    }
                    for row in carried[one.id]
                ],
            }
            for one in found
        ]  # fmt: skip

    def _coming(self, conn: Connection, ids: Collection[str], now_ms: int) -> list[dict[str, Any]]:
        """What the rota has for these functions from now on, within a week, and nobody has begun."""
        same = (staff.c.site_id == rota.c.site_id) & (staff.c.id == rota.c.staff_id)
        begun = (
            select(rows.c.id)
            .where(
                rows.c.site_id == rota.c.site_id, rows.c.staff_id == rota.c.staff_id,
                rows.c.function_id == rota.c.function_id, rows.c.ended_ms.is_(None),
                rows.c.since_ms < rota.c.until_ms, rota.c.from_ms <= now_ms + shifts.EARLY_MS,
            )
            .exists()
        )  # fmt: skip
        query = (
            select(rota, staff.c.name.label("staff_name"))
            .join(staff, same)
            .where(rota.c.site_id == self._site_id, rota.c.function_id.in_(sorted(ids)))
            .where(rota.c.until_ms > now_ms, rota.c.from_ms < now_ms + NEXT_MS, ~begun)
            .order_by(rota.c.from_ms, rota.c.id)
        )
        return [dict(row) for row in conn.execute(query).mappings()]

    def _shift(self, conn: Connection, shift_id: str) -> dict[str, Any]:
        query = _named().where(rows.c.site_id == self._site_id, rows.c.id == shift_id)
        row = conn.execute(query).mappings().first()
        if row is None:
            raise ShiftRefused("unknown_shift")
        return dict(row)


def function_of(conn: Connection, site_id: str, staff_id: str) -> str | None:
    """The function somebody acts in: of those they are checked in to, the one they took first."""
    mine = (rows.c.site_id == site_id, rows.c.staff_id == staff_id, rows.c.ended_ms.is_(None))
    query = select(rows.c.function_id).where(*mine).order_by(rows.c.since_ms, rows.c.function_id).limit(1)
    return conn.execute(query).scalar()


def _named() -> Any:
    """Shifts with the names of function and person."""
    place = (functions.c.site_id == rows.c.site_id) & (functions.c.id == rows.c.function_id)
    person = (staff.c.site_id == rows.c.site_id) & (staff.c.id == rows.c.staff_id)
    return (
        select(rows, functions.c.name.label("function_name"), functions.c.ward, staff.c.name.label("staff_name"))
        .join(functions, place)
        .join(staff, person, isouter=True)
    )
