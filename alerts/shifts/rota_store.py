"""Edge: the rota in its table. Imported whole, swapped shift by shift, and looked at a week ahead.

An import is what now holds for the functions it names, from its first shift to its last: what it does not have there
is gone, unless it has begun. The same file again changes nothing, and a swap outlives it. All or nothing, and audited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from alerts.access import audit
from alerts.desk import Desk
from alerts.schema.people import functions, staff
from alerts.schema.shifts import rota, shifts
from alerts.shifts import coverage
from alerts.shifts import rota as rules_of_rota
from alerts.shifts.rota import Known, Line, Notice
from alerts.shifts.shift import Planned, ShiftRefused
from alerts.shifts.staff_access import end_of_day_ms, timezone_of
from alerts.site.problems import Problem
from alerts.transaction import Transaction
from ingest.event import name_uuid
from rules import local_time

LISTED_MAX = 2_000


class RotaRefused(Exception):
    """The rota is not saved. `problems` say what to mend, by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = list(problems)


class Imported(msgspec.Struct, frozen=True):
    """What an import did, or (with `trial`) would do."""

    added: int
    changed: int
    removed: int
    unchanged: int
    notices: tuple[Notice, ...]


class RotaStore:
    """The rota of one site. Callable from any thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._database, self._site_id = desk, desk.database, desk.site_id

    def save(
        self, lines: Sequence[Line], by: str, now_ms: int, *, wards: Collection[str] | None = None, trial: bool = False
    ) -> Imported:
        """Import a rota. `wards`: whose functions it may name (None = all). Raises RotaRefused; nothing changed."""

        def work(tx: Transaction) -> Imported:
            checked = rules_of_rota.check(lines, self.known(tx.conn, wards))
            if checked.problems:
                raise RotaRefused(checked.problems)
            counts = self._replace(tx.conn, checked.planned, by, now_ms, trial=trial)
            if not trial and counts["added"] + counts["changed"] + counts["removed"]:
                audit.record(tx.conn, self._site_id, by, "rota.imported", "rota", now_ms, counts)
                tx.change("health", "rota")
            return Imported(**counts, notices=checked.notices)

        return self._desk.transact(now_ms, work)

    def swap(self, entry_id: str, to: str, agreed_by: str, by: str, now_ms: int) -> dict[str, Any]:
        """Somebody else does a planned shift; the one who did gets it back the same way. Raises ShiftRefused:
        unknown_entry, unknown_staff, unknown_leader, over, after_access.
        """

        def work(tx: Transaction) -> dict[str, Any]:
            this = (rota.c.site_id == self._site_id, rota.c.id == entry_id)
            row = tx.conn.execute(select(rota).where(*this)).first()
            if row is None:
                raise ShiftRefused("unknown_entry")
            self._check_swap(self.known(tx.conn, None), to, agreed_by, row.until_ms, now_ms)
            back = to == row.planned_staff_id
            saved = {"staff_id": to, "agreed_by": None if back else agreed_by, "saved_by": by[:64], "saved_ms": now_ms}
            tx.conn.execute(update(rota).where(*this).values(saved))
            said = {"from": row.staff_id, "to": to, "agreed_by": agreed_by}
            audit.record(tx.conn, self._site_id, by, "rota.swapped", entry_id, now_ms, said)
            tx.change("health", "rota")
            return dict(tx.conn.execute(select(rota).where(*this)).mappings().one())

        return self._desk.transact(now_ms, work)

    def listed(self, from_ms: int, until_ms: int, wards: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Planned shifts that share time with [from, until), by time; each with its function's ward."""
        query = (
            select(rota, functions.c.ward)
            .join(functions, (functions.c.site_id == rota.c.site_id) & (functions.c.id == rota.c.function_id))
            .where(rota.c.site_id == self._site_id, rota.c.until_ms > from_ms, rota.c.from_ms < until_ms)
        )
        if wards is not None:
            query = query.where(functions.c.ward.in_(sorted(wards)))
        query = query.order_by(rota.c.from_ms, rota.c.function_id, rota.c.id).limit(LISTED_MAX)
        with self._database.reader.connect() as conn:
            return [dict(row) for row in conn.execute(query).mappings()]

    def gaps(self, now_ms: int, wards: Collection[str] | None = None) -> list[dict[str, Any]]:
        """When nobody of a ward is planned, or on shift, in the next 7 days: {ward, from_ms, until_ms, holiday}. Of
        wards that have ever had a rota; whoever works without one is not told every day that there is none.
        """
        with self._database.reader.connect() as conn:
            same = (functions.c.site_id == rota.c.site_id) & (functions.c.id == rota.c.function_id)
            of_site = rota.c.site_id == self._site_id
            ever = select(functions.c.ward).join(rota, same).where(of_site).distinct().order_by(functions.c.ward)
            seen = [one for one in conn.execute(ever).scalars() if wards is None or one in wards]
            ahead = (rota.c.until_ms > now_ms, rota.c.from_ms < now_ms + coverage.AHEAD_MS)
            spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
            for row in conn.execute(
                select(functions.c.ward, rota.c.from_ms, rota.c.until_ms).join(rota, same).where(of_site, *ahead)
            ):
                spans[row.ward].append((row.from_ms, row.until_ms))
            there = (shifts.c.site_id == functions.c.site_id) & (shifts.c.function_id == functions.c.id)
            for row in conn.execute(
                select(functions.c.ward, shifts.c.since_ms, shifts.c.until_ms)
                .join(shifts, there)
                .where(functions.c.site_id == self._site_id, shifts.c.ended_ms.is_(None))
            ):
                spans[row.ward].append((row.since_ms, row.until_ms))
            timezone = timezone_of(conn, self._site_id)
        return [
            {"ward": ward, "from_ms": gap.from_ms, "until_ms": gap.until_ms, "holiday": _holiday(gap, timezone)}
            for ward in seen
            for gap in coverage.gaps(spans[ward], now_ms, now_ms + coverage.AHEAD_MS)
        ]

    def known(self, conn: Connection, wards: Collection[str] | None) -> Known:
        """Functions and people a rota may speak of."""
        timezone = timezone_of(conn, self._site_id)
        places = conn.execute(select(functions).where(functions.c.site_id == self._site_id).order_by(functions.c.id))
        people = conn.execute(select(staff).where(staff.c.site_id == self._site_id).order_by(staff.c.id))
        return Known(
            timezone=timezone,
            functions={one.id: (one.name, one.ward) for one in places if wards is None or one.ward in wards},
            staff={
                one.id: (one.name, None if one.until_date is None else end_of_day_ms(one.until_date, timezone))
                for one in people
            },
        )

    # -- inside ------------------------------------------------------------------------------------------------
    def _replace(
        self, conn: Connection, planned: Sequence[Planned], by: str, now_ms: int, *, trial: bool
    ) -> dict[str, int]:
        """Make the table what the rota says; how many lines are new, different, gone, and as before."""
        wanted = {self._id(one): one for one in planned}
        first_ms, last_ms = min(one.from_ms for one in planned), max(one.from_ms for one in planned)
        named = sorted({one.function for one in planned})
        span = (rota.c.from_ms >= first_ms, rota.c.from_ms <= last_ms)
        stood = {
            row["id"]: row
            for row in conn.execute(
                select(rota).where(rota.c.site_id == self._site_id, rota.c.function_id.in_(named), *span)
            ).mappings()
        }
        new = [one for one in wanted if one not in stood]
        moved = [one for one in wanted if one in stood and stood[one]["until_ms"] != wanted[one].until_ms]
        gone = [one for one, row in stood.items() if one not in wanted and row["from_ms"] > now_ms]
        if not trial:
            self._write(conn, wanted, new, moved, gone, by, now_ms)
        unchanged = len(wanted) - len(new) - len(moved)
        return {"added": len(new), "changed": len(moved), "removed": len(gone), "unchanged": unchanged}

    def _write(
        self, conn: Connection, wanted: Mapping[str, Planned], new: list[str], moved: list[str], gone: list[str],
        by: str, now_ms: int,
    ) -> None:  # fmt: skip
        of_site = rota.c.site_id == self._site_id
        saved: dict[str, Any] = {"saved_by": by[:64], "saved_ms": now_ms}
        for one in gone:
            conn.execute(delete(rota).where(of_site, rota.c.id == one))
        for one in moved:
            conn.execute(
                update(rota).where(of_site, rota.c.id == one).values(saved | {"until_ms": wanted[one].until_ms})
            )
        rows = [
            {
                "site_id": self._site_id, "id": one, "function_id": wanted[one].function,
                "planned_staff_id": wanted[one].staff, "staff_id": wanted[one].staff, "from_ms": wanted[one].from_ms,
                "until_ms": wanted[one].until_ms, "agreed_by": None,
            }
            | saved
            for one in new
        ]  # fmt: skip
        if rows:
            conn.execute(insert(rota), rows)

    def _id(self, one: Planned) -> str:
        return name_uuid(self._site_id, "rota", one.staff, one.function, str(one.from_ms))

    @staticmethod
    def _check_swap(known: Known, to: str, agreed_by: str, until_ms: int, now_ms: int) -> None:
        for staff_id, code in ((to, "unknown_staff"), (agreed_by, "unknown_leader")):
            if staff_id not in known.staff:
                raise ShiftRefused(code)
        access_until_ms = known.staff[to][1]
        if access_until_ms is not None and until_ms > access_until_ms:
            raise ShiftRefused("after_access")
        if until_ms <= now_ms:
            raise ShiftRefused("over")


def _holiday(gap: coverage.Gap, timezone: str) -> bool:
    """Whether a public holiday is in it: when substitutes are hardest to find."""
    days = range(gap.from_ms, gap.until_ms, coverage.DAY_MS)
    found = {local_time.local_date(at_ms, timezone) for at_ms in (*days, gap.until_ms - 1)}
    return any(local_time.is_holiday(day) for day in found)
