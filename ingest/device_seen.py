"""When each address was last heard, in series.db, for the pages. Not for decisions: those have it in their fold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from ingest.series_sqlite import SqliteSeries

WRITE_EVERY_S = 2.0


class DeviceSeen:
    """`offer` is called as often as one likes; it writes what has changed, at most every 2 s."""

    def __init__(self, series: SqliteSeries, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._series, self._monotonic = series, monotonic
        self._lock = threading.Lock()
        self._written: dict[str, int] = series.heard()
        self._wrote_s = float("-inf")

    def offer(self, liveness: Mapping[str, int], *, at_once: bool = False) -> int:
        """Address -> received_at_ms of its last message, all of them or only some. How many rows were written."""
        with self._lock:
            now_s = self._monotonic()
            if not at_once and now_s - self._wrote_s < WRITE_EVERY_S:
                return 0
            changed = [
                (address, at_ms) for address, at_ms in liveness.items() if at_ms > self._written.get(address, -1)
            ]
            if not changed:
                return 0
            self._wrote_s = now_s
            with self._series.transaction() as connection:
                connection.executemany("INSERT OR REPLACE INTO device_seen VALUES (?,?)", changed)
            self._written.update(changed)
            return len(changed)
