"""Whatever happens to two intakes and their words to each other: homes are blind while a list of gateways is not heard,
and none stays blind once all are.
"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ingest.feed import BLIND_MS, CANARY_EVERY_MS
from ingest.intake_notes import ALIVE_MS, EVERY_MS, Note, others_say
from ingest.shared_feed import SharedFeed

START_MS = 1_780_000_000_000
NAMES = ("a", "b")
TOGETHER, SPLIT = {"a": "", "b": ""}, {"a": "north", "b": "south"}
WORKS = frozenset({"runs", "broker", "canary", "notes"})
DEAF = WORKS - {"broker"}
DEAD = frozenset[str]()
SURE_S = (ALIVE_MS + BLIND_MS + 2 * CANARY_EVERY_MS) // EVERY_MS  # by then everything has been noticed


class Intakes:
    """Two of them, second by second. What each says of the feed goes into one log, its notes to the other."""

    def __init__(self, lists: dict[str, str], raw_last_ms: int) -> None:
        self.now_ms, self.log, self._lists = START_MS, list[tuple[str, int, int]](), lists
        self._raw_last_ms = raw_last_ms
        self.notes: dict[str, Note] = {}  # as the other has them
        self.last: dict[str, Note] = {name: Note(name, "r", 0) for name in NAMES}
        self.feeds = {name: self._begun(name) for name in NAMES}

    def _begun(self, name: str) -> SharedFeed:
        """The note of the last run is all that is left of it."""
        return SharedFeed(
            self.now_ms, self._raw_last_ms, lambda: others_say(self.notes, name, self._lists[name], self.now_ms),
            self.last[name],
        )  # fmt: skip

    def restart(self, name: str) -> None:
        self.feeds[name] = self._begun(name)

    def second(self, works: dict[str, frozenset[str]]) -> None:
        """A second passes; `works`: what of each intake does."""
        self.now_ms += EVERY_MS
        for name, feed in self.feeds.items():
            if "runs" in works[name]:
                self._live(name, feed, works[name])
            else:
                self.restart(name)  # with the first second in which it runs again

    def _live(self, name: str, feed: SharedFeed, works: frozenset[str]) -> None:
        facts = feed.tick(self.now_ms)
        if feed.connected and "broker" not in works:
            feed.on_disconnected(self.now_ms)
        elif not feed.connected and "broker" in works:
            facts += feed.on_connected(self.now_ms, session_present=True)
        elif "canary" in works and feed.connected and self.now_ms % CANARY_EVERY_MS == 0:
            facts += feed.on_canary(self.now_ms)
        said = [json.loads(fact.payload) for fact in facts]
        self.log += [(one["type"], one["from_ms"], one["to_ms"]) for one in said]
        self.last[name] = Note(
            name, "r", self.now_ms, feed=feed.state(self.now_ms), lost_ms=feed.lost_ms, back_ms=feed.back_ms,
            gateways=self._lists[name],
        )  # fmt: skip
        if "notes" in works:
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


WAYS = st.sampled_from((WORKS, *(WORKS - {each} for each in sorted(WORKS - {"runs"})), DEAD, None))
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), WAYS, st.sampled_from((1, 15, 60))), max_size=10)
RAW_LAST = st.sampled_from((0, START_MS - 60_000))


def lived(lists: dict[str, str], raw_last_ms: int, steps, last: dict[str, frozenset[str]]) -> Intakes:
    """Brokers, canaries and notes fail in any way, intakes are killed and start again (None); then it is as in `last`
    until everything is noticed.
    """
    site, works = Intakes(lists, raw_last_ms), dict.fromkeys(NAMES, WORKS)
    for name, way, seconds in [("a", WORKS, 10), *steps]:
        if way is None:
            site.restart(name)
        works[name] = way if way is not None else works[name]
        for _ in range(seconds):
            site.second(works)
    for _ in range(SURE_S):
        site.second(last)
    assert all(from_ms <= to_ms for _kind, from_ms, to_ms in site.log)
    return site


@given(RAW_LAST, STEPS, st.sampled_from(NAMES), st.sampled_from((frozenset({"runs", "notes"}), DEAD)))
def test_what_was_said_to_be_lost_is_said_to_be_back(raw_last_ms, steps, hears, rest):
    """In the end one of them hears, and the other does not, or is gone for good with whatever it had said."""
    site = lived(TOGETHER, raw_last_ms, steps, {name: WORKS if name == hears else rest for name in NAMES})

    assert site.feeds[hears].state(site.now_ms) == "live"
    assert site.lost_ms() is None


@given(RAW_LAST, STEPS, st.sampled_from(NAMES))
def test_a_list_that_nobody_hears_is_lost_whoever_hears_another(raw_last_ms, steps, hears):
    """Split by gateways: in the end one list is heard and the other is not; and then both are."""
    last = {name: WORKS if name == hears else DEAF for name in NAMES}
    site = lived(SPLIT, raw_last_ms, steps, last)
    assert site.lost_ms() is not None

    for _ in range(SURE_S):
        site.second(dict.fromkeys(NAMES, WORKS))
    assert site.lost_ms() is None
    told = len(site.log)
    for _ in range(SURE_S):
        site.second(dict.fromkeys(NAMES, WORKS))
    assert len(site.log) == told, "and nobody goes on about it"


@given(RAW_LAST, STEPS)
def test_together_they_are_lost_when_none_hears(raw_last_ms, steps):
    """Whatever was before."""
    site = lived(TOGETHER, raw_last_ms, steps, dict.fromkeys(NAMES, DEAF))

    assert site.lost_ms() is not None
