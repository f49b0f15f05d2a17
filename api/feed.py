"""What the pulse says: is the service hearing its broker, and since when not. One shape for all faces."""

from __future__ import annotations

from typing import Any

from api.http.services import Services
from api.http.wire import utc_text


def feed_state(services: Services) -> dict[str, Any]:
    """JSON-ready: state live, late or blind; connected; last_canary_at, age_ms of it; gap_since. Times ...Z or None."""
    feed = services.feed
    heard_ms = feed.last_canary_ms
    return {
        "state": feed.state,
        "connected": feed.connected,
        "last_canary_at": utc_text(heard_ms),
        "age_ms": None if heard_ms is None else max(services.clock() - heard_ms, 0),
        "gap_since": utc_text(feed.gap_since_ms),
    }
