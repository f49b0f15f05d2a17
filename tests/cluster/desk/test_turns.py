"""Who waits for whom at a desk on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from alerts.database import Database
from alerts.database_postgres import IN_TURN
from tests.support.desk import Duty
from tests.support.waiting import wait_until


def waiting_for_locks(database: Database) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
    with database.aside.begin() as conn:
        return int(conn.exec_driver_sql(query).scalar_one())


def test_an_alarm_goes_ahead_of_those_who_wait_for_a_turn(tmp_path: Path) -> None:
    """A storm had taken every connection of those that queue, and more: it comes next, and they as they had come."""
    database, order = Duty(tmp_path).database, list[str]()

    def take(engine: Engine, name: str) -> None:
        with engine.begin():
            order.append(name)

    def waiting(number: int) -> bool:
        return waiting_for_locks(database) == number

    queued = IN_TURN - 1
    with ThreadPoolExecutor(3 * IN_TURN) as pool:
        with database.writer.begin():
            for number in range(queued):
                pool.submit(take, database.writer, f"other {number}")
                wait_until(partial(waiting, number + 1), "the next one waits")
            without = [pool.submit(take, database.writer, "without a connection") for _ in range(IN_TURN)]
            alarm = pool.submit(take, database.ahead, "alarm")
            wait_until(partial(waiting, queued + 1), "the alarm waits")
        for one in (alarm, *without):
            one.result(10)
    assert order == ["alarm", *(f"other {number}" for number in range(queued)), *["without a connection"] * IN_TURN]
