"""Edge: the card for 110, 112, 113 or 116117: where, how to get in, who, and what is known. Read out, not sent.

Personal, all of it: whoever shows it records the read first (`alerts/access/access_log.py`). A protected address stands
here, because whoever goes must find it, and says that it is protected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.database import Database
from alerts.reads import people, queries
from alerts.reads.alert_view import instant

KNOWN_MAX = 8
POSITION = ("latitude", "longitude")


def card_of(
    db: Database, site_id: str, alert_id: str, position: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """The card of an alert's person, None when there is no such alert. `position`: where they were last seen, where
    that may be shown; else what the alert's own events say. Without a known person: the home and the device.
    """
    alert = queries.alert(db, alert_id)
    if alert is None or alert["site_id"] != site_id:
        return None
    resident_id = alert["resident_id"]
    person = people.resident_card(db, resident_id, site_id=site_id) if resident_id else None
    return {
        "alert_id": alert_id,
        "rule": alert["rule"],
        "code": alert["code"],
        "priority": alert["priority"],
        "opened_at": alert["opened_at"],
        "home_id": alert["home_id"],
        "device_id": alert["device_id"],
        "person": None if person is None else _person(person),
        "address": None if person is None else person.get("address"),
        "protected": person is not None and bool(person.get("protected")),
        "position": position or _position(alert),
        "keys": [] if person is None else [_named(key, "kind", "where", "tag") for key in person["keys"]],
        "contacts": [] if person is None else [_contact(one) for one in person["contacts"]],
        "known": [_cause(one) for one in alert["causes"][-KNOWN_MAX:]],
        "holder": alert["claimed_by"],
        "handling": alert["handling"],
        "reached": _reached(alert),
    }


def _person(card: Mapping[str, Any]) -> dict[str, Any]:
    found = _named(card, "id", "name", "born", "phone")
    return found | {"risks": list(card.get("risks") or ()), "ward": card["ward_name"], "home_kind": card["home_kind"]}


def _contact(one: Mapping[str, Any]) -> dict[str, Any]:
    return _named(one, "name", "relation", "phone") | {"responder": bool(one.get("responder"))}


def _named(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: item.get(name) for name in names}


def _cause(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": one["type"], "at": one["observed_at"] or one["received_at"], "content": one["content"]}


def _position(alert: Mapping[str, Any]) -> dict[str, Any] | None:
    """The newest position among the events behind it."""
    for one in reversed(alert["causes"]):
        content = one["content"]
        if all(isinstance(content.get(name), int | float) for name in POSITION):
            said = {name: content.get(name) for name in (*POSITION, "accuracy_metres")}
            return said | {"at": one["observed_at"] or one["received_at"]}
    return None


def _reached(alert: Mapping[str, Any]) -> str | None:
    """When somebody last spoke with the person or came to them."""
    lines = [
        one for one in alert["timeline"]
        if one["kind"] == "on_site" or (one["kind"] == "contact" and one["args"].get("outcome") != "no_answer")
    ]  # fmt: skip
    if not lines:
        return None
    happened_ms = lines[-1]["args"].get("happened_ms")
    return instant(happened_ms) if happened_ms else str(lines[-1]["at"])
