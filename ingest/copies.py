"""Two intakes that each subscribe to everything: which message of one is the copy of another's. Pure.

What carries a key of its own is known by that (`identity.py`), whichever intake took it in. This is for the rest. The
first time a message is taken in it waits HORIZON_MS for its copies: the same topic and bytes from each other intake,
one each. So n equal messages through two intakes are n events, in whatever order the two deliver them. A copy is marked
`dup`, as receive marks what a broker sends again: telemetry becomes the verdict `redelivered`, an alarm without a key
is never dropped and stands beside the first with that quality, for the desk to merge.

An intake is known by the link of its rows. As long as there is one, nothing is kept here. Longer apart than HORIZON_MS
(an intake that was away hears what its broker kept) a copy counts as new: better twice than never.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from ingest.record import MQTT, RawRecord

HORIZON_MS = 600_000
WAITING_MAX = 20_000  # messages of one raw partition; beyond it the oldest no longer waits, and its copy counts as new
INTAKES_MAX = 8


class CopiesState(msgspec.Struct, array_like=True):
    """In a snapshot: the intakes, and what waits: (topic and bytes, since when, heard from)."""

    links: list[str] = []
    waiting: list[tuple[bytes, int, list[str]]] = []


class Copies:
    """See the module's text. One a source fold."""

    def __init__(self, state: CopiesState | None = None) -> None:
        kept = state or CopiesState()
        self._links: dict[str, None] = dict.fromkeys(kept.links)
        self._waiting: OrderedDict[int, tuple[bytes, int, list[str]]] = OrderedDict()  # in order of arrival
        self._by_mark: dict[bytes, list[int]] = {}
        self._number = 0
        for mark, at_ms, links in kept.waiting:
            self._wait(mark, at_ms, list(links))

    def state(self) -> CopiesState:
        return CopiesState(list(self._links), list(self._waiting.values()))

    def marked(self, record: RawRecord) -> RawRecord:
        """The record, with `dup` where another intake has delivered the same."""
        if record.kind != MQTT or record.retain:
            return record
        link = record.link.partition(";")[0]
        if link not in self._links:
            while len(self._links) >= INTAKES_MAX:
                del self._links[next(iter(self._links))]
            self._links[link] = None
        if len(self._links) < 2:
            return record
        self._forget(record.received_at_ms - HORIZON_MS)
        mark = _mark(record)
        for number in self._by_mark.get(mark, ()):
            heard = self._waiting[number][2]
            if link not in heard:
                heard.append(link)
                if len(heard) == len(self._links):
                    self._drop(number)
                return record if record.dup else replace(record, dup=True)
        if not record.dup:  # a redelivery is no message of its own that could have copies
            self._wait(mark, record.received_at_ms, [link])
        return record

    def _wait(self, mark: bytes, at_ms: int, links: list[str]) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._drop(next(iter(self._waiting)))
        self._number += 1
        self._waiting[self._number] = (mark, at_ms, links)
        self._by_mark.setdefault(mark, []).append(self._number)

    def _drop(self, number: int) -> None:
        mark, _at_ms, _links = self._waiting.pop(number)
        self._by_mark[mark].remove(number)
        if not self._by_mark[mark]:
            del self._by_mark[mark]

    def _forget(self, until_ms: int) -> None:
        while self._waiting:
            number, (_mark, at_ms, _links) = next(iter(self._waiting.items()))
            if at_ms > until_ms:
                return
            self._drop(number)


def _mark(record: RawRecord) -> bytes:
    return blake2b(record.topic.encode("utf-8", "replace") + b"\x00" + record.payload, digest_size=12).digest()
