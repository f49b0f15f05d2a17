"""The runner of folds in trouble, on the real journal and the real desk: fenced, refused, set aside, damaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.journal import JournalError
from ingest.record import EVENT
from rules import fold_runner, partition_fold
from rules.effects import LIVE, Effect
from tests.support.fold_place import Place, Refusing, a_day
from tests.support.home_story import BOOK, HomeStory, changed
from tests.support.waiting import wait_until

BROKEN = changed("R05", set={"no_such_parameter": "1 s"})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty journal and an empty desk."""
    made = Place(tmp_path / "place")
    yield made
    made.close()


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches and snapshots so small that every kind of cut happens in one day."""
    monkeypatch.setattr(fold_runner, "BATCH", 4)
    monkeypatch.setattr(partition_fold, "QUIET_ROWS", 9)
    monkeypatch.setattr(partition_fold, "snapshot_after", lambda _size: 11)


def undisturbed(folder: Path) -> list[dict[str, Any]]:
    """What stands when nothing goes wrong."""
    place = Place(folder)
    place.write(a_day())
    place.runner().run_until(place.journal.inputs.last_seq())
    told = place.alerts()
    place.close()
    assert len(told) > 5
    return told


@pytest.mark.expected_errors("the runner says that it is fenced")
def test_a_fenced_runner_stops_and_writes_nothing(place: Place) -> None:
    """Somebody else has moved the position: no effect of ours, and no second try."""
    runner = place.runner()
    runner.start()
    place.write(a_day())
    runner.notify()
    last = place.journal.inputs.last_seq()
    wait_until(lambda: place.desk.applied(LIVE, 0) == last, "the end of the journal")
    before = place.alerts()
    place.desk.apply(LIVE, 0, last, last + 1, ())
    story = HomeStory()
    story.event("alarm.pressed", story.at("23:00", 1), trigger="cord")
    place.write(story.inputs[-1:])
    runner.notify()
    wait_until(lambda: runner.fenced, "the fence")
    runner.notify()
    runner.stop()
    assert not runner.healthy
    assert place.alerts() == before
    assert place.desk.applied(LIVE, 0) == last + 1


@pytest.mark.expected_errors("the runner says that it could not write")
@pytest.mark.usefixtures("small_steps")
def test_a_desk_that_refuses_is_asked_again_and_nothing_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four failures in a row, then it works: the same alerts as if nothing had been, and healthy again."""
    monkeypatch.setattr(fold_runner, "PAUSE_FIRST_S", 0.005)
    place = Place(tmp_path / "place")
    place.write(a_day())
    sink = Refusing(place.desk, 4)
    runner = place.runner(sink=sink)
    runner.start()
    wait_until(lambda: place.desk.applied(LIVE, 0) > 0 and runner.lag == 0, "the end of the journal", 20)
    runner.stop()
    told = place.alerts()
    place.close()
    assert (sink.left, runner.healthy) == (0, True)
    assert told == undisturbed(tmp_path / "whole")


@pytest.mark.usefixtures("small_steps")
def test_what_is_set_aside_shows_in_the_status_also_after_a_restart(place: Place) -> None:
    """A rule that raises stands in `quarantined` once, from the snapshot too; a book that mends it takes it out."""
    place.write(a_day())
    for _ in range(2):
        runner = place.runner(book=BROKEN)
        runner.run_until(place.journal.inputs.last_seq())
        assert runner.quarantined == [{"rule": "R05", "subject": "r1"}]
    story = HomeStory()
    story.book(BOOK, story.at("06:00", 1))
    place.write(story.inputs[-1:])
    runner.run_until(place.journal.inputs.last_seq())
    assert runner.quarantined == []


def test_an_input_that_cannot_be_folded_is_counted(place: Place) -> None:
    """The next one is folded, the status counts the skipped one, and so it does after a restart."""
    day = a_day()
    place.write([*day[:-1], msgspec.structs.replace(day[-1], kind=EVENT), day[-1]])
    last = place.journal.inputs.last_seq()
    for _ in range(2):
        runner = place.runner()
        runner.run_until(last)
        assert (runner.skipped, runner.position) == (1, last)


@pytest.mark.usefixtures("small_steps")
def test_a_damaged_snapshot_costs_time_only(tmp_path: Path) -> None:
    """What cannot be read is set aside, and the fold is rebuilt from the first row."""
    place = Place(tmp_path / "place")
    day = a_day()
    place.write(day[:40])
    place.runner().run_until(40)
    place.journal.snapshots.save(LIVE, 40, "test", b"\xc1 no snapshot")
    place.write(day[40:])
    place.runner().run_until(len(day))
    told = place.alerts()
    place.close()
    assert told == undisturbed(tmp_path / "whole")


def test_a_journal_older_than_the_desk_is_refused(place: Place) -> None:
    """The desk stands at row 5 000 of a journal that ends earlier: going on would skip what comes next."""
    place.write(a_day())
    place.desk.apply(LIVE, 0, 0, 5_000, ())
    with pytest.raises(JournalError, match="older than the desk"):
        place.runner().run_until(10)


def test_quiet_rows_cost_no_transaction_each(place: Place) -> None:
    """Ten thousand readings in small batches move the position twice, and the end of it all once."""
    story = HomeStory()
    story.event("measured", story.at("02:00"), metric="temperature", value=21, unit="Cel")
    reading = story.inputs[-1]
    moved: list[int] = []

    class Counting(Refusing):
        def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Effect]) -> None:
            moved.append(position)
            super().apply(lane, partition, expected, position, effects)

    runner = place.runner(sink=Counting(place.desk, 0))
    for _ in range(20):
        place.write([reading] * 500)
    runner.run_until(10_000)
    assert len(moved) <= 3
    assert place.desk.applied(LIVE, 0) == 10_000
