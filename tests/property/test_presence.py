"""The guess that somebody is out, under any timeline: the same bytes however told, never against what is known."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.record import CLOCK, Input
from rules.effects import Observe
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes, retell

MIN = 60_000
SEEN = (
    ("door.opened", "front_door"), ("door.closed", "front_door"), ("motion.detected", "motion"),
    ("motion.detected", "bathroom_motion"), ("motion.detected", "entry_motion"), ("chair.occupied", "chair"),
    ("chair.left", "chair"), ("bed.occupied", "bed"), ("bed.left", "bed"), ("away.started", "hub"),
    ("away.ended", "hub"), ("device.offline", "gateway"), ("device.online", "gateway"),
)  # fmt: skip
# (what is seen, minutes since the last input, minutes of delay)
steps = st.tuples(st.sampled_from(SEEN), st.sampled_from([0, 1, 3, 29, 31, 61, 400]), st.sampled_from([0, 0, 0, 2, 90]))
timelines = st.lists(steps, max_size=40)
Timeline = list[tuple[tuple[str, str], int, int]]


def told(timeline: Timeline, *, door: bool = True) -> HomeStory:
    """A story from a drawn timeline, in a home whose front door has a sensor or none."""
    story = HomeStory()
    if door:
        story.set("device", "d-front_door", {"resident": "r1", "role": "front_door", "room": "hall"})
    now_ms = story.at("06:00")
    for (name, role), wait_min, delay_min in timeline:
        now_ms += wait_min * MIN
        if door or role != "front_door":
            story.event(name, now_ms - delay_min * MIN, heard_ms=now_ms, role=role)
    story.until(now_ms + 600 * MIN)
    return story


@settings(max_examples=40)
@given(timelines, st.booleans(), st.integers(0, 45))
def test_told_otherwise_it_is_the_same(timeline: Timeline, door: bool, place: int) -> None:
    """More clock records, or a cut and a restore anywhere: the same effects byte for byte."""
    story = told(timeline, door=door)
    first, second = HomeFold(BOOK, "solbakken"), HomeFold(BOOK, "other")
    effects = [effect for item in story.inputs[:place] for effect in first.apply(item)]
    second.restore(first.snapshot())
    effects += [effect for item in story.inputs[place:] for effect in second.apply(item)]
    assert effect_bytes(effects) == effect_bytes(story.effects)
    clocks = [one for item in story.inputs for one in (Input(CLOCK, item.received_at_ms), item)]
    assert retell(clocks) == effect_bytes(story.effects)


@settings(max_examples=40)
@given(timelines, st.booleans())
def test_away_and_home_take_turns(timeline: Timeline, door: bool) -> None:
    """Nobody goes twice without coming home, and each is told when the fold's time was there."""
    story = told(timeline, door=door)
    kinds = [one.kind for one in story.effects if isinstance(one, Observe) and one.kind in ("away", "home")]
    assert kinds == ["away", "home"] * (len(kinds) // 2) + ["away"] * (len(kinds) % 2)


@given(timelines, st.booleans())
def test_a_guess_is_never_against_what_is_known(timeline: Timeline, door: bool) -> None:
    """When somebody is taken to be out, neither bed nor chair is taken, no way is broken, and a way out was seen."""
    story = HomeStory()
    fold, facts = story.fold, story.fold.state.homes["h1"].facts
    inputs = told(timeline, door=door).inputs[len(story.inputs) :]
    for item in (one for each in inputs for one in (Input(CLOCK, each.received_at_ms), each)):
        for effect in fold.apply(item):
            if isinstance(effect, Observe) and effect.reason.code in ("away.by_door", "away.by_entrance"):
                taken = {trace.last.type for family in facts.families for trace in facts.traces(family)}
                assert not taken & {"bed.occupied", "chair.occupied"}
                assert facts.broken_way("r1") is None
                assert (effect.reason.code == "away.by_door") == door
