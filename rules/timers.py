"""The timers of a fold: a heap with one entry a home, in the order in which they fire. Pure; nothing of it is saved.

A home has dozens of timers; which of them is its first is looked up when the home comes up, so that they cost no
memory. An entry never comes later than the first timer of its home. A timer that moves to a later time leaves the entry
where it is; the home is put back when it comes up. So a sign of life, which moves the timer of an absence rule with
every motion, costs a look-up and no heap.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

Entry = tuple[int, str, str]
"""Due, home, instance: they fire in this order."""
First = tuple[int, str, int | None]
"""Of one home: due and instance of the timer that fires first, due of the next one."""


class Timers:
    """`first_of(home)` gives the true first timer of a home; None when it has none or is gone."""

    def __init__(self, first_of: Callable[[str], First | None]) -> None:
        self._first_of = first_of
        self._heap: list[tuple[int, str]] = []
        self._entries: dict[str, int] = {}  # the entry of the heap that counts

    def fill(self, entries: Iterable[tuple[int, str]]) -> None:
        """(due, home) of all homes at once, into an empty heap: after a restart there are many."""
        self._heap = list(entries)
        heapq.heapify(self._heap)
        self._entries = {home: due_ms for due_ms, home in self._heap}

    def look(self, home: str, due_ms: int | None) -> None:
        """A timer of this home may now be due then."""
        if due_ms is None:
            return  # an entry that is too early is put back when it comes up
        entry_ms = self._entries.get(home)
        if entry_ms is not None and entry_ms <= due_ms:
            return
        self._entries[home] = due_ms
        heapq.heappush(self._heap, (due_ms, home))
        if len(self._heap) > 2 * len(self._entries) + 64:
            self._heap = sorted((due_ms, home) for home, due_ms in self._entries.items())

    def may_fire(self, until_ms: int) -> bool:
        """Whether `first(until_ms)` is worth a look."""
        return bool(self._heap) and self._heap[0][0] <= until_ms

    def first(self, until_ms: int | None = None) -> Entry | None:
        """The next timer to fire, by its true time; None when there is none (up to `until_ms`, if given)."""
        found = self._up(until_ms)
        return None if found is None else found[0]

    def take(self, until_ms: int) -> tuple[Entry, int | None] | None:
        """The same, taken out, and when the next one of its home is due: `look` at that once it has fired."""
        found = self._up(until_ms)
        if found is not None:
            del self._entries[found[0][1]]
            heapq.heappop(self._heap)
        return found

    def _up(self, until_ms: int | None) -> tuple[Entry, int | None] | None:
        heap = self._heap
        while heap and (until_ms is None or heap[0][0] <= until_ms):
            due_ms, home = heap[0]
            if self._entries.get(home) == due_ms:
                true = self._first_of(home)
                if true is not None and true[0] == due_ms:
                    return (due_ms, home, true[1]), true[2]
                del self._entries[home]
                heapq.heappop(heap)
                if true is not None:
                    self.look(home, true[0])
            else:
                heapq.heappop(heap)  # replaced by an earlier one
            heap = self._heap
        return None

    @property
    def size(self) -> int:
        """Entries in memory, stale ones included."""
        return len(self._heap)
