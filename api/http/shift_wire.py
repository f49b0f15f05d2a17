"""Shifts, rota and phones as the API shows them, and refusals as problems. Instants as RFC 3339, ids with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.shifts.rota import Notice
from alerts.shifts.shift import ShiftRefused
from alerts.site.problems import Problem as Mistake
from api.http.problems import Problem
from api.http.wire import utc_text
from rules import local_time

FIELDS = {
    "unknown_function": ("function", "there is no such function"),
    "bad_end": ("until", "a shift ends after now, and within 16 hours"),
    "unknown_staff": ("to", "there is nobody with this id"),
    "unknown_leader": ("agreed_by", "there is nobody with this id"),
    "after_access": ("to", "their access ends before the shift does"),
}
SLUGS = {
    "no_access": ("access-ended", None),
    "not_your_function": ("not-your-function", "function"),
    "unknown_shift": ("not-found", "shift_id"),
    "unknown_entry": ("not-found", "entry_id"),
    "not_on_shift": ("not-on-shift", None),
    "over": ("not-on-shift", None),
    "own_claims": ("own-claims", None),
}


def refused(error: ShiftRefused) -> Problem:
    """Why it was not done."""
    if error.code in FIELDS:
        field, message = FIELDS[error.code]
        return Problem("bad-field", field, more={"errors": [{"field": field, "message": message, "code": error.code}]})
    slug, about = SLUGS[error.code]
    found = error.args_of_code.get("alerts")
    return Problem(slug, about, more={"alerts": found} if found else {})


def mistakes(found: Sequence[Mistake]) -> Problem:
    """What to mend in a rota, by line."""
    errors: list[dict[str, Any]] = [
        {"field": one.field, "message": one.message, "code": one.code}
        | ({"line": one.line} if one.line is not None else {})
        | ({"nearest": one.nearest} if one.nearest else {})
        for one in found
    ]
    return Problem("bad-field", found[0].field or "body", more={"errors": errors})


def shift_out(row: Mapping[str, Any]) -> dict[str, Any]:
    """A check-in."""
    return {
        "id": row["id"], "function": row["function_id"], "function_name": row["function_name"], "ward": row["ward"],
        "staff": row["staff_id"], "name": row["staff_name"] or row["staff_id"], "phone": row["phone_id"],
        "since": utc_text(row["since_ms"]), "until": utc_text(row["until_ms"]), "ended": utc_text(row["ended_ms"]),
        "end_reason": row["end_reason"],
    }  # fmt: skip


def entry_out(row: Mapping[str, Any], timezone: str) -> dict[str, Any]:
    """A line of the rota. `holiday`: it begins on a public holiday."""
    return {
        "id": row["id"], "function": row["function_id"], "staff": row["staff_id"], "from": utc_text(row["from_ms"]),
        "until": utc_text(row["until_ms"]), "planned_staff": row["planned_staff_id"], "agreed_by": row["agreed_by"],
        "holiday": local_time.is_holiday(local_time.local_date(row["from_ms"], timezone)),
    }  # fmt: skip


def function_out(row: Mapping[str, Any]) -> dict[str, Any]:
    """Who has a function now, who comes next, and whether its telephone is heard."""
    coming = row["next"]
    return {
        "on_duty": row["on_duty"],
        "reachable": row["reachable"],
        "shift": None if row["shift"] is None else shift_out(row["shift"]),
        "next": None
        if coming is None
        else {
            "staff": coming["staff_id"], "name": coming["staff_name"], "from": utc_text(coming["from_ms"]),
            "until": utc_text(coming["until_ms"]),
        },
        "phones": [
            {"id": one["id"], "label": one["label"], "heard_at": utc_text(one["heard_ms"]), "silent": one["silent"]}
            for one in row["phones"]
        ],
    }  # fmt: skip


def phone_out(row: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """A registered phone."""
    return {
        "id": row["id"], "label": row["label"], "function": row["function_id"], "heard_at": utc_text(row["heard_ms"]),
        "limit_seconds": row["limit_ms"] // 1_000, "silent": now_ms > row["heard_ms"] + row["limit_ms"],
    }  # fmt: skip


def notice_out(one: Notice) -> dict[str, Any]:
    """Something about a rota that a leader should look at."""
    return {
        "code": one.code, "about": one.about, "from": utc_text(one.from_ms), "until": utc_text(one.until_ms),
        "others": list(one.others),
    }  # fmt: skip


def gap_out(row: Mapping[str, Any]) -> dict[str, Any]:
    """A time at which nobody of a ward is planned."""
    return {
        "ward": row["ward"], "from": utc_text(row["from_ms"]), "until": utc_text(row["until_ms"]),
        "holiday": row["holiday"],
    }  # fmt: skip
