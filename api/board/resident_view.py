"""Pure: rows of the resident's and the devices' pages in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from api.board import format as fmt
from api.board.cards import what
from api.board.why import origin_text, parameter_rows
from api.board.words import Words

PERCENT = "%"
OLD_BATTERY_MS = 3 * fmt.DAY_MS  # devices report once or twice a day; a level older than this is shown with its day

LAPSES_DAYS = 30


def device_name(device: Mapping[str, Any], words: Words) -> str:
    """ "Sengesensor, soverom"; an unknown role is shown as it is."""
    name = words.code("role", device.get("role")) or str(device.get("model") or device.get("id") or "")
    room = words.code("room", device.get("room")).lower()
    return f"{name}, {room}" if room and room not in name.lower() else name


def device_row(device: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """What it is, when it was last heard, how its battery is, whether it is silent longer than it may."""
    heard_ms = fmt.to_ms(device.get("last_heard_at"))
    return {
        "id": device.get("id"),
        "what": device_name(device, words),
        "address": device.get("address") or "",
        "heard": heard_text(heard_ms, words),
        "silent": bool(device.get("silent")),
        "battery": battery_text(device, words),
        "battery_low": bool(device.get("battery_low")),
    }


def battery_text(device: Mapping[str, Any], words: Words) -> str:
    """ "87 %", and "lavt" where the device says so; an old value with its day, a dash where nothing is known."""
    percent, low, at_ms = device.get("battery_percent"), device.get("battery_low"), fmt.to_ms(device.get("battery_at"))
    parts = [] if percent is None else [f"{fmt.number(float(percent), words.lang, 0)} {PERCENT}"]
    if low or (low is not None and percent is None):
        parts.append(words("device.battery_low" if low else "device.battery_ok"))
    if parts and at_ms is not None and words.now_ms - at_ms > OLD_BATTERY_MS:
        parts.append(f"({words.put(at_ms, 'day')})")
    return " ".join(parts) or "–"


def heard_text(heard_ms: int | None, words: Words) -> str:
    if heard_ms is None:
        return words("device.never")
    age = words.now_ms - heard_ms
    if age < fmt.HOUR_MS:
        return words("device.ago", span=fmt.span(age, words.lang))
    return words.put(heard_ms, "clock")


def measure_row(measure: Mapping[str, Any], words: Words, today: date) -> dict[str, Any]:
    """A decided measure; `review_due` when its evaluation is due, `lapses` when it ends within LAPSES_DAYS."""
    review = measure.get("review")
    return {
        "service": words.code("service", measure.get("service")),
        "decision": measure.get("decision") or "–",
        "basis": words.code("basis", measure.get("basis")),
        "until": fmt.plain_date(measure.get("until"), words.lang) or "–",
        "review": fmt.plain_date(review, words.lang) or "–",
        "review_due": bool(review) and str(review) <= today.isoformat(),
        "lapses": lapses(measure, today),
    }


def lapses(measure: Mapping[str, Any], today: date) -> bool:
    """Whether a measure in force ends soon: after that day nobody watches what it allowed."""
    until = str(measure.get("until") or "")
    return bool(until) and today.isoformat() <= until <= (today + timedelta(days=LAPSES_DAYS)).isoformat()


def plan_row(row: Mapping[str, Any], words: Words) -> dict[str, str]:
    """One value in force for this person and where it came from."""
    rows = parameter_rows(row["set"], words)
    value = ", ".join(f"{one['name'].lower()}: {one['value']}" for one in rows)
    origin = origin_text("plan", words, None)
    why = row.get("why")
    return {
        "rule": f"{row['rule']} {words('rule.' + str(row['rule']))}", "name": "", "value": value,
        "origin": f"{origin}: {why}" if why else origin, "force": force_text(row.get("in_force"), words),
    }  # fmt: skip


def force_text(in_force: bool | None, words: Words) -> str:
    """ "In force" only after the rules have seen it."""
    return "" if in_force is None else words("setting.in_force" if in_force else "setting.waiting")


def pause_row(pause: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """A pause and whether it holds now."""
    from_ms, until_ms = int(pause["from_ms"]), int(pause["until_ms"])
    return {
        "id": pause.get("id"),
        "text": words("resident.paused", until_ms=until_ms, reason=pause.get("reason") or "other"),
        "now": from_ms <= words.now_ms < until_ms,
        "force": force_text(pause.get("in_force"), words),
    }


def recent_row(alert: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """An alert as one line of a list."""
    outcome = alert.get("outcome")
    state = words.code("outcome", outcome) if outcome else words.code("handling", alert["handling"])
    return {
        "id": alert["alert_id"],
        "priority": alert["priority"],
        "tone": str(alert["priority"]).lower(),
        "text": what(alert, words),
        "when": words.put(alert["opened_at"], "clock"),
        "state": state,
    }


def unwatched_why(row: Mapping[str, Any], words: Words) -> str:
    """Why somebody is not watched: a reason code with arguments, or a bare code."""
    reason = row.get("reason")
    if isinstance(reason, Mapping):
        code, args = str(reason.get("code") or "unknown"), dict(reason.get("args") or {})
    else:
        code, args = str(reason or "unknown"), {}
    return words.first(f"unwatched_reason.{code}", f"reason.{code}", **args)
