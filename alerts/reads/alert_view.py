"""Pure: rows of the desk as the dicts that REST and board share (contracts §4).

For: naming, and times as RFC 3339 with `Z`. Nothing here reads; `alerts/reads/queries.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from alerts.handling.lifecycle import HELD
from alerts.routing.escalation import (
    ESCALATE,
    HAND_OVER,
    RING_NEXT,
    SECOND,
    STAFF,
    WATCH,
    Snapshot,
    Target,
    hand_over_targets,
    next_as_well,
    second_targets,
)

Row = Mapping[str, Any]


def instant(ms: int | None) -> str | None:
    """1767225600000 → "2026-01-01T00:00:00Z"; milliseconds only where there are some."""
    if ms is None:
        return None
    text = datetime.fromtimestamp(ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms % 1_000:03d}Z" if ms % 1_000 else f"{text}Z"


def alert_item(
    alert: Row, incident: Row, causes: Sequence[Row], timer: Row | None, siblings: Sequence[Row]
) -> dict[str, Any]:
    """One alert as lists show it. `timer`: the incident's next; `siblings`: the incident's alerts."""
    reason = alert["reason"]
    return {
        "alert_id": alert["alert_id"],
        "rule": alert["rule"],
        "rule_version": alert["rule_version"],
        "code": alert["code"],
        "priority": alert["priority"],
        "site_id": alert["site_id"],
        "home_id": alert["home_id"],
        "ward_id": alert["ward_id"],
        "subject_id": alert["subject_id"],
        "resident_id": alert["resident_id"],
        "device_id": alert["device_id"],
        "incident_id": alert["incident_id"],
        "merged_into": alert["merged_into"],
        "continued_by": alert["continued_by"],
        "condition": alert["condition"],
        "handling": alert["handling"],
        "opened_at": instant(alert["opened_ms"]),
        "cleared_at": instant(alert["cleared_ms"]),
        "closed_at": instant(alert["closed_ms"]),
        "late_seconds": alert["late_ms"] // 1_000,
        "test": alert["test"],
        "alarm": alert["alarm"],
        "staff_alarm": alert["staff_alarm"],
        "trigger": alert["trigger"],
        "causes": [cause_item(cause) for cause in causes],
        "parameters": {name: {"value": p["value"], "from": p["origin"]} for name, p in alert["parameters"].items()},
        "suppressed": [suppressed_item(held) for held in alert["suppressed"]],
        "reason": reason["code"],
        "reason_args": reason.get("args", {}),
        "due_at": instant(alert["due_ms"]),
        "presses": alert["presses"],
        "priority_raised_from": alert["raised_from"],
        "outcome": alert["outcome"],
        "cause_code": alert["cause_code"],
        "action_code": alert["action_code"],
        "contact_code": alert["contact_code"],
        "claimed_by": claimed_by(incident) if alert["open"] else None,
        "next_step": next_step_item(incident, timer) if alert["open"] else None,
        "two": two_item(incident) if alert["open"] else None,
        "owner": incident["owner"] if alert["open"] else None,
        "search": search_item(incident),
        "incident": {
            "id": incident["incident_id"],
            "alert_ids": [row["alert_id"] for row in siblings],
            "open": sum(1 for row in siblings if row["open"]),
        },
    }


def cause_item(cause: Row) -> dict[str, Any]:
    item = {
        "event_id": cause["event_id"],
        "type": cause["type"],
        "observed_at": instant(cause["observed_ms"]),
        "received_at": instant(cause["received_ms"]),
        "effective_at": instant(cause["effective_ms"]),
        "device_id": cause["device_id"],
    }
    return item | {"quality": cause["quality"], "content": cause["content"]}


def suppressed_item(held: Row) -> dict[str, Any]:
    return {"at": instant(held["at_ms"]), "reason": held["reason"]["code"], "args": held["reason"].get("args", {})}


def claimed_by(incident: Row) -> dict[str, Any] | None:
    """Who has it. `since`: since when it stands as it stands now (claimed, on the way, on site …); `claimed_at`: since
    when they have it. The two are one until the holder takes a next step.
    """
    if incident["claimed_by"] is None:
        return None
    return {
        "staff": incident["claimed_by"],
        "name": incident["claimed_name"],
        "since": instant(incident["handling_ms"] or incident["claimed_ms"]),
        "claimed_at": instant(incident["claimed_ms"]),
        "function": incident["claimed_function"],
    }


def two_item(incident: Row) -> dict[str, Any] | None:
    """Where two must go and somebody does: who comes as the second (None: still asked for), and whether whoever is
    there first waits outside; None where one is enough.
    """
    if not incident["snapshot"].get("two") or incident["claimed_by"] is None:
        return None
    second = {"staff": incident["second_by"], "name": incident["second_name"]}
    there = incident["on_site_ms"] is not None and incident["second_on_site_ms"] is not None
    return {"second": second if incident["second_by"] else None, "wait_outside": not there}


def search_item(incident: Row) -> dict[str, Any] | None:
    """When somebody searched for the person; `until` None while they do."""
    if incident["search_from_ms"] is None:
        return None
    return {"from": instant(incident["search_from_ms"]), "until": instant(incident["search_until_ms"])}


def next_step_item(incident: Row, timer: Row | None) -> dict[str, Any] | None:
    """Who is rung now, and what happens next if nobody does anything: when, and to whom.

    `ringing`: names of those who have been told and have not answered; empty where nobody is rung. `target` is who is
    new in the next step, `targets` all that it tells. `held_back`: why nobody is rung before that
    (alerts/quiet/pipeline.py).
    """
    if timer is None:
        return None
    chain = msgspec.convert(incident["snapshot"], Snapshot)
    asked = incident["handed_to"] or ""
    targets: tuple[Target, ...] = ()
    ringing: tuple[Target, ...] = ()
    if timer["kind"] == ESCALATE:
        targets = chain.steps[min(timer["step"], len(chain.steps) - 1)].targets
        ringing = chain.steps[min(timer["step"], len(chain.steps)) - 1].targets if timer["step"] else ()
    elif timer["kind"] == HAND_OVER:
        targets = hand_over_targets(chain, asked, timer["step"])
        ringing = tuple(one for one in chain.functions if one.id == asked)
        for step in range(min(timer["step"], len(chain.functions) + 1)):  # after that all of them, again and again
            ringing += hand_over_targets(chain, asked, step)
    elif timer["kind"] == SECOND:
        targets = second_targets(chain, timer["step"], (incident["claimed_function"],))
    elif timer["kind"] == WATCH:
        targets = chain.steps[0].targets
    elif timer["kind"] == RING_NEXT:
        targets = next_as_well(chain, incident["claimed_function"], incident["second_function"])
        ringing = (Target(STAFF, incident["claimed_by"] or "", incident["claimed_name"] or ""),)
    names = [one.name for one in targets]
    quiet = incident["quiet"] if timer["kind"] == ESCALATE else None
    fresh = [one.name for one in targets if one not in ringing]
    target = (fresh or names or [incident["claimed_name"]])[0]
    return {
        "at": instant(timer["due_ms"]),
        "what": timer["kind"],
        "target": target,
        "targets": names,
        "ringing": list(dict.fromkeys(one.name for one in ringing if one.name)),
        "held_back": None if quiet is None else {"reason": quiet["code"], "args": quiet.get("args", {})},
    }


def timeline_item(line: Row) -> dict[str, Any]:
    return {
        "id": line["id"],
        "at": instant(line["at_ms"]),
        "kind": line["kind"],
        "actor": {"staff": line["actor"], "name": line["actor_name"]} if line["actor_name"] else None,
        "text_code": line["text_code"],
        "args": line["args"],
        "vkp": line["vkp"],
        "alert_id": line["alert_id"],
    }


def attempt_item(row: Row) -> dict[str, Any]:
    """A message and one try of one channel (or none yet)."""
    return {
        "message_id": row["message_id"],
        "alert_id": row["alert_id"],
        "kind": row["kind"],
        "priority": row["priority"],
        "target": row["target"],
        "target_name": row["target_name"],
        "state": row["state"],
        "created_at": instant(row["created_ms"]),
        "channel": row["channel"],
        "number": row["number"],
        "started_at": instant(row["started_ms"]),
        "ended_at": instant(row["ended_ms"]),
        "result": row["result"],
        "detail": row["detail"],
        "may_repeat": bool(row["may_repeat"]),
    }


def board_list(priority: str) -> str:
    """Which list of the board an incident stands on: people, technical, cards."""
    return {"P4": "technical", "P5": "cards"}.get(priority, "now")


def is_held(incident: Row) -> bool:
    """Somebody has it, or had it and waits for another to accept."""
    return incident["handling"] in HELD or incident["claimed_by"] is not None
