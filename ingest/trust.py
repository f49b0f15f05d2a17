"""What of a message's own word is believed: its time, and its claim to be only a test.

Pure. The clock law in short: a device's time counts where it can be true, else the time of arrival does and the event
says so. A test is believed only where somebody on our side opened a session for that device; everything else that
calls itself a test is a real alarm (domain §4 "Tests", story 10).
"""

from __future__ import annotations

from collections.abc import Mapping

from ingest.event import CLOCK_SUSPECT, LATE, LATE_AFTER_MS
from ingest.record import Setting

AHEAD_MS = 60_000  # a clock may run ahead this far and is clamped; further and it is not believed at all
OLDEST_MS = 31 * 86_400_000  # what a gateway may have buffered
YEAR_2020_MS = 1_577_836_800_000  # before it there was no such device: a clock that began at 1970 or 2000
SESSION_MAX_MS = 30 * 60_000


def trusted_time(observed_at_ms: int | None, received_at_ms: int) -> tuple[int, str | None]:
    """Effective time of an event, and LATE or CLOCK_SUSPECT where it needs saying."""
    if observed_at_ms is None:
        return received_at_ms, None
    age_ms = received_at_ms - observed_at_ms
    if age_ms < 0:
        return received_at_ms, CLOCK_SUSPECT if age_ms < -AHEAD_MS else None
    if age_ms <= LATE_AFTER_MS:
        return observed_at_ms, None
    if age_ms > OLDEST_MS or observed_at_ms < YEAR_2020_MS:
        return received_at_ms, CLOCK_SUSPECT
    return observed_at_ms, LATE


Sessions = dict[str, dict[str, tuple[int, int]]]


class TestSessions:
    """Open test sessions: device id -> setting id -> (from_ms, until_ms). Over ones are forgotten with the next."""

    __test__ = False  # its name is the field's word, not pytest's

    def __init__(self, sessions: Mapping[str, Mapping[str, tuple[int, int]]] | None = None) -> None:
        self._sessions: Sessions = {
            device: {name: (span[0], span[1]) for name, span in spans.items()}
            for device, spans in (sessions or {}).items()
        }

    def state(self) -> Sessions:
        return self._sessions

    def apply(self, setting: Setting, at_ms: int) -> None:
        """Open, change or close a session (kind test_session). It ends by itself SESSION_MAX_MS after this word."""
        for spans in self._sessions.values():
            spans.pop(setting.setting_id, None)
        value = setting.value or {}
        device, from_ms, until_ms = value.get("device"), value.get("from_ms"), value.get("until_ms")
        if isinstance(device, str) and isinstance(from_ms, int) and isinstance(until_ms, int):
            span = (from_ms, min(until_ms, at_ms + SESSION_MAX_MS))
            self._sessions.setdefault(device, {})[setting.setting_id] = span
        self._sessions = {
            device: running
            for device, spans in self._sessions.items()
            if (running := {name: span for name, span in spans.items() if span[1] > at_ms})
        }

    def open(self, device: str, effective_at_ms: int, received_at_ms: int) -> bool:
        """Whether a session covers both when it happened and when it arrived.

        Both, since a press that arrives after the session is not one the technician waits for, whatever a slow
        clock says; nor is one from before it, emptied from a buffer during it.
        """
        spans = self._sessions.get(device)
        return spans is not None and any(
            from_ms <= effective_at_ms and received_at_ms < until_ms for from_ms, until_ms in spans.values()
        )
