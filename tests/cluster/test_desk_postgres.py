"""The desk's PostgreSQL itself: the tables that the revisions make there, its death amid work, copies out and back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.database import AWAY, Database, DatabaseRefused, Listener, Server, migrate, open_database
from alerts.desk import Desk
from alerts.desk_copy import duplicate_desk
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from alerts.schema.alerts import outbox
from alerts.schema.tables import metadata
from api.cli.commands import run
from tests.contract.test_desk_copy import rows
from tests.support.desk import NIGHT_MS, SITE, Duty, FakePhones, pressed
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

COLUMNS = """SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"""
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
CONSTRAINTS = """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass"""
PRESSES = 60


def described(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """All that PostgreSQL knows of the tables, but the order of their columns."""
    with database.reader.connect() as conn:
        return {
            name: sorted(tuple(row) for row in conn.exec_driver_sql(query))
            for name, query in (("columns", COLUMNS), ("indexes", INDEXES), ("constraints", CONSTRAINTS))
        }


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server that a test may kill; what it has committed is on the disk."""
    with Postgres(synced=True) as server:
        yield server


def migrated(server: Postgres) -> Server:
    place = server.new()
    migrate(place)
    return place


def test_the_revisions_make_what_the_code_speaks_of(postgres: Postgres) -> None:
    """An empty PostgreSQL gets exactly the tables of the metadata, to the last partial index and default."""
    by_revisions, at_once = open_database(migrated(postgres)), open_database(postgres.new())
    with at_once.writer.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        metadata.create_all(conn)

    assert described(by_revisions) == described(at_once)
    assert len(described(at_once)["columns"]) == sum(len(table.columns) for table in metadata.sorted_tables)
    by_revisions.close()
    at_once.close()


def test_processes_that_start_together_migrate_once(postgres: Postgres) -> None:
    """Four at once on an empty database: one does it, the others find it done."""
    place = postgres.new()
    failed: list[Exception] = []

    def start() -> None:
        try:
            migrate(place)
        except Exception as error:  # noqa: BLE001 - the test's own list
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []


def test_an_older_version_leaves_a_newer_desk_alone(postgres: Postgres) -> None:
    """It says which revision stands there, instead of failing at the first new column."""
    place = migrated(postgres)
    database = open_database(place)
    with database.writer.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(DatabaseRefused, match="9999"):
        migrate(place)


class Work:
    """A thread that does one thing again and again, through whatever the server does, until it is done."""

    def __init__(self, step: Callable[[], bool]) -> None:
        """`step`: one piece of work; True when all is done."""
        self.failures = 0
        self._step, self._thread = step, threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        done, pause = False, threading.Event()
        while not done:
            try:
                done = self._step()
            except AWAY:
                self.failures += 1
                pause.wait(0.05)

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive(), "it came to its end"


@pytest.mark.expected_errors("the server is killed")
def test_a_killed_server_loses_nothing_that_was_answered(own: Postgres) -> None:
    """Killed amid effects, timers and messages and started again: every press is one alert, each message is sent or
    known to be unsure, and the bell rings again; nobody had to start anything anew.
    """
    place = migrated(own)
    database = open_database(place)
    desk, phones = Desk(database, SITE), FakePhones()
    sender, rings = Outbox(database, {"phones": phones}, holder="a"), threading.Semaphore(0)
    bell = Listener(place, rings.release)
    bell.start()
    acknowledged: list[int] = []

    def apply() -> bool:
        at = desk.applied("live", 0)  # as a runner after a failure: from what stands there
        desk.apply("live", 0, at, at + 1, [pressed(f"p{at}", NIGHT_MS + at, trigger=f"t{at}", resident=None)])
        acknowledged.append(at)
        return at + 1 >= PRESSES

    def tick() -> bool:
        desk.tick(NIGHT_MS + 1_000)
        sender.run_once(NIGHT_MS + 1_000)
        return len(acknowledged) >= PRESSES

    work = [Work(apply), Work(tick)]
    for target in (PRESSES // 3, 2 * PRESSES // 3):
        wait_until(lambda: len(acknowledged) >= target, "half of it is done", 60)  # noqa: B023 - asked at once
        own.stop(kill=True)
        own.start()
    for one in work:
        one.join()
    while sender.run_once(NIGHT_MS + 120_000):
        pass

    assert work[0].failures + work[1].failures > 0, "it was felt"
    found = list(queries.every_alert(database))
    assert len(found) == len({one["alert_id"] for one in found}) == PRESSES
    assert sum(one["presses"] for one in found) == PRESSES
    with database.reader.connect() as conn:
        assert set(conn.execute(select(outbox.c.state)).scalars()) <= {"sent", "unknown", "cancelled"}
    while rings.acquire(blocking=False):
        pass
    desk.apply("live", 0, PRESSES, PRESSES + 1, [pressed("last", NIGHT_MS, trigger="last")])
    assert rings.acquire(timeout=5), "the bell is heard again"
    bell.stop()
    database.close()


def test_a_backup_is_a_file_and_comes_back(tmp_path: Path, postgres: Postgres) -> None:
    """From a file onto the server, from the server beside its work into a file, and back: the same to the last row."""
    (tmp_path / "one").mkdir()
    duty = Duty(tmp_path / "one")
    duty.apply(duty.press("p1"), duty.out_of_bed())
    duty.wait(200_000)
    server, again = open_database(migrated(postgres)), open_database(migrated(postgres))
    duplicate_desk(duty.database, server)
    migrate(tmp_path / "backup.db")
    file = open_database(tmp_path / "backup.db")
    with server.writer.begin():  # somebody is at work there meanwhile
        duplicate_desk(server, file)
    duplicate_desk(file, again)

    assert rows(duty.database) == rows(server) == rows(file) == rows(again)
    before = queries.last_change(again)
    Desk(again, SITE).apply("home", 0, 1, 2, [pressed("p9", NIGHT_MS, trigger="t9")])
    assert queries.changes(again, before, 1)[0]["id"] == before + 1
    for one in (server, file, again):
        one.close()


def test_backup_and_restore_are_commands(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The desk of the settings into a file, and the file into an empty database; a full one is refused."""
    place, empty = migrated(postgres), postgres.new()
    database = open_database(place)
    Desk(database, SITE).apply("live", 17, 0, 42, [pressed("p1", NIGHT_MS)])
    (tmp_path / "key").write_text("k" * 32)
    monkeypatch.setenv("VARDEVAKT_DESK_LINK_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("VARDEVAKT_DESK_DATABASE_URL", place.url)
    assert run(["desk", "backup", str(tmp_path / "desk.db")]) == 0
    assert "1 positions" in capsys.readouterr().out
    assert run(["desk", "restore", str(tmp_path / "desk.db")]) == 2
    assert "is not empty" in capsys.readouterr().err

    monkeypatch.setenv("VARDEVAKT_DESK_DATABASE_URL", empty.url)
    assert run(["desk", "restore", str(tmp_path / "desk.db")]) == 0
    restored = open_database(empty)
    assert rows(restored) == rows(database)
    assert Desk(restored, SITE).applied("live", 17) == 42
    for one in (database, restored):
        one.close()
