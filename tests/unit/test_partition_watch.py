"""Who looks at partitions: their ages, the horizon, who stands still, and who only waits for it."""

from __future__ import annotations

import threading

import pytest
import structlog

from rules.pace import AHEAD_MS, HOLD_S, Pace
from rules.partition_watch import Heads, Horizon, PartitionWatch
from rules.partitions import Ahead
from tests.support.partition_place import LANE, NOW_MS, Letters, Log, Place, raw, rows, took


@pytest.fixture
def place() -> Place:
    """Nothing folded yet."""
    return Place()


@pytest.mark.expected_errors("a stall is critical")
def test_a_partition_that_does_not_move_is_a_stall_and_a_backlog_is_none(place: Place) -> None:
    """Its age is told at once; only what stands still over many looks while rows wait ends the worker, and once."""
    worker = place.worker()
    worker.assigned({0, 1})
    log, stalls = Log({0: [NOW_MS] * 100, 1: [NOW_MS] * 100}), []
    watch = PartitionWatch(log, [worker], lambda: place.now_ms, lambda *one: stalls.append(one), stall_s=10)
    for look in range(8):
        place.now_ms += 2_000
        took(worker, 0, rows(".", look + 1))
        watch.look()
        assert watch.oldest_age_ms(LANE) == 2_000 * (look + 1)
    assert stalls == [(LANE, 1)]


def test_the_horizon_is_the_oldest_row_that_no_source_lane_has_read() -> None:
    """While one partition of RAW is behind, nobody's clock gets past its next row, whenever Kafka got that."""
    log, positions = Log({0: [NOW_MS, NOW_MS + 5], 1: [NOW_MS + 1]}, kafka_later_ms=30_000), {0: 1, 1: 1}
    horizon = Horizon(log, "raw", lambda: positions, lambda: NOW_MS + 60_000)
    horizon.look()
    assert horizon.ms < NOW_MS + 5
    positions[0] = 2
    horizon.look()
    assert NOW_MS + 5 < horizon.ms < NOW_MS + 60_000


def test_heads_are_asked_for_at_once_and_once() -> None:
    """Of the partitions that have moved; one that lacks its row is asked for again, and has no time."""
    log = Log({0: [10], 1: [20, 21], 2: [30], 3: []})
    heads = Heads(log, "raw")
    ends = {0: 1, 1: 2, 2: 2, 3: 0}
    assert heads.look({0: 0, 1: 0, 2: 1, 3: 0}, ends) == {0: 10, 1: 20, 2: 0}
    assert (log.asked, log.reads) == (1, 3)
    assert heads.look({0: 0, 1: 1, 2: 1, 3: 0}, ends) == {0: 10, 1: 21, 2: 0}
    assert (log.asked, log.reads) == (2, 5)
    log.times[2].append(31)
    assert heads.look({0: 1, 1: 1, 2: 1, 3: 0}, ends) == {1: 21, 2: 31}
    heads.look({0: 1, 1: 1, 2: 1, 3: 0}, ends)
    assert (log.asked, log.reads) == (3, 6)


def test_while_a_lane_waits_the_horizon_is_looked_at_oftener_and_no_row_read_twice(place: Place) -> None:
    """Many times a second, until nobody waits; a line is logged when that begins."""
    pace, positions, looked = Pace(0.0), {0: 0, 1: 0}, threading.Semaphore(0)
    log = Log({0: [NOW_MS - 10 * AHEAD_MS], 1: [NOW_MS]})

    def known() -> dict[int, int]:
        looked.release()
        return dict(positions)

    watch = PartitionWatch(
        log, [], lambda: NOW_MS, lambda *_: None, horizon=Horizon(log, "raw", known, lambda: NOW_MS, pace)
    )
    pace.waiting.add(1)
    with structlog.testing.capture_logs() as lines:
        watch.start()
        assert [looked.acquire(timeout=3) for _ in range(5)] == [True] * 5
        watch.stop()
    assert log.reads == 2
    assert [line["oldest"] for line in lines if line["event"] == "lanes_wait"] == [0]


def test_a_log_or_desk_that_does_not_answer_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is away: the watch says so and goes on, as the homes' clock stands still without it."""
    monkeypatch.setattr("rules.partition_watch.LOOK_S", 0.01)
    asked = threading.Semaphore(0)

    def positions() -> dict[int, int]:
        asked.release()
        raise ConnectionError("the desk is away")

    horizon = Horizon(Log({}), "raw", positions, lambda: NOW_MS)
    watch = PartitionWatch(Log({}), [], lambda: NOW_MS, lambda *_: None, horizon=horizon)
    watch.start()
    assert [asked.acquire(timeout=10) for _ in range(2)] == [True, True]
    watch.stop()
    assert not watch.stalled


def test_a_partition_that_is_ahead_waits_and_says_how_far_it_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to near the oldest row of others it goes; then its position is told, as they may wait for that, and nothing is
    taken until it may. Who waits is late in nobody's eyes.
    """
    monkeypatch.setattr(Letters, "apply", lambda *_: ())
    pace, old_ms = Pace(0.0), NOW_MS - 10 * AHEAD_MS
    worker = place.worker(pace)
    worker.assigned({0})
    pace.look({0: old_ms, 1: old_ms}, 0.0)
    rows = raw(old_ms, old_ms + AHEAD_MS, old_ms + AHEAD_MS + 1)
    taken = worker.take(0, rows)
    assert (taken, place.positions, worker.standing()[0].waits) == (2, {}, False)
    for _ in range(2):
        with pytest.raises(Ahead):
            worker.take(0, rows, taken)
    assert (worker.positions(), place.positions, worker.standing()[0].waits) == ({0: 2}, {0: 2}, True)
    stalls, late = [], []
    watch = PartitionWatch(
        Log({0: [old_ms] * 3}), [worker], lambda: NOW_MS, lambda *one: stalls.append(one),
        on_late=lambda *one: late.append(one), stall_s=10,
    )  # fmt: skip
    for _ in range(20):
        watch.look()
    assert (stalls, late, watch.oldest_age_ms(LANE)) == ([], [], 10 * AHEAD_MS)
    pace.look({0: old_ms, 1: old_ms + 1}, 1.0)
    assert worker.take(0, rows, taken) == 3
    assert not worker.standing()[0].waits


def test_a_rebalance_begins_the_waiting_anew(place: Place) -> None:
    """Those that stood still until partitions were given are waited for; what is given away waits no more."""
    pace, old_ms = Pace(0.0), NOW_MS - 10 * AHEAD_MS
    worker = place.worker(pace)
    pace.look({1: old_ms}, 0.0)
    place.now_s = HOLD_S
    pace.look({1: old_ms}, place.now_s)
    worker.assigned({0})
    place.now_s += 1
    pace.look({1: old_ms}, place.now_s)
    with pytest.raises(Ahead):
        worker.take(0, raw(old_ms + AHEAD_MS + 1))
    assert pace.waiting == {0}
    worker.assigned({2})
    assert pace.waiting == set()
