"""Stages of the quiet pipeline, each by itself and in their order (alerts/quiet/pipeline.py)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from alerts.quiet.pipeline import (
    BEHIND,
    HOUR,
    MINUTE,
    OUTAGE,
    RATE_MOST,
    RATE_WINDOW_MS,
    RING,
    SETTLE_MS,
    WAIT,
    Notice,
    Silence,
    Situation,
    judge,
    loudest,
)

NOW_MS = 1_772_328_600_000
COLD = Notice(rule="R34", priority="P3", opened_ms=NOW_MS, home="h1", ward="nord", resident="r1", device="d1")
GONE = msgspec.structs.replace(COLD, rule="R52", priority="P2")
SILENCE = Silence("s1", NOW_MS - MINUTE, NOW_MS + HOUR, rule="R34")


def told(notice: Notice, **known: Any) -> tuple[str, str]:
    verdict = judge(notice, Situation(now_ms=NOW_MS, **known))
    return verdict.kind, verdict.reason.code


def test_nothing_known_rings():
    """An alert that nothing speaks against rings at once."""
    assert told(COLD) == (RING, "quiet.open")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"shelved_by": "a1"}, (BEHIND, "quiet.shelved")),
        ({"outage": "a1"}, (BEHIND, "quiet.outage")),
        ({}, (WAIT, "quiet.settle")),
    ],
)
def test_lost_protection_may_stand_behind_what_explains_it(known, expected):
    """R52 goes behind a shelving alert or an outage, and waits a minute where one may only be about to show."""
    assert told(GONE, **known) == expected


def test_the_settle_ends_after_its_minute():
    """A minute later with no outage in sight it rings."""
    late = msgspec.structs.replace(GONE, opened_ms=NOW_MS - SETTLE_MS)
    almost = msgspec.structs.replace(GONE, opened_ms=NOW_MS - SETTLE_MS + 1)
    assert told(late) == (RING, "quiet.open")
    assert judge(almost, Situation(NOW_MS)).until_ms == NOW_MS + 1


def test_an_outage_does_not_explain_what_asks_for_a_person():
    """A dispenser out of reach before a dose (R27 as P2), cold, and the outage's own alert ring during an outage."""
    dose = msgspec.structs.replace(COLD, rule="R27", priority="P2")
    repair = msgspec.structs.replace(COLD, rule="R27", priority="P4")
    itself = msgspec.structs.replace(COLD, rule=OUTAGE, priority="P2")
    assert [told(one, outage="a1")[0] for one in (dose, COLD, itself, repair)] == [RING, RING, RING, BEHIND]


def test_a_gateway_that_is_gone_explains_its_devices_silence():
    """R37 stands behind the gateway's R36; nothing else does."""
    silent = msgspec.structs.replace(COLD, rule="R37", priority="P4", opened_ms=NOW_MS - HOUR)
    assert told(silent, gateway_gone="a1") == (BEHIND, "quiet.inhibited")
    assert told(COLD, gateway_gone="a1") == (RING, "quiet.open")


@pytest.mark.parametrize(
    ("silence", "kind"),
    [
        (SILENCE, WAIT),
        (msgspec.structs.replace(SILENCE, ward="nord", home="h1", resident="r1", device="d1"), WAIT),
        (msgspec.structs.replace(SILENCE, rule="R11"), RING),
        (msgspec.structs.replace(SILENCE, home="h2"), RING),
        (msgspec.structs.replace(SILENCE, until_ms=NOW_MS), RING),
        (msgspec.structs.replace(SILENCE, from_ms=NOW_MS + 1), RING),
    ],
)
def test_a_silence_speaks_of_what_it_names_while_it_runs(silence, kind):
    """Every field it fills must fit, and its time is half-open."""
    assert told(COLD, silences=(silence,))[0] == kind


def test_the_longest_of_two_silences_counts():
    """What two people silenced rings when the later one ends."""
    longer = msgspec.structs.replace(SILENCE, silence_id="s2", until_ms=NOW_MS + 2 * HOUR)
    verdict = judge(COLD, Situation(NOW_MS, silences=(longer, SILENCE)))
    assert (verdict.until_ms, verdict.reason.args["silence"]) == (NOW_MS + 2 * HOUR, "s2")


def test_the_fifth_of_a_kind_in_an_hour_waits_until_the_hour_is_over():
    """The first four ring; the fifth waits until the oldest of them is an hour old."""
    rang = tuple(NOW_MS - minutes * MINUTE for minutes in (50, 30, 20, 10))
    verdict = judge(COLD, Situation(NOW_MS, rang_ms=rang))
    assert (verdict.kind, verdict.reason.code) == (WAIT, "quiet.rate")
    assert verdict.until_ms == rang[0] + RATE_WINDOW_MS
    assert len(rang) == RATE_MOST["P3"]
    assert told(COLD, rang_ms=rang[1:])[0] == RING
    assert told(COLD, rang_ms=(NOW_MS - HOUR, *rang[1:]))[0] == RING
    assert told(msgspec.structs.replace(COLD, priority="P2"), rang_ms=rang * 9)[0] == RING, "a P2 always rings"


def test_a_list_waits_for_its_hour():
    """P3 by night and P4 stand on their list until the chain may ring."""
    assert told(COLD, may_ring_ms=NOW_MS + HOUR) == (WAIT, "quiet.list")
    assert told(COLD, may_ring_ms=NOW_MS) == (RING, "quiet.open")


def test_an_incident_is_as_loud_as_its_loudest_alert():
    """One alert that rings makes the incident ring; else the one that waits the shortest counts."""
    ring = judge(COLD, Situation(NOW_MS))
    short = judge(COLD, Situation(NOW_MS, silences=(SILENCE,)))
    long = judge(COLD, Situation(NOW_MS, may_ring_ms=NOW_MS + 9 * HOUR))
    behind = judge(GONE, Situation(NOW_MS, outage="a1"))
    assert loudest([long, short, ring, behind]) == ring
    assert loudest([behind, long, short]) == short
    assert loudest([]) is None
