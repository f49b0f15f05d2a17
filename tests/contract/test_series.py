"""Series: the port over SQLite, its follower, and when devices were last heard."""

import sqlite3

import pytest

from ingest.device_seen import DeviceSeen
from ingest.journal import JournalError
from ingest.series import Bucket, Mark, Point
from ingest.series_follower import SeriesFollower
from ingest.series_sqlite import SeriesError, SqliteSeries
from tests.support.journals import NOON_MS, event, folded, input_of, setting_input, sqlite_journal
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


def point(number, value, metric="temperature", device="d1", subject="r1"):
    """One value, a second after the one before."""
    return Point(subject, device, metric, NOON_MS + number * 1_000, value, "Cel")


def day_of(at_ms):
    """The local date in a test: a new one each 1 000 s, so that measures can end within a story."""
    return f"2026-03-{1 + (at_ms - NOON_MS) // 1_000_000:02d}"


def test_the_latest_value_of_each_device(series):
    """One value a device, its newest, whatever the order of arrival and whoever had the device; other metrics apart."""
    series.write(
        9,
        [
            point(3, 40.0, "battery"), point(1, 90.0, "battery"), point(2, 80.0, "battery", subject="r2"),
            point(9, 55.0, "battery", device="d2"), point(99, 21.5),
        ],
        [],
    )  # fmt: skip

    assert series.latest("battery") == {"d1": (NOON_MS + 3_000, 40.0), "d2": (NOON_MS + 9_000, 55.0)}
    assert series.latest("pulse") == {}


def test_buckets_are_equal_bounded_and_leave_out_gaps(series):
    """Mean, low, high and count of [at, at + width); empty ones are left out; never more than asked for."""
    series.write(9, [point(number, float(number)) for number in (0, 1, 2, 30, 31, 99, 100)], [])

    assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 100_000, 10) == [
        Bucket(NOON_MS, 1.0, 0.0, 2.0, 3),
        Bucket(NOON_MS + 30_000, 30.5, 30.0, 31.0, 2),
        Bucket(NOON_MS + 90_000, 99.0, 99.0, 99.0, 1),
    ]
    everything = series.buckets("r1", "temperature", NOON_MS - 7, NOON_MS + 200_000, 3)
    assert len(everything) <= 3
    assert sum(one.count for one in everything) == 7
    assert series.buckets("r1", "temperature", NOON_MS, NOON_MS, 10) == []
    assert series.buckets("r1", "nothing", NOON_MS, NOON_MS + 100_000, 10) == []
    assert series.position() == 9


def test_two_devices_of_one_person_make_one_curve(series):
    """Their values are counted together, and the list of metrics names each once."""
    series.write(1, [point(0, 1.0, device="a"), point(0, 3.0, device="b"), point(0, 9.0, subject="r2")], [])

    assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 10, 1) == [Bucket(NOON_MS, 2.0, 1.0, 3.0, 2)]
    assert series.metrics("r1") == [("temperature", "Cel")]


def test_the_same_rows_again_change_nothing(series):
    """A follower that writes a batch twice leaves what one write leaves."""
    points = [point(0, 1.0), point(1, 2.0)]
    marks = [Mark("r1", NOON_MS, "bed.left", "", "e1"), Mark("r1", NOON_MS, "bed.left", "", "e2")]
    for _ in range(2):
        series.write(5, points, marks)

    assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 9_000, 1)[0].count == 2
    assert series.marks("r1", NOON_MS, NOON_MS + 1, 10) == marks
    assert series.marks("r1", NOON_MS + 1, NOON_MS + 9, 10) == []
    assert series.marks("r1", NOON_MS, NOON_MS + 1, 1) == marks[:1]


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


def story():
    """Inputs of two people: r1 has a measure until the first day ends, r2 none."""
    return [
        setting_input("resident", "r1", {"home": "h1"}),
        setting_input("measure", "m1", {"resident": "r1", "from": "2026-03-01", "until": "2026-03-01"}),
        input_of(event(1, "bed.left")),
        input_of(event(2, "bed.left", resident="r2", subject="r2", home="h2")),
        input_of(event(3, "alarm.pressed", resident="r2", subject="r2", home="h2"), floor=1),
        input_of(event(4, "dose.taken", resident="r2", subject="r2", home="h2", content={"dose_id": "x"})),
        input_of(event(5, "battery.level", resident="r2", subject="r2", home="h2", content={"percent": 20})),
        input_of(event(1_005, "bed.occupied")),
    ]


def types(series, subject):
    """What stands in a person's band."""
    return [one.type for one in series.marks(subject, 0, NOON_MS * 2, 100)]


def test_only_people_with_a_measure_get_behaviour(journal, series):
    """Without an active measure: alarms, doses and device health, nothing of how somebody lives."""
    journal.inputs.write(1, folded(story()), 0)
    follower = SeriesFollower(journal.inputs, series, day_of)

    assert (follower.run_once(), follower.run_once()) == (8, 0)
    assert types(series, "r1") == ["bed.left"]
    assert types(series, "r2") == ["alarm.pressed", "dose.taken"]
    assert series.metrics("r1") == [("bed", "")]
    assert series.metrics("r2") == [("battery", "%")]
    assert (series.position(), follower.position, follower.lag) == (8, 8, 0)


def test_a_restart_remembers_the_measures(journal, series):
    """The follower that begins in the middle knows what was decided before, and not what comes later."""
    journal.inputs.write(1, folded(story()[:3]), 0)
    SeriesFollower(journal.inputs, series, day_of).run_once()
    more = [input_of(event(6, "door.opened")), setting_input("measure", "m1", None, version=2)]
    journal.inputs.write(2, folded([*more, input_of(event(7, "door.closed"))]), 1)
    SeriesFollower(journal.inputs, series, day_of).run_once()

    assert types(series, "r1") == ["bed.left", "door.opened"]


def test_a_replay_may_assume_all_measures(journal, series):
    """`all_measures` keeps everybody's behaviour."""
    journal.inputs.write(1, folded(story()), 0)
    SeriesFollower(journal.inputs, series, day_of, all_measures=True).run_once()

    assert types(series, "r2") == ["bed.left", "alarm.pressed", "dose.taken"]


@pytest.mark.expected_errors("series.db fails once")
def test_the_follower_outlives_a_fault(journal, series, monkeypatch):
    """A write that fails is reported and tried again from the same place; the log has it all."""
    monkeypatch.setattr("ingest.series_follower.PAUSE_AFTER_FAULT_S", 0.01)
    journal.inputs.write(1, folded(story()), 0)
    write, failures = series.write, [sqlite3.OperationalError("disk full"), JournalError("cannot read")]

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


def test_last_heard_is_written_at_most_every_two_seconds(series):
    """However often it is offered; only what has changed; the API reads it."""
    now = [0.0]
    seen = DeviceSeen(series, lambda: now[0])
    assert seen.offer({"a:1": 10, "a:2": 20}) == 2
    assert seen.offer({"a:1": 11}) == 0
    now[0] = 2.0
    assert seen.offer({"a:1": 12, "a:2": 20}) == 1
    assert seen.offer({"a:2": 21}, at_once=True) == 1

    assert series.heard() == {"a:1": 12, "a:2": 21}
    assert series.heard_at_ms("a:1") == 12
    assert series.heard_at_ms("a:9") is None
    now[0] = 9.0
    assert DeviceSeen(series, lambda: now[0]).offer({"a:1": 12}) == 0, "known over a restart"
