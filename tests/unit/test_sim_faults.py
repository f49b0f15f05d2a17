"""Faults do what they are called, and nothing else; the oracle judges by what happened."""

import json
from collections import Counter

import pytest

from simulators import doings, faults
from simulators.doings import Sighting
from simulators.furniture import make_ward
from simulators.message import Message
from simulators.oracle import PersonAlarm, person_alarms, verdict

HEARTBEAT = b'{"type":"heartbeat","time":"2026-03-01T10:00:00+00:00"}'
MESSAGES = [
    Message(1_000 * number, f"vardevakt/1/gw-{number % 3}/d/event", HEARTBEAT, gateway=f"gw-{number % 3}")
    for number in range(300)
]
WARD = make_ward(1)
PENDANT = next(thing for thing in WARD.things if thing.role == "pendant")


@pytest.mark.parametrize(
    "fault",
    [
        lambda: faults.duplicated(MESSAGES, 1, 300),
        lambda: faults.redelivered(MESSAGES, 1, 300),
        lambda: faults.reordered(MESSAGES, 1),
        lambda: faults.late(MESSAGES, 1, 300, 60_000),
        lambda: faults.outage(MESSAGES, "gw-1", 50_000, 90_000),
    ],
)
def test_trouble_loses_nothing_and_can_be_told_again(fault):
    """Every message still arrives at least once, in the order of time, the same way for the same seed."""
    found = fault()

    assert found == fault()
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)
    assert not Counter(one.topic for one in MESSAGES) - Counter(one.topic for one in found)


def test_copies_are_marked_only_by_the_broker():
    """A gateway that sends again says nothing; a broker that delivers again says so."""
    assert not any(one.dup for one in faults.duplicated(MESSAGES, 1, 500))
    redelivered = faults.redelivered(MESSAGES, 1, 500)
    assert sum(one.dup for one in redelivered) == len(redelivered) - len(MESSAGES) > 100


def test_disorder_keeps_the_order_of_a_topic():
    """Messages overtake each other, but never one of the same topic."""
    numbered = [Message(100 * number, MESSAGES[number].topic, str(number).encode()) for number in range(300)]
    found = faults.reordered(numbered, 1)

    assert [one.payload for one in found] != [one.payload for one in numbered]
    for topic in {one.topic for one in numbered}:
        own = [int(one.payload) for one in found if one.topic == topic]
        assert own == sorted(own)


def test_an_outage_buffers_one_gateway():
    """Its messages come at the end of the outage, marked; those of the others are untouched."""
    found = faults.outage(MESSAGES, "gw-1", 50_000, 90_000)
    held = [one for one in found if b"buffered" in one.payload]

    assert {(one.gateway, one.at_ms) for one in held} == {("gw-1", 90_000)}
    assert [one for one in found if one.gateway != "gw-1"] == [one for one in MESSAGES if one.gateway != "gw-1"]


def test_a_dropped_gateway_says_nothing_meanwhile():
    """What it would have said is gone for good."""
    found = faults.dropped(MESSAGES, "gw-2", 50_000, 90_000)

    assert [one for one in found if one.gateway == "gw-2" and 50_000 <= one.at_ms < 90_000] == []
    assert len(found) < len(MESSAGES)


def test_a_wrong_clock_moves_times_and_not_arrivals():
    """The times in the messages are off; when they come is not."""
    found = faults.skewed(MESSAGES, "gw-0", -3_600_000)

    assert [one.at_ms for one in found] == [one.at_ms for one in MESSAGES]
    assert json.loads(found[0].payload)["time"] == "2026-03-01T09:00:00.000+00:00"
    assert found[1] == MESSAGES[1]


def fall(*steps):
    return [Sighting(at_ms, what, PENDANT.gateway, PENDANT) for at_ms, what in steps]


@pytest.mark.parametrize(
    ("steps", "types"),
    [
        ([(0, doings.PRESSED), (5, doings.PRESSED)], ["alarm.pressed", "alarm.pressed"]),
        ([(0, doings.FALL_SUSPECTED)], ["fall.suspected"]),
        ([(0, doings.FALL_SUSPECTED), (9_000, doings.FALL_CANCELLED)], []),
        ([(0, doings.FALL_SUSPECTED), (31_000, doings.FALL_CANCELLED)], ["fall.suspected"]),
        ([(0, doings.FALL_SUSPECTED), (20_000, doings.FALL_CONFIRMED)], ["fall.confirmed"]),
        ([(0, doings.MOTION), (1, doings.BED_LEFT)], []),
    ],
)
def test_the_oracle_knows_what_is_an_alarm(steps, types):
    """Presses and falls are alarms unless a suspicion was taken back in time; everything else is none."""
    assert [one.type for one in person_alarms(fall(*steps))] == types


def test_the_verdict_names_what_lacks_and_what_is_too_much():
    """An alarm without P1 is missing, a P1 without alarm unexpected, and a P2 neither."""
    press = PersonAlarm(1_772_400_000_000, "d1", "alarm.pressed", "r1")
    cause = {"type": "alarm.pressed", "observed_at": "2026-03-01T21:20:00Z"}
    found = {"priority": "P1", "subject_id": "r1", "device_id": "d1", "causes": [cause]}

    assert verdict([press], [found]) == ([], [])
    assert verdict([press], [found | {"priority": "P2"}]) == ([press], [])
    assert verdict([press], [found | {"subject_id": "r9"}])[1] == [found | {"subject_id": "r9"}]
