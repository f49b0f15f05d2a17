"""Edge: what falls due by itself and belongs to no incident: the end of a shift, of a silence, a weekly list.

One line per thing: what fires all that is due, and when the next is. Each keeps its own rows; `Desk.tick` asks here.
"""

from __future__ import annotations

from collections.abc import Callable

from alerts.device_tests import untested
from alerts.shifts import phones, shift_moves, staff_access
from alerts.transaction import Transaction

DUE: tuple[tuple[Callable[[Transaction], None], Callable[[Transaction], int | None]], ...] = (
    (shift_moves.end_due, shift_moves.next_end_ms),
    (phones.say_silent, phones.next_silent_ms),
    (staff_access.end_pushes, staff_access.next_push_end_ms),
    (untested.fire_due, untested.next_due_ms),
)


def next_due_ms(tx: Transaction) -> int | None:
    """When the next thing is due."""
    return min((due_ms for _, next_ms in DUE if (due_ms := next_ms(tx)) is not None), default=None)


def fire_due(tx: Transaction) -> int | None:
    """Do everything that is due; when the next thing is."""
    times = []
    for fire, next_ms in DUE:
        due_ms = next_ms(tx)
        if due_ms is not None and due_ms <= tx.now_ms:
            fire(tx)
            due_ms = next_ms(tx)
        times.append(due_ms)
    return min((due_ms for due_ms in times if due_ms is not None), default=None)
