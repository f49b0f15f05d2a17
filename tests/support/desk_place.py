"""Where the desks of tests stand: in a file of the test's folder; in tests/cluster/desk on a PostgreSQL server.

Every test begins with a desk like many others, so each kind is filled once a process and copied.
"""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from pathlib import Path

from alerts.database import MIGRATIONS, Database, Place, open_database
from alerts.schema.tables import metadata
from tests.support.postgres import Fill, Postgres

_files: dict[Hashable, bytes] = {}
_servers: list[Postgres] = []  # the last one is in use
_databases: dict[Path, Database] = {}


def use_server(server: Postgres) -> None:
    """From now on desks stand there."""
    _servers.append(server)


def leave_server() -> None:
    """Desks stand in files again."""
    _servers.pop().give_back()
    _databases.clear()


def open_desk(folder: Path, key: Hashable, fill: Fill) -> Database:
    """The desk of a folder; a new one is as `fill` leaves it. `key` says all that `fill` depends on."""
    if _servers and folder in _databases:
        return _servers[-1].again(_databases[folder])
    if _servers:
        _databases[folder] = _servers[-1].desk(key, fill)
        return _databases[folder]
    path = folder / "desk.db"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_filled(key, fill))
    return open_database(path)


def again(database: Database) -> Database:
    """The same desk on the server as another process has it: connections of its own."""
    return _servers[-1].again(database)


def share(folder: Path, other: Path) -> None:
    """Another process, with a folder of its own, on the same desk on the server."""
    _databases[other] = _databases[folder]


def new_place(folder: Path) -> Place:
    """Where a desk without any table may be made."""
    return _servers[-1].new() if _servers else folder / "desk.db"


def _filled(key: Hashable, fill: Fill) -> bytes:
    if key not in _files:
        with tempfile.TemporaryDirectory() as folder:
            database = open_database(Path(folder) / "desk.db")
            fill(database)
            database.close()  # which folds the WAL back into the file
            _files[key] = (Path(folder) / "desk.db").read_bytes()
    return _files[key]


def make_tables(database: Database) -> None:
    """All of them at once, as the revisions would leave them (tests/contract/test_desk_migrations.py)."""
    metadata.create_all(database.writer)
    newest = max(one.name[:4] for one in (MIGRATIONS / "versions").glob("0*.py"))
    with database.writer.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        conn.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{newest}')")


def unsynced(database: Database) -> Database:
    """No test with this desk pulls the plug; tests/crash has its own."""
    if database.writer.dialect.name == "sqlite":
        writer = database.writer.raw_connection()
        writer.cursor().execute("PRAGMA synchronous=OFF")
        writer.close()
    return database
