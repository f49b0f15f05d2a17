"""A storm of alarms through the runner: shown one after another, and done even where the service dies every second."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from alerts.desk import Desk
from ingest.event import Event, name_uuid
from ingest.record import EVENT, Input
from rules import partition_fold
from rules.effects import Effect
from tests.support.desk import NIGHT_MS, SITE
from tests.support.fold_place import Place

ALARMS = 120  # six transactions and more


class DyingSoon:
    """The desk, for so many transactions; then the process is gone."""

    def __init__(self, desk: Desk, transactions: int) -> None:
        self._desk, self._left = desk, transactions
        self.sizes: list[int] = []

    def applied(self, lane: str, partition: int) -> int:
        return self._desk.applied(lane, partition)

    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Effect]) -> None:
        if self._left == 0:
            raise ConnectionAbortedError
        self._left -= 1
        self.sizes.append(len(effects))
        self._desk.apply(lane, partition, expected, position, effects)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A journal with a storm in it: every pendant of a town in one second."""
    made = Place(tmp_path / "place")
    made.write([alarm(number) for number in range(ALARMS)])
    yield made
    made.close()


def alarm(number: int) -> Input:
    """The press of resident `number`."""
    ids = name_uuid("storm", number), "alarm.pressed", SITE, f"vardevakt:gw-{number}/pendant", "h1", f"r{number}"
    event = Event(*ids, received_at_ms=NIGHT_MS, effective_at_ms=NIGHT_MS)
    return Input(EVENT, NIGHT_MS, "h1", event, floor=1)


def test_a_storm_is_shown_a_few_at_a_time(place: Place) -> None:
    """The first alarm does not wait for the last: no transaction holds more than its share."""
    sink = DyingSoon(place.desk, 1_000)
    place.runner("floor", sink).run_until(ALARMS)

    assert max(sink.sizes) <= partition_fold.EFFECTS_A_TRANSACTION
    assert len(place.alerts()) == ALARMS


def test_a_service_that_dies_again_and_again_gets_through_a_storm(place: Place) -> None:
    """One transaction in each life is progress: in the end every alarm has its alert, and one."""
    lives = 0
    while place.desk.applied("floor", 0) < ALARMS:
        before = place.desk.applied("floor", 0)
        with contextlib.suppress(ConnectionAbortedError):
            place.runner("floor", DyingSoon(place.desk, 1)).run_until(ALARMS)
        assert place.desk.applied("floor", 0) > before
        lives += 1

    assert lives >= ALARMS / partition_fold.EFFECTS_A_TRANSACTION
    assert len({alert["causes"][0]["event_id"] for alert in place.alerts()}) == ALARMS
