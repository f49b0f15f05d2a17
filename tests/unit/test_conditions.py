"""The small conditions of a rule: who, where, when, with whom about; and rules that are shipped switched off."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from rules.book import Layer, Match, Rule, Variant, with_versions
from rules.book_check import check_book
from rules.effects import Observe
from tests.support.home_story import BOOK, HomeStory

RULE = Rule("OWN", "signal", {"nb": "Egen", "en": "Own"}, "The nurse wants to know it.", "P3")
MAUNDY_THURSDAY = date(2026, 4, 2)


def story(match: Match, day: date = date(2026, 3, 2), *, rule: Rule = RULE, **home: Any) -> HomeStory:
    """A home whose book has one more rule, on motion; the story is of a Monday unless it says so."""
    own = msgspec.structs.replace(rule, enter=(msgspec.structs.replace(match, types=("motion.detected",)),))
    return HomeStory(
        day, book=check_book(with_versions(msgspec.structs.replace(BOOK, rules=(*BOOK.rules, own)))), **home
    )


def fires(told: HomeStory, clock: str = "12:00", **content: Any) -> bool:
    before = len(told.raised("OWN"))
    told.event("motion.detected", told.at(clock), **content)
    return len(told.raised("OWN")) > before


@pytest.mark.parametrize(
    ("match", "clock", "expected"),
    [
        (Match(), "12:00", True),
        (Match(rooms=("hall",)), "12:00", True),
        (Match(rooms=("kitchen",)), "12:00", False),
        (Match(roles=("motion",)), "12:00", True),
        (Match(window="22:00-06:00"), "22:00", True),
        (Match(window="22:00-06:00"), "21:59", False),
        (Match(window="22:00-06:00"), "05:59", True),
        (Match(window="22:00-06:00"), "06:00", False),
        (Match(weekdays=("mon",)), "12:00", True),
        (Match(weekdays=("sun", "tue")), "12:00", False),
        (Match(holiday=False), "12:00", True),
        (Match(holiday=True), "12:00", False),
        (Match(alone=True), "12:00", True),
        (Match(alone=False), "12:00", False),
        (Match(risks=("wander", "fall")), "12:00", True),
        (Match(risks=("wander",)), "12:00", False),
        (Match(no_risks=("wander",)), "12:00", True),
        (Match(no_risks=("fall",)), "12:00", False),
        (Match(critical=False), "12:00", True),
        (Match(critical=True), "12:00", False),
        (Match(staff=False), "12:00", True),
        (Match(away=True), "12:00", False),
        (Match(paused=True), "12:00", False),
    ],
)
def test_each_condition_can_say_no(match: Match, clock: str, expected: bool) -> None:
    """Room, role, local time (half-open, over midnight), weekday, holiday, company, risks, staff, away, pause."""
    assert fires(story(match, risks=("fall",)), clock) is expected


def test_a_public_holiday_is_a_norwegian_one() -> None:
    """Maundy Thursday is one in Norway, the day before is none."""
    assert fires(story(Match(holiday=True), MAUNDY_THURSDAY))
    assert not fires(story(Match(holiday=True), date(2026, 4, 1)))


def test_staff_away_and_pause_are_those_of_now() -> None:
    """A condition follows how things stand, and a pause counts only for the rules that it names."""
    for match, kind in ((Match(staff=True), "staff.arrived"), (Match(away=True), "away.started")):
        told = story(match)
        told.event(kind, told.at("11:00"), tag="s1")
        assert fires(told), kind
    for rules, expected in (([], True), (["OWN"], True), (["R16"], False)):
        told = story(Match(paused=True))
        pause = {"resident": "r1", "from_ms": told.at("10:00"), "until_ms": told.at("14:00"), "rules": rules}
        told.set("pause", "p1", pause)
        assert fires(told) is expected


def test_the_window_may_be_a_parameter_so_that_a_person_has_their_own() -> None:
    """`in_window` asks the parameter in force for them; a plan changes it, and what stands is looked at again."""
    rule = msgspec.structs.replace(RULE, kind="dwell", set={"for": "0 s", "window": "22:00-06:00"})
    told = story(Match(in_window="window"), rule=rule)
    assert not fires(told, "12:00")
    plan = {"resident": "r1", "rule": "OWN", "set": {"window": "11:00-14:00"}}
    told.set("plan", "plan-1", plan, told.at("12:30"))
    assert [alert.at_ms for alert in told.raised("OWN")] == [told.at("12:30")]


def test_a_rule_shipped_switched_off_is_switched_on_by_ward_or_person() -> None:
    """`on: false` in the book; a layer of the ward or a plan says yes, for whom it says so and from then on."""
    off = msgspec.structs.replace(RULE, set={"on": False})
    assert not fires(story(Match(), rule=off))
    told = story(Match(), rule=off)
    told.set("plan", "plan-1", {"resident": "r1", "rule": "OWN", "set": {"on": True}}, told.at("11:00"))
    assert fires(told, "12:00")
    told.set("plan", "plan-1", None, told.at("13:00"))
    assert not fires(told, "14:00")
    layered = story(Match(), rule=off)
    book = layered.fold.state.book
    assert book is not None
    north = Layer("ward nord", "nord", {"OWN": {"on": True}})
    layered.book(with_versions(msgspec.structs.replace(book, layers=(north,))), layered.at("09:00"))
    assert fires(layered)


def test_switching_a_rule_off_ends_what_it_watches_and_says_why() -> None:
    """A nurse switches R05 off for one person while she is up: nothing comes, and it can be asked why."""
    told = HomeStory(date(2026, 3, 2))
    told.event("bed.occupied", told.at("22:10"))
    told.event("bed.left", told.at("23:00"))
    told.set("plan", "plan-1", {"resident": "r1", "rule": "R05", "set": {"on": False}}, told.at("23:05"))
    told.until(told.at("23:59"))
    assert told.raised("R05") == []
    assert "watch.switched_off" in [e.reason.code for e in told.effects if isinstance(e, Observe) and e.rule == "R05"]


def test_a_variant_asks_for_the_person_too() -> None:
    """A rule on a state has no event when it fires: who it is about decides its priority."""
    variant = Variant(when=Match(risks=("wander",)), priority="P1")
    rule = msgspec.structs.replace(RULE, kind="dwell", set={"for": "5 min"}, variants=(variant,))
    for risks, priority in (((), "P3"), (("wander",), "P1")):
        told = story(Match(), rule=rule, risks=risks)
        told.event("motion.detected", told.at("12:00"))
        told.until(told.at("12:06"))
        assert [alert.priority for alert in told.raised("OWN")] == [priority]
