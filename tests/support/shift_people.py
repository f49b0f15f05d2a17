"""People who take shifts, on the desk of `tests/support/desk.py`: staff rows, phones and check-ins in short words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from alerts.handling.acts import Actor
from alerts.schema.people import staff
from alerts.schema.shifts import rota
from alerts.shifts import phones
from alerts.shifts.shift_desk import ShiftDesk
from alerts.transaction import Transaction
from rules import local_time
from tests.support.desk import SITE, Duty

OSLO = "Europe/Oslo"


def at(duty: Duty, clock: str, *, days: int = 0) -> int:
    """The instant of "14:50" on the day at which the desk began, or so many days later."""
    hour, minute = (int(part) for part in clock.split(":"))
    day = local_time.local_date(duty.start_ms, OSLO)
    return local_time.instant_ms(day, (days * 24 + hour) * 60 + minute, OSLO)


def until(duty: Duty, clock: str, *, days: int = 0) -> None:
    """Let time pass until a time of day."""
    duty.wait(at(duty, clock, days=days) - duty.now_ms)


def member(duty: Duty, staff_id: str, *functions: str, until_date: str | None = None) -> Actor:
    """Somebody of the staff who may have these functions."""
    row: dict[str, Any] = {"site_id": SITE, "id": staff_id, "version": 1, "saved_ms": 0, "name": staff_id.title()}
    with duty.database.writer.begin() as conn:
        conn.execute(
            insert(staff).values(row | {"functions": list(functions), "role": "carer", "until_date": until_date})
        )
    return Actor(staff=staff_id, name=staff_id.title(), function=functions[0] if functions else None)


def planned(duty: Duty, staff_id: str, function: str, from_ms: int, until_ms: int) -> None:
    """A line of the rota."""
    row = {"site_id": SITE, "id": f"{staff_id}-{function}-{from_ms}", "function_id": function, "saved_ms": 0}
    row |= {"planned_staff_id": staff_id, "staff_id": staff_id, "from_ms": from_ms, "until_ms": until_ms}
    with duty.database.writer.begin() as conn:
        conn.execute(insert(rota).values(row))


def check_in(duty: Duty, staff_id: str, function: str, **more: Any) -> dict[str, Any]:
    """Check in now, and send what that rings."""
    found = ShiftDesk(duty.desk).check_in(staff_id, function, duty.now_ms, **more)
    duty._send()
    return found


def new_phone(duty: Duty, function: str, limit_ms: int = phones.LIMIT_MS) -> str:
    """A phone registered for a function, heard now: its id."""
    with duty.database.writer.begin() as conn:
        return phones.register(conn, SITE, f"phone of {function}", function, limit_ms, "test", duty.now_ms)[0]


def heartbeat(duty: Duty, phone_id: str) -> None:
    with duty.database.writer.begin() as conn:
        phones.heard(Transaction(conn, SITE, duty.now_ms), phone_id)


def on_shift(duty: Duty) -> dict[str, str]:
    """Who is checked in, by function."""
    return {one["function_id"]: one["staff_id"] for one in ShiftDesk(duty.desk).now()}


def rang(duty: Duty) -> list[tuple[str, str]]:
    """(kind, target) of everything that phones received, in order."""
    return [(message.kind, message.target) for message in duty.phones.received]
