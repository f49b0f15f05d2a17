"""How many statements a desk on PostgreSQL makes in its turn: each is a way to the server and back, and one transaction
at a time has the turn, so all others wait for it. Who needs one more reads the README of alerts/ ("On PostgreSQL")
before raising a number here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from rules.effects import Raise
from tests.support.desk import MINUTE, NOON_MS, SECOND, Duty, as_floor, cleared, updated

A_RAISE_OF_A_STORM = 6


@pytest.fixture
def duty(tmp_path: Path) -> Duty:
    """A desk whose lanes have a position already, and where nothing is sent by itself."""
    made = Duty(tmp_path, now_ms=NOON_MS)
    made.sends = False
    for lane in ("floor", "home"):
        made.apply(made.press(f"first-{lane}", subject="r2", resident="r2", trigger=lane), lane=lane)
    return made


@contextmanager
def counted(duty: Duty) -> Iterator[list[str]]:
    """The statements that are made meanwhile by whoever takes a turn, with the one that takes it."""
    made: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        made.append(statement)

    event.listen(duty.database.writer, "before_cursor_execute", note)
    yield made
    event.remove(duty.database.writer, "before_cursor_execute", note)


def test_a_press_costs_few_statements(duty: Duty) -> None:
    """Raised by the floor, named by the rules, pressed again, taken: once 37, 12, 18 and 25."""
    press, further = duty.press("e1"), duty.press("e2")
    steps: list[tuple[int, Callable[[], object]]] = [
        (18, lambda: duty.apply(as_floor(press), lane="floor")),
        (8, lambda: duty.apply(press)),
        (14, lambda: duty.apply(as_floor(further), lane="floor")),
        (21, lambda: duty.act(press.alert_id, "claim")),
    ]
    assert [most for most, step in steps if used(duty, step) > most] == []


@pytest.mark.parametrize(("priority", "most"), [("P2", 20), ("P3", 22), ("P4", 21)])
def test_an_alert_of_a_sensor_costs_few_statements(duty: Duty, priority: str, most: int) -> None:
    """Raised once 36 to 39, told more once 10, over once 29."""
    alert = _alert(duty, 1, priority)
    assert used(duty, lambda: duty.apply(alert)) <= most
    assert used(duty, lambda: duty.apply(updated(alert, duty.now_ms))) <= 7
    assert used(duty, lambda: duty.apply(cleared(alert, duty.now_ms))) <= 22


def test_an_alert_that_somebody_has_is_over_in_few_statements(duty: Duty) -> None:
    """Whoever has it is told; once 17."""
    alert = _alert(duty, 1, "P2")
    duty.apply(alert)
    duty.act(alert.alert_id, "claim")
    assert used(duty, lambda: duty.apply(cleared(alert, duty.now_ms))) <= 14


def test_an_alert_more_of_a_storm_costs_fewer(duty: Duty) -> None:
    """Hundreds in one transaction: what they share is read and written once. Once 34 each."""
    few, many = ([_alert(duty, number, "P2") for number in numbers] for numbers in (range(10), range(10, 60)))
    alone = used(duty, lambda: duty.apply(*few))
    assert used(duty, lambda: duty.apply(*many)) <= alone + 40 * A_RAISE_OF_A_STORM


def test_steps_that_are_due_share_a_turn(duty: Duty) -> None:
    """Five chains go on; once 184 statements."""
    for number in range(5):
        duty.apply(duty.press(f"e{number}", subject=f"x{number}", resident=f"x{number}", trigger=f"t{number}"))
    duty.desk.tick(duty.now_ms)  # and what is old is cut
    duty.now_ms += 2 * MINUTE - 30 * SECOND
    assert used(duty, lambda: duty.desk.tick(duty.now_ms)) <= 60


def test_who_has_nothing_to_do_takes_no_turn(duty: Duty) -> None:
    """Timers are looked at after each change, also of another desk; nearly always nothing is due."""
    duty.desk.tick(duty.now_ms)
    assert used(duty, lambda: duty.desk.tick(duty.now_ms)) == 0


def test_a_message_costs_few_statements(duty: Duty) -> None:
    """One turn before the try and one after it."""
    duty.outbox.run_once(duty.now_ms)
    duty.phones.received.clear()
    duty.apply(duty.press("e1"))
    assert used(duty, lambda: duty.outbox.run_once(duty.now_ms, only_p1=True)) <= 9 + 7
    assert [message.kind for message in duty.phones.received] == ["ring"]


def used(duty: Duty, work: Callable[[], object]) -> int:
    with counted(duty) as made:
        work()
    return len(made)


def _alert(duty: Duty, number: int, priority: str) -> Raise:
    person = f"q{number}"
    return duty.out_of_bed(f"e{number}", subject=person, resident=person, priority=priority, device=f"bed-{number}")
