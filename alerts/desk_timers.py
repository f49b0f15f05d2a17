"""Edge: what falls due by itself and belongs to no incident: the end of a shift, of a silence, a weekly list.

One line per thing: what fires all that is due, and when the next is. Each keeps its own rows; `Desk.tick` asks here.
"""

from __future__ import annotations

from collections.abc import Callable

from alerts.device_tests import untested
from alerts.shifts import phones, shift_moves, staff_access
from alerts.transaction import Transaction

DUE: tuple[Callable[[Transaction], None], ...] = (
    shift_moves.end_due,
    phones.say_silent,
    staff_access.end_pushes,
    untested.fire_due,
)
NEXT: tuple[Callable[[Transaction], int | None], ...] = (
    shift_moves.next_end_ms,
    phones.next_silent_ms,
    staff_access.next_push_end_ms,
    untested.next_due_ms,
)


def fire_due(tx: Transaction) -> None:
    """Do everything that is due."""
    for fire in DUE:
        fire(tx)


def next_due_ms(tx: Transaction) -> int | None:
    """When the next thing is due."""
    return min((due_ms for due in NEXT if (due_ms := due(tx)) is not None), default=None)
