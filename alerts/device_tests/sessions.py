"""Edge: sessions in which a press of one device is a test (domain §4 "Tests").

For: opening and closing one. A session has a named technician and one device, and ends by itself after at most 30 min;
outside it a press is real, whatever the device says. The fold hears of it like of any setting.
"""

from __future__ import annotations

from typing import Any

from alerts.reads.alert_view import instant
from alerts.site.settings_store import SettingsStore

MINUTE = 60_000
LONGEST_MINUTES = 30
KIND = "test_session"


def open_test_session(
    store: SettingsStore, device_id: str, staff: str, now_ms: int, minutes: int = LONGEST_MINUTES
) -> dict[str, Any]:
    """Open a session from now on; its id, device, technician and end. One that is open for the device is closed.

    Raises SettingRefused when device or technician are unknown; ValueError when it would be longer than allowed.
    """
    if not 0 < minutes <= LONGEST_MINUTES:
        raise ValueError(f"a test session lasts 1 to {LONGEST_MINUTES} minutes")
    for session in running_test_sessions(store, now_ms, device_id):
        close_test_session(store, session["id"], staff, now_ms)
    until_ms = now_ms + minutes * MINUTE
    value = {"device": device_id, "staff": staff, "from_ms": now_ms, "until_ms": until_ms}
    session_id, _ = store.add(KIND, device_id, value, staff, now_ms)
    return {"id": session_id, "device": device_id, "staff": staff, "until": instant(until_ms), "until_ms": until_ms}


def close_test_session(store: SettingsStore, session_id: str, actor: str, now_ms: int) -> bool:
    """End a session now: from the next message on a press is real. False when there is none of this id."""
    return store.remove(KIND, session_id, actor, now_ms) is not None


def running_test_sessions(store: SettingsStore, now_ms: int, device_id: str | None = None) -> list[dict[str, Any]]:
    """Sessions that are open now, by id."""
    found = store.list(KIND) if device_id is None else store.list(KIND, device=device_id)
    return [
        {"id": row["id"], "device": row["device"], "staff": row["staff"], "until": instant(row["until_ms"])}
        for row in found
        if row["from_ms"] <= now_ms < row["until_ms"]
    ]


def forget_ended_sessions(store: SettingsStore, now_ms: int) -> int:
    """Remove sessions that have ended by themselves; how many. Called from time to time."""
    ended = [row["id"] for row in store.list(KIND) if row["until_ms"] <= now_ms]
    for session_id in ended:
        store.remove(KIND, session_id, None, now_ms)
    return len(ended)
