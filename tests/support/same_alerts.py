"""The alerts of two desks, compared field by field as contracts §4 has them."""

from __future__ import annotations

from typing import Any

from alerts.database import Database
from alerts.reads import queries
from api.replay import contract_line
from ingest.wire_time import rfc3339_ms


def shown(desk: Database, until_ms: int | None = None) -> dict[str, dict[str, Any]]:
    """Alerts by id, those of before that time. Floor and homes are two lanes: in what order they say more about one
    alert is nobody's promise.
    """
    found = [one for one in queries.every_alert(desk) if until_ms is None or instant(one["opened_at"]) < until_ms]
    for one in found:
        one["causes"][1:] = sorted(one["causes"][1:], key=lambda cause: str(cause["event_id"]))
    return {one["alert_id"]: contract_line(one) for one in found}


def alert_differences(one: dict[str, dict[str, Any]], many: dict[str, dict[str, Any]]) -> list[str]:
    """In words: alerts that only one of them has, and fields that differ."""
    found = [f"only on one machine: {one[key]}" for key in one.keys() - many.keys()]
    found += [f"only on many: {many[key]}" for key in many.keys() - one.keys()]
    for key in one.keys() & many.keys():
        fields = [name for name in one[key] if one[key][name] != many[key].get(name)]
        found += [f"{key} {one[key]['rule']} {name}: {one[key][name]!r}, {many[key].get(name)!r}" for name in fields]
    return found


def instant(text: str) -> int:
    """A time of ours in ms."""
    found = rfc3339_ms(text)
    assert found is not None, text
    return found
