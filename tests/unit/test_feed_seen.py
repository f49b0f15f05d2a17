"""What board and API say of the feed, by the notes of the intakes."""

from __future__ import annotations

from typing import cast

import pytest

from api.cluster.lanes import FeedSeen
from ingest.intake_notes import ALIVE_MS, Note
from ingest.journal_kafka import KafkaRawLog

NOW_MS = 1_780_000_000_000


class Notes:
    """Of RAW on Kafka, what FeedSeen reads."""

    def __init__(self, *notes: Note) -> None:
        self._notes = notes

    def now_ms(self) -> int:
        return NOW_MS

    def others(self) -> dict[str, Note]:
        return {note.intake: note for note in self._notes}


def seen(*notes: Note) -> FeedSeen:
    return FeedSeen(cast("KafkaRawLog", Notes(*notes)))


def note(intake: str, feed: str, gateways: str = "", *, age_ms: int = 500, since_ms: int = 0) -> Note:
    return Note(intake, "r", NOW_MS - age_ms, feed=feed, gateways=gateways, feed_since_ms=since_ms)


GONE = ALIVE_MS + 1


@pytest.mark.parametrize(
    ("notes", "state"),
    [
        ([], "blind"),
        ([note("a", "live"), note("b", "blind")], "live"),
        ([note("a", "late"), note("b", "blind")], "late"),
        ([note("a", "live", age_ms=GONE)], "blind"),
        ([note("a", "live"), note("desk", "", age_ms=GONE)], "live"),
        ([note("a", "live", "north"), note("b", "live", "south")], "live"),
        ([note("a", "live", "north"), note("b", "late", "south")], "late"),
        ([note("a", "live", "north"), note("b", "live", "south", age_ms=GONE)], "blind"),
        ([note("a", "live", "north"), note("b", "blind", "south"), note("c", "live", "south")], "live"),
        ([note("a", "blind", "north"), note("c", "live")], "live"),
    ],
)
def test_the_feed_is_as_the_list_that_is_worst_off(notes: list[Note], state: str) -> None:
    """Of intakes that hear the same, the best counts; who is gone hears nothing."""
    assert seen(*notes).state == state
    assert seen(*notes).connected is (state != "blind")


def test_times_are_those_of_the_list_that_is_worst_off() -> None:
    """One list is heard; the other is not, since when its last intake heard it."""
    split = seen(
        note("a", "live", "north"), note("b", "blind", "south", since_ms=NOW_MS - 70_000),
        note("c", "blind", "south", since_ms=NOW_MS - 40_000),
    )  # fmt: skip
    assert split.gap_since_ms == NOW_MS - 40_000
    assert seen(note("a", "live"), note("b", "blind", since_ms=7)).gap_since_ms is None
    assert seen(note("a", "live", "n"), note("b", "live", "s", age_ms=900)).last_canary_ms == NOW_MS - 900
    assert seen(note("a", "live"), note("b", "live", age_ms=900)).last_canary_ms == NOW_MS - 500
    assert seen().last_canary_ms is None
