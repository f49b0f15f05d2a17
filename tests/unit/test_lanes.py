"""Rows of the lanes: what was written twice counts once, what nobody can read stops nobody, and what goes first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from ingest.codecs import default_codecs
from ingest.record import Input
from ingest.source_fold import SourceFold
from ingest.topics import INPUTS, Layout, Origin, Outgoing, encode_input, encode_raw
from rules.effects import LIVE, Effect, Fenced, Raise
from rules.floor import Floor
from rules.lanes import SOURCE, InputRows, RawRows, SourceSink, Stored
from rules.partition_fold import PartitionFold
from tests.support.fold_place import flagged
from tests.support.home_story import HomeStory
from tests.support.source import MINUTE_MS, NOON_MS, SITE, press, site

LAYOUT = Layout(SITE, partitions=4)


def presses(count: int) -> list[Input]:
    """Presses of a pendant, an hour apart."""
    story = HomeStory()
    begun = len(story.inputs)
    for hour in range(count):
        story.event("alarm.pressed", story.at(f"{hour:02}:00"), trigger="pendant")
    return [flagged(one) for one in story.inputs[begun:]]


def row(seq: int, one: Input, origin: Origin) -> Stored:
    """The input at that position, of that raw record."""
    return Stored(seq, encode_input(SITE, one, origin))


def raised(effects: Sequence[Effect]) -> list[str]:
    """What alerts they begin."""
    return [one.episode for one in effects if isinstance(one, Raise)]


def test_what_was_written_twice_is_folded_once_also_after_a_restart() -> None:
    """A row with an origin that was seen changes nothing, whoever loads the partition in between."""
    first, second, third = presses(3)
    fold = InputRows("floor", 0, Floor(SITE))
    assert raised(fold.apply(row(1, first, Origin(2, 10, 0))))
    assert raised(fold.apply(row(2, second, Origin(2, 11, 0))))
    again = InputRows("floor", 0, Floor(SITE))
    again.restore(fold.snapshot())
    assert list(again.apply(row(3, first, Origin(2, 10, 0)))) == []
    assert list(again.apply(row(4, second, Origin(2, 11, 0)))) == []
    assert raised(again.apply(row(5, third, Origin(1, 3, 0))))
    assert again.snapshot() != fold.snapshot()


def test_a_row_that_nobody_can_read_is_told_with_the_time_of_the_log() -> None:
    """The same words whether the fold was restarted before it or not."""
    first, second = presses(2)
    fold = InputRows(LIVE, 3, Floor(SITE))
    fold.apply(row(1, first, Origin(0, 1, 0)))
    again = InputRows(LIVE, 3, Floor(SITE))
    again.restore(fold.snapshot())
    told, same = fold.apply(Stored(2, b"\xc1")), again.apply(Stored(2, b"\xc1"))
    assert msgspec.json.encode(told) == msgspec.json.encode(same)
    assert told[0].at_ms == first.received_at_ms
    assert (fold.skipped, again.skipped) == (1, 1)
    assert raised(fold.apply(row(3, second, Origin(0, 2, 0))))


class Desk:
    """Positions alone; somebody else may have moved them."""

    def __init__(self) -> None:
        self.position = 0
        self.steps: list[str] = []

    def applied(self, lane: str, partition: int) -> int:
        return self.position

    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Effect], /) -> None:
        if expected != self.position:
            raise Fenced
        self.steps.append(f"moved to {position}")
        self.position = position


class Nowhere:
    """No snapshots."""

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        """Kept nowhere."""

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        return None


def test_the_source_lane_moves_its_position_after_its_rows_are_written() -> None:
    """Written first, moved then; where writing fails nothing is moved, and the same rows are written again."""
    desk = Desk()
    written: list[Outgoing] = []
    away = True

    def write(rows: Sequence[Outgoing]) -> None:
        if away:
            raise OSError("kafka is away")
        written.extend(rows)
        desk.steps.append("written")

    fold = PartitionFold(
        SOURCE, 0, lambda: RawRows(SourceFold(SITE, default_codecs())), "e", SourceSink(LAYOUT, write, desk), Nowhere()
    )
    records = [*site(), press(NOON_MS + MINUTE_MS)]
    rows = [Stored(seq, encode_raw(SITE, one)) for seq, one in enumerate(records, 1)]
    fold.load()
    with pytest.raises(OSError, match="away"):
        fold.take(rows)
    assert desk.steps == []
    away = False
    fold.load()
    assert fold.take([*rows, Stored(len(rows) + 1, b"\xc1")]) == len(rows) + 1
    assert desk.steps == ["written", f"moved to {len(rows) + 1}"]
    assert any(one.log == INPUTS for one in written)
