"""Sequences and zones under any timeline: nothing raises, and neither cuts nor clock records change a byte."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.record import CLOCK, Input
from rules.effects import Clear, Raise
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes

MIN = 60_000
CIRCLE = {"latitude": 59.9, "longitude": 10.7, "radius_metres": 300}
TOLD: dict[str, tuple[str, dict[str, Any]]] = {
    "door.opened": ("front_door", {}),
    "door.closed": ("front_door", {}),
    "motion.detected": ("motion", {}),
    "bed.occupied": ("bed", {}),
    "staff.arrived": ("tag", {"tag": "s1"}),
    "staff.left": ("tag", {"tag": "s1"}),
    "alarm.pressed": ("pendant", {"trigger": "pendant"}),
    "alarm.cancelled": ("pendant", {"trigger": "pendant"}),
    "voice.connected": ("hub", {}),
    "voice.failed": ("hub", {}),
    "nursecall.called": ("nurse_call", {}),
    "nursecall.assist": ("nurse_call", {}),
    "nursecall.reset": ("nurse_call", {}),
    "zone.left": ("tracker", {"zone": "home"}),
    "zone.entered": ("tracker", {"zone": "home"}),
    "tracking.started": ("tracker", {}),
    "tracking.ended": ("tracker", {}),
    "visit.planned": ("tablet", {"visit_id": "v1"}),
    "visit.started": ("tablet", {"visit_id": "v1"}),
    "visit.missed": ("tablet", {"visit_id": "v1"}),
    "inside": ("tracker", {"latitude": 59.9, "longitude": 10.7, "accuracy_metres": 10}),
    "outside": ("tracker", {"latitude": 59.91, "longitude": 10.7, "accuracy_metres": 10}),
    "nowhere": ("tracker", {"latitude": 59.91, "longitude": 10.7, "accuracy_metres": 900}),
}
timelines = st.lists(
    st.tuples(st.sampled_from(sorted(TOLD)), st.sampled_from([0, 1, 2, 5, 40]), st.sampled_from([0, 0, 0, 1, 90])),
    max_size=14,
)


def told(timeline: list[tuple[str, int, int]], risks: tuple[str, ...]) -> HomeStory:
    """What, minutes after the one before, minutes late."""
    story = HomeStory(risks=risks)
    story.set("measure", "m2", {"resident": "r1", "service": "localisation", "from": "2020-01-01"})
    story.set("plan", "p1", {"resident": "r1", "rule": "R13", "set": CIRCLE})
    at_ms = story.at("23:00")
    for name, wait_min, late_min in timeline:
        at_ms += wait_min * MIN
        role, content = TOLD[name]
        if name == "visit.planned":
            content = {**content, "planned_at_ms": at_ms + 10 * MIN}
        type_ = "position.fixed" if name in ("inside", "outside", "nowhere") else name
        story.event(type_, at_ms - late_min * MIN, heard_ms=at_ms, role=role, **content)
    story.until(at_ms + 360 * MIN)
    return story


@settings(max_examples=25, deadline=None)
@given(timelines, st.sampled_from([(), ("wander",)]), st.integers(0, 30))
def test_nothing_raises_and_a_cut_changes_nothing(
    timeline: list[tuple[str, int, int]], risks: tuple[str, ...], cut: int
) -> None:
    """No rule is set aside; saved and restored somewhere, with clock records between, it says the same."""
    story = told(timeline, risks)
    assert story.noted("quarantined") == []
    fold, effects = HomeFold(BOOK, "solbakken"), []
    for number, each in enumerate(story.inputs):
        effects += fold.apply(Input(CLOCK, each.received_at_ms))
        effects += fold.apply(each)
        if number == cut % len(story.inputs):
            kept = fold.snapshot()
            fold = HomeFold(BOOK, "solbakken")
            fold.restore(kept)
    assert effect_bytes(effects) == effect_bytes(story.effects)


@settings(max_examples=25, deadline=None)
@given(timelines, st.sampled_from([(), ("wander",)]))
def test_what_is_cleared_was_raised_and_no_alarm_is(
    timeline: list[tuple[str, int, int]], risks: tuple[str, ...]
) -> None:
    """A clear names an open alert raised before it, once, and never a person's alarm."""
    open_ids: set[str] = set()
    for effect in told(timeline, risks).effects:
        if isinstance(effect, Raise) and effect.condition == "active":
            assert not effect.alarm or effect.rule == "R04"
            open_ids.add(effect.alert_id)
        elif isinstance(effect, Clear):
            assert effect.alert_id in open_ids
            open_ids.remove(effect.alert_id)
