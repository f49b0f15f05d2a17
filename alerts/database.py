"""Edge: how the desk's database is opened: a file (SQLite) for one process, a server (PostgreSQL) for several.

For: which engines a desk has, and the migration call. What each database needs stands in `database_sqlite.py` and
`database_postgres.py`, what the two say differently in a statement in `statements.py`. No query and no table may live
here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from alerts import database_postgres, database_sqlite
from alerts.database_postgres import Listener, Server, server_url

__all__ = [
    "AWAY",
    "MIGRATIONS",
    "Database",
    "DatabaseRefused",
    "Listener",
    "Place",
    "Server",
    "migrate",
    "open_database",
    "read_database",
    "server_url",
]

MIGRATIONS = Path(__file__).parent / "migrations"  # files "<revision of four digits>_<name>.py"

Place = Path | Server
"""Where a desk stands."""

AWAY = (OperationalError, InterfaceError)
"""What a transaction raises when disk or server failed it: nothing was written as far as is known; later may help."""


class DatabaseRefused(Exception):
    """The desk's database cannot be used as it is. The message says what to do about it."""


class Database(msgspec.Struct, frozen=True):
    """The engines of a desk. `with db.writer.begin() as conn` is one transaction, alone in its turn; `with
    db.reader.connect()` reads, everything as of one moment. `ahead` writes as `writer` does and waits for fewer others:
    it is for alarms, their ring, and what people press. `aside` is for what concerns rows of its own and is told to
    nobody: it waits for no turn where that is safe.
    """

    place: Place
    writer: Engine
    reader: Engine
    aside: Engine
    ahead: Engine

    @property
    def path(self) -> Path:
        """The file of a desk on SQLite."""
        assert isinstance(self.place, Path), "a desk on a server has no file"
        return self.place

    def close(self) -> None:
        """Close all connections; the last one out folds the WAL back into the file."""
        for engine in (self.reader, self.aside, self.ahead, self.writer):
            engine.dispose()


def open_database(place: Place) -> Database:
    """Open a desk; a file is created when it is new. Raises DatabaseRefused when it is damaged or out of reach."""
    if isinstance(place, Server):
        writer = database_postgres.writer_engine(place)
        _reach(place, writer)
        reader, aside = database_postgres.reader_engine(place), database_postgres.aside_engine(place)
        return Database(place, writer, reader, aside, database_postgres.ahead_engine(place))
    place.parent.mkdir(parents=True, exist_ok=True)
    writer = database_sqlite.writer_engine(place)
    found = database_sqlite.damage(writer)
    if found is not None:
        writer.dispose()
        raise DatabaseRefused(_advice(place, found))
    return Database(place, writer, database_sqlite.reader_engine(place), writer, writer)


def read_database(place: Place) -> Database:
    """Open a desk only to look, also beside a service that writes it: whoever tries to write fails."""
    reader = _reader(place)
    return Database(place, reader, reader, reader, reader)


def migrate(place: Place) -> None:
    """Bring a desk to the newest revision (Alembic). A file: with no service on it. A server: also beside others."""
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True)
    stands_at = None if isinstance(place, Path) and not place.exists() else _revision(_reader(place))
    newest = max(one.name[:4] for one in (MIGRATIONS / "versions").glob("0*.py"))
    if stands_at == newest:
        return  # as at nearly every start: Alembic alone takes 0.2 s to load
    if stands_at is not None and stands_at > newest:
        raise DatabaseRefused(f"{place} was written by a newer version (revision {stands_at}, this knows {newest})")
    _upgrade(place)


def _upgrade(place: Place) -> None:
    from alembic import command
    from alembic.config import Config

    if isinstance(place, Server):
        engine = database_postgres.migration_engine(place)
        _reach(place, engine)
    else:
        engine = database_sqlite.writer_engine(place)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.begin() as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _reader(place: Place) -> Engine:
    if isinstance(place, Server):
        return database_postgres.reader_engine(place)
    return database_sqlite.reader_engine(place)


def _revision(engine: Engine) -> str | None:
    """The revision it stands at; None when it has none or cannot be read, which others then tell."""
    try:
        with engine.connect() as conn:
            found: str | None = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return found
    except DatabaseError:
        return None
    finally:
        engine.dispose()


def _reach(server: Server, engine: Engine) -> None:
    try:
        with engine.connect():
            pass
    except DatabaseError as error:
        engine.dispose()
        raise DatabaseRefused(f"{server} cannot be used: {str(error.orig).strip()[:300]}") from error


def _advice(path: Path, found: str) -> str:
    return (
        f"{path} is damaged ({found[:200]}). Nothing was changed. Keep the file, restore the newest backup with "
        f"`vardevakt restore`, or copy it aside to start with an empty desk."
    )
