"""What becomes of a partition at a worker: given, kept, moved, fenced, failed; and its clocks."""

from __future__ import annotations

import pytest

from rules.partitions import Away, Decision, Misplaced, Partitions
from tests.support.partition_place import NOW_MS, Place, rows, took


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


def test_every_decision_has_a_word() -> None:
    """They are named in logs and README."""
    assert {str(one) for one in Decision} == {
        "assigned", "loaded", "refolded", "kept", "misplaced", "fenced", "failed", "revoked"
    }  # fmt: skip
