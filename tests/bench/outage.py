"""An outage of 5 000 gateways at the desk, on SQLite or PostgreSQL; and how effects and messages go out meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from alerts.channels import OK, Message, Result
from alerts.database import Database, open_database
from alerts.desk import Desk
from alerts.messages.outbox import Outbox
from alerts.schema import people as schema_people
from rules.partition_fold import EFFECTS_A_TRANSACTION
from tests.bench.report import Figure, milliseconds, quantile, whole
from tests.support.desk import NIGHT_MS, SITE, new_database, pressed, way_gone
from tests.support.waiting import wait_until

GATEWAYS = 5_000
PRESSES = 20


class Told:
    """A channel that answers at once and remembers when each alert's first message was given to it."""

    name = "told"
    reaches_people = True

    def __init__(self) -> None:
        self.at_s: dict[str, float] = {}

    def send(self, message: Message) -> Result:
        self.at_s.setdefault(message.alert_id, time.perf_counter())
        return Result(OK)


class Sending:
    """Outbox threads as the service has them: woken by each commit, one of them for P1 alone."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.told = Told()
        self._bells = [threading.Event(), threading.Event()]
        self._stop = threading.Event()
        self.desk = Desk(self.database, SITE, self._wake)
        outbox = Outbox(self.database, {"told": self.told})
        works: list[Callable[[], object]] = [
            lambda: outbox.run_once(NIGHT_MS + GATEWAYS, only_p1=True),
            lambda: outbox.run_once(NIGHT_MS + GATEWAYS),
        ]
        self._threads = [threading.Thread(target=self._run, args=pair) for pair in zip(works, self._bells, strict=True)]
        self._position = 0
        self._lock = threading.Lock()
        for thread in self._threads:
            thread.start()

    def apply(self, *effects: Any) -> None:
        with self._lock:
            self.desk.apply("home", 0, self._position, self._position + 1, effects)
            self._position += 1

    def close(self) -> None:
        self._stop.set()
        self._wake()
        for thread in self._threads:
            thread.join()
        self.database.close()

    def _wake(self) -> None:
        for bell in self._bells:
            bell.set()

    def _run(self, work: Callable[[], object], bell: threading.Event) -> None:
        while not self._stop.is_set():
            bell.wait(0.5)
            bell.clear()
            work()


def synced(folder: Path) -> Database:
    """A new desk in a file. Opened anew: tests write without syncing, a bench must not."""
    new_database(folder).close()
    return open_database(folder / "desk.db")


def outage(database: Database) -> list[Figure]:
    """5 000 gateways go; presses of others come in between. Closes the desk."""
    sending, place = Sending(database), database.writer.dialect.name
    with sending.database.writer.begin() as conn:
        _town(conn, GATEWAYS)
        conn.exec_driver_sql("ANALYZE")  # as the server does by itself within a minute of an import
    begun: dict[str, float] = {}
    start = time.perf_counter()
    batch: list[Any] = []
    every = max(1, GATEWAYS * 2 // EFFECTS_A_TRANSACTION // PRESSES)
    first_s = 0.0
    for number in range(GATEWAYS):
        batch += way_gone(f"x{number}", f"p{number}", f"g{number}", NIGHT_MS + number)
        if len(batch) < EFFECTS_A_TRANSACTION:
            continue
        sending.apply(*batch)
        first_s = first_s or time.perf_counter() - start
        batch = []
        if (number // (EFFECTS_A_TRANSACTION // 2)) % every == 0:
            one = press(number)
            begun[one.alert_id] = time.perf_counter()
            sending.apply(one)
    took_s = time.perf_counter() - start
    wait_until(lambda: begun.keys() <= sending.told.at_s.keys(), "all presses are told")
    rang = len(sending.told.at_s) - len(begun)
    waits = [sending.told.at_s[key] - at_s for key, at_s in begun.items()]
    sending.close()
    beside = f"open after {first_s * 1_000:.0f} ms; {rang} rang; {whole(GATEWAYS * 2 / took_s)} effects/s join it"
    p99_s = quantile(waits, 0.99)
    gone, amid = f"outage of {whole(GATEWAYS)} gateways → one incident", "a press amid it → first attempt"
    return [
        Figure(f"desk ({place}): {gone}", f"{took_s:.1f} s", beside, "< 5 s", took_s < 5),
        Figure(f"desk ({place}): {amid}", milliseconds(waits), f"{len(waits)} presses", "p99 < 1 s", p99_s < 1),
    ]


def press(number: int) -> Any:
    home = f"q{number}"
    return pressed(f"press-{number}", NIGHT_MS, home="h1", subject=home, resident=home, trigger=f"a{number}|pendant")


def _town(conn: Connection, count: int) -> None:
    version = {"site_id": SITE, "version": 1, "saved_ms": 0}
    numbers = range(count)
    homes = [{**version, "id": f"x{n}", "ward": "nord", "kind": "own_home"} for n in numbers]
    people = [
        {**version, "id": f"p{n}", "home": f"x{n}", "name": f"p{n}", "risks": [], "protected": False}
        | {"critical": n % 10 == 0}
        for n in numbers
    ]
    gateways = [{**version, "id": f"g{n}", "home": f"x{n}", "address": f"vardevakt:g{n}"} for n in numbers]
    for table, rows in (
        (schema_people.homes, homes),
        (schema_people.residents, people),
        (schema_people.gateways, gateways),
    ):
        conn.execute(insert(table), rows)
