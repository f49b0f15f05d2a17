"""desk.db from nothing: the revisions give exactly the tables that the code speaks of."""

from __future__ import annotations

import re
import sqlite3

import pytest

from alerts.database import DatabaseRefused, migrate, open_database
from alerts.desk import Desk
from alerts.schema import alerts as schema
from alerts.schema import people as schema_people
from alerts.schema import upkeep as schema_upkeep
from alerts.schema.tables import metadata
from tests.support.desk import NIGHT_MS, SITE, pressed


def described(path):
    """Every table and index of a file as SQLite keeps it, spaces, quotes and column order of the file aside."""
    with sqlite3.connect(path) as conn:
        rows = conn.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {
        name: sorted(re.split(r",(?![^(]*\))", re.sub(r'[\s"`]+', "", sql)))
        for name, sql in rows
        if not name.startswith(("sqlite_", "alembic_"))
    }


def test_the_revisions_make_what_the_code_speaks_of(tmp_path):
    """Migrated and created from the metadata are the same, to the last partial index."""
    migrate(tmp_path / "migrated.db")
    database = open_database(tmp_path / "created.db")
    metadata.create_all(database.writer)
    database.close()

    assert described(tmp_path / "migrated.db") == described(tmp_path / "created.db")
    assert {schema.alerts.name, schema_people.homes.name, schema_upkeep.findings.name} <= described(
        tmp_path / "migrated.db"
    ).keys()


def test_migrating_twice_changes_nothing_and_keeps_what_is_there(tmp_path):
    """`serve` migrates at every start."""
    path = tmp_path / "desk.db"
    migrate(path)
    database = open_database(path)
    Desk(database, SITE).apply("home", 0, 0, 1, [pressed("p1", NIGHT_MS)])
    database.close()
    migrate(path)
    database = open_database(path)

    assert Desk(database, SITE).applied("home", 0) == 1
    database.close()


def test_the_folder_may_be_called_anything(tmp_path):
    """Spaces, question marks and Norwegian letters in the path open the same file for writer and readers."""
    path = tmp_path / "Sølvi's data? 100%20 #1" / "desk.db"
    migrate(path)
    database = open_database(path)
    Desk(database, SITE).apply("home", 0, 0, 1, [])

    assert Desk(database, SITE).applied("home", 0) == 1
    assert [file.name for file in path.parent.iterdir() if file.suffix == ".db"] == ["desk.db"]
    database.close()


def test_a_damaged_desk_is_refused_with_what_to_do(tmp_path):
    """Never an empty desk in place of a broken one."""
    path = tmp_path / "desk.db"
    migrate(path)
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)

    with pytest.raises(DatabaseRefused, match="restore"):
        open_database(path)
    assert path.read_bytes() == bytes(content), "nothing was changed"


def test_what_is_no_database_is_refused(tmp_path):
    """A file of something else is left alone."""
    path = tmp_path / "desk.db"
    path.write_bytes(b"not a database at all, and long enough to be taken for one" * 10)

    with pytest.raises(DatabaseRefused):
        open_database(path)


def test_readers_cannot_write(tmp_path):
    """Only the one writer connection may change, or checkpoint, the file."""
    path = tmp_path / "desk.db"
    migrate(path)
    database = open_database(path)
    with database.reader.connect() as conn:
        raw = conn.connection.driver_connection
        assert raw is not None
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            raw.execute("DELETE FROM alerts")
        assert raw.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    with database.writer.begin() as conn:
        assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.close()
