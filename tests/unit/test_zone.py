"""Zone: the tracker's own word, and a circle of our own where positions come often enough to be believed."""

from __future__ import annotations

from typing import Any

from rules.distance import metres_between, micro_degrees
from rules.effects import Update, alarm_alert_id
from tests.support.home_story import HomeStory, effect_bytes, retell

HOME = (59.9, 10.7)
METRES_NORTH = 1 / 111_195.08  # degrees a metre
CIRCLE = {"latitude": HOME[0], "longitude": HOME[1], "radius_metres": 300}


def walk(*, risks: tuple[str, ...] = (), circle: bool = True, **plan: Any) -> HomeStory:
    story = HomeStory(risks=risks)
    story.set("measure", "m2", {"resident": "r1", "service": "localisation", "from": "2020-01-01"})
    if circle:
        story.set("plan", "p1", {"resident": "r1", "rule": "R13", "set": {**CIRCLE, **plan}})
    return story


def fix(story: HomeStory, clock: str, metres: float, accuracy: float | None = 10, **given: Any) -> None:
    content: dict[str, Any] = {} if accuracy is None else {"accuracy_metres": accuracy}
    story.event(
        "position.fixed",
        story.at(clock),
        role="tracker",
        latitude=HOME[0] + metres * METRES_NORTH,
        longitude=HOME[1],
        **content,
        **given,
    )


def fired(story: HomeStory) -> list[tuple[int, str, str]]:
    return [(alert.at_ms, alert.priority, alert.reason.code) for alert in story.raised("R13")]


def test_distances_are_those_of_the_sphere() -> None:
    """A degree of latitude, one of longitude at 60 degrees, across the date line, and none at all; whole metres."""
    oslo = (micro_degrees(59.9139), micro_degrees(10.7522))
    assert metres_between(*oslo, *oslo) == 0
    assert metres_between(0, 0, 1_000_000, 0) == 111_195
    assert metres_between(60_000_000, 10_000_000, 60_000_000, 11_000_000) == 55_597
    assert metres_between(0, 179_999_000, 0, -179_999_000) == 222
    # Oslo S to Nationaltheatret, by the haversine formula 1 087 m
    assert abs(metres_between(59_910_900, 10_752_300, 59_914_600, 10_734_300) - 1_084) <= 4


def test_two_positions_outside_are_enough() -> None:
    """Radius plus accuracy, twice within two minutes: raised at the second, with how far out."""
    story = walk()
    fix(story, "10:00", 100)
    fix(story, "10:01", 312)
    fix(story, "10:03", 320)
    assert fired(story) == [(story.at("10:03"), "P2", "zone.outside")]
    assert story.raised("R13")[0].reason.args["metres"] in (19, 20)


def test_one_metre_less_is_not_outside() -> None:
    """At radius plus accuracy it decides nothing, however often."""
    story = walk()
    for clock in ("10:00", "10:01", "10:02", "10:03", "10:04"):
        fix(story, clock, 309.5)
    story.until(story.at("11:00"))
    assert fired(story) == []


def test_positions_that_come_seldom_decide_nothing() -> None:
    """Every two minutes and a second: where somebody was, not that they went; and one alone says nothing."""
    story = walk()
    for clock in ("10:00:00", "10:02:01", "10:04:02", "10:06:03"):
        fix(story, clock, 900)
    story.until(story.at("12:00"))
    assert fired(story) == []
    assert {note.reason.code for note in story.noted("disarmed", "R13")} == {"zone.no_more_positions"}


def test_three_minutes_outside_with_positions_that_decide_nothing() -> None:
    """Outside once, then positions of 150 m: after three minutes it fires, since they still come."""
    story = walk()
    fix(story, "10:00", 900)
    fix(story, "10:01:30", 900, accuracy=150)
    fix(story, "10:02:30", 900, accuracy=101)
    story.until(story.at("10:10"))
    assert fired(story) == [(story.at("10:03"), "P2", "zone.outside")]


def test_bad_accuracy_never_decides() -> None:
    """101 m decides nothing; 100 m does; none said counts as 100 m."""
    for accuracy, metres, expected in ((101, 5_000, 0), (100, 401.5, 1), (None, 399.5, 0), (None, 401.5, 1)):
        story = walk()
        fix(story, "10:00", metres, accuracy)
        fix(story, "10:01", metres, accuracy)
        fix(story, "10:02", metres, accuracy)
        story.until(story.at("11:00"))
        assert len(fired(story)) == expected, (accuracy, metres)


def test_a_position_inside_breaks_the_row() -> None:
    """Out, in, out: one each; only two in a row count."""
    story = walk()
    for clock, metres in (("10:00", 400), ("10:01", 299), ("10:02", 400), ("10:03", 299)):
        fix(story, clock, metres)
    story.until(story.at("11:00"))
    assert fired(story) == []


def test_in_again_only_by_the_margin() -> None:
    """Out; 260 m plus 10 is not yet in, 239 plus 10 is; then the next way out is a new alert."""
    story = walk()
    for clock, metres in (("10:00", 400), ("10:01", 400), ("10:02", 260), ("10:03", 400), ("10:04", 241.5)):
        fix(story, clock, metres)
    assert (len(fired(story)), story.cleared()) == (1, [])
    fix(story, "10:05", 239)
    assert [(clear.at_ms, clear.retracted) for clear in story.cleared()] == [(story.at("10:05"), False)]
    fix(story, "10:06", 400)
    fix(story, "10:07", 400)
    assert len(fired(story)) == 2


def test_without_a_circle_only_the_tracker_speaks() -> None:
    """No plan: positions decide nothing; the tracker's own word does, and its word ends it."""
    story = walk(circle=False)
    fix(story, "10:00", 90_000)
    fix(story, "10:01", 90_000)
    assert fired(story) == []
    story.event("zone.left", story.at("10:02"), role="tracker", zone="home")
    story.event("zone.entered", story.at("10:30"), role="tracker", zone="home")
    assert fired(story) == [(story.at("10:02"), "P2", "zone.told")]
    assert [clear.at_ms for clear in story.cleared()] == [story.at("10:30")]


def test_with_wander_risk_the_trackers_word_is_an_alarm() -> None:
    """P1 with the floor's id, in a pause too, at once though an hour late; her return is a cause of it."""
    story = walk(risks=("wander",))
    story.set("pause", "p", {"resident": "r1", "from_ms": story.at("09:00"), "until_ms": story.at("18:00")})
    story.event("zone.left", story.at("10:00"), heard_ms=story.at("11:00"), role="tracker", zone="home")
    (alert,) = story.raised("R13")
    assert (alert.at_ms, alert.priority, alert.alarm) == (story.at("11:00"), "P1", True)
    assert alert.alert_id == alarm_alert_id("solbakken", alert.episode)
    assert alert.late_ms == 3_600_000
    story.event("zone.entered", story.at("12:00"), role="tracker", zone="home")
    assert story.cleared() == []
    told = [effect for effect in story.effects if isinstance(effect, Update) and effect.reason.code == "zone.over"]
    assert [(one.alert_id, one.rule) for one in told] == [(alert.alert_id, "R13")]


def test_an_alarm_of_the_tracker_beside_our_own() -> None:
    """Our circle had it first, then the tracker says it as an alarm: two alerts; ours is over when she is back."""
    story = walk(risks=("wander",))
    fix(story, "10:00", 400)
    fix(story, "10:01", 400)
    story.event("zone.left", story.at("10:02"), role="tracker", zone="home")
    fix(story, "10:03", 100)
    own, told = story.raised("R13")
    assert [alert.priority for alert in (own, told)] == ["P1", "P1"]
    assert [clear.alert_id for clear in story.cleared()] == [own.alert_id]
    assert (own.condition, told.condition) == ("active", "momentary")


def test_a_pause_withholds_our_own_circle() -> None:
    """A planned outing until 12:00: held, and raised then if she is still out; home before, nothing."""
    for back, expected in ((None, 1), ("11:00", 0)):
        story = walk()
        story.set("pause", "p", {"resident": "r1", "from_ms": story.at("09:00"), "until_ms": story.at("12:00")})
        fix(story, "10:00", 400)
        fix(story, "10:01", 400)
        if back is not None:
            fix(story, back, 10)
        story.until(story.at("13:00"))
        assert [code for _, _, code in fired(story)] == ["zone.outside"] * expected
        assert [note.reason.code for note in story.noted("held", "R13")] == ["hold.pause"]


def test_positions_out_of_a_buffer_settle() -> None:
    """Out and in again while the tracker had no network: recorded only; still out: after the settle, with its delay."""
    story = walk()
    fix(story, "10:00", 400, heard_ms=story.at("12:00"))
    fix(story, "10:01", 400, heard_ms=story.at("12:00"))
    fix(story, "10:10", 10, heard_ms=story.at("12:00:10"))
    story.until(story.at("12:10"))
    assert fired(story) == []
    assert [note.reason.code for note in story.noted("recorded_only", "R13")] == ["zone.over_before_heard"]
    fix(story, "13:00", 400, heard_ms=story.at("14:00"))
    fix(story, "13:01", 400, heard_ms=story.at("14:00"))
    story.until(story.at("14:10"))
    (alert,) = story.raised("R13")
    assert (alert.at_ms, alert.late_ms) == (story.at("14:00:30"), story.at("14:00:30") - story.at("13:01"))


def test_positions_out_of_order() -> None:
    """An older position after a newer one is history; one from before it was due retracts."""
    story = walk()
    fix(story, "10:00", 400)
    fix(story, "09:59", 10, heard_ms=story.at("10:00:20"))
    fix(story, "10:01:30", 400, accuracy=500)
    story.until(story.at("10:03"))
    assert len(fired(story)) == 1
    fix(story, "10:02", 10, heard_ms=story.at("10:03:10"))
    assert [clear.retracted for clear in story.cleared()] == [True]


def test_a_position_that_a_broker_kept_is_none() -> None:
    """Retained: where somebody was when it was told last."""
    story = walk()
    fix(story, "10:00", 400, quality=("retained",))
    fix(story, "10:01", 400, quality=("retained",))
    story.until(story.at("10:30"))
    assert fired(story) == []


def test_told_twice_it_is_the_same() -> None:
    """The same inputs give the same bytes, saved and restored while somebody is leaving."""
    story = walk()
    fix(story, "10:00", 400)
    story.fold.restore(story.fold.snapshot())
    fix(story, "10:01", 400)
    story.fold.restore(story.fold.snapshot())
    fix(story, "10:10", 10)
    assert (len(fired(story)), len(story.cleared())) == (1, 1)
    assert retell(story.inputs) == effect_bytes(story.effects)
