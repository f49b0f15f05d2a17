"""What of an item may leave the desk: a list of fields per kind, everything else stays (promise 8). Pure.

The logs of the folds are kept for long and read by many; so they get pseudonyms and what rules need, nothing else. A
new field of a model is personal until it is named here. Free text is always personal: somebody writes a name in it.
"""

from __future__ import annotations

from typing import Any

from alerts.site.model import Device, Gateway, Item, Pause, Ward
from alerts.site.words import CLASSES
from ingest.record import Setting

FIELDS: dict[str, tuple[str, ...]] = {
    "site": ("id", "timezone"),
    "ward": ("id", "arrival_goal", "profile"),
    "home": ("id", "ward", "kind"),
    "resident": ("id", "home", "critical", "risks"),
    "gateway": ("id", "home", "address", "interval"),
    "device": ("id", "address", "model", "role", "room", "resident", "home", "gateway", "interval"),
    "measure": ("id", "resident", "service", "from", "until", "review"),
    "plan": ("id", "resident", "rule", "set", "from", "until"),
    "pause": ("id", "resident", "from_ms", "until_ms", "reason"),
    "book": ("id", "book"),
    "test_session": ("id", "device", "staff", "from_ms", "until_ms"),
}
"""Kinds that the folds hear of. Those not named (contacts, keys, functions, staff) never leave the desk."""


def relayed(kind: str) -> bool:
    """Whether the folds hear of this kind at all."""
    return kind in FIELDS


def project(kind: str, item: Item) -> dict[str, Any] | None:
    """The item as the folds see it (contracts §3 without what is personal); None for kinds that stay here."""
    if not relayed(kind):
        return None
    value = item.value()
    seen = {name: value[name] for name in FIELDS[kind] if name in value}
    if isinstance(item, Gateway | Device) and item.interval_ms is not None:
        seen["interval_ms"] = item.interval_ms
    if isinstance(item, Ward) and item.arrival_goal_ms is not None:
        seen["arrival_goal_ms"] = item.arrival_goal_ms
    if isinstance(item, Pause):
        seen["rules"] = paused_rules(item.rules)
    return seen


def paused_rules(rules: tuple[str, ...]) -> list[str]:
    """Single rules for classes of rules; empty stays empty and means all that may be paused."""
    named = [rule for word in rules for rule in CLASSES.get(word, (word,))]
    return list(dict.fromkeys(named))


def setting_id(kind: str, item_id: str) -> str:
    """The name under which every version of an item is known to the folds."""
    return f"{kind}/{item_id}"


def setting(kind: str, item_id: str, version: int, item: Item | None, actor: str | None) -> Setting:
    """The record for RAW; no item = removed."""
    value = None if item is None else project(kind, item)
    return Setting(setting_id(kind, item_id), version, kind, value, actor)
