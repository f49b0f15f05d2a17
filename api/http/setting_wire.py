"""Settings as the API shows and takes them: as in a site file, instants as RFC 3339, refusals as problems."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerts.site.settings_store import SettingRefused
from api.http.problems import Problem
from api.http.wire import milliseconds, utc_text

INSTANTS = {"from": "from_ms", "until": "until_ms"}  # of pauses: instants, where plans and measures have days
SLUGS = {"still_used": "still-used", "changed_meanwhile": "changed-meanwhile", "unknown_kind": "not-found"}


def shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of the store as the API shows it."""
    times = {out: utc_text(item[inside]) for out, inside in INSTANTS.items() if inside in item}
    return {name: value for name, value in item.items() if name not in INSTANTS.values()} | times


def taken(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody sent, as the store takes it. Whatever else is wrong with it the store says."""
    value = dict(given)
    if kind != "pause":
        return value
    for outside, inside in INSTANTS.items():
        if inside in value:
            message = f"unknown key; write {outside}, a time with its offset"
            raise Problem("bad-field", inside, more={"errors": [{"field": inside, "message": message}]})
        if outside in value:
            value[inside] = _instant(value.pop(outside), outside)
    return value


def refused(error: SettingRefused) -> Problem:
    """Why the store did not save it, field by field."""
    errors = [
        {"field": _outside(found.field), "message": _outside(found.message), "code": found.code}
        | ({"nearest": _outside(found.nearest)} if found.nearest else {})
        | ({"args": found.args} if found.args else {})
        for found in error.problems
    ]
    first = error.problems[0]
    return Problem(SLUGS.get(first.code, "bad-field"), _outside(first.field) or None, more={"errors": errors})


def _outside(text: str) -> str:
    """With the names that people write."""
    for outside, inside in INSTANTS.items():
        text = text.replace(inside, outside)
    return text


def _instant(value: object, field: str) -> int:
    try:
        return milliseconds(datetime.fromisoformat(value)) if isinstance(value, str) else _no_text()
    except ValueError as error:
        message = "a time as 2026-03-01T21:14:05Z, with its offset"
        raise Problem("bad-field", field, more={"errors": [{"field": field, "message": message}]}) from error


def _no_text() -> int:
    raise ValueError("a time is text")
