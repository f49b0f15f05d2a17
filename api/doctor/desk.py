"""What `doctor` sees of a desk on PostgreSQL: its answer, revision, safety, room and clock. Edge: looks only."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from alerts.database import MIGRATIONS, read_database
from alerts.database_postgres import CONNECTIONS, Server
from api.cli.problem_lines import KNOWN_ERRORS, line_of
from api.doctor.lines import Line, Patient, bad, ok, warn
from api.running.desk_place import desk_server

OLDEST = 140_000
PROCESSES = 11  # as deploy/kubernetes starts them
CLOCK_WARN_S, CLOCK_BAD_S = 0.5, 2.0
LOSING = {
    "fsync": "what is committed may be gone after a crash of the machine",
    "synchronous_commit": "the newest commits may be gone after a crash",
    "full_page_writes": "a crash may leave half a page",
}


def desk_lines(patient: Patient) -> Iterator[Line]:
    """Nothing where the desk is in the data folder."""
    try:
        server = desk_server(patient.settings)
    except KNOWN_ERRORS as error:
        yield bad("desk", line_of(error), "mend the file that is named")
        return
    if server is not None:
        yield from server_lines(server)


def server_lines(server: Server) -> Iterator[Line]:
    """Looks by a read-only connection; the password is nowhere in what it says."""
    try:
        database = read_database(server)
    except ValueError as error:
        yield bad("desk", str(error), "mend [desk] database_url")
        return
    try:
        with database.reader.connect() as conn:
            yield from _of(conn)
    except DatabaseError as error:
        told = str(error.orig).strip().splitlines()
        yield bad("desk", told[0][:300] if told else "no answer", "is it up, and are address, user and password right?")
    finally:
        database.close()


def _of(conn: Connection) -> Iterator[Line]:
    version = int(_show(conn, "server_version_num"))
    told = f"PostgreSQL {_show(conn, 'server_version')} answers"
    yield ok("desk", told) if version >= OLDEST else warn("desk", told, "tested with 15: move to that or newer")
    yield _revision(conn)
    unsafe = [f"{name} is off: {why}" for name, why in LOSING.items() if _show(conn, name) == "off"]
    if unsafe:
        yield bad("desk_safety", "; ".join(unsafe), "an acknowledged alarm is a promise: switch it on")
    else:
        yield ok("desk_safety", "what is committed is on disk")
    yield _room(int(_show(conn, "max_connections")))
    yield clock_line(_clock_apart(conn))


def _show(conn: Connection, name: str) -> str:
    return str(conn.exec_driver_sql(f"SHOW {name}").scalar_one())


def _revision(conn: Connection) -> Line:
    newest = max(one.name[:4] for one in (MIGRATIONS / "versions").glob("0*.py"))
    there = conn.exec_driver_sql("SELECT to_regclass('alembic_version') IS NOT NULL").scalar_one()
    if not there:
        return bad("desk_tables", "there are none", "`vardevakt migrate`, before any role starts")
    found = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found == newest:
        return ok("desk_tables", f"revision {found}")
    return bad(
        "desk_tables", f"revision {found}, this version needs {newest}", "`vardevakt migrate`, or the other version"
    )


def _room(connections: int) -> Line:
    told = f"{connections} connections at most; a process of ours takes up to {CONNECTIONS}"
    if connections < CONNECTIONS * PROCESSES:
        return warn("desk_room", told, f"max_connections {CONNECTIONS * PROCESSES} for {PROCESSES} processes, or more")
    return ok("desk_room", told)


def _clock_apart(conn: Connection) -> float:
    """Seconds that this machine's clock is ahead of the server's."""
    theirs = float(conn.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
    return time.time() - theirs


def clock_line(apart_s: float) -> Line:
    """Sessions, leases and timers of many processes share one time only if their clocks do."""
    told = f"{abs(apart_s):.1f} s {'ahead of' if apart_s > 0 else 'behind'} PostgreSQL's clock"
    if abs(apart_s) > CLOCK_BAD_S:
        return bad("desk_clock", told, "let time be kept by NTP on every machine")
    return warn("desk_clock", told, "look at NTP") if abs(apart_s) > CLOCK_WARN_S else ok("desk_clock", "agrees")
