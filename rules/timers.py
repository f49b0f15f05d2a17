"""The timers of a fold: a heap of (due, home, instance), in the order in which they fire. Pure; nothing of it is saved.

An instance whose timer moves to a later time keeps its entry; it is put back when it comes up. So a sign of life, which
moves the timer of an absence rule with every motion, costs a look-up and no heap.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

Entry = tuple[int, str, str]


class Timers:
    """`due_of(home, key)` gives the true time of an instance's timer, None when it has none or is gone."""

    def __init__(self, due_of: Callable[[str, str], int | None]) -> None:
        self._due_of = due_of
        self._heap: list[Entry] = []
        self._entries: dict[tuple[str, str], int] = {}  # the entry of the heap that counts

    def fill(self, entries: Iterable[Entry]) -> None:
        """All timers at once, into an empty heap: after a restart there are millions."""
        self._heap = list(entries)
        heapq.heapify(self._heap)
        self._entries = {(home, key): due_ms for due_ms, home, key in self._heap}

    def look(self, home: str, key: str, due_ms: int | None) -> None:
        """The timer of this instance may have changed."""
        if due_ms is None:
            return  # its entry, if any, is dropped when it comes up
        name = (home, key)
        entry_ms = self._entries.get(name)
        if entry_ms is not None and entry_ms <= due_ms:
            return
        self._entries[name] = due_ms
        heapq.heappush(self._heap, (due_ms, home, key))
        if len(self._heap) > 2 * len(self._entries) + 64:
            self._heap = sorted((due_ms, *name) for name, due_ms in self._entries.items())

    def may_fire(self, until_ms: int) -> bool:
        """Whether `first(until_ms)` is worth a look."""
        return bool(self._heap) and self._heap[0][0] <= until_ms

    def first(self, until_ms: int | None = None) -> Entry | None:
        """The next timer to fire, its true time first; None when there is none (up to `until_ms`, if given)."""
        heap = self._heap
        while heap and (until_ms is None or heap[0][0] <= until_ms):
            due_ms, home, key = heap[0]
            if self._entries.get((home, key)) == due_ms:
                true_ms = self._due_of(home, key)
                if true_ms == due_ms:
                    return heap[0]
                del self._entries[home, key]
                heapq.heappop(heap)
                self.look(home, key, true_ms)
            else:
                heapq.heappop(heap)  # replaced by an earlier one
            heap = self._heap
        return None

    def pop(self) -> Entry:
        """Take out what `first` has just shown."""
        entry = heapq.heappop(self._heap)
        del self._entries[entry[1], entry[2]]
        return entry

    @property
    def size(self) -> int:
        """Entries in memory, stale ones included."""
        return len(self._heap)
