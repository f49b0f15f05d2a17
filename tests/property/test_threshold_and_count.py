"""Thresholds and counts under chance: cut, clocks, disorder, and what may stand open at once."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingest.record import CLOCK, Input
from rules.effects import Clear, Raise
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes, retell, without

MIN_MS = 60_000
KEPT = ("R20", "R31", "R34", "R38", "R39", "R39t", "R40", "R41", "R41m", "R42", "R48")
ONLY = without(*[rule.id for rule in BOOK.rules if rule.id not in KEPT])
SAID = (
    ("measured", "climate"), ("measured", "thermostat"), ("battery.level", "tracker"), ("battery.low", "pendant"),
    ("battery.ok", "pendant"), ("bed.left", "bed"), ("bed.occupied", "bed"), ("bed.left", "bed"),
    ("bed.occupied", "bed"), ("stove.cut_off", "stove"), ("staff.arrived", "hub"), ("staff.left", "hub"),
    ("away.started", "hub"), ("away.ended", "hub"), ("tamper.opened", "pendant"), ("tamper.closed", "pendant"),
)  # fmt: skip

# (what, seconds since the last, minutes of delay, a number)
steps = st.tuples(
    st.sampled_from(SAID), st.sampled_from([1, 20, 60, 1_200, 4_000]), st.sampled_from([0, 0, 0, 2, 90]),
    st.integers(0, 40),
)  # fmt: skip
timelines = st.lists(steps, max_size=60)
Timeline = list[tuple[tuple[str, str], int, int, int]]


def told(timeline: Timeline) -> HomeStory:
    """A story of one evening and on, with a plan and a book that change on the way."""
    story = HomeStory(book=ONLY)
    now_ms = story.at("21:00")
    for index, ((name, role), wait_s, delay_min, number) in enumerate(timeline):
        now_ms += wait_s * 1_000
        content: dict[str, Any] = {"percent": number} if name == "battery.level" else {}
        if name == "measured":
            content = {"metric": "temperature", "value": number - 0.5, "unit": "kg" if number == 7 else "Cel"}
        if name.startswith("staff."):
            content = {"tag": "s1"}
        story.event(name, now_ms - delay_min * MIN_MS, heard_ms=now_ms, role=role, **content)
        if index == 9:
            story.set("plan", "p1", {"resident": "r1", "rule": "R34", "set": {"below": number}}, now_ms)
        if index == 19:
            story.set("plan", "p2", {"resident": "r1", "rule": "R20", "set": {"times": 2}}, now_ms)
    story.until(now_ms + 3_000 * MIN_MS)
    return story


@given(timelines, st.integers(0, 70))
def test_cut_anywhere_and_restored_it_says_the_same(timeline: Timeline, cut: int) -> None:
    """Registers, times and timers are all in the snapshot."""
    story = told(timeline)
    first, second = HomeFold(ONLY, "solbakken"), HomeFold(ONLY, "other")
    effects = [effect for item in story.inputs[:cut] for effect in first.apply(item)]
    second.restore(first.snapshot())
    assert second.snapshot() == first.snapshot()
    effects += [effect for item in story.inputs[cut:] for effect in second.apply(item)]
    assert effect_bytes(effects) == effect_bytes(story.effects)


@given(timelines)
def test_clocks_between_all_inputs_change_nothing(timeline: Timeline) -> None:
    """Timers fire at their own time, whenever somebody looks."""
    story = told(timeline)
    more: list[Input] = []
    for before, item in itertools.pairwise([story.inputs[0], *story.inputs]):
        more += [Input(CLOCK, (before.received_at_ms + item.received_at_ms) // 2), item]
    assert retell(more, ONLY) == effect_bytes(story.effects)


@given(timelines)
def test_one_open_alert_a_rule_and_device_and_no_clear_without_it(timeline: Timeline) -> None:
    """An alert id is raised once; a clear names one that stands; nothing stands twice for one subject and device."""
    open_alerts: dict[tuple[str, str, str | None], str] = {}
    raised: set[str] = set()
    for effect in told(timeline).effects:
        if isinstance(effect, Raise):
            assert effect.alert_id not in raised
            raised.add(effect.alert_id)
            assert (effect.rule, effect.subject, effect.device) not in open_alerts
            open_alerts[effect.rule, effect.subject, effect.device] = effect.alert_id
        if isinstance(effect, Clear):
            assert effect.alert_id in open_alerts.values()
            open_alerts = {key: alert for key, alert in open_alerts.items() if alert != effect.alert_id}


@given(st.permutations(list(range(6))), st.lists(st.integers(1, 8_000), min_size=6, max_size=6, unique=True))
def test_a_count_does_not_depend_on_the_order_within_the_settle(order: list[int], seconds: list[int]) -> None:
    """Six times out of bed, heard in any order within half a minute, are told of alike."""
    only = without(*[rule.id for rule in BOOK.rules if rule.id != "R31"])
    cards = []
    for each in (sorted(range(6), key=lambda index: seconds[index]), order):
        story = HomeStory(book=only)
        start_ms, heard_ms = story.at("01:00"), story.at("04:00")
        for place, index in enumerate(each):
            story.event("stove.cut_off", start_ms + seconds[index] * 1_000, heard_ms=heard_ms + place, role="stove")
        story.until(story.at("04:10"))
        cards.append(
            [(alert.rule, alert.reason.args["since_ms"], alert.reason.args["at_ms"]) for alert in story.raised()]
        )
    assert cards[0] == cards[1]
    assert len(cards[0]) == 1
