"""What becomes of a partition at a worker: given, kept, moved, fenced, failed; its clocks; and who looks at its age."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.client_kafka import Fetched
from ingest.record import RawRecord
from ingest.topics import encode_raw
from rules.effects import Fenced
from rules.lanes import Lane, Stored
from rules.partition_watch import Horizon, PartitionWatch
from rules.partitions import Away, Decision, Misplaced, Partitions

LANE, NOW_MS = "live", 1_000_000


class Letters:
    """A fold that says each row's letter and waits for what it is told."""

    def __init__(self) -> None:
        self.heard = b""
        self.due_ms: int | None = None

    def apply(self, row: Stored) -> Sequence[str]:
        if row.value == b"!":
            raise RuntimeError("nobody can fold this")
        if row.value == b"t":
            self.due_ms = NOW_MS + 1_000
        self.heard += row.value
        return () if row.value == b"." else (row.value.decode(),)

    def next_due_ms(self) -> int | None:
        return self.due_ms

    def snapshot(self) -> bytes:
        return self.heard

    def restore(self, state: bytes) -> None:
        self.heard = state

    def quarantined(self) -> list[dict[str, str]]:
        return []

    skipped = 0


class Place:
    """A sink and snapshots in memory, shared by workers; time moves by hand."""

    def __init__(self) -> None:
        self.positions: dict[int, int] = {}
        self.said: list[str] = []
        self.states: dict[str, tuple[int, bytes]] = {}
        self.now_ms, self.now_s, self.horizon_ms = NOW_MS, 0.0, NOW_MS + 10**6
        self.clocks: list[tuple[int, int]] = []
        self.refuses = False

    def worker(self) -> Partitions:
        lane = Lane(LANE, "topic", "engine", lambda _: Letters(), self, waits_for_source=True)
        return Partitions(
            lane, self, lambda: self.now_ms, lambda one, at_ms: self.clocks.append((one, at_ms)),
            horizon_ms=lambda: self.horizon_ms, seconds=lambda: self.now_s,
        )  # fmt: skip

    def applied(self, lane: str, partition: int) -> int:
        return self.positions.get(partition, 0)

    def apply(self, lane: str, partition: int, expected: int, position: int, said: Sequence[Any]) -> None:
        if self.refuses:
            raise OSError("the desk is away")
        if self.applied(lane, partition) != expected:
            raise Fenced
        self.positions[partition] = position
        self.said += said

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        self.states[name] = (position, state)

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        kept = self.states.get(name)
        return kept if kept is not None and kept[0] <= not_after else None


def rows(text: str, first: int = 1) -> list[Stored]:
    """A row a letter; "." says nothing, "!" cannot be folded, "t" sets a timer."""
    return [Stored(first + index, letter.encode()) for index, letter in enumerate(text)]


def took(worker: Partitions, partition: int, given: Sequence[Stored]) -> None:
    """All of it."""
    at = 0
    while at < len(given):
        at = worker.take(partition, given, at)


def decisions(worker: Partitions, partition: int = 0) -> list[str]:
    """What was decided about a partition, in order."""
    return [str(decision) for decision, one, _ in worker.decisions if one == partition]


@pytest.fixture
def place() -> Place:
    """Nothing folded yet."""
    return Place()


def test_what_was_folded_before_is_folded_again_in_silence(place: Place) -> None:
    """A new owner begins at the newest snapshot, says nothing up to `applied`, and speaks from there on."""
    first = place.worker()
    first.assigned({0})
    took(first, 0, rows("ab"))
    first.close()
    other = place.worker()
    other.assigned({0})
    took(other, 0, rows("c", 3))
    third = place.worker()
    third.assigned({0})
    assert third.positions() == {0: 2}
    took(third, 0, rows("cd", 3))
    assert place.said == ["a", "b", "c", "d"]
    assert decisions(third) == ["assigned", "loaded", "refolded"]


def test_given_again_it_is_kept_and_given_away_it_is_forgotten(place: Place) -> None:
    """A rebalance that leaves a partition here costs nothing; one that takes it drops the state."""
    worker = place.worker()
    worker.assigned({0, 1})
    took(worker, 0, rows("a."))
    worker.suspend()
    assert place.positions == {0: 2}
    worker.assigned({0})
    assert decisions(worker)[-1] == "kept"
    assert decisions(worker, 1)[-1] == "revoked"
    with pytest.raises(Away):
        worker.take(1, rows("a"))


def test_given_again_after_another_had_it_it_is_loaded(place: Place) -> None:
    """Somebody has moved the position meanwhile: what we remember is not what stands."""
    worker, other = place.worker(), place.worker()
    worker.assigned({0})
    took(worker, 0, rows("a"))
    other.assigned({0})
    took(other, 0, rows("ab"))
    worker.assigned({0})
    assert decisions(worker)[-2:] == ["assigned", "loaded"]
    took(worker, 0, rows("abc"))
    assert place.said == ["a", "b", "c"]


@pytest.mark.parametrize("first", [1, 4])
def test_a_batch_that_does_not_follow_on_is_not_folded(place: Place, first: int) -> None:
    """Rows of an old generation, or after a hole: nothing is taken, and the next that fits is."""
    worker = place.worker()
    worker.assigned({0})
    took(worker, 0, rows("ab"))
    with pytest.raises(Misplaced):
        worker.take(0, rows("xy", first))
    took(worker, 0, rows("c", 3))
    assert place.said == ["a", "b", "c"]


@pytest.mark.expected_errors("the log lacks rows")
@pytest.mark.parametrize(("first", "why"), [(9, "begins at row 9"), (1, "older than the desk")])
def test_a_log_that_lacks_rows_is_told(place: Place, first: int, why: str) -> None:
    """Again and again the same wrong row: no mistake of the consumer's, and another worker would fare no better."""
    worker = place.worker()
    worker.assigned({0})
    took(worker, 0, rows("abc"))
    for _ in range(4):
        with pytest.raises(Misplaced):
            worker.take(0, rows("x", first))
    one = worker.standing()[0]
    assert why in one.trouble
    assert one.lasting


def test_who_is_fenced_says_nothing_and_asks_again_later(place: Place) -> None:
    """Two believe they own it: the second to write loses its state; if it is its own after all, it loads it anew."""
    zombie, owner = place.worker(), place.worker()
    zombie.assigned({0})
    owner.assigned({0})
    took(owner, 0, rows("ab"))
    with pytest.raises(Away):
        zombie.take(0, rows("a"))
    assert place.said == ["a", "b"]
    assert (decisions(zombie)[-1], zombie.positions(), zombie.tick()) == ("fenced", {}, [])
    place.now_s += 60
    assert zombie.tick() == [0]
    took(zombie, 0, rows("abc"))
    assert place.said == ["a", "b", "c"]


@pytest.mark.expected_errors("the worker says what could not be written")
def test_a_desk_that_is_away_costs_pauses_and_nothing_is_skipped(place: Place) -> None:
    """Each failure makes the next pause longer; the rows are folded again, and said once."""
    worker = place.worker()
    worker.assigned({0})
    place.refuses = True
    pauses = []
    for _ in range(4):
        with pytest.raises(Away):
            worker.take(0, rows("ab"))
        begun_s = place.now_s
        while not worker.tick():
            place.now_s += 0.25
        pauses.append(place.now_s - begun_s)
    place.refuses = False
    took(worker, 0, rows("ab"))
    assert place.said == ["a", "b"]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2 * pauses[0]


def test_one_clock_a_partition_when_its_timer_has_passed(place: Place) -> None:
    """Not before it is due, once, never beyond what the source lane has read; and again when it was lost."""
    worker = place.worker()
    worker.assigned({0, 1})
    took(worker, 0, rows("t"))
    worker.tick()
    assert place.clocks == []
    place.now_ms, place.horizon_ms = NOW_MS + 2_000, NOW_MS + 900
    worker.tick()
    assert place.clocks == []
    place.horizon_ms = NOW_MS + 1_500
    for _ in range(3):
        worker.tick()
    assert place.clocks == [(0, NOW_MS + 1_500)]
    place.now_s += 11
    worker.tick()
    assert place.clocks == [(0, NOW_MS + 1_500)] * 2


class Log:
    """A log in memory: times of its rows, by partition; what Kafka says of them, and what stands in them."""

    def __init__(self, times: dict[int, list[int]], kafka_later_ms: int = 0) -> None:
        self.times, self.kafka_later_ms = times, kafka_later_ms

    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        return {one: len(self.times[one]) for one in partitions}

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Fetched]:
        at_ms = self.times[partition][offset]
        return [Fetched(partition, offset, at_ms + self.kafka_later_ms, None, encode_raw("s", RawRecord(at_ms)))]


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


def test_every_decision_has_a_word() -> None:
    """They are named in logs and README."""
    assert {str(one) for one in Decision} == {
        "assigned", "loaded", "refolded", "kept", "misplaced", "fenced", "failed", "revoked"
    }  # fmt: skip
