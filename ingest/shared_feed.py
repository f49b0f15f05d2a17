"""The feed of several intakes that hear the same gateways: it is lost when none of them hears. Pure.

Each intake watches its own connection (`feed.py`) and knows by the others' notes whether one of them hears what it
hears (`intake_notes.others_say`). While one does, what this intake missed is no gap, and none of its facts is recorded.
When the last of them falls silent, also without a word, what was not said before is said then: lost since that moment.
Whoever hears another list of gateways is no such other: what one list loses is said, whoever hears the rest.

| facts of our own      | another hears                  | none does                                               |
|-----------------------|--------------------------------|---------------------------------------------------------|
| feed.lost             | kept back                      | recorded, from when a feed was heard last               |
| feed.gap, settled     | kept back; ours is back        | recorded, from when a feed was heard last               |
| none, but blind       | -                              | feed.lost as of when another was heard last             |
| none, and live        | -                              | feed.gap since a feed.lost that one now gone had said   |
| none, blind, lost     | feed.gap; ours is back         | feed.lost again, when another list said feed.gap        |

Whoever has said feed.lost says feed.gap, as soon as he or another hears, whatever else is kept back: homes are blind
until then. Another may have heard all the while (its notes late, its canary slow), and so have no gap of its own.
After a restart too: the note of the last run says it (`intake_notes.Note.lost_ms`). Where whoever said it is gone for
good, the word falls with the notes: one that hears what the other heard takes it back. And as homes know one feed, and
take any feed.gap to be all of it, a list that is still lost says so again after another's.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ingest.feed import FeedMonitor
from ingest.intake_notes import SKEWED_MS, Note, Others
from ingest.record import FEED, RawRecord
from ingest.source_settings import read_object


class SharedFeed(FeedMonitor):
    """A FeedMonitor of one intake among several. `lost_ms`: what it has said to be lost since then, and not to be back;
    0: nothing. `back_ms`: when it said last that something is back.
    """

    def __init__(self, now_ms: int, raw_last_ms: int, others: Callable[[], Others], last: Note) -> None:
        """`last`: the last note of its last run; an empty one where there was none."""
        super().__init__(now_ms, raw_last_ms)
        self.lost_ms, self.back_ms = last.lost_ms, last.back_ms
        self._others = others
        self._others_ms = 0  # when another was heard last
        self._lost_said_ms = now_ms  # when `lost_ms` was said
        self._left_ms = self._undone_ms = 0  # of others, what was answered

    def on_connected(self, now_ms: int, *, session_present: bool) -> list[RawRecord]:
        return self._shared(super().on_connected(now_ms, session_present=session_present), now_ms)

    def on_canary(self, now_ms: int) -> list[RawRecord]:
        return self._shared(super().on_canary(now_ms), now_ms)

    def tick(self, now_ms: int) -> list[RawRecord]:
        return self._shared(super().tick(now_ms), now_ms)

    def _shared(self, facts: list[RawRecord], now_ms: int) -> list[RawRecord]:
        said = [self._clipped(read_object(fact) or {}) for fact in facts]
        others = self._others()
        if others.hear:
            self._others_ms, said = now_ms, self._back(self.lost_ms, now_ms)
        elif not said and self._state == "blind" and (not self.lost_ms or self._undone(others.undone_ms)):
            said = [{"type": "feed.lost", "from_ms": self.lost_ms or self._others_ms, "to_ms": now_ms}]
        if not said and self._state == "live":
            said = self._back(self.lost_ms or self._new_left(others.left_ms), now_ms)
        for one in said:
            self._remember(one, now_ms)
        return [RawRecord(0, FEED, payload=msgspec.json.encode(one)) for one in said]

    def _remember(self, fact: dict[str, object], now_ms: int) -> None:
        if fact.get("type") == "feed.gap":
            self.lost_ms, self.back_ms = 0, now_ms
        elif fact.get("type") == "feed.lost" and isinstance(from_ms := fact.get("from_ms"), int):
            self.lost_ms, self._lost_said_ms = self.lost_ms or from_ms, now_ms

    def _undone(self, back_ms: int) -> bool:
        """Whether homes take our feed.lost to be over by the word of one who does not hear for us; asked once."""
        is_new, self._undone_ms = back_ms > self._undone_ms, back_ms
        return is_new and back_ms + SKEWED_MS > self._lost_said_ms

    def _new_left(self, left_ms: int) -> int:
        """0 where it was answered: our own note says so a little later."""
        is_new, self._left_ms = left_ms != self._left_ms, left_ms
        return left_ms if is_new else 0

    def _back(self, lost_ms: int, now_ms: int) -> list[dict[str, object]]:
        """What to say when one hears, of what was said to be lost since then."""
        if not lost_ms:
            return []
        gap: dict[str, object] = {"from_ms": lost_ms, "to_ms": now_ms, "session_lost": False}
        return [{"type": "feed.gap", **gap}, {"type": "feed.settled", "from_ms": now_ms, "to_ms": now_ms}]

    def _clipped(self, fact: dict[str, object]) -> dict[str, object]:
        from_ms = fact.get("from_ms")
        return fact if not isinstance(from_ms, int) else {**fact, "from_ms": max(from_ms, self._others_ms)}
