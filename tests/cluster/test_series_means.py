"""Series on InfluxDB: means of ten minutes, and from what a curve is read."""

from __future__ import annotations

import pytest

from ingest.series import Point
from tests.support.influx import LATER_MS, SITE, fresh
from tests.support.journals import NOON_MS
from tests.support.series_suite import HOUR_MS, close, plain, point, told


@pytest.fixture
def series(open_series):
    """An empty store."""
    return open_series()


def read_from(series, from_ms, to_ms):
    """Of what a curve over that time is made: (whole minutes, from means) of each piece."""
    pieces = series.means.pieces(from_ms, to_ms, 0)
    return [((piece.to_ms - piece.from_ms) // 60_000, piece.means) for piece in pieces]


def test_late_days_are_rolled_again(series, open_series):
    """Hours that are over are read as means; what comes late is in the curve at once, and in the means with the next
    round, of those hours only; a reader in another process sees the same.
    """
    day_ms = 24 * HOUR_MS
    points = [Point("r1", "d1", "temperature", NOON_MS + at * 600_000, float(at % 50), "Cel") for at in range(30 * 144)]
    series.write(1, points, [])
    begin_ms, end_ms = NOON_MS - NOON_MS % HOUR_MS, NOON_MS + 30 * day_ms
    month = 30 * 24 * 60
    assert read_from(series, begin_ms, end_ms) == [(month, False)]
    while series.upkeep():
        pass
    assert read_from(series, begin_ms, end_ms) == [(month, True)]

    late = [Point("r1", "d2", "temperature", NOON_MS + 3 * day_ms + at * 60_000, 99.0, "Cel") for at in range(90)]
    series.write(2, late, [])
    reader = open_series()
    days = 3 * 24 * 60
    assert read_from(reader, begin_ms, end_ms) == [(days, True), (120, False), (month - days - 120, True)]
    before = reader.buckets("r1", "temperature", begin_ms, end_ms, 500)
    assert sum(one.count for one in before) == len(points) + len(late)
    assert not series.upkeep()
    assert read_from(reader, begin_ms, end_ms) == [(month, True)]
    assert plain(reader.buckets("r1", "temperature", begin_ms, end_ms, 500)) == close(before)


def test_a_week_up_to_now_is_made_of_means(open_series):
    """But for its edges, which are cut on whole ten minutes, and for the hours that are not over for ten minutes."""
    week_ms, minute_ms = 7 * 24 * HOUR_MS, 60_000
    now_ms = NOON_MS + week_ms + 69 * minute_ms
    series = open_series(now_ms=now_ms)
    points = [
        Point("r1", "d1", "temperature", NOON_MS + at * minute_ms, float(at), "Cel") for at in range(7 * 1_440 + 69)
    ]
    series.write(1, points, [])
    series.upkeep()

    assert read_from(series, now_ms - week_ms, now_ms) == [(1, False), (7 * 1_440 - 70, True), (69, False)]
    found = series.buckets("r1", "temperature", now_ms - week_ms, now_ms, 600)
    assert plain(found) == close(told(points, now_ms - week_ms, now_ms, 600))
    assert len(found) == 505
    amid_ms = now_ms - 40 * minute_ms
    assert read_from(series, now_ms - week_ms, amid_ms) == [(1, False), (7 * 1_440 - 70, True), (29, False)]
    shorter = series.buckets("r1", "temperature", now_ms - week_ms, amid_ms, 600)
    assert sum(one.count for one in shorter) == 7 * 1_440 - 40
    series._now_ms = lambda: now_ms + minute_ms
    assert not series.upkeep()
    assert read_from(series, now_ms - week_ms, now_ms) == [(1, False), (7 * 1_440 - 10, True), (9, False)]


def test_a_round_of_upkeep_ends_in_time(series, monkeypatch):
    """Many hours are rolled over several rounds, so that the follower looks after the logs between them."""
    series.write(1, [point(number * 3_600, 1.0) for number in range(30)], [])
    monkeypatch.setattr("ingest.series_influx_means.ROUND_S", -1.0)
    left = []
    while series.upkeep():
        left.append(len(series.means.changed(0, LATER_MS)))

    assert left == [24, 18, 12, 6]
    assert read_from(series, NOON_MS, NOON_MS + 30 * HOUR_MS) == [(1_800, True)]


def test_what_an_older_version_has_rolled_is_rolled_anew(series, series_options):
    """It has noted means of hours, and they lie in another bucket: none is taken for ten minutes' own."""
    series.write(1, [point(0, 1.0), point(1_200, 3.0)], [])
    (written,) = series.means.changed(0, LATER_MS).values()
    theirs = f"hours,site={SITE} rolled={written}i {NOON_MS * 1_000_000}"
    series.influx.write(f"{series_options.bucket}_state", [theirs])
    assert read_from(series, NOON_MS, NOON_MS + HOUR_MS) == [(60, False)]
    series.upkeep()

    assert read_from(series, NOON_MS, NOON_MS + HOUR_MS) == [(60, True)]
    assert [one.mean for one in series.buckets("r1", "temperature", NOON_MS, NOON_MS + HOUR_MS, 6)] == [1.0, 3.0]


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
    series.upkeep()
    monkeypatch.setattr(series.influx, "rows", rows)
    assert len(series.means.changed(0, LATER_MS)) == 1

    assert [one.count for one in series.buckets("r1", "temperature", NOON_MS, NOON_MS + 24 * HOUR_MS, 2)] == [2]
    series.upkeep()
    assert series.means.changed(0, LATER_MS) == {}
    assert [one.count for one in series.buckets("r1", "temperature", NOON_MS, NOON_MS + 24 * HOUR_MS, 2)] == [2]


def test_means_outlive_their_points(open_series, series_options):
    """Where points are gone no bucket is narrower than a mean, and no hour is rolled from what is left."""
    given = fresh(series_options, care_days=20_000, means_days=40_000)
    whole = open_series(given)
    whole.write(1, [point(number * 60, float(number)) for number in range(120)], [])
    whole.upkeep()
    expected = whole.buckets("r1", "temperature", NOON_MS, NOON_MS + 3 * HOUR_MS, 18)
    assert len(expected) == 12
    later = open_series(given, now_ms=NOON_MS + 20_002 * 24 * HOUR_MS)

    found = later.buckets("r1", "temperature", NOON_MS, NOON_MS + 3 * HOUR_MS, 500)
    assert sum(one.count for one in found) == 120
    assert plain(found) == close(expected)
    whole.influx.write(f"{given.bucket}_state", whole.means.lines([NOON_MS]))
    later.upkeep()
    assert len(later.means.changed(0, LATER_MS)) == 1, "left alone"
