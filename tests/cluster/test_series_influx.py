"""Series: the suite over a real InfluxDB, and what only a database beside the service does."""

from __future__ import annotations

import time

import msgspec
import pytest

from ingest.series import Mark, Point, Series, SeriesAway
from ingest.series_follower import SeriesFollower
from ingest.series_influx_text import POINTS, select
from ingest.series_sqlite import SqliteSeries
from tests.support.influx import SITE, fresh
from tests.support.journals import NOON_MS, folded, sqlite_journal
from tests.support.series_suite import HOUR_MS, SeriesSuite, day_of, plain, point, story, types


@pytest.fixture
def series(open_series):
    """An empty store."""
    return open_series()


@pytest.fixture
def journal(tmp_path):
    """An empty journal."""
    with sqlite_journal(tmp_path) as one:
        yield one


class TestInfluxSeries(SeriesSuite):
    """The store of many machines."""


def test_a_position_is_never_ahead_of_its_rows(series, open_series, monkeypatch):
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
        assert open_series().position() == 3, f"after {survivors} requests"
    monkeypatch.setattr(series.influx, "write", write)
    series.write(9, *batch)

    assert open_series().position() == 9
    assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 9_000, 1)[0].count == 2
    assert types(series, "r1") == ["bed.left"]


@pytest.mark.parametrize("lost", ["behaviour", "care", "device", "means", "state"])
def test_a_lost_bucket_is_filled_again_from_the_logs(series, open_series, series_options, journal, lost):
    """Whichever it was: the position counts no more, and the follower writes from the oldest input on."""
    journal.inputs.write(1, folded(story()), 0)
    SeriesFollower(journal.inputs, series, day_of).run_once()
    api = series.influx._client(10_000).buckets_api()
    api.delete_bucket(api.find_bucket_by_name(f"{series_options.bucket}_{lost}"))

    again = open_series()
    assert again.position() == 0
    assert SeriesFollower(journal.inputs, again, day_of).run_once() == 8
    assert types(again, "r1") == ["bed.left"]
    assert types(again, "r2") == ["alarm.pressed", "dose.taken"]
    assert again.latest("battery", ["d1"]) == {"d1": (NOON_MS + 5_000, 20.0)}


def test_a_bucket_that_is_lost_under_way_is_noticed(series, series_options, journal, monkeypatch):
    """Also when somebody makes an empty one of that name at once, so that no write fails."""
    journal.inputs.write(1, folded(story()), 0)
    follower = SeriesFollower(journal.inputs, series, day_of)
    follower.run_once()
    api = series.influx._client(10_000).buckets_api()
    api.delete_bucket(api.find_bucket_by_name(f"{series_options.bucket}_behaviour"))
    api.create_bucket(bucket_name=f"{series_options.bucket}_behaviour", org=series_options.org)
    monkeypatch.setattr("ingest.series_influx.LOOK_EVERY_S", -1.0)
    journal.inputs.write(2, folded(story()[-1:]), 1)
    with pytest.raises(SeriesAway, match="made anew"):
        follower.run_once()
    monkeypatch.undo()

    assert follower.run_once() == 9
    assert types(series, "r1") == ["bed.left"]


def test_each_class_is_kept_for_its_days(open_series, series_options):
    """The server gets the days of each bucket, also when they are changed; what is older is not sent, and where the
    server's clock is ahead of ours and it refuses the oldest, the others are taken.
    """
    now_ms = time.time_ns() // 1_000_000  # as the server's
    given = fresh(series_options, behaviour_days=20, care_days=30, device_days=7, means_days=40)
    days = {"behaviour": 20, "care": 30, "device": 7, "means": 40, "state": 0}
    told = open_series(given, now_ms=now_ms).influx
    ages_ms = {"old": 8 * 24 * HOUR_MS, "new": 6 * 24 * HOUR_MS}
    batch = [Point("r1", name, "battery", now_ms - age_ms, 80.0, "%") for name, age_ms in ages_ms.items()]
    for clock_ms in (now_ms, now_ms - 2 * 24 * HOUR_MS):
        kept = open_series(given, now_ms=clock_ms)
        kept.write(1, batch, [])
        assert kept.position() == 1
        assert kept.latest("battery", ["old", "new"]) == {"new": (now_ms - ages_ms["new"], 80.0)}
    assert {name: told.kept()[f"{given.bucket}_{name}"] for name in days} == days

    open_series(msgspec.structs.replace(given, care_days=1), now_ms=now_ms).position()
    assert told.kept()[f"{given.bucket}_care"] == 1


def test_one_line_that_is_refused_stands_in_nobodys_way(series, series_options):
    """It is counted and left out; a refusal of the whole request would hold up the position for ever."""
    bucket = f"{series_options.bucket}_care"
    series.position()
    lines = [f"{POINTS},site={SITE},subject=r1,device=d1,metric=x value={number}.0 {number + 1}" for number in range(7)]
    series.influx.write(bucket, [*lines[:3], "no line at all", *lines[3:]])

    assert series.influx.refused == 1
    assert len(series.influx.rows(select(bucket, POINTS, SITE))) == 7


def test_trouble_is_named(series_options, open_series):
    """A wrong token, a server that is not there, a query that cannot be finished: SeriesAway, which says what."""
    with pytest.raises(SeriesAway, match="influx_token_file"):
        open_series(fresh(series_options, token="wrong")).position()
    nobody = open_series(fresh(series_options, url="http://127.0.0.1:9"))
    with pytest.raises(SeriesAway, match="does not answer"):
        nobody.metrics("r1")
    with pytest.raises(SeriesAway, match="a moment ago"):
        nobody.metrics("r1")
    with pytest.raises(SeriesAway, match="could not find bucket"):
        open_series().influx.rows(select("nothing", POINTS, SITE))


def test_sites_do_not_see_each_other(open_series):
    """A centre keeps several sites in one InfluxDB."""
    here, there = open_series(), open_series(site="fjellheim")
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
