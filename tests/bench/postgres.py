"""The desk on PostgreSQL beside the desk in a file, on one synced disk: effects, acts, positions, several desks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from alerts.database import Database, open_database
from alerts.desk import Desk
from rules.effects import Raise
from tests.bench.outage import outage
from tests.bench.report import Figure, milliseconds, whole
from tests.support import desk_place
from tests.support.desk import NIGHT_MS, OLA, SITE, new_database, pressed
from tests.support.postgres import Postgres

ALONE, TOGETHER, ACTS, POSITIONS = 100, 1_000, 100, 200
A_BATCH = 50
THREADS = 4


def postgres(folder: Path) -> list[Figure]:
    """The figures, SQLite's beside each."""
    (folder / "file").mkdir()
    new_database(folder / "file").close()
    in_file = measured(open_database(folder / "file" / "desk.db"))
    with Postgres(synced=True) as server:
        desk_place.use_server(server)
        (folder / "server").mkdir()
        database = new_database(folder / "server")
        on_server = measured(database)
        two = several([database, desk_place.again(database)])
        gone = outage(new_database(folder / "outage"))
        desk_place.leave_server()
    return [
        *(Figure(f"PostgreSQL, {name}", value, f"SQLite: {in_file[name]}") for name, value in on_server.items()),
        Figure("PostgreSQL, presses of two desks at once", two, f"one desk: {on_server['presses, one a transaction']}"),
        *gone,
    ]


def measured(database: Database) -> dict[str, str]:
    """What this database does, by name."""
    desk, found = Desk(database, SITE), {}
    presses = [press(number) for number in range(ALONE)]
    found["presses, one a transaction"] = a_second(
        ALONE, partial(apply_each, desk, "one", 0, [[one] for one in presses])
    )
    batches = [[press(10_000 + at + n) for n in range(A_BATCH)] for at in range(0, TOGETHER, A_BATCH)]
    found[f"presses, {A_BATCH} a transaction"] = a_second(TOGETHER, partial(apply_each, desk, "many", 0, batches))
    acts = []
    for number, one in enumerate(presses[:ACTS]):
        began_s = time.perf_counter()
        desk.act(one.alert_id, "note", OLA, NIGHT_MS, f"k{number}", {"text": "heard"})
        acts.append(time.perf_counter() - began_s)
    found["an act"] = milliseconds(acts)
    idle = [partial(apply_each, desk, "idle", number, [[]] * POSITIONS) for number in range(THREADS)]
    found[f"positions of {THREADS} partitions at once"] = a_second(THREADS * POSITIONS, partial(in_threads, idle))
    return found


def apply_each(desk: Desk, lane: str, partition: int, batches: Sequence[Sequence[Raise]]) -> None:
    for at, batch in enumerate(batches):
        desk.apply(lane, partition, at, at + 1, batch)


def several(databases: Sequence[Database]) -> str:
    """Presses that desks beside one another raise."""
    work = []
    for number, database in enumerate(databases, 1):
        presses = [[press(10**6 * number + at)] for at in range(ALONE)]
        work.append(partial(apply_each, Desk(database, SITE), f"desk-{number}", 0, presses))
    return a_second(ALONE * len(work), partial(in_threads, work))


def press(number: int) -> Raise:
    """Of a person of its own: an incident and a chain each."""
    return pressed(f"e{number}", NIGHT_MS, trigger=f"t{number}", resident=f"x{number}", subject=f"x{number}")


def in_threads(work: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_second(count: int, work: Callable[[], object]) -> str:
    began_s = time.perf_counter()
    work()
    return f"{whole(count / (time.perf_counter() - began_s))}/s"
