"""One journal and one desk with fold runners over them, for tests of the runner on the real stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from alerts.database import Database
from alerts.desk import Desk
from alerts.reads import queries
from ingest.journal_sqlite import SqliteJournal
from ingest.record import Folded, Input
from ingest.vocabulary import floor_flag
from rules.book import Book
from rules.effects import LIVE, Effect
from rules.floor import Floor
from rules.fold_runner import EffectSink, FoldRunner
from rules.home_fold import HomeFold
from tests.support.desk import SITE, new_database
from tests.support.home_story import BOOK, HomeStory
from tests.support.journals import sqlite_journal

MIN = 60_000


class Place:
    """One journal and one desk, and runners over them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.journal: SqliteJournal = sqlite_journal(folder)
        self.database: Database = new_database(folder)
        self.desk = Desk(self.database, SITE)

    def write(self, inputs: Sequence[Input]) -> None:
        position = self.journal.inputs.position()
        self.journal.inputs.write(position + 1, [Folded(inputs=tuple(inputs))], position)

    def runner(
        self, lane: str = LIVE, sink: EffectSink | None = None, make: Callable[[], Any] | None = None, book: Book = BOOK
    ) -> FoldRunner:
        floor = lane == "floor"
        make = make or ((lambda: Floor(SITE)) if floor else (lambda: HomeFold(book, SITE)))
        return FoldRunner(
            lane,
            make,
            "test",
            self.journal.inputs,
            sink or self.desk,
            self.journal.snapshots,
            lambda: 0,
            floor_only=floor,
        )

    def alerts(self) -> list[dict[str, Any]]:
        return list(queries.every_alert(self.database))

    def close(self) -> None:
        self.journal.close()
        self.database.close()


def flagged(given: Input) -> Input:
    """As the source fold marks what the floor needs."""
    event = given.event
    if event is None:
        return given
    return msgspec.structs.replace(given, floor=floor_flag(event.type, event.content, wander_risk=False))


def a_day() -> list[Input]:
    """A night and a day of one home, with a bit of everything."""
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.event("fall.suspected", story.at("02:13:00"))
    story.event("fall.confirmed", story.at("02:13:20"))
    story.event("alarm.pressed", story.at("02:14:05"), trigger="pendant")
    story.event("bed.occupied", story.at("03:30"))
    story.event("dose.due", story.at("08:00"), dose_id="a")
    story.event("device.offline", story.at("09:00"), role="gateway")
    story.event("device.online", story.at("12:00"), role="gateway")
    story.event("dose.taken", story.at("08:05"), heard_ms=story.at("12:00:10"), dose_id="a")
    for minute in range(40):
        story.event("measured", story.at("12:01") + minute * MIN, metric="temperature", value=21, unit="Cel")
    story.event("motion.detected", story.at("13:00"))
    story.event("fall.suspected", story.at("22:00"))
    story.event("alarm.pressed", story.at("18:40"), heard_ms=story.at("22:40"), trigger="pendant")
    story.until(story.at("05:00", 1))
    return [flagged(given) for given in story.inputs]


class Killed(BaseException):
    """The process is gone; nothing after it runs."""


class Dying:
    """The desk of a process that dies at its n-th transaction, before it or just after its commit."""

    def __init__(self, desk: Desk, at: int, *, after_commit: bool) -> None:
        self._desk, self._left, self._after = desk, at, after_commit

    def applied(self, lane: str, partition: int) -> int:
        return self._desk.applied(lane, partition)

    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Effect]) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        self._desk.apply(lane, partition, expected, position, effects)
        if self._left == 0:
            raise Killed


class Refusing:
    """A desk that cannot write for a while."""

    def __init__(self, desk: Desk, times: int) -> None:
        self._desk, self.left = desk, times

    def applied(self, lane: str, partition: int) -> int:
        return self._desk.applied(lane, partition)

    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Effect]) -> None:
        if self.left:
            self.left -= 1
            raise OSError("the disk is full")
        self._desk.apply(lane, partition, expected, position, effects)
