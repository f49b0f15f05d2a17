from __future__ import annotations

import pytest

from ingest.event import Draft
from ingest.identity import (
    ALARMS_MAX,
    DUPLICATE,
    HORIZON_MS,
    KEPT,
    NEW,
    ORDINARY_MAX,
    REDELIVERED,
    REUSED,
    Identity,
)

NOON_MS = 1_772_370_000_000
PRESS = Draft("alarm.pressed", {"trigger": "pendant"}, "7-1", NOON_MS)
MOTION = Draft("motion.detected", {"room": "hall"})


def identify(identity: Identity, draft: Draft, at_ms: int = NOON_MS, address: str = "v:a", **flags: bool):
    return identity.identify(address, draft, at_ms, **{"alarm": False, **flags})


def changed(draft: Draft, **fields: object) -> Draft:
    given = {name: getattr(draft, name) for name in draft.__struct_fields__}
    return Draft(**{**given, **fields})


def test_the_same_key_and_content_is_a_duplicate_for_seven_days():
    """A resend gives the same id and is known again until the horizon, not beyond."""
    identity = Identity("s")
    first, outcome = identify(identity, PRESS)

    assert outcome == NEW
    assert identify(identity, PRESS, NOON_MS + HORIZON_MS) == (first, DUPLICATE)
    assert identify(identity, PRESS, NOON_MS + HORIZON_MS + 1) == (first, NEW)


@pytest.mark.parametrize(
    "other",
    [
        {"content": {"trigger": "wrist"}},
        {"observed_at_ms": NOON_MS + 1},
        {"observed_at_ms": None},
        {"type": "alarm.reset"},
        {"test": True},
    ],
)
def test_a_key_with_other_content_is_a_new_event(other):
    """A counter that restarted with its battery: new, marked as reused, and the first one is still known."""
    identity = Identity("s")
    first, _ = identify(identity, PRESS)
    second, outcome = identify(identity, changed(PRESS, **other))

    assert (outcome, second != first) == (REUSED, True)
    assert identify(identity, PRESS) == (first, DUPLICATE)
    assert identify(identity, changed(PRESS, **other)) == (second, DUPLICATE)


@pytest.mark.parametrize("same", [{"buffered": True}, {"extra": {"rssi": -70}}, {"quality": ("field_invalid",)}])
def test_what_is_not_content_makes_no_other_event(same):
    """`buffered` and unknown fields do not count: the buffered copy of a press is that press."""
    identity = Identity("s")
    identify(identity, PRESS)

    assert identify(identity, changed(PRESS, **same))[1] == DUPLICATE


def test_another_address_or_site_is_another_event():
    """The same key elsewhere has nothing to do with this one."""
    identity = Identity("s")
    ids = [identify(identity, PRESS)[0], identify(identity, PRESS, address="v:b")[0], identify(Identity("t"), PRESS)[0]]

    assert len(set(ids)) == 3


def test_without_a_key_every_message_is_a_new_event():
    """Two identical presses in the same millisecond are two presses; a replay gives both the same ids again."""
    runs = []
    for _ in range(2):
        identity = Identity("s")
        runs.append([identify(identity, MOTION, at_ms) for at_ms in (NOON_MS, NOON_MS, NOON_MS + 1)])

    assert runs[0] == runs[1]
    assert len({event_id for event_id, _ in runs[0]}) == 3
    assert {outcome for _, outcome in runs[0]} == {NEW}


@pytest.mark.parametrize(("alarm", "outcome"), [(False, REDELIVERED), (True, KEPT)])
def test_a_copy_without_a_key_is_dropped_unless_it_is_an_alarm(alarm, outcome):
    """What receive marked as a copy is one, but an alarm without a key is never dropped."""
    identity = Identity("s")
    identify(identity, MOTION, alarm=alarm)

    assert identify(identity, MOTION, NOON_MS + 5_000, alarm=alarm, dup=True)[1] == outcome


def test_a_brokers_copy_of_an_alarm_is_known_by_its_time():
    """A retained alarm without a key is raised once, not after each reconnect; one without a time always is."""
    timed, timeless = changed(PRESS, key=None), changed(PRESS, key=None, observed_at_ms=None)
    identity = Identity("s")
    live, _ = identify(identity, timed, alarm=True)

    assert identify(identity, timed, NOON_MS + 9, alarm=True, retained=True) == (live, DUPLICATE)
    assert identify(identity, timed, NOON_MS + 9, alarm=True)[1] == NEW
    identify(identity, timeless, alarm=True, retained=True)
    assert identify(identity, timeless, NOON_MS + 9, alarm=True, retained=True)[1] == NEW


def test_chatter_does_not_push_out_alarms():
    """A press resent after more messages than an address may keep is still a duplicate."""
    identity = Identity("s")
    identify(identity, PRESS, alarm=True)
    for number in range(ORDINARY_MAX + 200):
        identify(identity, changed(MOTION, key=f"m{number}"))

    assert identify(identity, PRESS, alarm=True)[1] == DUPLICATE
    assert identify(identity, changed(MOTION, key="m0"))[1] == NEW  # the oldest had to go
    assert identify(identity, changed(MOTION, key="m9000"))[1] == DUPLICATE


def test_memory_is_bounded():
    """Ids beyond the caps go, oldest first; keys go with them."""
    identity = Identity("s")
    for number in range(ALARMS_MAX + 500):
        identify(identity, changed(PRESS, key=f"p{number}"), alarm=True)
    memory = identity._memories["v:a"]

    assert len(memory.alarms or {}) <= ALARMS_MAX + 64
    assert len(memory.keys) == len(memory.alarms or {})


def test_all_addresses_together_are_bounded():
    """When all together remember too much, every address keeps fewer, and the newest are kept."""
    identity = Identity("s", total_max=10_000)
    for address in range(20):
        for number in range(1_000):
            identify(identity, changed(MOTION, key=f"m{number}"), address=f"v:{address}")

    assert sum(len(memory.ordinary or {}) for memory in identity._memories.values()) <= 10_000
    assert identify(identity, changed(MOTION, key="m999"), address="v:19")[1] == DUPLICATE


def test_a_restored_memory_knows_the_same():
    """State and restore lose neither ids, keys, ordinals nor their order."""
    identity, other = Identity("s"), Identity("s")
    for draft in (PRESS, MOTION, changed(PRESS, key="9"), changed(PRESS, key="9", type="x")):
        identify(identity, draft, alarm=draft is PRESS)
    other.restore(identity.state())

    for draft in (PRESS, MOTION, changed(PRESS, key="9", type="y"), changed(PRESS, key="9")):
        assert identify(identity, draft) == identify(other, draft)
    assert identity.state() == other.state()
