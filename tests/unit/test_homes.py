"""Homes that sleep: what a fold says and saves does not depend on which of them are at hand."""

from __future__ import annotations

import msgspec
import pytest

from ingest.record import Input
from rules.facts import Facts
from rules.home_fold import HomeFold
from rules.home_state import Home
from rules.homes import Head, head_of
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


@pytest.mark.parametrize("awake_max", [0, 10])
def test_a_restart_fires_no_timer_late(awake_max: int) -> None:
    """An input at the very time of the first timer fires it, though the restart took that time as it was written."""
    story = HomeStory()
    story.event("bed.occupied", story.at("23:00"))
    story.event("bed.left", story.at("02:00", 1))
    fold = HomeFold(BOOK, "solbakken", awake_max=awake_max)
    fold.restore(story.fold.snapshot())
    assert len(fold.state.homes) == min(awake_max, 1)
    due_ms = story.fold.next_due_ms()
    assert due_ms is not None
    told = story.until(due_ms)
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


@pytest.mark.parametrize("now_ms", [0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, -1, -33, -129, -(2**40)])
@pytest.mark.parametrize("due_ms", [None, 5, 300, 70_000, 2**32, -200])
@pytest.mark.parametrize("aside", [True, False])
def test_the_beginning_of_a_home_is_read_alone(now_ms: int, due_ms: int | None, aside: bool) -> None:
    """Now, first timer and flag come out as they were written, however many bytes each of them takes."""
    known = msgspec.msgpack.encode(Home(now_ms, due_ms, aside, Facts("h1")))
    assert head_of(known) == Head(now_ms, due_ms, aside)
