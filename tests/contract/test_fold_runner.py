"""The runner of folds on the real journal and the real desk: ahead of a backlog, and killed anywhere."""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.record import Input
from rules import fold_runner, partition_fold
from rules.effects import LIVE, Effect
from rules.home_fold import HomeFold
from tests.support.desk import SITE
from tests.support.fold_place import Dying, Killed, Place, a_day, flagged
from tests.support.home_story import BOOK, HomeStory
from tests.support.waiting import wait_until

BACKLOG = 100_000
GATE = 60_000


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty journal and an empty desk."""
    made = Place(tmp_path / "place")
    yield made
    made.close()


@pytest.fixture(scope="module")
def told_whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[dict[str, Any]]]:
    """What stands when nothing ever stopped, by the lanes that ran, in their order. Told once for all tests."""

    @functools.cache
    def tell(*lanes: str) -> list[dict[str, Any]]:
        place = Place(tmp_path_factory.mktemp("whole") / "place")
        place.write(a_day())
        for lane in lanes:
            place.runner(lane).run_until(place.journal.inputs.last_seq())
        told = place.alerts()
        place.close()
        assert len(told) > 3
        return told

    return tell


Whole = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches and snapshots so small that every kind of cut happens in one day."""
    monkeypatch.setattr(fold_runner, "BATCH", 4)
    monkeypatch.setattr(partition_fold, "QUIET_ROWS", 9)
    monkeypatch.setattr(partition_fold, "snapshot_after", lambda _size: 11)


class Gated(HomeFold):
    """A home fold that is busy until it is let go."""

    gate = threading.Event()

    def apply(self, given: Input) -> list[Effect]:
        if given.seq == GATE:
            assert self.gate.wait(30), "nobody let it go"
        return super().apply(given)


def test_an_alarm_behind_a_backlog_reaches_the_desk_while_the_rules_are_busy(place: Place) -> None:
    """Behind a hundred thousand readings: the floor has it on the desk while the home fold is still among them."""
    story = HomeStory()
    settings = len(story.inputs)
    story.event("measured", story.at("02:00"), metric="temperature", value=21, unit="Cel")
    story.event("alarm.pressed", story.at("02:10"), trigger="pendant")
    reading, press = story.inputs[settings:]
    place.write([*story.inputs[:settings], *([reading] * BACKLOG), flagged(press)])

    Gated.gate.clear()
    home = place.runner(make=lambda: Gated(BOOK, SITE))
    floor = place.runner("floor")
    home.start()
    floor.start()
    try:
        wait_until(place.alerts, "an alert on the desk", 20)
        (alert,) = place.alerts()
        assert home.position < GATE
        assert home.lag > BACKLOG - GATE
    finally:
        Gated.gate.set()
    last = place.journal.inputs.last_seq()
    wait_until(lambda: (home.position, floor.position) == (last, last), "the end of the backlog", 30)
    home.stop()
    floor.stop()
    (named,) = place.alerts()
    assert named["alert_id"] == alert["alert_id"]
    assert (named["rule"], named["priority"]) == ("R01", "P1")
    assert (place.desk.applied(LIVE, 0), place.desk.applied("floor", 0)) == (last, last)


@pytest.mark.parametrize("lane", [LIVE, "floor"])
@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after it"])
@pytest.mark.parametrize("at", [1, 2, 5])
@pytest.mark.usefixtures("small_steps")
def test_killed_anywhere_and_started_again(
    tmp_path: Path, told_whole: Whole, lane: str, at: int, after_commit: bool
) -> None:
    """Whatever transaction the process dies at, again and again: in the end the same alerts stand."""
    place = Place(tmp_path / "place")
    place.write(a_day())
    last = place.journal.inputs.last_seq()
    for _ in range(4):
        try:
            place.runner(lane, Dying(place.desk, at, after_commit=after_commit)).run_until(last)
        except Killed:
            assert place.desk.applied(lane, 0) <= last
    place.runner(lane).run_until(last)
    told = place.alerts()
    place.close()
    assert told == told_whole(lane)


@pytest.mark.usefixtures("small_steps")
def test_floor_and_rules_in_either_order_tell_the_same_alarms(told_whole: Whole) -> None:
    """Who comes first changes what a timeline says, never which alerts stand or what they are called."""
    orders = [told_whole(*lanes) for lanes in (("floor", LIVE), (LIVE, "floor"))]
    names = ("alert_id", "rule", "priority", "condition", "late_seconds")
    first, second = ([[alert[name] for name in names] for alert in alerts] for alerts in orders)
    assert sorted(first) == sorted(second)


def test_the_collector_looks_through_what_is_new_every_few_rows(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """However rows trickle in, and though Python counts few of what they make: no pause grows with the site."""
    place.write(a_day())
    last, looks = place.journal.inputs.last_seq(), list[int]()
    monkeypatch.setattr(partition_fold, "ROWS_A_LOOK", 5)
    monkeypatch.setattr(partition_fold, "look_through_young", lambda: looks.append(gc.collect(0)))
    runner = place.runner(LIVE)
    for position in range(1, last + 1):
        runner.run_until(position)
    assert len(looks) == last // 5
