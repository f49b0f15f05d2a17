"""Which reads are one look. A page that stays open loads itself anew at every change; in the access log that is one
read, not hundreds.

Kept in memory and bounded: after a restart a look is logged once more, never once less.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

LOOKS_MAX = 20_000
LASTS_MS = {"alert": 10 * 60_000, "queue": 8 * 3_600_000, "things": 8 * 3_600_000}
"""A look at the queue, or at a list of devices with whose they are, lasts for a shift."""


class SeenLately:
    """One per application. Callable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until_ms: dict[tuple[str, str, str], int] = {}

    def new(self, who: str, what: str, residents: Iterable[str], now_ms: int) -> list[str]:
        """Residents whose read begins a look of its own, and must be logged. Others belong to one that lasts."""
        lasts_ms = LASTS_MS[what]
        with self._lock:
            found = [one for one in dict.fromkeys(residents) if self._until_ms.get((who, what, one), 0) <= now_ms]
            for one in found:
                self._until_ms.pop((who, what, one), None)
                self._until_ms[who, what, one] = now_ms + lasts_ms
            while len(self._until_ms) > LOOKS_MAX:
                self._until_ms.pop(next(iter(self._until_ms)))
        return found
