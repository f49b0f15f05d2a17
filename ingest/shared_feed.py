"""The feed of several intakes that each subscribe to everything: it is lost when none of them hears. Pure.

Each intake watches its own connection (`feed.py`) and knows by the others' notes whether one of them hears
(`intake_notes.others_hear`). While one does, what this intake missed is no gap, and none of its facts is recorded. When
the last of the others falls silent, also without a word, what was not said before is said then: lost since that moment.

| facts of our own      | another hears                  | none does                                               |
|-----------------------|--------------------------------|---------------------------------------------------------|
| feed.lost             | kept back, remembered          | recorded, from when a feed was heard last               |
| feed.gap, settled     | kept back; ours is back        | recorded, from when a feed was heard last               |
| none, but lost before | -                              | feed.lost as of when another was heard last             |
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ingest.feed import FeedMonitor
from ingest.record import FEED, RawRecord
from ingest.source_settings import read_object


class SharedFeed(FeedMonitor):
    """A FeedMonitor of one intake among several."""

    def __init__(self, now_ms: int, raw_last_ms: int, others_hear: Callable[[], bool]) -> None:
        super().__init__(now_ms, raw_last_ms)
        self._others_hear = others_hear
        self._others_ms = 0  # when another was heard last
        self._kept_back = False  # that we are blind

    def on_connected(self, now_ms: int, *, session_present: bool) -> list[RawRecord]:
        return self._shared(super().on_connected(now_ms, session_present=session_present), now_ms)

    def on_canary(self, now_ms: int) -> list[RawRecord]:
        return self._shared(super().on_canary(now_ms), now_ms)

    def tick(self, now_ms: int) -> list[RawRecord]:
        return self._shared(super().tick(now_ms), now_ms)

    def _shared(self, facts: list[RawRecord], now_ms: int) -> list[RawRecord]:
        said = [read_object(fact) or {} for fact in facts]
        if said:
            self._kept_back = said[-1].get("type") == "feed.lost"
        if self._others_hear():
            self._others_ms = now_ms
            return []
        if not said:
            if not self._kept_back or not self._others_ms:
                return []
            said = [{"type": "feed.lost", "from_ms": self._others_ms, "to_ms": now_ms}]
        self._kept_back = False
        return [RawRecord(0, FEED, payload=msgspec.json.encode(self._clipped(one))) for one in said]

    def _clipped(self, fact: dict[str, object]) -> dict[str, object]:
        from_ms = fact.get("from_ms")
        return fact if not isinstance(from_ms, int) else {**fact, "from_ms": max(from_ms, self._others_ms)}
