"""When the disk is nearly full or does not answer: what may be dropped, and which alarms a person must hear of now.

Part of receive (edge); holds no lock of its own. Both decode in memory through an injected pure function, and both
are quarantine places: what cannot be classed is kept, a channel that fails is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import structlog

from ingest.receive_entry import Entry
from ingest.record import FEED, HTTP, MQTT, RawRecord

log = structlog.get_logger()

SHED_REPORT_S = 60.0
EMERGENCY_TRIES = 5

ClassOf = Callable[[str, bytes], str]
"""(topic, payload) -> "alarm" | "unknown" | "other"; pure and quick. Only "other" may be dropped."""


def class_of(classify: ClassOf, record: RawRecord) -> str:
    """Class of a message; our own records (clock, setting, staff, feed) are never dropped and never told."""
    if record.kind not in {MQTT, HTTP}:
        return "own"
    try:
        return classify(record.topic, record.payload)
    except Exception:
        log.exception("class_of_failed", kind=record.kind)
        return "unknown"


class ShedGap:
    """The messages dropped for want of disk, told as `intake.shed`: at once, each minute, and when it ends."""

    def __init__(self, classify: ClassOf) -> None:
        self._classify = classify
        self._count = self._from_ms = self._to_ms = 0
        self._said_s = float("-inf")

    def shed(self, batch: Iterable[Entry]) -> None:
        """Mark what may be dropped, and count it."""
        for entry in batch:
            if entry.sheddable and not entry.shed and class_of(self._classify, entry.record) == "other":
                entry.shed = True
                self._to_ms = entry.record.received_at_ms
                self._from_ms = self._from_ms if self._count else self._to_ms
                self._count += 1

    def due(self, now_s: float, *, shedding: bool) -> RawRecord | None:
        """The feed record to append now, if any; the count begins anew."""
        if not self._count or (shedding and now_s - self._said_s < SHED_REPORT_S):
            return None
        fact = {"type": "intake.shed", "from_ms": self._from_ms, "to_ms": self._to_ms, "count": self._count}
        log.error("intake_shed", count=self._count)
        self._count, self._said_s = 0, now_s
        return RawRecord(0, FEED, payload=msgspec.json.encode(fact))


class EmergencyWatch:
    """Tells the local emergency channel of each alarm that no commit has taken within `after_s`, once."""

    def __init__(self, classify: ClassOf, on_emergency: Callable[[RawRecord], None], after_s: float) -> None:
        self._classify, self._on_emergency, self._after_s = classify, on_emergency, after_s
        self.told = 0

    def late(self, entries: Iterable[Entry], now_s: float) -> list[Entry]:
        """Those whose class has still to be looked at."""
        return [entry for entry in entries if not entry.told and entry.since_s <= now_s - self._after_s]

    def tell(self, entries: Iterable[Entry], now_s: float) -> None:
        for entry in entries:
            if class_of(self._classify, entry.record) == "alarm":
                self._tell_one(entry, now_s)
            else:
                entry.told = True

    def _tell_one(self, entry: Entry, now_s: float) -> None:
        entry.tries += 1
        try:
            self._on_emergency(entry.record)
        except Exception:
            entry.told = entry.tries >= EMERGENCY_TRIES
            log.exception("emergency_channel_failed", attempt=entry.tries)
            return
        entry.told = True
        self.told += 1
        log.error("alarm_not_recorded", waited_s=round(now_s - entry.since_s, 1))
