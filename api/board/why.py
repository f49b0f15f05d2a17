"""Pure: "Hvorfor?" in plain words with numbers. From reason codes, arguments, parameters and causes of one alert.

Nothing is guessed: what the desk did not say is not shown. Order on the page: sentences first, then for those who
unfold: limits in force with origin, events, what was held back, clock values, rule and version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from api.board import format as fmt
from api.board.cards import what
from api.board.words import Words
from ingest.quantities import parse_duration_ms

CONTENT_SHOWN = 6


def explain(alert: Mapping[str, Any], words: Words, devices: Mapping[str, str], person: str | None) -> dict[str, Any]:
    """Everything of the section. devices: device id -> words for it; person: first name, None where nobody is known."""
    why = alert.get("why") or {}
    reason = {"code": why.get("code") or alert.get("reason"), "args": why.get("args") or alert.get("reason_args") or {}}
    parameters = why.get("parameters") or alert.get("parameters") or {}
    return {
        "sentences": sentences(reason, parameters, words, str(alert["rule"]), person),
        "parameters": parameter_rows(parameters, words),
        "causes": [cause_row(c, words, devices) for c in why.get("causes") or alert.get("causes") or []],
        "suppressed": [held_line(s, words) for s in why.get("suppressed") or alert.get("suppressed") or []],
        "clock": clock_rows(alert, words),
        "rule": f"{alert['rule']} {words('rule.' + str(alert['rule']))}",
        "ask": urlencode({"subject": alert["subject_id"], "rule": alert["rule"], "at": alert["opened_at"]}),
        "version": alert.get("rule_version") or "",
        "vkp": alert.get("code") or "",
    }


def sentences(
    reason: Mapping[str, Any], parameters: Mapping[str, Any], words: Words, rule: str, person: str | None
) -> list[str]:
    """The reason as one sentence, and whose limit it was: the book's, or this person's own."""
    lines = [reason_line(reason, words, rule)]
    args = reason.get("args") or {}
    if args.get("broken_way"):
        lines.append(words("reason.dwell.broken_way", **args))
    for name in ("for", "for_critical", "grace", "grace_critical"):
        found = parameters.get(name)
        if not isinstance(found, Mapping):
            continue
        origin = origin_text(str(found.get("from") or "book"), words, person)
        lines.append(words("why.limit", value=_value(found.get("value"), words), origin=origin))
        break
    return [line for line in lines if line]


def reason_line(reason: Mapping[str, Any], words: Words, rule: str | None = None) -> str:
    """One reason code with its arguments, as a sentence."""
    code = str(reason.get("code") or "")
    if not code:
        return ""
    args = with_lasting(reason.get("args") or {})
    return words.first(f"reason.{code}.{rule}", f"reason.{code}", **args)


def with_lasting(args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with how long it had lasted, where both ends are known."""
    begun, at_ms = args.get("since_ms", args.get("last_ms")), args.get("at_ms")
    known = isinstance(begun, int) and isinstance(at_ms, int)
    return dict(args) | ({"lasted_ms": at_ms - begun} if known else {})


def origin_text(origin: str, words: Words, person: str | None) -> str:
    """ "book", "site", "ward nord", "plan r1" in words: whose decision a value is."""
    kind, _, rest = origin.partition(" ")
    word = words.code("origin", kind)
    if kind == "plan":
        return f"{word}, {person}" if person else word
    return f"{word} {rest}".strip() if kind == "ward" else word


def parameter_rows(parameters: Mapping[str, Any], words: Words) -> list[dict[str, str]]:
    """Limits in force: name, value, origin."""
    rows = []
    for name, found in parameters.items():
        value, origin = (found.get("value"), found.get("from")) if isinstance(found, Mapping) else (found, "book")
        rows.append({
            "name": words.code("parameter", name), "value": _value(value, words),
            "origin": origin_text(str(origin or "book"), words, None),
        })  # fmt: skip
    return rows


def _value(value: Any, words: Words) -> str:
    if isinstance(value, bool) or value in {"true", "false"}:
        return words("value.yes" if value in {True, "true"} else "value.no")
    try:
        return fmt.span(parse_duration_ms(value), words.lang)
    except ValueError:
        return str(value)


def cause_row(cause: Mapping[str, Any], words: Words, devices: Mapping[str, str]) -> dict[str, Any]:
    """One event behind the alert, with both clocks."""
    event = str(cause["type"])
    return {
        "what": words.code("event", event),
        "content": content_line(cause.get("content") or {}, words),
        "quality": [words.code("quality", q) for q in cause.get("quality") or ()],
        "happened": words.put(cause.get("observed_at"), "seconds") if cause.get("observed_at") else "–",
        "heard": words.put(cause.get("received_at"), "seconds"),
        "device": devices.get(cause.get("device_id") or "", cause.get("device_id") or "–"),
        "event_id": cause["event_id"],
    }


def content_line(content: Mapping[str, Any], words: Words) -> str:
    """The event's own fields, the first few, as they came."""
    parts = [
        f"{name.replace('_', ' ')} {words.put(value, '')}" for name, value in list(content.items())[:CONTENT_SHOWN]
    ]
    return ", ".join(parts)


def held_line(held: Mapping[str, Any], words: Words) -> str:
    """What was held back, when and why."""
    when = words.put(held["at"], "clock") if held.get("at") else ""
    line = reason_line({"code": held.get("reason"), "args": held.get("args")}, words)
    return f"{when} {line}".strip()


def clock_rows(alert: Mapping[str, Any], words: Words) -> list[dict[str, str]]:
    """When things were, by the service's clock."""
    late = alert.get("late_seconds") or 0
    rows: Sequence[tuple[str, Any]] = (
        ("why.opened", alert.get("opened_at")),
        ("why.due", alert.get("due_at")),
        ("why.cleared", alert.get("cleared_at")),
        ("why.closed", alert.get("closed_at")),
    )
    found = [{"name": words(name), "value": words.put(at, "seconds")} for name, at in rows if at]
    if late:
        found.append({"name": words("why.late"), "value": fmt.span(int(late) * fmt.SECOND_MS, words.lang)})
    return found


def timeline_rows(rows: Sequence[Mapping[str, Any]], words: Words) -> list[dict[str, Any]]:
    """Everything that happened to an alert, and what did not ("ikke levert")."""
    shown = []
    for row in rows:
        at_ms = fmt.to_ms(row["at"]) or 0
        shown.append(
            {
                "iso": fmt.to_z(at_ms),
                "at_ms": at_ms,
                "time": words.put(at_ms, "seconds"),
                "text": timeline_text(row, words),
                "who": (row.get("actor") or {}).get("name") or "",
                "failed": _failed(row),
            }
        )
    return shown


def timeline_text(row: Mapping[str, Any], words: Words) -> str:
    """One line in words: what it was, the reason where the rules gave one, and the few words that came along."""
    args = {str(name): value for name, value in (row.get("args") or {}).items()}
    code, kind = str(row.get("text_code") or ""), str(row.get("kind") or "")
    if kind == "note" and args.get("call"):
        text = words("timeline.called", **args)
        text = words("timeline.with_note", text=text, note=args["text"]) if args.get("text") else text
    elif kind == "ended" and args.get("ask_again_minutes"):
        text = words("timeline.ended_ask_again", **args)
    elif words.has(f"timeline.{kind}"):
        text = words(f"timeline.{kind}", **args)
    else:
        text = words.first(f"reason.{code}", f"timeline.{code}", **args)
    if code != kind and words.complete(f"reason.{code}", with_lasting(args)):
        text = f"{text}: {reason_line({'code': code, 'args': args}, words)}"
    if args.get("note"):
        text = words("timeline.with_note", text=text, note=args["note"])
    if args.get("happened_ms"):
        text = words("timeline.afterwards", text=text, happened_ms=args["happened_ms"])
    return words("timeline.late", text=text, late_ms=args["late_ms"]) if args.get("late_ms") else text


def attempt_rows(attempts: Sequence[Mapping[str, Any]], words: Words) -> list[dict[str, Any]]:
    """What was sent and whether it arrived, as lines of the timeline; a try without a result is told as that."""
    shown = []
    for one in attempts:
        at_ms = fmt.to_ms(one.get("ended_at") or one.get("started_at") or one.get("created_at")) or 0
        result = one.get("result") or ("unknown" if one.get("state") == "unknown" else "waiting")
        target = words("next.fallback") if one.get("target") == "fallback" else one.get("target_name")
        text = words.first(
            f"timeline.sent_{result}", "timeline.sent_waiting", channel=one.get("channel") or "log", target=target
        )
        shown.append({
            "iso": fmt.to_z(at_ms), "time": words.put(at_ms, "seconds"), "text": text, "who": "",
            "failed": result in {"failed", "unknown"}, "at_ms": at_ms,
        })  # fmt: skip
    return shown


def _failed(row: Mapping[str, Any]) -> bool:
    """What did *not* happen, or should not have."""
    return str(row.get("kind")) in {"nobody_on_duty", "hand_over_unanswered", "without_alert"}


def other_alerts(alerts: Sequence[Mapping[str, Any]], alert_id: str, words: Words) -> list[dict[str, str]]:
    """The other alerts of the same incident, for links."""
    return [
        {"id": a["alert_id"], "text": f"{a['priority']} {what(a, words)}"} for a in alerts if a["alert_id"] != alert_id
    ]
