"""The desk alone, on files that are synced: how long until somebody is told, an outage of 5 000 gateways, checks over
100 000 open alerts, numbers over a million.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from alerts.checks.reconciler import Reconciler
from alerts.database import open_database
from alerts.desk import Desk
from alerts.numbers import reports
from alerts.numbers.reports import Period
from alerts.schema import people as schema_people
from alerts.schema.alerts import alerts, incidents, timers
from alerts.schema.checks import moments
from alerts.schema.shifts import rota
from alerts.shifts.rota_store import RotaStore
from tests.bench.outage import Sending, outage, press, synced
from tests.bench.report import Figure, milliseconds, quantile
from tests.support.desk import NIGHT_MS, SITE, new_database
from tests.support.journals import sqlite_journal
from tests.support.waiting import wait_until

A_SECOND = 50
SECONDS = 20
OPEN = 100_000
MANY = 1_000_000
WARDS = 100
ROWS_AT_ONCE = 20_000
DAY_MS = 86_400_000


def desk(folder: Path) -> list[Figure]:
    """The figures of the desk."""
    gone = outage(synced(_folder(folder, "outage")))
    return [_first_attempt(folder), *gone, *_checks(folder), _ahead(folder), _numbers(folder)]


def _folder(folder: Path, name: str) -> Path:
    made = folder / f"desk-{name}"
    made.mkdir()
    return made


def _first_attempt(folder: Path) -> Figure:
    """Effect -> row -> first attempt, at 50 alerts a second, each in a home of its own."""
    sending, begun = Sending(synced(_folder(folder, "attempt"))), {}
    start, pace = time.perf_counter(), threading.Event()
    for number in range(A_SECOND * SECONDS):
        pace.wait(max(0.0, start + number / A_SECOND - time.perf_counter()))
        one = press(number)
        begun[one.alert_id] = time.perf_counter()
        sending.apply(one)
    wait_until(lambda: len(sending.told.at_s) == len(begun), "all are told")
    took = [sending.told.at_s[key] - at_s for key, at_s in begun.items()]
    sending.close()
    p99_ms = quantile(took, 0.99) * 1_000
    beside = f"{len(took)} alerts, each a synced transaction and a try of its own"
    name = "desk: effect → row → first attempt at 50 alerts/s"
    return Figure(name, milliseconds(took), beside, "p99 < 200 ms", p99_ms < 200)


def _checks(folder: Path) -> list[Figure]:
    """The reconciler, and the list of what is open, with 100 000 open alerts."""
    place = _folder(folder, "checks")
    new_database(place).close()
    database = open_database(place / "desk.db")
    with database.writer.begin() as conn:
        for first in range(0, OPEN, ROWS_AT_ONCE):
            rows = [_rows(number) for number in range(first, min(OPEN, first + ROWS_AT_ONCE))]
            conn.execute(insert(incidents), [row[0] for row in rows])
            conn.execute(insert(alerts), [row[1] for row in rows])
            conn.execute(insert(timers), [row[2] for row in rows])
    journal = sqlite_journal(place)
    check = Reconciler(Desk(database, SITE), {0: journal.inputs}, journal.inputs)
    check.run_once(NIGHT_MS)
    start = time.perf_counter()
    findings = check.run_once(NIGHT_MS + 60_000)
    took_s = time.perf_counter() - start
    journal.close()
    database.close()
    name = "desk: reconciler over 100 000 open alerts"
    return [Figure(name, f"{took_s * 1_000:.0f} ms", f"{len(findings)} findings", "< 1 s", took_s < 1)]


def _ahead(folder: Path) -> Figure:
    """Nobody on duty within 7 days: 100 wards with four functions, three shifts a day, one an hour short each day."""
    place = _folder(folder, "ahead")
    new_database(place).close()
    database = open_database(place / "desk.db")
    version = {"site_id": SITE, "version": 1, "saved_ms": 0}
    places = [(f"w{ward}", f"w{ward}-{number}") for ward in range(WARDS) for number in range(4)]
    wards = [version | {"id": ward, "name": ward, "profile": "on_foot"} for ward, _ in places[::4]]
    with database.writer.begin() as conn:
        conn.execute(insert(schema_people.wards), wards)
        rows = [version | {"id": one, "ward": ward, "name": one, "position": 0} for ward, one in places]
        conn.execute(insert(schema_people.functions), rows)
        conn.execute(insert(rota), [_shift(one, number) for _, one in places for number in range(3 * 7)])
    store = RotaStore(Desk(database, SITE))
    start = time.perf_counter()
    found = store.gaps(NIGHT_MS)
    took_s = time.perf_counter() - start
    database.close()
    beside = f"{len(places) * 3 * 7} planned shifts, {len(found)} holes"
    return Figure("desk: 7 days ahead over 100 wards", f"{took_s * 1_000:.0f} ms", beside, "< 1 s", took_s < 1)


def _shift(function: str, number: int) -> dict[str, Any]:
    """Eight hours, one after the other; in the first ward the third ends an hour early."""
    day, third = divmod(number, 3)
    hours = 8 if third < 2 or not function.startswith("w0-") else 7
    from_ms = NIGHT_MS + day * DAY_MS + third * 8 * 3_600_000
    return {
        "site_id": SITE, "id": f"{function}-{number}", "function_id": function, "planned_staff_id": "s1",
        "staff_id": "s1", "from_ms": from_ms, "until_ms": from_ms + hours * 3_600_000, "saved_ms": 0,
    }  # fmt: skip


def _numbers(folder: Path) -> Figure:
    """Percentiles per ward and priority of a million incidents over five years."""
    place = _folder(folder, "numbers")
    new_database(place).close()
    database = open_database(place / "desk.db")
    chance = random.Random(20261123)
    with database.writer.begin() as conn:
        for first in range(0, MANY, ROWS_AT_ONCE):
            conn.execute(insert(moments), [_moment(chance, number) for number in range(first, first + ROWS_AT_ONCE)])
    period = Period(SITE, NIGHT_MS - 5 * 365 * DAY_MS, NIGHT_MS + DAY_MS)
    reports.response_times(database, period, ("priority",))
    start = time.perf_counter()
    groups = reports.response_times(database, period)
    took_s = time.perf_counter() - start
    month = Period(SITE, NIGHT_MS - 30 * DAY_MS, NIGHT_MS + DAY_MS)
    start = time.perf_counter()
    reports.response_times(database, month, ("ward", "priority"))
    beside = f"{len(groups)} groups x 4 measures; the last 30 days alone: {time.perf_counter() - start:.2f} s"
    database.close()
    return Figure("desk: numbers over 1 M incidents", f"{took_s:.1f} s", beside, "< 2 s", took_s < 2)


def _rows(number: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """An open incident with its alert and its next action, as the desk writes them."""
    key, at_ms = f"i{number}", NIGHT_MS - number
    incident = {
        "incident_id": key, "site_id": SITE, "key": f"resident:p{number}", "home_id": f"x{number}", "ward_id": "nord",
        "subject_id": f"p{number}", "open": True, "priority": "P3", "alarm": False, "staff_alarm": False,
        "handling": "new", "opened_ms": at_ms, "step": 0, "snapshot": {},
    }  # fmt: skip
    alert = {
        "alert_id": f"a{number}", "incident_id": key, "site_id": SITE, "home_id": f"x{number}", "ward_id": "nord",
        "subject_id": f"p{number}", "rule": "R34", "rule_version": "v", "code": "", "priority": "P3",
        "episode": key, "source": "rules", "alarm": False, "staff_alarm": False, "test": False,
        "self_resolves": True, "ever_claimed": False, "condition": "active", "handling": "new", "open": True,
        "presses": 0, "opened_ms": at_ms, "late_ms": 0, "reason": {"code": "x"}, "parameters": {}, "suppressed": [],
    }  # fmt: skip
    timer = {"incident_id": key, "kind": "escalate", "alert_id": "", "due_ms": NIGHT_MS + DAY_MS, "step": 1}
    return incident, alert, timer


def _moment(chance: random.Random, number: int) -> dict[str, Any]:
    claimed_s = int(chance.lognormvariate(4.5, 1))
    arrived_s = claimed_s + int(chance.lognormvariate(6.8, 0.5))
    return {
        "incident_id": f"i{number}", "site_id": SITE, "ward_id": f"w{chance.randrange(20)}",
        "priority": f"P{chance.randrange(1, 6)}", "rule": f"R{chance.randrange(1, 60):02d}",
        "subject_id": f"p{chance.randrange(5_000)}", "opened_ms": NIGHT_MS - chance.randrange(5 * 365 * DAY_MS),
        "local_day": 0, "local_hour": chance.randrange(24), "told_s": chance.randrange(4), "claimed_s": claimed_s,
        "arrived_s": arrived_s, "ended_s": arrived_s + int(chance.lognormvariate(6, 0.6)), "ending": "handled",
    }  # fmt: skip
