"""The rows that receive has accepted and the journal has not synced yet. Not locked: receive holds its lock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from ingest.journal import JournalError
from ingest.receive_entry import Entry, ReceiveLimits


class ReceiveQueue:
    """Waiting rows in order, the one batch that is with the journal, and who is blocked for want of room."""

    def __init__(self, limits: ReceiveLimits) -> None:
        self._limits = limits
        self.waiting: deque[Entry] = deque()
        self.sent: list[Entry] | None = None  # None: nothing is with the journal
        self.blocked: list[Entry] = []  # in `submit`, waiting for room: the watchdog sees them too
        self.rows = self.bytes = 0  # of waiting and sent

    def has_room(self, rows: int, size: int) -> bool:
        """Whether so much more fits; into an empty queue anything does."""
        limits = self._limits
        return not self.rows or (self.rows + rows <= limits.queue_rows and self.bytes + size <= limits.queue_bytes)

    def wait_for_room(
        self, room: threading.Condition, blocked: list[Entry], size: int, closing: Callable[[], bool]
    ) -> bool:
        """Block for room, at most `block_s` (then JournalError). Meanwhile the watchdog sees the entries as `blocked`;
        True when it has told the emergency channel of them.
        """
        self.blocked.extend(blocked)
        try:
            found = room.wait_for(lambda: closing() or self.has_room(len(blocked), size), self._limits.block_s)
        finally:
            self.blocked = [one for one in self.blocked if one not in blocked]
        if not found:
            raise JournalError(f"receive: queue full for {self._limits.block_s:g} s; the journal does not commit")
        return all(entry.told for entry in blocked)

    def add(self, entry: Entry) -> None:
        self.waiting.append(entry)
        self.rows += 1
        self.bytes += entry.size

    def take_batch(self) -> list[Entry]:
        """The next batch, at least one row of what waits."""
        batch: list[Entry] = []
        size = 0
        while self.waiting and len(batch) < self._limits.batch_rows:
            size += self.waiting[0].size
            if batch and size > self._limits.batch_bytes:
                break
            batch.append(self.waiting.popleft())
        return batch

    def put_back(self) -> None:
        """What was sent failed: it is the next batch again, in its order."""
        self.waiting.extendleft(reversed(self.sent or []))
        self.sent = None

    def settled(self) -> None:
        """What was sent is on disk, or dropped, and has been told."""
        for entry in self.sent or ():
            self.rows -= 1
            self.bytes -= entry.size
        self.sent = None

    def unsynced(self) -> list[Entry]:
        return [*(self.sent or ()), *self.waiting, *self.blocked]
