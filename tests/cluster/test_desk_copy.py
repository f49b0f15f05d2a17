"""A desk moved from its file to PostgreSQL: nothing is lost, nothing is told twice, and all goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alerts.database import Database, DatabaseRefused, migrate, open_database, read_database
from alerts.database_postgres import Server
from alerts.desk import Desk
from alerts.desk_copy import OF_THE_OLD_LOGS, copy_desk
from alerts.reads import queries
from alerts.schema.alerts import applied, timeline
from alerts.schema.people import relay
from alerts.schema.tables import metadata
from alerts.site import importer
from alerts.site.file import loads
from alerts.site.settings_store import SettingsStore
from api.cli.commands import run
from rules.effects import LIVE
from tests.support.desk import SITE, pressed
from tests.support.postgres import Postgres
from tests.support.simulated import BOOK

OLD_DESK = Path(__file__).parent.parent / "contract" / "old_desks" / "0009.sql"
NOW_MS = 1_772_329_561_000
WARD = f"""
site: {{id: {SITE}, name: Solbakken, timezone: Europe/Oslo, language: nb}}
wards: [{{id: nordre, name: Nordre}}]
homes: [{{id: h90, ward: nordre, kind: own_home}}]
residents: [{{id: r90, home: h90, name: Åse Nordmann}}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a night in its desk."""
    tmp_path = tmp_path_factory.mktemp("box")
    with sqlite3.connect(tmp_path / "desk.db") as conn:
        conn.executescript(OLD_DESK.read_text())
    conn.close()
    migrate(tmp_path / "desk.db")
    database = open_database(tmp_path / "desk.db")
    site = loads(WARD.encode(), "site.yaml", {rule.id: rule.kind for rule in BOOK.rules})
    importer.apply(SettingsStore(database, SITE), site, now_ms=NOW_MS)
    database.close()
    return tmp_path


@pytest.fixture(scope="module")
def moved(folder: Path, postgres: Postgres) -> Iterator[tuple[Database, Database]]:
    """(the old desk, the new one), the command done."""
    place = postgres.new()
    assert run(["desk", "copy", place.url, "--data", str(folder)]) == 0
    old, new = read_database(folder / "desk.db"), open_database(place)
    yield old, new
    old.close()
    new.close()


def counts(database: Database) -> dict[str, int]:
    with database.reader.connect() as conn:
        return {
            table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if table.name not in OF_THE_OLD_LOGS
        }


def test_every_row_and_every_alert_is_there(moved: tuple[Database, Database]) -> None:
    """As many rows in each table, and each alert field by field with its story."""
    old, new = moved
    assert counts(new) == counts(old)
    assert counts(new)["timeline"] > 5
    found = list(queries.every_alert(old))
    assert len(found) > 3
    assert list(queries.every_alert(new)) == found


def test_the_server_knows_at_once_how_many_rows_there_are(moved: tuple[Database, Database]) -> None:
    """Its plans for a table that it has not looked at take a county for a handful."""
    _, new = moved
    with new.reader.connect() as conn:
        known = conn.exec_driver_sql("SELECT reltuples FROM pg_class WHERE relname = 'timeline'").scalar_one()
    assert known == counts(new)["timeline"]


def test_the_new_logs_begin_with_the_settings_in_force(moved: tuple[Database, Database]) -> None:
    """Folds of the new logs stand at their beginning and hear who lives where, homes before who lives in them."""
    _, new = moved
    with new.reader.connect() as conn:
        query = select(relay.c.topic, relay.c.payload).where(relay.c.relayed_ms.is_(None)).order_by(relay.c.id)
        waiting = conn.execute(query).all()
        assert conn.execute(select(func.count()).select_from(applied)).scalar_one() == 0
    topics = [row[0] for row in waiting]
    assert topics.index("home/h90") < topics.index("resident/r90")
    assert len(topics) == len(set(topics))
    assert not [row.payload for row in waiting if "Åse" in row.payload or '"actor"' in row.payload]


def test_all_goes_on_there(moved: tuple[Database, Database]) -> None:
    """A press after the move is an alert with numbers that nothing had before; one from before it changes nothing."""
    old, new = moved
    desk = Desk(new, SITE)
    with new.reader.connect() as conn:
        last = conn.execute(select(func.max(timeline.c.id))).scalar_one()
    before = len(list(queries.every_alert(old)))
    desk.apply(LIVE, 0, 0, 1, [pressed("new-press", NOW_MS + 60_000)])
    assert len(list(queries.every_alert(new))) == before + 1
    with new.reader.connect() as conn:
        assert conn.execute(select(func.max(timeline.c.id))).scalar_one() > last


def test_a_database_that_holds_something_is_refused(
    moved: tuple[Database, Database], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice is one time too many: nothing is written, and it says why."""
    _, new = moved
    before = counts(new)
    assert isinstance(new.place, Server)
    assert run(["desk", "copy", new.place.url, "--data", str(folder)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert counts(new) == before


def test_what_breaks_in_the_middle_leaves_nothing(
    folder: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that do not arrive are noticed, and the new desk is as empty as before."""
    place = postgres.new()
    migrate(place)
    old, new = read_database(folder / "desk.db"), open_database(place)
    copy = copy_desk.__globals__["_copy"]
    lost = {"timeline"}
    monkeypatch.setitem(
        copy_desk.__globals__, "_copy", lambda a, b, table: None if table.name in lost else copy(a, b, table)
    )
    with pytest.raises(DatabaseRefused, match="rows are missing"):
        copy_desk(old, new, NOW_MS)
    assert set(counts(new).values()) == {0}
    old.close()
    new.close()
