"""Series: the suite over a real InfluxDB, and what only a database beside the service does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from ingest.series import HOUR_MS, Mark, Point, Series, SeriesAway
from ingest.series_follower import SeriesFollower
from ingest.series_influx import InfluxSeries
from ingest.series_influx_client import InfluxOptions
from ingest.series_influx_text import POINTS, select
from ingest.series_sqlite import SqliteSeries
from tests.support.influx import fresh
from tests.support.journals import NOON_MS, folded, sqlite_journal
from tests.support.series_suite import SeriesSuite, close, day_of, plain, point, story, types

SITE = "solbakken"
LATER_MS = NOON_MS + 60 * 24 * HOUR_MS


@pytest.fixture
def options(influx: InfluxOptions) -> InfluxOptions:
    """Buckets of this test alone."""
    return fresh(influx)


@pytest.fixture
def opened(options: InfluxOptions) -> Iterator[Callable[..., InfluxSeries]]:
    """Opens the store as a process of its own would; all are closed in the end."""
    made: list[InfluxSeries] = []

    def again(given: InfluxOptions = options, site: str = SITE, now_ms: int = LATER_MS) -> InfluxSeries:
        made.append(InfluxSeries(given, site, lambda: now_ms))
        return made[-1]

    yield again
    for one in made:
        one.close()


@pytest.fixture
def series(opened):
    """An empty store."""
    return opened()


@pytest.fixture
def journal(tmp_path):
    """An empty journal."""
    with sqlite_journal(tmp_path) as one:
        yield one


class TestInfluxSeries(SeriesSuite):
    """The store of many machines."""


def fine(series, from_ms, to_ms):
    """Whether a curve over that time is read from points alone."""
    return not any(piece.hours for piece in series._hours.pieces(from_ms, to_ms, 0))


def test_a_position_is_never_ahead_of_its_rows(series, opened, monkeypatch):
    """A write that is cut short anywhere leaves the old position, and the same batch again leaves everything once."""
    series.write(3, [point(0, 1.0)], [])
    batch = ([point(1, 2.0), point(2, 30.0, "battery")], [Mark("r1", NOON_MS, "bed.left", "", "e1")])
    write = series.influx.write
    for survivors in range(5):
        left = [survivors]

        def failing(bucket, lines, left=left):
            if not left[0]:
                raise SeriesAway("cut short")
            left[0] -= 1
            write(bucket, lines)

        monkeypatch.setattr(series.influx, "write", failing)
        with pytest.raises(SeriesAway):
            series.write(9, *batch)
        assert opened().position() == 3, f"after {survivors} requests"
    monkeypatch.setattr(series.influx, "write", write)
    series.write(9, *batch)

    assert opened().position() == 9
    assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 9_000, 1)[0].count == 2
    assert types(series, "r1") == ["bed.left"]


@pytest.mark.parametrize("lost", ["behaviour", "care", "device", "hours", "state"])
def test_a_lost_bucket_is_filled_again_from_the_logs(series, opened, options, journal, lost):
    """Whichever it was: the position counts no more, and the follower writes from the oldest input on."""
    journal.inputs.write(1, folded(story()), 0)
    SeriesFollower(journal.inputs, series, day_of).run_once()
    api = series.influx._client(10_000).buckets_api()
    api.delete_bucket(api.find_bucket_by_name(f"{options.bucket}_{lost}"))

    again = opened()
    assert again.position() == 0
    assert SeriesFollower(journal.inputs, again, day_of).run_once() == 8
    assert types(again, "r1") == ["bed.left"]
    assert types(again, "r2") == ["alarm.pressed", "dose.taken"]
    assert again.latest("battery", ["d1"]) == {"d1": (NOON_MS + 5_000, 20.0)}


def test_a_bucket_that_is_lost_under_way_is_noticed(series, options, journal, monkeypatch):
    """Also when somebody makes an empty one of that name at once, so that no write fails."""
    journal.inputs.write(1, folded(story()), 0)
    follower = SeriesFollower(journal.inputs, series, day_of)
    follower.run_once()
    api = series.influx._client(10_000).buckets_api()
    api.delete_bucket(api.find_bucket_by_name(f"{options.bucket}_behaviour"))
    api.create_bucket(bucket_name=f"{options.bucket}_behaviour", org=options.org)
    monkeypatch.setattr("ingest.series_influx.LOOK_EVERY_S", -1.0)
    journal.inputs.write(2, folded(story()[-1:]), 1)
    with pytest.raises(SeriesAway, match="made anew"):
        follower.run_once()
    monkeypatch.undo()

    assert follower.run_once() == 9
    assert types(series, "r1") == ["bed.left"]


def test_late_days_are_rolled_again(series, opened):
    """Hours that are over are read as means; what comes late is in the curve at once, and in the means with the next
    round, of those hours only; a reader in another process sees the same.
    """
    day_ms = 24 * HOUR_MS
    points = [Point("r1", "d1", "temperature", NOON_MS + at * 600_000, float(at % 50), "Cel") for at in range(30 * 144)]
    series.write(1, points, [])
    begin_ms, end_ms = NOON_MS - NOON_MS % HOUR_MS, NOON_MS + 30 * day_ms
    assert fine(series, begin_ms, end_ms)
    while series._hours._changed(0, LATER_MS):
        series.upkeep()
    assert [piece.hours for piece in series._hours.pieces(begin_ms, end_ms, 0)] == [True]

    late = [Point("r1", "d2", "temperature", NOON_MS + 3 * day_ms + at * 60_000, 99.0, "Cel") for at in range(90)]
    series.write(2, late, [])
    reader = opened()
    pieces = reader._hours.pieces(begin_ms, end_ms, 0)
    changed = sum((one.to_ms - one.from_ms) // HOUR_MS for one in pieces if not one.hours)
    assert changed == 2
    before = reader.buckets("r1", "temperature", begin_ms, end_ms, 500)
    assert sum(one.count for one in before) == len(points) + len(late)
    assert series._hours.roll(LATER_MS, 0) == changed
    assert [piece.hours for piece in reader._hours.pieces(begin_ms, end_ms, 0)] == [True]
    assert plain(reader.buckets("r1", "temperature", begin_ms, end_ms, 500)) == close(before)


def test_points_that_come_while_an_hour_is_rolled_are_not_lost(series, monkeypatch):
    """Whoever writes between the rolling and its note leaves the hour to be rolled again."""
    series.write(1, [point(0, 1.0)], [])
    rows = series.influx.rows

    def meanwhile(text, **options):
        found = rows(text, **options)
        if "to(bucket" in text:
            series.write(2, [point(1, 5.0)], [])
        return found

    monkeypatch.setattr(series.influx, "rows", meanwhile)
    assert series._hours.roll(LATER_MS, 0) == 1
    monkeypatch.setattr(series.influx, "rows", rows)

    assert [one.count for one in series.buckets("r1", "temperature", NOON_MS, NOON_MS + 24 * HOUR_MS, 2)] == [2]
    assert series._hours.roll(LATER_MS, 0) == 1
    assert series._hours.roll(LATER_MS, 0) == 0


def test_each_class_is_kept_for_its_days(opened, options):
    """The server gets the days of each bucket, also when they are changed; what is older is not sent, and where the
    server's clock is ahead of ours and it refuses the oldest, the others are taken.
    """
    now_ms = time.time_ns() // 1_000_000  # as the server's
    given = fresh(options, behaviour_days=20, care_days=30, device_days=7, hours_days=40)
    days = {"behaviour": 20, "care": 30, "device": 7, "hours": 40, "state": 0}
    told = opened(given, now_ms=now_ms).influx
    ages_ms = {"old": 8 * 24 * HOUR_MS, "new": 6 * 24 * HOUR_MS}
    batch = [Point("r1", name, "battery", now_ms - age_ms, 80.0, "%") for name, age_ms in ages_ms.items()]
    for clock_ms in (now_ms, now_ms - 2 * 24 * HOUR_MS):
        kept = opened(given, now_ms=clock_ms)
        kept.write(1, batch, [])
        assert kept.position() == 1
        assert kept.latest("battery", ["old", "new"]) == {"new": (now_ms - ages_ms["new"], 80.0)}
    assert {name: told.kept()[f"{given.bucket}_{name}"] for name in days} == days

    opened(msgspec.structs.replace(given, care_days=1), now_ms=now_ms).position()
    assert told.kept()[f"{given.bucket}_care"] == 1


def test_means_outlive_their_points(opened, options):
    """Where points are gone the curve has a bucket an hour, and the hours are never rolled from what is left."""
    given = fresh(options, care_days=20_000, hours_days=40_000)
    whole = opened(given)
    whole.write(1, [point(number * 60, float(number)) for number in range(120)], [])
    while whole._hours._changed(0, LATER_MS):
        whole.upkeep()
    expected = whole.buckets("r1", "temperature", NOON_MS, NOON_MS + 3 * HOUR_MS, 3)
    later = opened(given, now_ms=NOON_MS + 20_002 * 24 * HOUR_MS)

    found = later.buckets("r1", "temperature", NOON_MS, NOON_MS + 3 * HOUR_MS, 500)
    assert sum(one.count for one in found) == 120
    assert plain(found) == close(expected)
    whole.influx.write(f"{given.bucket}_state", whole._hours.lines([NOON_MS - NOON_MS % HOUR_MS]))
    later.upkeep()
    assert len(later._hours._changed(0, LATER_MS)) == 1, "left alone"


def test_one_line_that_is_refused_stands_in_nobodys_way(series, options):
    """It is counted and left out; a refusal of the whole request would hold up the position for ever."""
    bucket = f"{options.bucket}_care"
    series.position()
    lines = [f"{POINTS},site={SITE},subject=r1,device=d1,metric=x value={number}.0 {number + 1}" for number in range(7)]
    series.influx.write(bucket, [*lines[:3], "no line at all", *lines[3:]])

    assert series.influx.refused == 1
    assert len(series.influx.rows(select(bucket, POINTS, SITE))) == 7


def test_trouble_is_named(options, opened):
    """A wrong token, a server that is not there, a query that cannot be finished: SeriesAway, which says what."""
    with pytest.raises(SeriesAway, match="influx_token_file"):
        opened(fresh(options, token="wrong")).position()
    nobody = opened(fresh(options, url="http://127.0.0.1:9"))
    with pytest.raises(SeriesAway, match="does not answer"):
        nobody.metrics("r1")
    with pytest.raises(SeriesAway, match="a moment ago"):
        nobody.metrics("r1")
    with pytest.raises(SeriesAway, match="could not find bucket"):
        opened().influx.rows(select("nothing", POINTS, SITE))


def test_sites_do_not_see_each_other(opened):
    """A centre keeps several sites in one InfluxDB."""
    here, there = opened(), opened(site="fjellheim")
    here.write(5, [point(0, 1.0)], [Mark("r1", NOON_MS, "bed.left", "", "e1")])
    here.hear({"a:1": 7})

    assert (there.position(), there.metrics("r1"), there.heard(), types(there, "r1")) == (0, [], {}, [])
    assert there.latest("temperature", ["d1"]) == {}
    assert there.buckets("r1", "temperature", NOON_MS, NOON_MS + 9, 1) == []


def answers(series: Series) -> list[object]:
    """Everything the pages ask of it about r1 and r2."""
    found: list[object] = [series.latest("battery", ["d1"])]
    for subject in ("r1", "r2"):
        metrics = series.metrics(subject)
        found += [metrics, series.marks(subject, 0, NOON_MS * 2, 20_000)]
        for metric, _ in metrics:
            for hours in (24, 168, 720):
                end_ms = NOON_MS + 24 * HOUR_MS
                found.append(plain(series.buckets(subject, metric, end_ms - hours * HOUR_MS, end_ms, 500)))
    return found


def test_same_queries_same_answers_as_sqlite(series, journal, tmp_path):
    """What one log leaves in both is told alike."""
    journal.inputs.write(1, folded(story() * 3), 0)
    sqlite = SqliteSeries(tmp_path / "series.db")
    for one in (series, sqlite):
        while SeriesFollower(journal.inputs, one, day_of, all_measures=True).run_once():
            pass
    series.upkeep()

    assert answers(series) == answers(sqlite)
    sqlite.close()
