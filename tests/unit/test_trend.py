"""The kind trend: rises and falls against the lowest, the highest or the median; disorder; bounds."""

from __future__ import annotations

from typing import Any

from rules.book import Book, Match, Rule, with_versions
from rules.book_check import check_book
from rules.home_fold import HomeFold
from rules.kinds.trend import VALUES_MAX, TrendState
from rules.parameters import Written
from tests.support.home_story import HomeStory, effect_bytes

DAY_MS = 86_400_000
MEASURED = Match(types=("measured",), where={"metric": ("weight",)})


def book(**parameters: Written) -> Book:
    """A book of one rule R46 with these parameters."""
    names = {"nb": "Vekt", "en": "Weight"}
    return check_book(
        with_versions(Book((Rule("R46", "trend", names, "A test.", "P3", enter=(MEASURED,), set=parameters),)))
    )


def weigh(story: HomeStory, day: int, value: float, clock: str = "07:00", unit: str = "kg", **more: Any) -> None:
    story.event("measured", story.at(clock, day), role="scale", metric="weight", value=value, unit=unit, **more)


def test_a_fall_against_the_highest() -> None:
    """Two kilos less than four days ago, though yesterday was as low as today."""
    story = HomeStory(book=book(fall=2, within="5 d", unit="kg"))
    for day, value in ((0, 70.0), (1, 69.5), (2, 68.5), (3, 68.001)):
        weigh(story, day, value)
    assert story.raised("R46") == []
    weigh(story, 4, 68.0)
    (alert,) = story.raised("R46")
    assert alert.reason.code == "trend.falls"
    assert (alert.reason.args["from"], alert.reason.args["change"], alert.reason.args["limit"]) == (70.0, 2.0, 2.0)
    assert alert.reason.args["since_ms"] == story.at("07:00")


def test_against_the_median_one_strange_day_does_not_count() -> None:
    """The lowest of the week was one bad reading: against it there is a rise, against the median none."""
    days = ((0, 80.0), (1, 78.0), (2, 80.2), (3, 80.1), (4, 80.4))
    lowest, median = (
        HomeStory(book=book(rise=2, within="7 d", unit="kg", against_median=flag, fewest=3)) for flag in (False, True)
    )
    for day, value in days:
        weigh(lowest, day, value)
        weigh(median, day, value)
    assert (len(lowest.raised("R46")), median.raised("R46")) == (1, [])
    weigh(median, 5, 82.1)
    assert median.raised("R46")[0].reason.args["from"] == 80.1


def test_fewer_than_asked_for_say_nothing() -> None:
    """With one value to compare with and two wanted, five kilos are no trend yet."""
    story = HomeStory(book=book(rise=1, within="3 d", unit="kg", fewest=2))
    weigh(story, 0, 80)
    weigh(story, 1, 85)
    assert story.raised("R46") == []
    weigh(story, 2, 85)
    assert len(story.raised("R46")) == 1


def test_the_limit_may_be_written_in_another_unit() -> None:
    """A kilo is a thousand grams, whatever the book says it in."""
    story = HomeStory(book=book(rise=1000, within="24 h", unit="g"))
    weigh(story, 0, 80)
    weigh(story, 1, 81)
    assert story.raised("R46")[0].reason.args["limit"] == 1.0


def test_a_correction_from_before_the_alert_takes_it_back() -> None:
    """Against the median: what was weighed before, but heard after it, shows that nothing rose."""
    story = HomeStory(book=book(rise=2, within="5 d", unit="kg", against_median=True))
    weigh(story, 0, 80)
    weigh(story, 3, 82)
    assert len(story.raised("R46")) == 1
    weigh(story, 1, 81.5, heard_ms=story.at("08:00", 3))
    weigh(story, 2, 81.5, heard_ms=story.at("08:01", 3))
    assert [clear.retracted for clear in story.cleared()] == [True]


def test_the_same_reading_again_is_one() -> None:
    """A gateway that repeats itself adds nothing to compare with."""
    story = HomeStory(book=book(rise=1, within="3 d", unit="kg", fewest=2))
    weigh(story, 0, 80)
    weigh(story, 0, 80, heard_ms=story.at("07:01"))
    weigh(story, 1, 82)
    assert story.raised("R46") == []


def test_a_scale_that_never_stops_talking_is_bounded() -> None:
    """A reading a minute for two days keeps 64 values, spread over the whole time, and still finds the rise."""
    story = HomeStory(book=book(rise=2, within="2 d", unit="kg"))
    for minute in range(0, 2_880, 2):
        story.event("measured", story.at("00:00") + minute * 60_000, role="scale", metric="weight", value=80, unit="kg")
    state = story.fold.state.homes["h1"].instances["R46/r1"].state
    assert isinstance(state, TrendState)
    points = state.tracks["weight"].points
    assert len(points) == VALUES_MAX
    assert points[0][0] - story.at("00:00") < DAY_MS // 2
    weigh(story, 2, 82, clock="00:00")
    assert len(story.raised("R46")) == 1


def test_a_rise_and_its_end_after_a_restart() -> None:
    """What was weighed before a snapshot is compared with after it."""
    story = HomeStory(book=book(rise=1, within="3 d", unit="kg"))
    for day, value in ((0, 80.0), (1, 81.0), (2, 80.2), (3, 81.3)):
        weigh(story, day, value)
    told = effect_bytes(story.effects)
    for cut in range(len(story.inputs)):
        first, second = (HomeFold(book(rise=1, within="3 d", unit="kg"), "solbakken") for _ in range(2))
        effects = [effect for given in story.inputs[:cut] for effect in first.apply(given)]
        second.restore(first.snapshot())
        assert effect_bytes(effects + [e for given in story.inputs[cut:] for e in second.apply(given)]) == told
