"""Promise 2 for what is shipped switched off: scores, trends and routine, whatever arrives in whatever order."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.book import Rule, with_versions
from rules.effects import Observe, Raise
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes, retell

HOUR_MS = 3_600_000
KINDS = ("score", "trend", "routine")


def switched_on(rule: Rule) -> Rule:
    learned = {"learn_days": 3} if rule.kind == "routine" else {}
    return msgspec.structs.replace(rule, measure=(), set={**rule.set, "on": True, **learned})


ON = with_versions(
    msgspec.structs.replace(BOOK, rules=tuple(switched_on(rule) for rule in BOOK.rules if rule.kind in KINDS))
)
READINGS = (
    ("spo2", "%", st.integers(80, 101)),
    ("heart_rate", "/min", st.integers(30, 150)),
    ("weight", "kg", st.integers(70, 95)),
    ("respiration_rate", "/min", st.integers(0, 30)),
    ("body_temperature", "Cel", st.integers(34, 41)),
    ("systolic", "mm[Hg]", st.integers(80, 230)),
    ("oxygen", "L/min", st.integers(0, 2)),
    ("consciousness", "1", st.sampled_from(["A", "C", "asleep"])),
    ("weight", "m", st.integers(1, 2)),
)
readings = st.one_of(*(st.tuples(st.just(metric), st.just(unit), values) for metric, unit, values in READINGS))
events = st.sampled_from(
    (
        "bed.left",
        "bed.occupied",
        "motion.detected",
        "dose.taken",
        "away.started",
        "away.ended",
        "device.offline",
        "device.online",
    )
)
steps = st.tuples(st.one_of(readings, events), st.integers(0, 20), st.sampled_from([0, 0, 0, 1, 30]))


def told(timeline: list[tuple[Any, int, int]]) -> HomeStory:
    """A story: (reading or event, hours since the last, hours of delay); a pause on the way."""
    story = HomeStory(book=ON)
    now_ms = story.at("06:00")
    for index, (what, wait_h, late_h) in enumerate(timeline):
        now_ms += wait_h * HOUR_MS + 61_000
        at_ms = now_ms - late_h * HOUR_MS
        if isinstance(what, str):
            content: dict[str, Any] = {"dose_id": "d"} if what.startswith("dose.") else {}
            story.event(what, at_ms, heard_ms=now_ms, **content)
        else:
            metric, unit, value = what
            story.event("measured", at_ms, heard_ms=now_ms, role="tablet", metric=metric, value=value, unit=unit)
        if index == 20:
            story.set("pause", "x1", {"resident": "r1", "from_ms": now_ms, "until_ms": now_ms + 9 * HOUR_MS}, now_ms)
    story.until(now_ms + 50 * HOUR_MS)
    return story


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=60), st.integers(0, 70))
def test_any_order_any_cut_the_same_bytes_and_never_an_exception(
    timeline: list[tuple[Any, int, int]], cut: int
) -> None:
    """Nothing is quarantined, a restored fold goes on to the same bytes, and nothing rings as an alarm would."""
    story = told(timeline)
    assert [e.reason for e in story.effects if isinstance(e, Observe) and e.kind in ("quarantined", "skipped")] == []
    expected = effect_bytes(story.effects)
    assert retell(story.inputs, ON) == expected
    first, second = HomeFold(ON, "solbakken"), HomeFold(ON, "solbakken")
    effects = [effect for given_ in story.inputs[:cut] for effect in first.apply(given_)]
    second.restore(first.snapshot())
    effects += [effect for given_ in story.inputs[cut:] for effect in second.apply(given_)]
    assert effect_bytes(effects) == expected
    assert second.snapshot() == story.fold.snapshot()
    raised = [effect for effect in story.effects if isinstance(effect, Raise)]
    assert [one for one in raised if one.priority == "P1" or (one.rule == "ROUTINE" and one.priority < "P3")] == []
