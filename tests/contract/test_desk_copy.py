"""All rows of a desk into another: what is there afterwards is what was there, and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, select

from alerts.database import Database, DatabaseRefused, Place, migrate, open_database
from alerts.desk import Desk
from alerts.desk_copy import duplicate_desk
from alerts.reads import queries
from alerts.schema.alerts import changes
from alerts.schema.tables import metadata
from alerts.snapshots_sql import SqlSnapshots
from tests.support.desk import OLA, SITE, Duty
from tests.support.desk_place import new_place


def empty(folder: Path) -> Database:
    """A migrated desk without a row."""
    place: Place = new_place(folder)
    migrate(place)
    return open_database(place)


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reader.connect() as conn:
        return {
            table.name: sorted((tuple(row) for row in conn.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


@pytest.fixture
def night(tmp_path: Path) -> Duty:
    """A desk in a file after a night: an alarm that was taken, one that rings, a state of a fold."""
    (tmp_path / "night").mkdir()
    duty = Duty(tmp_path / "night")
    duty.apply(duty.press("p1"))
    duty.act(duty.alerts()[0]["alert_id"], "claim", OLA)
    duty.apply(duty.out_of_bed())
    duty.wait(120_000)
    SqlSnapshots(duty.database).save("live/3", 7, "engine", bytes(range(256)))
    return duty


def test_a_copy_is_the_same_to_the_last_row_and_goes_on(tmp_path: Path, night: Duty) -> None:
    """Every table; and the copy's next change is numbered after what the first gave out, cut or not."""
    with night.database.writer.begin() as conn:
        last = queries.last_change(night.database)
        conn.execute(delete(changes).where(changes.c.id > last - 2))
    before = rows(night.database)
    target = empty(tmp_path / "copy")
    counts = duplicate_desk(night.database, target)

    assert rows(target) == before
    assert counts["alerts"] == 2
    desk = Desk(target, SITE)
    assert desk.applied("home", 0) == 2
    desk.apply("home", 0, 2, 3, [night.press("p3")])
    assert queries.changes(target, last, 1)[0]["id"] > last
    target.close()


def test_a_desk_that_holds_something_is_left_alone(tmp_path: Path, night: Duty) -> None:
    """Nobody's alerts are mixed with others'; the copy of a copy onto itself is refused too."""
    target = empty(tmp_path / "copy")
    duplicate_desk(night.database, target)
    before = rows(target)

    with pytest.raises(DatabaseRefused, match="is not empty"):
        duplicate_desk(night.database, target)
    assert rows(target) == before
    target.close()


def test_an_unmigrated_target_is_refused(tmp_path: Path, night: Duty) -> None:
    """A place without tables gets none by being copied to."""
    target = open_database(new_place(tmp_path / "nothing"))
    with pytest.raises(DatabaseRefused, match="no desk of any version"):
        duplicate_desk(night.database, target)
    target.close()
