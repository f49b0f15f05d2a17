"""A real PostgreSQL for tests: a server on a free port with its data in a folder, and a database for each test.

Found by (1) VARDEVAKT_TEST_POSTGRES_URL (of a user that may create databases), (2) `initdb` on PATH, (3) where Debian
puts it. It refuses to run as root, so it runs as `postgres` or `nobody` then. Import it as `from
tests.support.postgres import Postgres`; the fixtures stand in tests/cluster/conftest.py.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Hashable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from sqlalchemy import create_engine

from alerts.database import Database, Server, open_database
from alerts.database_postgres import server_url
from alerts.schema.tables import metadata
from tests.support.servers import external_url, find_program, free_port

Fill = Callable[[Database], None]
PLACES = ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin")
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 400
shared_buffers = 32MB
fsync = {fsync}
full_page_writes = {fsync}
synchronous_commit = {commit}
log_min_messages = warning
"""


def programs() -> Path:
    """The folder of initdb and pg_ctl; skips where there is none."""
    found = find_program("initdb")
    if found is None:
        found = next((f"{place}/initdb" for place in PLACES if Path(place, "initdb").exists()), None)
    if found is None:
        pytest.skip("no PostgreSQL: run `make servers`")
    return Path(found).resolve().parent


class Postgres:
    """A PostgreSQL of these tests alone; port and data stay the same over stop and start. `synced=False`: nobody pulls
    the plug of the machine, so what is committed need not be on the disk; `mortal`: the server is killed, and has it.
    """

    def __init__(self, *, synced: bool = False, mortal: bool = False) -> None:
        """Make its data folder; nothing runs yet."""
        self._numbers = itertools.count(1)
        self._templates: dict[Hashable, str] = {}
        self._free: dict[Hashable, list[Database]] = {}
        self._lent: list[tuple[Hashable, Database]] = []
        self._extra: list[Database] = []
        self.url, self.folder = external_url("postgres") or "", Path()
        if self.url:
            return
        self._programs = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="vardevakt-postgres-"))  # its user must be able to reach it
        self.port = free_port()
        self.url = f"postgresql+psycopg://vardevakt@127.0.0.1:{self.port}/postgres"
        self._user = [] if os.getuid() else ["setpriv", f"--reuid={_user()}", "--clear-groups", "--"]
        if self._user:
            os.chown(self.folder, _user(), -1)
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "vardevakt", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8")
        on = {True: "on", False: "off"}
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write(f"port = {self.port}\n" + SETTINGS.format(fsync=on[synced], commit=on[synced or mortal]))

    def _run(self, program: str, *arguments: str) -> None:
        log = self.folder / f"{program}.txt"
        with log.open("ab") as output:
            done = subprocess.run(
                [*self._user, str(self._programs / program), *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, timeout=60, check=False,
            )  # fmt: skip
        said = log.read_text(errors="replace")[-2000:]
        assert done.returncode == 0, f"{program} ended with {done.returncode}: {said}"

    def start(self) -> Self:
        """Start it and wait until it accepts clients."""
        if self.folder.name:
            log = str(self.folder / "postgres.txt")
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", log, "start")
        return self

    def stop(self, *, kill: bool = False) -> None:
        """End it: politely, or as a crash would (`immediate`: no checkpoint, all connections cut)."""
        if self.folder.name and (self.folder / "data" / "postmaster.pid").exists():
            mode = "immediate" if kill else "fast"
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def new(self, template: str = "template0") -> Server:
        """A database of a test's own."""
        name = f"t{os.getpid()}_{next(self._numbers)}"
        admin = create_engine(server_url(Server(self.url)), isolation_level="AUTOCOMMIT")
        with admin.connect() as conn:
            conn.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        admin.dispose()
        return Server(server_url(Server(self.url)).set(database=name).render_as_string(hide_password=False))

    def desk(self, key: Hashable, fill: Fill) -> Database:
        """A desk like all others of this kind, which `fill` has filled once. It is the test's until `give_back`."""
        free = self._free.setdefault(key, [])
        if not free:
            if key not in self._templates:
                self._templates[key] = self._template(fill)
            free.append(open_database(self.new(self._templates[key])))
        database = free.pop()
        self._lent.append((key, database))
        _begin_again(database)
        return database

    def again(self, database: Database) -> Database:
        """The same desk, opened a second time."""
        self._extra.append(open_database(database.place))
        return self._extra[-1]

    def give_back(self) -> None:
        """The desks of a test are the next one's: opening one anew takes longer than most tests."""
        while self._extra:
            self._extra.pop().close()
        while self._lent:
            key, database = self._lent.pop()
            self._free[key].append(database)

    def _template(self, fill: Fill) -> str:
        place = self.new()
        database = open_database(place)
        fill(database)
        with database.writer.begin() as conn:
            conn.exec_driver_sql("CREATE SCHEMA filled")
            for table in metadata.sorted_tables:
                conn.exec_driver_sql(f'CREATE TABLE filled."{table.name}" AS TABLE "{table.name}"')
        database.close()
        return str(server_url(place).database)

    def __enter__(self) -> Self:
        """Start for the length of a `with`."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and remove it, whatever happened."""
        self.give_back()
        for database in itertools.chain.from_iterable(self._free.values()):
            database.close()
        self.stop(kill=True)
        if self.folder.name:
            shutil.rmtree(self.folder)


def _begin_again(database: Database) -> None:
    """Every row as it was when the desk was filled."""
    script = [f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)]
    for table in metadata.sorted_tables:
        script.append(f'INSERT INTO "{table.name}" SELECT * FROM filled."{table.name}"')
        if table.autoincrement_column is not None:
            name = table.autoincrement_column.name
            script.append(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{name}'), coalesce(max({name}), 0) + 1, false) "
                f'FROM "{table.name}"'
            )
    with database.writer.begin() as conn:
        driver: Any = conn.connection.driver_connection
        driver.execute("; ".join(script))


def _user() -> int:
    """Who runs it where we are root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    pytest.skip("no ordinary user to run PostgreSQL as")
