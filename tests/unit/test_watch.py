"""Who is watched and who is not any more: measures, rules switched off and on, and who lies on the floor meanwhile."""

from __future__ import annotations

import pytest

from rules.effects import Clear, Observe, Raise
from tests.support.home_story import BOOK, HomeStory, changed, retell, without

MIN = 60_000
HOUR = 60 * MIN
SUPERVISION = {"resident": "r1", "service": "digital_supervision"}


def up_at_night(story: HomeStory) -> int:
    """In bed since eleven, up at 23:50."""
    story.event("bed.occupied", story.at("21:00"))
    left_ms = story.at("23:50")
    story.event("bed.left", left_ms)
    return left_ms


def test_a_measure_that_ends_ends_the_watch_and_leaves_the_alert_to_a_person() -> None:
    """Out of bed since 23:35, alert at 23:55; the decision ends at midnight: cleared, told why, and it stays."""
    story = HomeStory(measure=False)
    story.set("measure", "m1", {**SUPERVISION, "from": "2026-01-01", "until": "2026-03-01"})
    story.event("bed.occupied", story.at("21:00"))
    story.event("bed.left", story.at("23:35"))
    story.until(story.at("06:00", 1))
    (alert,) = story.raised("R05")
    (clear,) = [clear for clear in story.cleared() if clear.alert_id == alert.alert_id]
    assert (clear.at_ms, clear.reason.code, clear.stays, clear.retracted) == (
        story.at("00:00", 1), "watch.no_measure", True, False,
    )  # fmt: skip
    assert {note.rule for note in story.noted("disarmed")} >= {"R05", "R16"}
    before = len(story.cleared())
    story.event("bed.occupied", story.at("06:30", 1))
    assert len(story.cleared()) == before


def test_two_measures_that_touch_are_one_watch() -> None:
    """The new decision begins the day after the old one ends: nothing is interrupted."""
    story = HomeStory(measure=False)
    story.set("measure", "m1", {**SUPERVISION, "from": "2026-01-01", "until": "2026-03-01"})
    story.set("measure", "m2", {**SUPERVISION, "from": "2026-03-02"})
    left_ms = up_at_night(story)
    story.until(left_ms + HOUR)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [20 * MIN]
    assert story.noted("disarmed") == []


def test_a_measure_that_begins_forgets_nobody_on_the_floor() -> None:
    """Up since 23:50 when the decision begins at midnight: the limit counts from 23:50."""
    story = HomeStory(measure=False)
    story.set("measure", "m1", {**SUPERVISION, "from": "2026-03-02"})
    left_ms = up_at_night(story)
    story.until(left_ms + HOUR)
    assert [alert.at_ms - left_ms for alert in story.raised("R05")] == [20 * MIN]


def test_a_measure_typed_in_too_late_still_finds_her() -> None:
    """Entered at 00:40, fifty minutes after she got up: the alert comes at once, with no claim that it was late."""
    story = HomeStory(measure=False)
    left_ms = up_at_night(story)
    story.set("measure", "m1", {**SUPERVISION, "from": "2026-01-01"}, left_ms + 50 * MIN)
    assert [(alert.at_ms - left_ms, alert.late_ms) for alert in story.raised("R05")] == [(50 * MIN, 0)]


def test_silence_before_the_measure_counts_with_patience() -> None:
    """Last motion 07:00, the measure begins at 20:00: half an hour of patience, then an alert about 13 silent hours."""
    story = HomeStory(measure=False)
    story.event("motion.detected", story.at("07:00"))
    story.set("measure", "m1", {**SUPERVISION, "from": "2026-01-01"}, story.at("20:00"))
    story.until(story.at("21:00"))
    (alert,) = story.raised("R16")
    assert (alert.at_ms, alert.reason.args["last_ms"]) == (story.at("20:30"), story.at("07:00"))


def test_a_new_watch_over_the_same_silence_is_a_new_alert() -> None:
    """The measure is taken away and given back, twice, while she is silent: three watches, three alerts, three ids."""
    story = HomeStory()
    story.event("motion.detected", story.at("01:00"))
    for taken, given in (("14:00", "15:00"), ("17:00", "18:00")):
        story.set("measure", "m1", None, story.at(taken))
        story.set("measure", "m1", {**SUPERVISION, "from": "2026-01-01"}, story.at(given))
    story.until(story.at("19:00"))
    alerts = [alert.alert_id for alert in story.raised("R16")]
    assert len(set(alerts)) == len(alerts) == 3
    assert [clear.alert_id for clear in story.cleared() if clear.alert_id in alerts] == alerts[:2]


@pytest.mark.parametrize("rule", ["R05", "R16"])
def test_switching_a_rule_off_clears_what_it_had_open(rule: str) -> None:
    """Nobody watches it any more: cleared with a reason, left to a person, and silent from then on."""
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.until(story.at("15:00"))
    story.set("site", "solbakken", {"timezone": "Europe/Oslo"}, story.at("15:00"))
    (alert,) = story.raised(rule)
    story.book(without(rule), story.at("15:01"))
    assert [(c.alert_id, c.stays, c.reason.code) for c in story.cleared()] == [(alert.alert_id, True, "rule.changed")]


def test_a_rule_switched_on_again_begins_from_how_things_stand() -> None:
    """R05 is off when she gets up at 02:10 and on again at 02:20: the alert comes at 02:30."""
    story = HomeStory(book=without("R05"))
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.book(BOOK, story.at("02:20"))
    story.until(story.at("03:00"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("02:30")]


def test_r36_switched_on_finds_the_gateway_that_is_gone_already() -> None:
    """The gateway is silent since 10:00; the rule comes at 10:30 and fires at 11:00."""
    story = HomeStory(book=without("R36"))
    story.event("device.offline", story.at("10:00"), role="gateway")
    story.book(BOOK, story.at("10:30"))
    story.until(story.at("12:00"))
    assert [alert.at_ms for alert in story.raised("R36")] == [story.at("11:00")]


def test_a_changed_limit_moves_the_timer_and_keeps_the_alert() -> None:
    """The book's limit goes from 20 to 60 min: who is up waits longer, who has an alert keeps it."""
    slower = changed("R05", set={**next(r for r in BOOK.rules if r.id == "R05").set, "for": "60 min"})
    waiting, raised = HomeStory(), HomeStory()
    for story, at in ((waiting, "02:15"), (raised, "02:40")):
        story.event("bed.occupied", story.at("00:00"))
        story.event("bed.left", story.at("02:10"))
        story.book(slower, story.at(at))
        story.until(story.at("04:00"))
    assert [alert.at_ms for alert in waiting.raised("R05")] == [waiting.at("03:10")]
    assert [alert.at_ms for alert in raised.raised("R05")] == [raised.at("02:30")]
    assert raised.cleared() == []
    raised.event("bed.occupied", raised.at("04:10"))
    assert len(raised.cleared()) == 1


def test_a_rule_of_another_kind_begins_anew() -> None:
    """R16 becomes a dwell rule: what it had open is cleared, and its old state is gone."""
    story = HomeStory()
    story.event("motion.detected", story.at("00:30"))
    story.until(story.at("13:00"))
    other = changed("R16", kind="dwell", set={"for": "1 h"}, enter=BOOK.rules[0].enter)
    story.book(other, story.at("13:10"))
    assert [clear.reason.code for clear in story.cleared()] == ["rule.changed"]
    assert retell(story.inputs) != b""


def test_a_changed_time_zone_moves_windows() -> None:
    """The site turns out to lie elsewhere: 02:10 in Oslo is evening in New York, where nobody sleeps yet."""
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    story.set("site", "solbakken", {"timezone": "America/New_York"}, story.at("00:30"))
    story.event("bed.left", story.at("02:10"))
    story.until(story.at("03:00"))
    assert story.raised("R05") == []


def test_a_home_of_two_is_never_extended_and_never_guessed() -> None:
    """Motion elsewhere may be the other one; a mat that is nobody's watches nobody."""
    story = HomeStory()
    story.set("resident", "r2", {"home": "h1"})
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.event("motion.detected", story.at("02:15"))
    story.event("bed.occupied", story.at("00:00"), role="mat", resident=None)
    story.until(story.at("03:00"))
    assert [(alert.subject, alert.at_ms) for alert in story.raised("R05")] == [("r1", story.at("02:30"))]


def test_motion_in_a_shared_home_is_a_sign_of_life_of_each() -> None:
    """A sensor in the hall is nobody's: it counts for both, since either may have passed."""
    story = HomeStory()
    story.set("resident", "r2", {"home": "h1"})
    story.set("measure", "m2", {**SUPERVISION, "resident": "r2", "from": "2020-01-01"})
    story.event("motion.detected", story.at("08:00"), resident=None)
    story.until(story.at("21:00"))
    assert [(alert.subject, alert.at_ms) for alert in story.raised("R16")] == [
        ("r1", story.at("20:00")),
        ("r2", story.at("20:00")),
    ]


def test_who_moves_is_watched_in_the_new_home_only() -> None:
    """Her instances end in the home she leaves; nothing of her fires there again."""
    story = HomeStory()
    story.event("motion.detected", story.at("08:00"))
    story.set("resident", "r1", {"home": "h2"}, story.at("09:00"))
    story.until(story.at("23:00"))
    assert [e for e in story.effects if isinstance(e, Raise | Clear)] == []
    assert [key for key in story.fold.state.homes["h1"].instances if key.endswith("/r1")] == []
    assert all(isinstance(effect, Observe) for effect in story.effects)
