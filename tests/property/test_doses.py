"""Doses and dispensers, whatever is said of them and in which order: one open alert a dose, and no word too much."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.record import CLOCK, Input
from rules.effects import Clear, Effect, Observe, Raise
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes, retell

MIN = 60_000
MEDICATION = ("R22", "R23", "R24", "R25", "R26", "R27", "R28", "R57")
DOSE = ("dose.due", "dose.due", "dose.reminded", "dose.dispensed", "dose.taken", "dose.missed", "dose.withheld",
        "dose.skipped", "dose.wrong_compartment")  # fmt: skip
OTHER = ("heartbeat", "heartbeat", "device.offline", "device.online", "dispenser.fault", "dispenser.fault_cleared",
         "dispenser.stock", "dispenser.refilled", "dispenser.opened", "dispenser.closed", "dispenser.break_in",
         "staff.arrived", "staff.left", "away.started", "away.ended", "feed.lost", "feed.gap")  # fmt: skip
FAULTS = ("jam", "empty", "plan_changed", "no_schedule", "drawer_full")

# (type, minutes since the last input, minutes of delay, which dose or fault, minutes until it is due, flag)
steps = st.tuples(
    st.sampled_from(DOSE + OTHER),
    st.integers(0, 200),
    st.sampled_from([0, 0, 0, 1, 45, 500]),
    st.integers(0, 3),
    st.sampled_from([None, None, 0, 30, 300, -60]),
    st.booleans(),
)
timelines = st.lists(steps, max_size=50)
Step = tuple[str, int, int, int, int | None, bool]


def content_of(step: Step, at_ms: int, now_ms: int) -> dict[str, Any]:
    name, _, _, which, due_min, flag = step
    if name.startswith("dose."):
        content: dict[str, Any] = {"dose_id": f"d{which}"}
        if due_min is not None:
            content["scheduled_at_ms"] = at_ms + due_min * MIN
        return content | ({"window_minutes": 20 * which, "time_critical": True} if flag else {})
    if name == "heartbeat":
        return {"interval_seconds": 900} if flag else {}
    if name.startswith("dispenser.fault"):
        return {"fault": FAULTS[which]}
    if name in ("dispenser.stock", "dispenser.refilled"):
        return {"doses_left": which} if flag else {"days_left": which * 2}
    return {"from_ms": now_ms - 30 * MIN, "to_ms": now_ms} if name.startswith("feed.") else {"tag": "t1"}


def told(timeline: list[Step]) -> HomeStory:
    """A story from a drawn timeline; a plan on the way."""
    story = HomeStory()
    now_ms = story.at("06:00")
    for index, step in enumerate(timeline):
        name, wait_min, delay_min, *_ = step
        now_ms += wait_min * MIN
        at_ms = now_ms - delay_min * MIN
        role = "gateway" if name.startswith("feed.") else "dispenser"
        story.event(name, at_ms, heard_ms=now_ms, role=role, **content_of(step, at_ms, now_ms))
        if index == 9:
            story.set("plan", "p1", {"resident": "r1", "rule": "R22", "set": {"grace": "90 min"}}, now_ms)
    story.until(now_ms + 3_000 * MIN)
    return story


def episode_of(effect: Raise) -> str:
    return effect.episode.partition("@")[0]


@given(timelines)
@settings(max_examples=150)
def test_a_dose_has_one_open_alert(timeline: list[Step]) -> None:
    """Never two open of R22 and R23 for one dose, no alert raised twice, and no clear of what was not raised."""
    open_doses: dict[str, str] = {}
    raised: set[str] = set()
    pending: list[Effect] = []
    for effect in told(timeline).effects:
        pending.append(effect)
        if isinstance(effect, Raise) and effect.rule in MEDICATION:
            assert effect.alert_id not in raised, effect
            raised.add(effect.alert_id)
            if effect.rule in ("R22", "R23"):
                open_doses[effect.alert_id] = episode_of(effect)
        if isinstance(effect, Clear) and effect.alert_id in raised:
            open_doses.pop(effect.alert_id, None)
        if len(open_doses) != len(set(open_doses.values())):
            at_ms = effect.at_ms
            rest = [each for each in told(timeline).effects if each.at_ms == at_ms and isinstance(each, Clear)]
            assert {each.alert_id for each in rest} & set(open_doses), "one ends in the moment the other begins"


@given(timelines)
@settings(max_examples=150)
def test_rules_on_dispensers_never_fail(timeline: list[Step]) -> None:
    """No valid sequence quarantines a rule or is skipped, and time never goes back."""
    story = told(timeline)
    assert story.fold.quarantined() == []
    assert story.fold.skipped == 0
    times = [effect.at_ms for effect in story.effects]
    assert times == sorted(times)


@given(timelines)
def test_what_is_warned_of_is_taken_back_in_the_same_words(timeline: list[Step]) -> None:
    """`dose_sure` never comes for a dose that was not unsure."""
    unsure: set[object] = set()
    for effect in told(timeline).effects:
        if isinstance(effect, Observe) and effect.kind in ("dose_unsure", "dose_sure"):
            dose = effect.reason.args["dose"]
            assert effect.kind == "dose_unsure" or dose in unsure
            unsure.add(dose)


@given(timelines, st.integers(0, 60), st.integers(1, 400))
@settings(max_examples=50)
def test_cut_restored_and_looked_at_more_often_it_is_the_same(timeline: list[Step], cut: int, minutes: int) -> None:
    """A fold that is restored from its bytes, and a clock that is told more often, change nothing."""
    story = told(timeline)
    first, second = HomeFold(BOOK, "solbakken"), HomeFold(BOOK, "other")
    effects = [effect for item in story.inputs[:cut] for effect in first.apply(item)]
    second.restore(first.snapshot())
    effects += [effect for item in story.inputs[cut:] for effect in second.apply(item)]
    assert effect_bytes(effects) == effect_bytes(story.effects)
    more: list[Input] = []
    for before, item in zip([None, *story.inputs], story.inputs, strict=False):
        if before is not None and item.received_at_ms - before.received_at_ms > minutes * MIN:
            more.append(Input(CLOCK, before.received_at_ms + minutes * MIN))
        more.append(item)
    assert retell(more) == effect_bytes(story.effects)
