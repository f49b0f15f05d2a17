"""The feed of several intakes that each subscribe to everything: it is lost when none of them hears. Pure.

Each intake watches its own connection (`feed.py`) and knows by the others' notes whether one of them hears
(`intake_notes.others_hear`). While one does, what this intake missed is no gap, and none of its facts is recorded. When
the last of the others falls silent, also without a word, what was not said before is said then: lost since that moment.

| facts of our own      | another hears                  | none does                                               |
|-----------------------|--------------------------------|---------------------------------------------------------|
| feed.lost             | kept back                      | recorded, from when a feed was heard last               |
| feed.gap, settled     | kept back; ours is back        | recorded, from when a feed was heard last               |
| none, but blind       | -                              | feed.lost as of when another was heard last             |

Whoever has said feed.lost says feed.gap, as soon as he or another hears, whatever else is kept back: homes are blind
until then. Another may have heard all the while (its notes late, its canary slow), and so have no gap of its own.
After a restart too: the note of the last run says it (`intake_notes.Note.lost_ms`).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ingest.feed import FeedMonitor
from ingest.record import FEED, RawRecord
from ingest.source_settings import read_object


class SharedFeed(FeedMonitor):
    """A FeedMonitor of one intake among several. `lost_ms`: what it has said to be lost since then, and not to be back;
    0: nothing.
    """

    def __init__(self, now_ms: int, raw_last_ms: int, others_hear: Callable[[], bool], lost_ms: int = 0) -> None:
        """`lost_ms`: of its last run."""
        super().__init__(now_ms, raw_last_ms)
        self.lost_ms = lost_ms
        self._others_hear = others_hear
        self._others_ms = 0  # when another was heard last

    def on_connected(self, now_ms: int, *, session_present: bool) -> list[RawRecord]:
        return self._shared(super().on_connected(now_ms, session_present=session_present), now_ms)

    def on_canary(self, now_ms: int) -> list[RawRecord]:
        return self._shared(super().on_canary(now_ms), now_ms)

    def tick(self, now_ms: int) -> list[RawRecord]:
        return self._shared(super().tick(now_ms), now_ms)

    def _shared(self, facts: list[RawRecord], now_ms: int) -> list[RawRecord]:
        said = [self._clipped(read_object(fact) or {}) for fact in facts]
        if self._others_hear():
            self._others_ms, said = now_ms, self._back(now_ms)
        elif not said and self._state == "blind" and not self.lost_ms:
            said = [{"type": "feed.lost", "from_ms": self._others_ms, "to_ms": now_ms}]
        for one in said:
            self._remember(one)
        return [RawRecord(0, FEED, payload=msgspec.json.encode(one)) for one in said]

    def _remember(self, fact: dict[str, object]) -> None:
        if fact.get("type") == "feed.gap":
            self.lost_ms = 0
        elif fact.get("type") == "feed.lost" and isinstance(from_ms := fact.get("from_ms"), int):
            self.lost_ms = self.lost_ms or from_ms

    def _back(self, now_ms: int) -> list[dict[str, object]]:
        """What to say when another hears, of what we have said to be lost."""
        if not self.lost_ms:
            return []
        gap: dict[str, object] = {"from_ms": self.lost_ms, "to_ms": now_ms, "session_lost": False}
        return [{"type": "feed.gap", **gap}, {"type": "feed.settled", "from_ms": now_ms, "to_ms": now_ms}]

    def _clipped(self, fact: dict[str, object]) -> dict[str, object]:
        from_ms = fact.get("from_ms")
        return fact if not isinstance(from_ms, int) else {**fact, "from_ms": max(from_ms, self._others_ms)}
