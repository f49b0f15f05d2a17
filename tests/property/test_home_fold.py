"""Promise 2 for the home fold: whatever the scheduler did, the same inputs give the same effects byte for byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.record import CLOCK, Input
from rules.effects import Clear, Raise
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes, retell

MIN = 60_000
DEVICES = ("bed.occupied", "bed.left", "motion.detected", "alarm.pressed", "fall.suspected", "fall.cancelled")
OTHERS = ("fall.confirmed", "dose.due", "dose.taken", "dose.missed", "staff.arrived", "staff.left", "away.started")
WAYS = ("away.ended", "device.offline", "device.online", "battery.level", "feed.lost", "feed.gap")
KINDS = DEVICES + OTHERS + WAYS

# (type, minutes since the last input, minutes of delay, from the gateway itself)
steps = st.tuples(
    st.sampled_from(KINDS), st.integers(0, 400), st.sampled_from([0, 0, 0, 1, 5, 90]), st.booleans(), st.integers(0, 3)
)
timelines = st.lists(steps, max_size=60)


def told(timeline: list[tuple[str, int, int, bool, int]]) -> HomeStory:
    """A story from a drawn timeline, with a plan and a pause on the way."""
    story = HomeStory()
    now_ms = story.at("18:00")
    for index, (name, wait_min, delay_min, gateway, dose) in enumerate(timeline):
        now_ms += wait_min * MIN
        content: dict[str, Any] = {"dose_id": f"d{dose}"} if name.startswith("dose.") else {}
        if name == "battery.level":
            content = {"percent": dose}
        if name == "feed.gap":
            content = {"from_ms": now_ms - 30 * MIN, "to_ms": now_ms}
        role = "gateway" if gateway and name.startswith("device.") else None
        story.event(name, now_ms - delay_min * MIN, heard_ms=now_ms, role=role, **content)
        if index == 7:
            story.set("plan", "p1", {"resident": "r1", "rule": "R05", "set": {"for": "35 min"}}, now_ms)
        if index == 11:
            story.set("pause", "x1", {"resident": "r1", "from_ms": now_ms, "until_ms": now_ms + 200 * MIN}, now_ms)
    story.until(now_ms + 2_000 * MIN)
    return story


@given(timelines, st.lists(st.integers(0, 59), max_size=10))
def test_extra_clock_records_change_nothing(timeline: list[tuple[str, int, int, bool, int]], where: list[int]) -> None:
    """A loop that ran at other moments (more `clock` inputs) gives the same bytes."""
    story = told(timeline)
    more: list[Input] = []
    for index, item in enumerate(story.inputs):
        if index in where:
            before_ms = story.inputs[index - 1].received_at_ms if index else item.received_at_ms
            more += [Input(CLOCK, at_ms) for at_ms in ((before_ms + item.received_at_ms) // 2, item.received_at_ms)]
        more.append(item)
    assert retell(more) == effect_bytes(story.effects)


@given(timelines, st.integers(0, 70), st.booleans())
def test_cut_anywhere_and_restore(timeline: list[tuple[str, int, int, bool, int]], cut: int, asleep: bool) -> None:
    """Stop after any input, write the state, read it back elsewhere, at once or when first needed: all is the same."""
    story = told(timeline)
    first, second = HomeFold(BOOK, "solbakken"), HomeFold(BOOK, "other", awake_max=0 if asleep else 10)
    effects = [effect for item in story.inputs[:cut] for effect in first.apply(item)]
    state = first.snapshot()
    second.restore(state)
    assert second.snapshot() == state
    effects += [effect for item in story.inputs[cut:] for effect in second.apply(item)]
    assert effect_bytes(effects) == effect_bytes(story.effects)


@given(timelines)
def test_no_clear_without_its_alert_and_no_two_open(timeline: list[tuple[str, int, int, bool, int]]) -> None:
    """A clear names an alert raised before; a rule has at most one open alert a subject; time never goes back."""
    story = told(timeline)
    open_alerts: dict[tuple[str, str], str] = {}
    raised: set[str] = set()
    last_ms = 0
    for effect in story.effects:
        assert effect.at_ms >= last_ms
        last_ms = effect.at_ms
        if isinstance(effect, Raise):
            assert effect.alert_id not in raised
            raised.add(effect.alert_id)
            if effect.condition == "active" and effect.rule not in ("R22", "R23"):  # one a dose
                assert (effect.rule, effect.subject) not in open_alerts
                open_alerts[effect.rule, effect.subject] = effect.alert_id
        if isinstance(effect, Clear):
            assert effect.alert_id in raised
            open_alerts = {key: alert for key, alert in open_alerts.items() if alert != effect.alert_id}


def next_door(item: Input) -> Input:
    """The same input in another home, with people and devices of its own."""
    told_there = msgspec.json.encode(item)
    for ours, theirs in ((b'"h1"', b'"h2"'), (b"r1", b"r2"), (b"d-", b"e-"), (b"gw-1", b"gw-2"), (b"m1", b"m2")):
        told_there = told_there.replace(ours, theirs)
    moved = msgspec.json.decode(told_there, type=Input)
    if moved.event is None:
        return moved
    return msgspec.structs.replace(
        moved, event=msgspec.structs.replace(moved.event, event_id=f"n-{moved.event.event_id}")
    )


@given(timelines, timelines)
def test_two_homes_never_influence_each_other(
    ours: list[tuple[str, int, int, bool, int]], theirs: list[tuple[str, int, int, bool, int]]
) -> None:
    """The effects for one home are the same whether a neighbour's inputs stand between, and put it to sleep, or not."""
    mine, neighbours = told(ours), told(theirs)
    moved = [next_door(item) for item in neighbours.inputs]
    last_ms = mine.inputs[-1].received_at_ms
    mixed = sorted(
        [*mine.inputs, *(item for item in moved if item.received_at_ms <= last_ms)], key=lambda i: i.received_at_ms
    )
    fold, roomy = HomeFold(BOOK, "solbakken", awake_max=0), HomeFold(BOOK, "solbakken")
    effects = [effect for item in mixed for effect in fold.apply(item)]
    assert effect_bytes(effects) == effect_bytes([effect for item in mixed for effect in roomy.apply(item)])
    assert fold.snapshot() == roomy.snapshot()
    homes = {effect.alert_id: effect.home for effect in effects if isinstance(effect, Raise)}
    own = [e for e in effects if (getattr(e, "home", None) or homes.get(getattr(e, "alert_id", ""), "")) == "h1"]
    assert effect_bytes(own) == effect_bytes(mine.effects)


def digest() -> str:
    """What the home fold says to a timeline of everything, and its state at the end."""
    story = told([(kind, 7 * i % 50, 0, i % 2 == 0, i % 4) for i, kind in enumerate(KINDS * 3)])
    return hashlib.sha256(effect_bytes(story.effects) + story.fold.snapshot()).hexdigest()


def test_the_same_bytes_under_any_hash_seed() -> None:
    """Effects and snapshot do not depend on how Python hashes words."""
    program = "from tests.property.test_home_fold import digest; print(digest(), end='')"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("0", "42")  # and the seed of this process
    }
    assert printed == {digest().encode()}
