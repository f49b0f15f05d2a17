"""The access log's edge: a read of a person is written down, synced, before it is answered (promise 8)."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.access import access_log
from api.http.auth import Caller
from api.http.services import Services


def note_read(services: Services, caller: Caller, what: str, resident: str | None, why: str) -> None:
    """Write down that the caller reads `what` about one resident; nothing when it is about nobody."""
    note_reads(services, caller, what, [] if resident is None else [resident], why)


def note_reads(services: Services, caller: Caller, what: str, residents: Iterable[str], why: str) -> None:
    """The same for a page that shows several, in one transaction."""
    seen = list(dict.fromkeys(residents))
    if not seen:
        return
    now_ms = services.clock()
    with services.database.aside.begin() as conn:  # rows of their own: nobody who reads waits for a turn to write
        for resident in seen:
            access_log.record(conn, caller.account.user_id, what, resident, why, now_ms, site_id=services.site_id)
