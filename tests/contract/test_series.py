"""Series: the suite over SQLite, and what only a file does."""

import sqlite3

import pytest

from ingest.journal import JournalError
from ingest.series import Mark, SeriesAway
from ingest.series_follower import SeriesFollower
from ingest.series_sqlite import SeriesError, SqliteSeries
from tests.support.journals import NOON_MS, folded, sqlite_journal
from tests.support.series_suite import SeriesSuite, day_of, point, story, types
from tests.support.waiting import wait_until


@pytest.fixture
def series(tmp_path):
    """An empty series store."""
    one = SqliteSeries(tmp_path / "series.db")
    yield one
    one.close()


@pytest.fixture
def journal(tmp_path):
    """An empty journal."""
    with sqlite_journal(tmp_path) as one:
        yield one


class TestSqliteSeries(SeriesSuite):
    """The embedded store."""


def test_a_failed_write_leaves_nothing(series):
    """Points, marks and position move together or not at all, and the next write is whole."""
    with pytest.raises(sqlite3.Error):
        # wrong on purpose
        series.write(5, [point(0, 1.0)], [Mark("r1", NOON_MS, None, "", "")])  # type: ignore[arg-type]
    assert series.position() == 0
    assert series.metrics("r1") == []

    series.write(5, [point(0, 1.0)], [])
    assert series.metrics("r1") == [("temperature", "Cel")]


def test_a_damaged_or_newer_file_is_refused(tmp_path):
    """It says that it may be deleted: everything in it is in the journal."""
    path = tmp_path / "series.db"
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(SeriesError, match="delete it"):
        SqliteSeries(path)
    path.unlink()
    SqliteSeries(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=9")
    connection.close()
    with pytest.raises(SeriesError, match="newer"):
        SqliteSeries(path)


@pytest.mark.expected_errors("series.db fails once")
def test_the_follower_outlives_a_fault(journal, series, monkeypatch):
    """A write that fails is reported and tried again from the same place; the log has it all."""
    monkeypatch.setattr("ingest.series_follower.PAUSE_AFTER_FAULT_S", 0.01)
    journal.inputs.write(1, folded(story()), 0)
    write, failures = (
        series.write,
        [sqlite3.OperationalError("disk full"), JournalError("cannot read"), SeriesAway("gone")],
    )

    def failing(*args):
        if failures:
            raise failures.pop()
        write(*args)

    monkeypatch.setattr(series, "write", failing)
    follower = SeriesFollower(journal.inputs, series, day_of)
    follower.start()
    wait_until(lambda: follower.lag == 0, "the follower caught up")
    follower.stop()

    assert follower.healthy
    assert types(series, "r1") == ["bed.left"]


def test_upkeep_that_is_not_done_goes_on_at_once(journal, series, monkeypatch):
    """What is left of it does not wait for the next minute, and rows that came meanwhile do not wait for it."""
    monkeypatch.setattr("ingest.series_follower.REST_S", 0.01)
    stood: list[int] = []

    def upkeep():
        stood.append(series.position())
        if len(stood) == 1:
            journal.inputs.write(1, folded(story()), 0)
        return len(stood) < 3

    monkeypatch.setattr(series, "upkeep", upkeep)
    follower = SeriesFollower(journal.inputs, series, day_of)
    follower.start()
    wait_until(lambda: len(stood) == 3, "it went on")
    follower.stop()

    assert stood == [0, 8, 8]


def test_a_file_of_the_first_version_goes_on_where_it_stood(tmp_path):
    """It knew one partition; its points and its position stay."""
    path = tmp_path / "series.db"
    one = SqliteSeries(path)
    one.write(7, [point(0, 1.0)], [])
    one.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TABLE position")
    connection.execute(
        "CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL) STRICT"
    )
    connection.execute("INSERT INTO position VALUES (1, 7)")
    connection.execute("PRAGMA user_version=1")
    connection.close()

    again = SqliteSeries(path)
    assert (again.position(), again.position(1), again.metrics("r1")) == (7, 0, [("temperature", "Cel")])
    again.write(9, [], [])
    assert again.position() == 9
    again.close()
