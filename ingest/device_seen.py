"""When each address was last heard, in the series, for the pages. Not for decisions: those have it in their fold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from ingest.series import Series, SeriesAway

WRITE_EVERY_S = 2.0


class DeviceSeen:
    """`offer` is called as often as one likes; it writes what has changed, at most every 2 s."""

    def __init__(self, series: Series, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._series, self._monotonic = series, monotonic
        self._lock = threading.Lock()
        self._written: dict[str, int] | None = None  # what is in there; None until it could be read
        self._wrote_s = float("-inf")

    def offer(self, liveness: Mapping[str, int], *, at_once: bool = False) -> int:
        """Address -> received_at_ms of its last message, all of them or only some. How many rows were written; none
        while the series cannot be reached, which its follower tells.
        """
        with self._lock:
            now_s = self._monotonic()
            if not at_once and now_s - self._wrote_s < WRITE_EVERY_S:
                return 0
            self._wrote_s, before_s = now_s, self._wrote_s
            try:
                wrote = self._write(liveness)
            except SeriesAway:
                self._written = None  # it may come back with nothing in it
                return 0
            if not wrote:
                self._wrote_s = before_s
            return wrote

    def _write(self, liveness: Mapping[str, int]) -> int:
        if self._written is None:
            self._written = dict(self._series.heard())
        written = self._written
        changed = {address: at_ms for address, at_ms in liveness.items() if at_ms > written.get(address, -1)}
        if changed:
            self._series.hear(changed)
            written.update(changed)
        return len(changed)
