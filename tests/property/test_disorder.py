"""A buffer that is handed in out of order within the settle: the same alerts as in order, but for retracted ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rules.effects import Clear, Raise
from tests.support.home_story import HomeStory

MIN = 60_000
HEARD_EVERY_MS = 700  # at most ten of them: within the 30 s that a late input settles
BEGIN_AND_END = (
    ("bed.occupied", "bed.left", None), ("fall.suspected", "fall.cancelled", None), ("dose.due", "dose.taken", None),
    ("dose.missed", "dose.taken", None), ("water.detected", "water.cleared", "water"), ("battery.level", None, None),
    ("door.opened", "door.closed", "front_door"), ("lock.left_unlocked", "lock.locked", "lock"),
    ("person.lying", "room.left", "radar"), ("measured", None, "climate"), ("motion.detected", None, None),
    ("dispenser.fault", "dispenser.fault_cleared", "dispenser"), ("nursecall.called", "nursecall.reset", "nurse_call"),
)  # fmt: skip
KNOWN = [(name, role) for began, ended, role in BEGIN_AND_END for name in (began, ended) if name is not None]
Drawn = tuple[tuple[str, str | None], int, int]  # (type, role), minutes ago, which value
drawn = st.tuples(st.sampled_from(KNOWN), st.integers(2, 300), st.integers(0, 2))


def content(name: str, which: int) -> dict[str, Any]:
    if name.startswith("dose."):
        return {"dose_id": f"d{which}"}
    if name == "battery.level":
        return {"percent": (1, 50, 15)[which]}
    if name == "measured":
        return {"metric": "temperature", "value": (12.0, 20.0, 31.5)[which], "unit": "Cel"}
    return {"fault": "jam"} if name.startswith("dispenser.") else {}


def told(buffer: Sequence[Drawn]) -> Counter[str]:
    """Alerts by rule that were not taken back, a day after the buffer was handed in, in this order."""
    story = HomeStory()
    story.event("heartbeat", story.at("12:00"), role="dispenser")
    heard_ms = story.at("23:30")
    for place, ((name, role), ago_min, which) in enumerate(buffer):
        at_ms = heard_ms - ago_min * MIN - which * 1_000
        story.event(name, at_ms, heard_ms=heard_ms + place * HEARD_EVERY_MS, role=role, **content(name, which))
    story.until(heard_ms + 24 * 60 * MIN)
    retracted = {one.alert_id for one in story.effects if isinstance(one, Clear) and one.retracted}
    raised = {one.alert_id: one.rule for one in story.effects if isinstance(one, Raise)}
    return Counter(rule for alert, rule in raised.items() if alert not in retracted)


@settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # shrinking takes minutes
@given(
    st.lists(drawn, min_size=2, max_size=10, unique_by=lambda one: (one[1], one[2])), st.randoms(use_true_random=False)
)
def test_disorder_within_the_settle_changes_no_alert(buffer: list[Drawn], chance: random.Random) -> None:
    """Falls and their cancels, doors and who came in, doses, leaks, faults, calls: any order, the same alerts."""
    in_order = sorted(buffer, key=lambda one: (-one[1], -one[2]))
    shuffled = list(in_order)
    chance.shuffle(shuffled)
    assert told(shuffled) == told(in_order)


BED_LEFT, OCCUPIED = ("bed.left", None), ("bed.occupied", None)
FAULT, CLEARED = ("dispenser.fault", "dispenser"), ("dispenser.fault_cleared", "dispenser")
DOOR, SHUT = ("door.opened", "front_door"), ("door.closed", "front_door")
ONCE_WRONG: dict[str, list[Drawn]] = {
    "a fault that was over in between": [(FAULT, 218, 1), (CLEARED, 206, 0), (FAULT, 140, 1)],
    "a door that was shut in between": [(DOOR, 200, 0), (SHUT, 150, 1), (DOOR, 100, 0)],
    "up again, the second time at night": [(BED_LEFT, 212, 2), (OCCUPIED, 125, 1), (BED_LEFT, 56, 0)],
    "up since before the night": [(OCCUPIED, 175, 2), (BED_LEFT, 164, 1), (BED_LEFT, 3, 1)],
    "up since before nine": [(OCCUPIED, 299, 0), (BED_LEFT, 207, 2), (BED_LEFT, 129, 0)],
    "somebody who came in": [(BED_LEFT, 264, 1), (SHUT, 181, 1), (DOOR, 164, 1)],
    "seen two minutes after the door": [(BED_LEFT, 88, 1), (SHUT, 16, 0), (("room.left", "radar"), 14, 2)],
    "a battery that was changed": [(("battery.level", None), 90, 0), (("battery.level", None), 60, 1)],
}


@pytest.mark.parametrize("buffer", ONCE_WRONG.values(), ids=ONCE_WRONG.keys())
def test_every_order_of_what_was_once_wrong(buffer: list[Drawn]) -> None:
    """What lay between two words of the same kind, or before a door, may be heard last."""
    in_order = told(buffer)
    assert [told(order) for order in permutations(buffer)] == [in_order] * len(list(permutations(buffer)))
