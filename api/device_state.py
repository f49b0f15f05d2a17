"""Edge: what is known of how devices are, when each was last heard and its battery. API and pages share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from api.http.services import Services
from api.http.wire import utc_text
from api.series_reads import unless_away

PERCENT, LOW = "battery", "battery_low"


def with_state(services: Services, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Devices or gateways with `last_heard_at`, `battery_percent` and `battery_at`, null where nothing is known, and
    `battery_low`: what the device itself said last, null when it never spoke of it. All null while the series is away.
    """
    items, series = list(items), services.series
    heard = unless_away(services.heard) or {}
    names = {str(item[key]) for item in items for key in ("id", "address")}
    percent = unless_away(lambda: series.latest(PERCENT, names)) or {}
    low = unless_away(lambda: series.latest(LOW, names)) or {}
    return [dict(item) | _state(item, heard, percent, low) for item in items]


def _state(
    item: Mapping[str, Any],
    heard: Mapping[str, int],
    percent: Mapping[str, tuple[int, float]],
    low: Mapping[str, tuple[int, float]],
) -> dict[str, Any]:
    level, said_low = _of(item, percent), _of(item, low)
    return {
        "last_heard_at": utc_text(heard.get(str(item["address"]))),
        "battery_percent": None if level is None else round(level[1], 1),
        "battery_low": None if said_low is None else said_low[1] > 0,
        "battery_at": utc_text(max((one[0] for one in (level, said_low) if one is not None), default=None)),
    }


def _of(item: Mapping[str, Any], newest: Mapping[str, tuple[int, float]]) -> tuple[int, float] | None:
    """The newest value under its id, or under its address from before it was assigned."""
    found = [one for one in (newest.get(str(item["id"])), newest.get(str(item["address"]))) if one is not None]
    return max(found, default=None)
