"""States of folds in the desk's database: what the port SnapshotStore promises, by partition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.database import Database
from alerts.schema.folds import bases
from alerts.snapshots_sql import SqlSnapshots
from tests.support.desk import new_database

LONG = bytes(range(256)) * 40_000  # ten megabytes of every byte there is


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = new_database(tmp_path)
    yield made
    made.close()


def kept(database: Database) -> list[tuple[str, int, int]]:
    with database.reader.connect() as conn:
        query = select(bases.c.lane, bases.c.partition, bases.c.position).order_by(*bases.primary_key.columns)
        return [(row.lane, row.partition, row.position) for row in conn.execute(query)]


def test_the_newest_that_is_not_ahead_is_given_byte_by_byte(database: Database) -> None:
    """Of one engine, not after a position; also a large one, and an empty one."""
    store = SqlSnapshots(database)
    store.save("live/3", 10, "v1", b"")
    store.save("live/3", 20, "v1", LONG)

    assert store.load("live/3", "v1", 2**61) == (20, LONG)
    assert store.load("live/3", "v1", 19) == (10, b"")
    assert store.load("live/3", "v1", 9) is None
    assert store.load("live/3", "v2", 20) is None, "an engine reads what it wrote itself"


def test_partitions_and_lanes_keep_their_own(database: Database) -> None:
    """Each name has its newest two, whatever the others save; a name without a partition is partition 0."""
    store = SqlSnapshots(database)
    for position in (1, 2, 3):
        store.save("live/17", position, "v1", b"%d" % position)
    store.save("floor/17", 1, "v1", b"floor")
    store.save("live", 9, "v1", b"one box")

    assert kept(database) == [("floor", 17, 1), ("live", 0, 9), ("live", 17, 2), ("live", 17, 3)]
    assert store.load("live/17", "v1", 99) == (3, b"3")
    assert store.load("live", "v1", 99) == (9, b"one box")


def test_who_wakes_late_takes_nothing_away(database: Database) -> None:
    """A worker that lost its partition and saves an older state afterwards leaves the newer ones."""
    store = SqlSnapshots(database)
    store.save("live/5", 100, "v1", b"new owner")
    store.save("live/5", 200, "v1", b"new owner, later")
    store.save("live/5", 50, "v1", b"zombie")
    store.save("live/5", 200, "v1", b"the same again")

    assert store.load("live/5", "v1", 99) is None
    assert store.load("live/5", "v1", 150) == (100, b"new owner")
    assert store.load("live/5", "v1", 200) == (200, b"the same again")
