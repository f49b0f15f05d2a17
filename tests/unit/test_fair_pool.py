"""Whoever waits longest for the writer gets it next, also from a thread that asks again at once."""

from __future__ import annotations

import functools
import threading

from alerts.database import Database, open_database
from alerts.database_sqlite import FairPool
from tests.support.waiting import wait_until


def waits(database: Database, count: int) -> bool:
    """So many threads stand in the queue for the writer."""
    pool = database.writer.pool
    assert isinstance(pool, FairPool), "the writer's"
    return len(pool._turn._waiting) == count


def test_a_thread_that_writes_again_and_again_lets_others_in(tmp_path):
    """Five who wait are served in the order in which they asked, though one writes without a pause beside them."""
    database = open_database(tmp_path / "desk.db")
    order: list[int] = []
    turns: list[int] = []
    greedy, asked = threading.Event(), threading.Semaphore(0)

    def write_on() -> None:
        while not greedy.is_set():
            with database.writer.begin():
                turns.append(len(order))

    def ask(number: int) -> None:
        asked.release()
        with database.writer.begin():
            order.append(number)

    runner = threading.Thread(target=write_on)
    with database.writer.begin():  # everybody below waits behind this, in the order in which they came
        others = []
        for number in range(5):
            other = threading.Thread(target=ask, args=(number,))
            other.start()
            asked.acquire()
            wait_until(functools.partial(waits, database, number + 1), "it waits")
            others.append(other)
        runner.start()
    for other in others:
        other.join(10)
    greedy.set()
    runner.join(10)
    database.close()

    assert order == [0, 1, 2, 3, 4]
    assert turns.count(0) == 0, "the greedy one came last, and had its turn after them"
