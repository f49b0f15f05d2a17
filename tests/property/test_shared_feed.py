"""Whatever happens to two intakes and their words to each other: no home stays blind once one of them hears."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ingest.feed import CANARY_EVERY_MS
from ingest.intake_notes import ALIVE_MS, EVERY_MS, Note, others_hear
from ingest.shared_feed import SharedFeed

START_MS = 1_780_000_000_000
NAMES = ("a", "b")
WORKS = frozenset({"broker", "canary", "notes"})


class Intakes:
    """Two of them, second by second. What each says of the feed goes into one log, its notes to the other."""

    def __init__(self) -> None:
        self.now_ms, self.log = START_MS, list[tuple[str, int, int]]()
        self.notes: dict[str, Note] = {}  # as the other has them
        self.last: dict[str, Note] = {}
        self.feeds = {name: self._begun(name, 0) for name in NAMES}

    def _begun(self, name: str, lost_ms: int) -> SharedFeed:
        return SharedFeed(self.now_ms, START_MS - 60_000, lambda: others_hear(self.notes, name, self.now_ms), lost_ms)

    def restart(self, name: str) -> None:
        """The note of the last run is all that is left."""
        self.feeds[name] = self._begun(name, self.last[name].lost_ms if name in self.last else 0)

    def second(self, works: dict[str, frozenset[str]]) -> None:
        """A second passes; `works`: what of each intake does."""
        self.now_ms += EVERY_MS
        for name, feed in self.feeds.items():
            facts = feed.tick(self.now_ms)
            if feed.connected and "broker" not in works[name]:
                feed.on_disconnected(self.now_ms)
            elif not feed.connected and "broker" in works[name]:
                facts += feed.on_connected(self.now_ms, session_present=True)
            elif "canary" in works[name] and feed.connected and self.now_ms % CANARY_EVERY_MS == 0:
                facts += feed.on_canary(self.now_ms)
            said = [json.loads(fact.payload) for fact in facts]
            self.log += [(one["type"], one["from_ms"], one["to_ms"]) for one in said]
            self.last[name] = Note(name, "r", self.now_ms, feed=feed.state(self.now_ms), lost_ms=feed.lost_ms)
            if "notes" in works[name]:
                self.notes[name] = self.last[name]

    def lost_ms(self) -> int | None:
        """As a home knows it: since when the feed is lost."""
        lost_ms = None
        for kind, from_ms, _to_ms in self.log:
            if kind == "feed.lost":
                lost_ms = from_ms if lost_ms is None else lost_ms
            elif kind == "feed.gap":
                lost_ms = None
        return lost_ms


WAYS = st.sampled_from((WORKS, *(WORKS - {each} for each in sorted(WORKS)), None))
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), WAYS, st.sampled_from((1, 15))), max_size=10)


@given(STEPS, st.sampled_from(NAMES))
def test_what_was_said_to_be_lost_is_said_to_be_back(steps, hears):
    """Brokers, canaries and notes fail in any way, intakes start again (None); in the end one of them hears."""
    site, works = Intakes(), dict.fromkeys(NAMES, WORKS)
    for name, way, seconds in [("a", WORKS, 10), *steps]:
        if way is None:
            site.restart(name)
        works[name] = way or works[name]
        for _ in range(seconds):
            site.second(works)

    for _ in range((ALIVE_MS + 2 * CANARY_EVERY_MS) // EVERY_MS):
        site.second({name: WORKS if name == hears else frozenset({"notes"}) for name in NAMES})

    assert site.feeds[hears].state(site.now_ms) == "live"
    assert site.lost_ms() is None
    assert all(from_ms <= to_ms for _kind, from_ms, to_ms in site.log)
