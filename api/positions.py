"""Where a person is: visible while an alert of theirs is open or somebody searches, and to nobody afterwards (domain §4
"Who is watched"). Read from the log when asked; no position is kept anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.access import access_log
from api.http.services import Services
from api.http.wire import utc_text
from ingest.record import Input

LOOK = "positions"
FIX = "position.fixed"
BEFORE_MS = 30 * 60_000  # the last ones before the alert say where to begin
INPUTS_MAX = 20_000
SHOWN_MAX = 500
LOOKED_MAX = 200


def may_see(alert: Mapping[str, Any]) -> bool:
    """An open alert about a known person, or a search for them."""
    search = alert.get("search")
    searching = search is not None and search["until"] is None
    return alert["resident_id"] is not None and (alert["handling"] not in {"ended", "documented"} or searching)


def positions_of(services: Services, alert: Mapping[str, Any], opened_ms: int) -> list[dict[str, Any]]:
    """Positions of the alert's person from shortly before it until now, oldest first. Ask `may_see` first."""
    found = services.input_log.find(alert["home_id"], max(0, opened_ms - BEFORE_MS), services.clock() + 1, INPUTS_MAX)
    return [item for one in found if (item := _shown(one, alert["resident_id"])) is not None][-SHOWN_MAX:]


def who_looked(services: Services, resident_id: str, since_ms: int) -> list[dict[str, Any]]:
    """Who has looked at positions since then, newest first."""
    found = access_log.list(services.database, resident_id, None, LOOKED_MAX, site_id=services.site_id)["items"]
    since = utc_text(since_ms)
    return [one for one in found if one["what"] == LOOK and one["at"] >= since]


def _shown(one: Input, resident_id: str) -> dict[str, Any] | None:
    event = one.event
    if event is None or event.type != FIX or event.resident != resident_id:
        return None
    names = ("latitude", "longitude", "accuracy_metres", "source", "speed_kmh")
    said = {name: event.content[name] for name in names if name in event.content}
    return said | {"at": utc_text(event.effective_at_ms), "device_id": event.device}
