"""What every store of the series does: one suite over SQLite and InfluxDB, each with a fixture `series` of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from ingest.device_seen import DeviceSeen
from ingest.record import Setting
from ingest.series import Bucket, Mark, Point, grid
from ingest.series_follower import SeriesFollower
from tests.support.journals import NOON_MS, clock_input, event, folded, input_of, setting_input

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def point(number, value, metric="temperature", device="d1", subject="r1"):
    """One value, a second after the one before."""
    return Point(subject, device, metric, NOON_MS + number * 1_000, value, "Cel")


def day_of(at_ms):
    """The local date in a test: a new one each 1 000 s, so that measures can end within a story."""
    return f"2026-03-{1 + (at_ms - NOON_MS) // 1_000_000:02d}"


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


def told(points: Sequence[Point], from_ms: int, to_ms: int, most: int) -> list[Bucket]:
    """The buckets of a curve, counted by hand."""
    lies = grid(from_ms, to_ms, most)
    found: dict[int, list[float]] = {}
    for one in points:
        if from_ms <= one.at_ms < to_ms:
            found.setdefault(lies.bucket_of(one.at_ms), []).append(one.value)
    return [Bucket(at, sum(some) / len(some), min(some), max(some), len(some)) for at, some in sorted(found.items())]


def close(buckets: Sequence[Bucket]) -> list[object]:
    """Buckets to compare: the order of a sum is the store's own, and with it the last bits of a mean."""
    return [(one.at_ms, pytest.approx(one.mean, rel=1e-9), one.low, one.high, one.count) for one in buckets]


def plain(buckets: Sequence[Bucket]) -> list[object]:
    return [(one.at_ms, one.mean, one.low, one.high, one.count) for one in buckets]


class SeriesSuite:
    """Subclass it with a name that begins with Test, beside the fixtures `series` and `journal`."""

    def test_the_latest_value_of_each_device(self, series):
        """One value a device, its newest, whatever came first and whoever had the device; other metrics apart."""
        series.write(
            9,
            [
                point(3, 40.0, "battery"), point(1, 90.0, "battery"), point(2, 80.0, "battery", subject="r2"),
                point(9, 55.0, "battery", device="d2"), point(99, 21.5),
            ],
            [],
        )  # fmt: skip

        newest = {"d1": (NOON_MS + 3_000, 40.0), "d2": (NOON_MS + 9_000, 55.0)}
        assert series.latest("battery", ["d1", "d2", "d9"]) == newest
        assert series.latest("pulse", ["d1"]) == {}
        assert series.latest("battery", ["d2"]).keys() == {"d2"}
        assert series.latest("battery", []) == {}

    def test_buckets_are_equal_bounded_and_leave_out_gaps(self, series):
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
        ages = series.buckets("r1", "temperature", -62_135_596_800_000, 253_402_300_799_999, 500)
        assert [one.count for one in ages] == [7], "from the year 1 to 9999"
        assert series.buckets("r1", "temperature", NOON_MS, NOON_MS, 10) == []
        assert series.buckets("r1", "nothing", NOON_MS, NOON_MS + 100_000, 10) == []
        assert series.position() == 9

    def test_a_curve_says_what_the_points_say(self, series):
        """Over any span and width, from points that came late and in any order, before and after the store's upkeep:
        those of a week and a month lie on whole ten minutes, and nothing from before `from` or after `to` is in them.
        """
        chance = random.Random(7)
        points = [
            Point("r1", device, "temperature", NOON_MS + chance.randrange(12 * DAY_MS), chance.gauss(20.0, 3.0), "Cel")
            for device in ("d1", "d2")
            for _ in range(900)
        ]
        spans = [
            (NOON_MS, NOON_MS + DAY_MS, 500), (NOON_MS - 1, NOON_MS + 7 * DAY_MS + 5, 499),
            (NOON_MS + 17 * 60_000, NOON_MS + 11 * DAY_MS + 12_345, 99), (NOON_MS - 9, NOON_MS + 290 * HOUR_MS, 7),
            (NOON_MS + 1, NOON_MS + 60_000, 600), (NOON_MS + 61_000, NOON_MS + 2 * HOUR_MS + 1, 1),
            (NOON_MS + 61_000, NOON_MS + 7 * DAY_MS + 29 * 60_000, 600),
        ]  # fmt: skip
        for half in (points[:1_200], points[1_200:]):
            series.write(1, half, [])
            known = points[: points.index(half[-1]) + 1]
            for _ in range(2):
                for from_ms, to_ms, most in spans:
                    expected = told(known, from_ms, to_ms, most)
                    assert plain(series.buckets("r1", "temperature", from_ms, to_ms, most)) == close(expected)
                    assert len(expected) <= most
                series.upkeep()

    def test_the_last_value_of_a_moment_counts(self, series):
        """A device has one value at a time; within a batch and after it, the newest word holds."""
        series.write(1, [point(0, 1.0), point(0, 2.0)], [])
        assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 10, 1) == [Bucket(NOON_MS, 2.0, 2.0, 2.0, 1)]
        series.write(2, [point(0, 3.0)], [])
        series.upkeep()
        assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 10, 1) == [Bucket(NOON_MS, 3.0, 3.0, 3.0, 1)]

    def test_each_partition_has_its_position(self, series):
        """Of the logs on many machines; one that nothing came from stands at 0."""
        series.write(7, [], [])
        series.write(99, [point(0, 1.0)], [], 3)
        series.write(8, [], [])

        assert [series.position(one) for one in (0, 3, 1)] == [8, 99, 0]

    def test_any_text_is_only_text(self, series):
        """Names that mean something in a query or in a line of a protocol come back as they went in."""
        odd = ['a b,c=d"e', "back\\slash\\", "${x}", "%41", "", "æøå\n1", "'; drop --", "a|b\tc"]
        for name in odd:
            series.write(1, [Point(name, name, name, NOON_MS, 1.5, name)], [Mark(name, NOON_MS, "x", name, name)])
        for name in odd:
            assert series.metrics(name) == [(name, name)]
            assert series.latest(name, odd) == {name: (NOON_MS, 1.5)}
            assert series.buckets(name, name, NOON_MS, NOON_MS + 1, 1) == [Bucket(NOON_MS, 1.5, 1.5, 1.5, 1)]
            assert series.marks(name, NOON_MS, NOON_MS + 1, 9) == [Mark(name, NOON_MS, "x", name, name)]

    def test_marks_come_in_order(self, series):
        """By time, and at one time by type, room and event, whatever class they are of; the first `limit` of them."""
        all_types = ("alarm.pressed", "bed.left", "battery.low", "bed.left", "door.opened")
        marks = [
            Mark("r1", NOON_MS + at_ms, kind, room, str(number))
            for at_ms in (0, 1, 5_000)
            for number, (kind, room) in enumerate(zip(all_types, ("", "stue", "", "bad", ""), strict=True))
        ]
        series.write(1, [], list(reversed(marks)))
        ordered = sorted(marks, key=lambda one: (one.at_ms, one.type, one.room, one.event_id))

        assert series.marks("r1", NOON_MS, NOON_MS + 5_001, 100) == ordered
        for limit in (1, 4, 7):
            assert series.marks("r1", NOON_MS, NOON_MS + 5_001, limit) == ordered[:limit]
        assert series.marks("r1", NOON_MS + 1, NOON_MS + 5_000, 100) == ordered[5:10]

    def test_two_devices_of_one_person_make_one_curve(self, series):
        """Their values are counted together, and the list of metrics names each once."""
        series.write(1, [point(0, 1.0, device="a"), point(0, 3.0, device="b"), point(0, 9.0, subject="r2")], [])

        assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 10, 1) == [Bucket(NOON_MS, 2.0, 1.0, 3.0, 2)]
        assert series.metrics("r1") == [("temperature", "Cel")]

    def test_the_same_rows_again_change_nothing(self, series):
        """A follower that writes a batch twice leaves what one write leaves."""
        points = [point(0, 1.0), point(1, 2.0)]
        marks = [Mark("r1", NOON_MS, "bed.left", "", "e1"), Mark("r1", NOON_MS, "bed.left", "", "e2")]
        for _ in range(2):
            series.write(5, points, marks)

        assert series.buckets("r1", "temperature", NOON_MS, NOON_MS + 9_000, 1)[0].count == 2
        assert series.marks("r1", NOON_MS, NOON_MS + 1, 10) == marks
        assert series.marks("r1", NOON_MS + 1, NOON_MS + 9, 10) == []
        assert series.marks("r1", NOON_MS, NOON_MS + 1, 1) == marks[:1]

    def test_only_people_with_a_measure_get_behaviour(self, journal, series):
        """Without an active measure: alarms, doses and device health, nothing of how somebody lives."""
        journal.inputs.write(1, folded(story()), 0)
        follower = SeriesFollower(journal.inputs, series, day_of)

        assert (follower.run_once(), follower.run_once()) == (8, 0)
        assert types(series, "r1") == ["bed.left"]
        assert types(series, "r2") == ["alarm.pressed", "dose.taken"]
        assert series.metrics("r1") == [("bed", "")]
        assert series.metrics("r2") == [("battery", "%")]
        assert (series.position(), follower.position, follower.lag) == (8, 8, 0)

    def test_a_restart_remembers_the_measures(self, journal, series):
        """The follower that begins in the middle knows what was decided before, and not what comes later."""
        journal.inputs.write(1, folded(story()[:3]), 0)
        SeriesFollower(journal.inputs, series, day_of).run_once()
        more = [input_of(event(6, "door.opened")), setting_input("measure", "m1", None, version=2)]
        journal.inputs.write(2, folded([*more, input_of(event(7, "door.closed"))]), 1)
        SeriesFollower(journal.inputs, series, day_of).run_once()

        assert types(series, "r1") == ["bed.left", "door.opened"]

    def test_a_replay_may_assume_all_measures(self, journal, series):
        """`all_measures` keeps everybody's behaviour."""
        journal.inputs.write(1, folded(story()), 0)
        SeriesFollower(journal.inputs, series, day_of, all_measures=True).run_once()

        assert types(series, "r2") == ["bed.left", "alarm.pressed", "dose.taken"]

    def test_a_store_ahead_of_the_log_is_filled_again(self, journal, series):
        """It has followed a log that is no more: what this one holds is written from its beginning."""
        series.write(99, [], [])
        journal.inputs.write(1, folded(story()), 0)
        assert SeriesFollower(journal.inputs, series, day_of).run_once() == 8

        assert series.position() == 8
        assert types(series, "r1") == ["bed.left"]

    def test_a_cut_log_is_followed_with_the_settings_in_force(self, journal, series):
        """The rows that made the measures may be gone; without them nobody's day would be kept."""
        journal.inputs.write(1, folded([clock_input(NOON_MS)]), 0)
        journal.inputs.write(2, folded([input_of(event(1, "bed.left"))]), 1)
        measure = Setting("measure/m1", 1, "measure", {"resident": "r1", "from": "2026-03-01"})
        uncut = SeriesFollower(journal.inputs, series, day_of, known=lambda: [measure])
        assert uncut.run_once() == 2
        assert types(series, "r1") == [], "the log is whole and tells of no measure"

        journal.cut(0, 1, NOON_MS + 1)
        series.write(0, [], [])
        cut = SeriesFollower(journal.inputs, series, day_of, known=lambda: [measure])
        assert cut.run_once() == 1
        assert types(series, "r1") == ["bed.left"]

    def test_partitions_are_followed_side_by_side(self, journal, series):
        """Each from its own position; the slowest one's counts, and what is behind is told for all."""
        journal.inputs.write(1, folded(story()), 0)
        SeriesFollower({3: journal.inputs}, series, day_of).run_once()
        both = SeriesFollower({0: journal.inputs, 3: journal.inputs}, series, day_of)
        assert (both.position, both.lag) == (0, 16)
        assert both.run_once() == 8, "partition 3 stands at its end"

        assert (both.position, both.lag) == (8, 0)
        assert [series.position(one) for one in (0, 1, 3)] == [8, 0, 8]

    def test_a_long_log_is_not_read_for_its_settings(self, journal, series):
        """With `scan` off, those in force count from the first row on."""
        journal.inputs.write(1, folded([input_of(event(1, "bed.left")), input_of(event(2, "bed.occupied"))]), 0)
        series.write(1, [], [])
        measure = Setting("measure/m1", 1, "measure", {"resident": "r1", "from": "2026-03-01"})
        assert SeriesFollower(journal.inputs, series, day_of, known=lambda: [measure], scan=False).run_once() == 1

        assert types(series, "r1") == ["bed.occupied"]

    def test_last_heard_is_written_at_most_every_two_seconds(self, series):
        """However often it is offered; only what has changed; the API reads it."""
        now = [0.0]
        seen = DeviceSeen(series, lambda: now[0])
        assert seen.offer({"a:1": 10, "a:2": 20}) == 2
        assert seen.offer({"a:1": 11}) == 0
        now[0] = 2.0
        assert seen.offer({"a:1": 12, "a:2": 20}) == 1
        assert seen.offer({"a:2": 21}, at_once=True) == 1

        assert series.heard() == {"a:1": 12, "a:2": 21}
        now[0] = 9.0
        assert DeviceSeen(series, lambda: now[0]).offer({"a:1": 12}) == 0, "known over a restart"
