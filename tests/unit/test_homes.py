"""Homes that sleep: what a fold says and saves does not depend on which of them are at hand."""

from __future__ import annotations

import msgspec

from ingest.record import Input
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes


def asleep(story: HomeStory) -> HomeFold:
    """The story's fold after a restart that woke nobody."""
    fold = HomeFold(BOOK, "solbakken", awake_max=0)
    fold.restore(story.fold.snapshot())
    assert fold.state.homes == {}
    return fold


def elsewhere(given: Input, home: str) -> Input:
    """The same input in another home."""
    event = None if given.event is None else msgspec.structs.replace(given.event, home=home)
    return msgspec.structs.replace(given, home=home, event=event)


def test_a_timer_wakes_its_home() -> None:
    """She left her bed before the restart and nothing is heard since: R05 fires on time."""
    story = HomeStory()
    story.event("bed.occupied", story.at("23:00"))
    story.event("bed.left", story.at("02:00", 1))
    fold = asleep(story)
    assert fold.next_due_ms() == story.fold.next_due_ms()
    told = story.until(story.at("03:00", 1))
    assert effect_bytes(fold.apply(story.inputs[-1])) == effect_bytes(told) != effect_bytes([])


def test_those_that_were_quiet_for_longest_sleep() -> None:
    """With room for two of four homes the last two are awake, and the snapshot has all of them as ever."""
    story = HomeStory()
    story.event("bed.left", story.at("02:00"))
    small, roomy = HomeFold(BOOK, "solbakken", awake_max=2), HomeFold(BOOK, "solbakken")
    for number in range(4):
        for given in story.inputs:
            later = msgspec.structs.replace(given, received_at_ms=given.received_at_ms + number)
            assert small.apply(elsewhere(later, f"h{number}")) == roomy.apply(elsewhere(later, f"h{number}"))
    assert sorted(small.state.homes) == ["h2", "h3"]
    assert small.snapshot() == roomy.snapshot()


def test_who_has_a_rule_set_aside_does_not_sleep() -> None:
    """The status page names them after a restart, without waking everybody."""
    story = HomeStory()
    story.event("bed.left", story.at("02:00"))
    story.fold.state.homes["h1"].instances["R05/r1"].quarantined = "v1"
    fold = HomeFold(BOOK, "solbakken", awake_max=0)
    fold.restore(story.fold.snapshot())
    assert fold.quarantined() == [{"rule": "R05", "subject": "r1"}]


def test_a_home_that_sleeps_can_be_kept_alone() -> None:
    """An explanation wants one home of a base; what nobody knows leaves none."""
    story = HomeStory()
    fold = asleep(story)
    fold.keep_only("h1")
    assert list(fold.state.homes) == ["h1"]
    fold.keep_only("h2")
    assert fold.state.homes == {}
