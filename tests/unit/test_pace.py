"""Whether rows of RAW may be folded yet: source lanes keep together while they catch up, and nobody waits in vain."""

from __future__ import annotations

import pytest

from ingest.record import RawRecord
from ingest.topics import encode_raw
from rules.lanes import Stored
from rules.pace import AHEAD_MS, FOR_EVER_MS, GAIN_MS, HOLD_S, Pace, Word

T, HOUR_MS = 1_772_370_000_000, 3_600_000
NOW = T + 6 * HOUR_MS  # when they come back
LOOK_S = 0.5
SLOW, QUICK, THIRD = 0, 1, 2


def rows(*received_ms: int, first: int = 1) -> list[Stored]:
    """One after the other, as Kafka has got them later on."""
    return [Stored(first + n, encode_raw("s", RawRecord(at)), max(NOW, at)) for n, at in enumerate(received_ms)]


def seen(heads: dict[int, int]) -> Pace:
    """A pace that has just looked, at second 0."""
    pace = Pace(0.0)
    pace.look(heads, 0.0)
    return pace


def looks(pace: Pace, heads: dict[int, int], from_s: float, seconds: float, gain_ms: int = 0) -> float:
    """Look for so long, while the slow lane's head gains so much a second; when it was."""
    for look in range(1, int(seconds / LOOK_S) + 1):
        heads[SLOW] += int(gain_ms * LOOK_S)
        pace.look(heads, from_s + look * LOOK_S)
    return from_s + seconds


def test_a_row_waits_until_the_others_have_come_near() -> None:
    """Of a batch what is not far ahead is folded; the rest when the oldest row of others is younger."""
    pace = seen({SLOW: T, QUICK: T + 1})
    batch = rows(T + 1, T + AHEAD_MS, T + AHEAD_MS + 1, T + HOUR_MS)
    assert pace.upto(QUICK, batch, 0, 0, NOW, 0.0) == 2
    assert pace.waiting == set()
    assert pace.upto(QUICK, batch, 2, 0, NOW, 0.0) == 2
    assert pace.waiting == {QUICK}
    pace.look({SLOW: T + GAIN_MS, QUICK: T + AHEAD_MS + 1}, 1.0)
    assert pace.upto(QUICK, batch, 2, 0, NOW, 1.0) == 3
    assert pace.waiting == set()


def test_nobody_waits_for_itself() -> None:
    """The one that is furthest behind goes on to near the next; who is alone behind, to the end."""
    pace = seen({SLOW: T, QUICK: T + HOUR_MS})
    assert pace.until(SLOW, NOW, 0.0) == (Word.TOGETHER, T + HOUR_MS + AHEAD_MS)
    pace.look({SLOW: T}, 1.0)
    assert pace.until(SLOW, NOW, 1.0) == (Word.ALONE, FOR_EVER_MS)
    pace.look({}, 2.0)
    assert pace.until(QUICK, NOW, 2.0) == (Word.ALONE, FOR_EVER_MS)


def test_nobody_waits_for_a_lane_that_stands_still() -> None:
    """Not after a hold; and again as soon as it has gained."""
    heads = {SLOW: T, QUICK: T + HOUR_MS}
    pace = seen(heads)
    at_s = looks(pace, heads, 0.0, HOLD_S)
    assert pace.until(QUICK, NOW, at_s)[0] is Word.TOGETHER
    at_s = looks(pace, heads, at_s, 1.0)
    assert pace.until(QUICK, NOW, at_s) == (Word.ALONE, FOR_EVER_MS)
    at_s = looks(pace, heads, at_s, 10 * HOLD_S)
    assert pace.until(QUICK, NOW, at_s)[0] is Word.ALONE
    at_s = looks(pace, heads, at_s, LOOK_S, gain_ms=2 * GAIN_MS)
    assert pace.until(QUICK, NOW, at_s) == (Word.TOGETHER, heads[SLOW] + AHEAD_MS)


def test_nobody_waits_for_a_lane_that_gets_no_nearer() -> None:
    """A gateway that floods its partition as fast as it is folded: its head goes on with the clock."""
    heads = {SLOW: T, QUICK: T + HOUR_MS}
    pace = seen(heads)
    at_s = looks(pace, heads, 0.0, HOLD_S + 1, gain_ms=1_000)
    for _ in range(10):
        assert pace.until(QUICK, NOW, at_s)[0] is Word.ALONE
        at_s = looks(pace, heads, at_s, HOLD_S, gain_ms=1_000)


def test_who_waits_is_not_taken_for_one_that_stands_still() -> None:
    """A slow lane takes minutes to where another waits; when it is past it, it waits for that one."""
    heads = {SLOW: T, QUICK: T + HOUR_MS}
    pace = seen(heads)
    at_s = looks(pace, heads, 0.0, 6 * HOLD_S, gain_ms=60_000)
    assert heads[SLOW] == heads[QUICK]
    pace.look(heads, at_s)
    assert pace.until(SLOW, NOW, at_s) == (Word.TOGETHER, heads[QUICK] + AHEAD_MS)


def test_one_lane_that_stands_still_leaves_the_others_together() -> None:
    """They give up that one, not each other."""
    heads = {THIRD: T, SLOW: T + 1_000, QUICK: T + HOUR_MS}
    pace = seen(heads)
    at_s = looks(pace, heads, 0.0, 2 * HOLD_S, gain_ms=30_000)
    assert pace.until(QUICK, NOW, at_s) == (Word.TOGETHER, heads[SLOW] + AHEAD_MS)
    assert pace.until(SLOW, NOW, at_s) == (Word.TOGETHER, heads[QUICK] + AHEAD_MS)


def test_at_the_live_edge_nobody_waits() -> None:
    """Whatever becomes of another lane: who has just folded what has just come in goes on, until it falls behind."""
    pace = seen({QUICK: NOW})
    assert pace.upto(QUICK, rows(NOW), 0, 0, NOW, 0.0) == 1
    pace.look({SLOW: T, QUICK: NOW + 1_000}, 1.0)
    assert pace.upto(QUICK, rows(NOW + 1_000, first=2), 0, 1, NOW + 1_000, 1.0) == 1
    assert pace.until(QUICK, NOW + 1_000, 1.0)[0] is Word.LIVE
    assert pace.until(QUICK, NOW + 1_001 + AHEAD_MS, 1.0)[0] is Word.TOGETHER
    pace.forget(QUICK)
    assert pace.until(QUICK, NOW + 1_000, 1.0)[0] is Word.TOGETHER


def test_a_row_waits_for_the_first_look_but_not_for_one_that_never_comes() -> None:
    """At a start nobody knows how far the others are; and when Kafka or the desk cannot say, alarms go on."""
    pace = Pace(0.0)
    assert pace.upto(QUICK, rows(T), 0, 0, NOW, HOLD_S) == 0
    assert pace.until(QUICK, NOW, HOLD_S)[0] is Word.UNSEEN
    assert pace.upto(QUICK, rows(T), 0, 0, NOW, HOLD_S + 1) == 1
    pace.look({SLOW: T - HOUR_MS}, HOLD_S + 2)
    assert pace.until(QUICK, NOW, HOLD_S + 2)[0] is Word.TOGETHER
    assert pace.until(QUICK, NOW, 2 * HOLD_S + 3) == (Word.BLIND, FOR_EVER_MS)


@pytest.mark.parametrize("blind", [True, False])
def test_after_a_rebalance_or_an_outage_everybody_is_waited_for_again(blind: bool) -> None:
    """All stood still meanwhile, so that says nothing of any of them."""
    heads = {SLOW: T, QUICK: T + HOUR_MS}
    pace = seen(heads)
    at_s = looks(pace, heads, 0.0, HOLD_S + 1)
    assert pace.until(QUICK, NOW, at_s)[0] is Word.ALONE
    at_s += 2 * HOLD_S if blind else 0.1
    if not blind:
        pace.begin(at_s)
    pace.look(heads, at_s)
    assert pace.until(QUICK, NOW, at_s)[0] is Word.TOGETHER


def test_what_is_folded_again_in_silence_does_not_wait() -> None:
    """Rows up to `applied` say nothing, however far ahead they are; the first that speaks waits."""
    pace = seen({SLOW: T, QUICK: T + HOUR_MS})
    batch = rows(*(T + HOUR_MS + n for n in range(5)), first=11)
    assert pace.upto(QUICK, batch, 0, 20, NOW, 0.0) == 5
    assert pace.upto(QUICK, batch, 1, 13, NOW, 0.0) == 3
    assert pace.upto(QUICK, batch, 3, 13, NOW, 0.0) == 3
    assert pace.waiting == {QUICK}


def test_a_row_that_nobody_can_read_or_of_a_wrong_clock_holds_nobody_up() -> None:
    """What no source fold can read bears Kafka's time. What was received in 1970 goes at once; a clock that is ahead
    counts as when Kafka got it.
    """
    pace = seen({SLOW: T, QUICK: NOW})
    assert pace.upto(QUICK, [Stored(1, b"\xc1", T)], 0, 0, NOW, 0.0) == 1
    assert pace.upto(QUICK, rows(1), 0, 0, NOW, 0.0) == 1
    ahead = [Stored(1, encode_raw("s", RawRecord(NOW + 1_000 * HOUR_MS)), T + 1)]
    assert pace.upto(QUICK, ahead, 0, 0, NOW, 0.0) == 1


def test_every_word_is_said() -> None:
    """They are all reasons of this file's tests."""
    assert {str(one) for one in Word} == {"live", "alone", "blind", "unseen", "together"}


@pytest.mark.parametrize(("stuck", "limit_s"), [(False, 60.0), (True, 60.0 + HOLD_S + 1)])
def test_a_catch_up_from_end_to_end(stuck: bool, limit_s: float) -> None:
    """Six hours in partitions of very different size, by lanes of a thousand rows a second, and looks twice a second:
    nobody is further ahead of another than may be, and all get through; with a lane that is stuck, a hold later.
    """
    ends = {0: 20_000, 1: 300, 2: 6_000, 3: 40}
    received = {one: [T + n * 6 * HOUR_MS // end for n in range(end)] for one, end in ends.items()}
    logs, at = {one: rows(*times) for one, times in received.items()}, dict.fromkeys(ends, 0)
    pace, now_s, furthest_ms = Pace(0.0), 0.0, 0
    while any(at[one] < ends[one] for one in ends if not (stuck and one == 3)) and now_s < 1_000:
        heads = {one: received[one][at[one]] for one in ends if at[one] < ends[one]}
        pace.look(heads, now_s)
        for one in heads:
            others = [head for other, head in heads.items() if other != one and not (stuck and other == 3)]
            upto = pace.upto(one, logs[one][: at[one] + 500], at[one], 0, NOW, now_s)
            if upto > at[one] and others:
                furthest_ms = max(furthest_ms, received[one][upto - 1] - min(others))
            if not (stuck and one == 3):
                at[one] = upto
        now_s += LOOK_S
    assert furthest_ms <= AHEAD_MS
    assert now_s <= limit_s + 6 * HOUR_MS / AHEAD_MS * LOOK_S
