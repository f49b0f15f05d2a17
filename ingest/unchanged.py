"""Words of life that say nothing new: an address says again, word for word, that it is there. Pure.

A gateway tells each minute or five that it is online, and a device that its heart beats: a third to a half of all that
homes would read, and not one of their facts changes by it, since silence is counted by address (`ingest.liveness`). So
such a word ends as the verdict `unchanged`. It proves life as before, and its bytes stay in RAW.

What still goes to its home: the first word of an address; the first after it was offline, or since another setting of
it came; one with another content or for another home, device, person, room or role; what is a test, late, buffered,
retained, of nobody or half understood; and one a day, so that a day's inputs show who was there.
Whoever speaks of doses, or is a dispenser, is heard word by word: R27 counts from each (`rules/kinds/silence.py`). And
where a rule of the book in force reads such a word in another way than as the end of a silence, all of that kind go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from ingest.event import Draft
from ingest.registry import Assignment
from ingest.vocabulary import TYPES

UNCHANGED = "unchanged"
WORDS = frozenset({"heartbeat", "device.online"})
OF_DOSES = frozenset(name for name in TYPES if name.startswith(("dose.", "dispenser.")))
DISPENSER = "dispenser"
DAY_MS = 86_400_000


class Said(msgspec.Struct, array_like=True):
    """What the home of one address has heard last, by type: (mark of what was said, when ms)."""

    last: dict[str, tuple[str, int]] = {}
    each: bool = False  # speaks of doses: every word counts


class UnchangedState(msgspec.Struct, array_like=True):
    """For a snapshot."""

    said: dict[str, Said] = {}
    needed: list[str] = []  # words that the book reads one by one, sorted


class Unchanged:
    """What was said last, by address."""

    def __init__(self, state: UnchangedState | None = None) -> None:
        kept = UnchangedState() if state is None else state
        self._said, self._needed = kept.said, kept.needed

    def spoke_of_doses(self, address: str) -> None:
        said = self._said.get(address)
        if said is None:
            said = self._said[address] = Said()
        said.each = True

    def again(
        self, address: str, draft: Draft, assignment: Assignment | None, quality: tuple[str, ...], at_ms: int, *,
        steady: bool,
    ) -> bool:  # fmt: skip
        """Whether this draft need not go to its home. A word of life that does go is remembered.

        `steady`: the address was known to live before it.
        """
        if draft.type not in WORDS or quality or assignment is None or assignment.home is None:
            return False
        said = self._said.get(address)
        if said is None:
            said = self._said[address] = Said()
        mark = _mark(draft, assignment)
        before = said.last.get(draft.type)
        if (
            steady
            and before is not None
            and before[0] == mark
            and at_ms < before[1] + DAY_MS
            and not said.each
            and assignment.role != DISPENSER
            and draft.type not in self._needed
        ):
            return True
        said.last[draft.type] = (mark, at_ms)
        return False

    def forget_words(self, address: str) -> None:
        """Something about it was changed: its next word goes to its home."""
        said = self._said.get(address)
        if said is not None:
            said.last = {}

    def forget(self, address: str) -> None:
        self._said.pop(address, None)

    def book_changed(self, book: object) -> None:
        """A rule book, as its setting carries it, is in force from now on."""
        self._needed = sorted(WORDS.intersection(_read_one_by_one(book)))

    def state(self) -> UnchangedState:
        return UnchangedState(self._said, self._needed)


def _mark(draft: Draft, assignment: Assignment) -> str:
    """The same for the same word of the same device in the same place. Unknown fields count: somebody may know them."""
    one = assignment
    where = (one.home, one.device, one.gateway, one.resident, one.role, one.room)
    said = repr((draft.state, sorted(draft.content.items()), draft.extra, where))
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _read_one_by_one(book: object) -> Iterator[str]:
    """Words that a rule reads otherwise than as the end of a silence."""
    rules = book.get("rules") if isinstance(book, dict) else None
    for rule in rules if isinstance(rules, list | tuple) else ():
        if not isinstance(rule, dict):
            continue
        after_silence = all(list(match.get("types", ())) == ["device.offline"] for match in _matches(rule, "enter"))
        for name in ("at_once", "enter", "extend", "then", *(() if after_silence else ("leave",))):
            for match in _matches(rule, name):
                if match.get("types"):
                    yield from map(str, match["types"])
                elif not match.get("goes_to_person") and match.get("assigned") is not False:
                    yield from WORDS  # whatever is said


def _matches(rule: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = rule.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list | tuple) else []
