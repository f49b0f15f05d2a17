"""Pure: one alert as a page. Head, person, acts that are possible now, why, timeline, documentation.

Which acts are possible is the desk's word (`alerts.handling.lifecycle.possible`); this module only gives each its form:
one tap, two taps, a choice, a receiver or a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.handling.act_bodies import DOSE_ACTIONS
from alerts.handling.acts import CLAIM, TAKE_OVER, Actor
from alerts.handling.cards import NUMBERS
from alerts.handling.lifecycle import CONTACTS, HELD, ONE_MORE, OPEN, Allowed, State, decide, possible
from alerts.handling.outcome_codes import offered
from alerts.shifts.duty import WARD
from api.board import format as fmt
from api.board.cards import OUTAGE, Directory, is_mine, labels, more_lines, next_line, revision, state_line, what
from api.board.person_view import person_view
from api.board.why import attempt_rows, explain, other_alerts, timeline_rows
from api.board.words import Words

PLAN_LINES_MAX = 5
FIRST_CHOICES = 6
AT_ONCE = 3  # acts in sight; the rest are one tap away, so that a thumb finds the right one
TWO_TAPS = ("end", "release", "reopen", "decline", TAKE_OVER)
ORDER = (
    "claim",
    "accept",
    "en-route",
    "on-site",
    "end",
    "contact",
    "note",
    "hand-over",
    "decline",
    "release",
    TAKE_OVER,
    "reopen",
)
PRIMARY = {
    "new": "claim", "handed_over": "accept", "claimed": "en-route", "accepted": "en-route", "en_route": "on-site",
    "on_site": "end",
}  # fmt: skip


class Look(dict[str, Any]):
    """What is looked up for one alert page: `person` (resident card), `living` (cards of a home where it names
    nobody), `devices` words by id, `functions` to hand over to, `last` codes chosen before by field, `siblings` alerts
    of the incident. All optional.
    """


def alert_view(
    alert: Mapping[str, Any], words: Words, people: Directory, actor: Actor | None, look: Look
) -> dict[str, Any]:
    """The whole page. Counting texts come with the instant they count from."""
    since_ms = fmt.to_ms(alert["opened_at"]) or words.now_ms
    holder = alert.get("claimed_by")
    mine = is_mine(holder, people.me)
    person = look.get("person")
    resident = person_view(person, words, people) if person else None
    siblings: Sequence[Mapping[str, Any]] = look.get("siblings") or [alert]
    handling = str(alert["handling"])
    title = what(alert, words)
    why = explain(alert, words, look.get("devices") or {}, resident["first"] if resident else None)
    why["others"] = other_alerts(siblings, alert["alert_id"], words)
    acts = act_list(alert, actor, words, look)
    document = document_form(alert, words, look.get("last") or {}) if handling in {"ended", "documented"} else None
    view: dict[str, Any] = {
        "id": alert["alert_id"], "priority": alert["priority"], "tone": str(alert["priority"]).lower(), "what": title,
        "title": f"{title} {fmt.short_name(resident['name'])}" if resident else title,
        "opened": fmt.to_z(since_ms), "opened_ms": since_ms, "open": handling in OPEN,
        "opened_clock": fmt.at_clock(since_ms, words.now_ms, words.local, words.lang),
        "age": (fmt.waiting if handling in OPEN else fmt.at_clock)(since_ms, words.now_ms, words.local, words.lang),
        "labels": ([words("label.test")] if alert.get("test") else []) + labels(alert, words),
        "more": [line for line in more_lines(siblings, alert, words) if line not in labels(alert, words)],
        "state": state_line(handling, holder, words, mine=mine) or {"text": ""},
        "next": next_line(alert.get("next_step"), words, mine=mine) if handling in OPEN else None,
        "person": resident, "living": [person_view(one, words, people) for one in look.get("living") or ()],
        "place": None if resident else place_line(alert, words, people, look),
        "plan": plan_lines(alert, words, resident, look),
        "acts": acts, "document": document, "why": why, "said": None,
        "going": going_view(alert, words, person or {}, able=actor is not None),
        "call_list": alert["rule"] == OUTAGE,
        "timeline": sorted(
            timeline_rows(alert.get("timeline") or [], words) + attempt_rows(look.get("attempts") or [], words),
            key=lambda row: row["at_ms"],
        ),
    }  # fmt: skip
    return view | _revisions(view, handling)


def _revisions(view: Mapping[str, Any], handling: str) -> dict[str, str]:
    lasting = [
        {k: v for k, v in (line or {}).items() if k not in {"age", "wait"}} for line in (view["state"], view["next"])
    ]
    return {
        "head_rev": revision(lasting, view["going"], view["labels"], view["more"], view["what"], view["priority"]),
        "person_rev": revision(view["person"], view["living"], view["plan"]),
        "acts_rev": revision(
            handling,
            [(a["act"], a["label"], a.get("primary"), a.get("ask_again")) for a in view["acts"]],
            bool(view["document"]),
        ),
        "why_rev": revision(view["why"]),
        "timeline_rev": revision(view["timeline"]),
        "rev": view["id"],
    }


def state_of(alert: Mapping[str, Any]) -> State:
    """What the lifecycle's table needs, from the alert as it is read: contact and alarms stand in its timeline."""
    holder = alert.get("claimed_by") or {}
    lines = alert.get("timeline") or []
    reached = [
        one for one in lines if one["kind"] == "contact" and CONTACTS.get(str((one.get("args") or {}).get("outcome")))
    ]
    return State(
        handling=str(alert["handling"]), priority=str(alert["priority"]), holder=holder.get("staff"),
        contact_ms=_last(reached), on_site_ms=_last([one for one in lines if one["kind"] == "on_site"]),
        last_alarm_ms=_last([one for one in lines if one["kind"] in {"raised", "joined", "pressed_again"}]),
        two=alert.get("two") is not None, second=((alert.get("two") or {}).get("second") or {}).get("staff"),
    )  # fmt: skip


def _last(lines: Sequence[Mapping[str, Any]]) -> int | None:
    return max((fmt.to_ms(one["at"]) or 0 for one in lines), default=None)


def act_list(
    alert: Mapping[str, Any], actor: Actor | None, words: Words, look: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The acts possible now with their forms, the most likely first. No actor (an operator): none."""
    if actor is None:
        return []
    state = state_of(alert)
    allowed = set(alert["acts"]) if isinstance(alert.get("acts"), list) else set(possible(state, actor))
    handling = str(alert["handling"])
    # the desk allows these again and again; offering them where they are done already only costs room
    allowed -= {
        {"claimed": "claim", "accepted": "accept", "en_route": "en-route", "on_site": "on-site"}.get(handling, "")
    }
    if handling in {"claimed", "accepted", "en_route", "on_site"}:
        allowed.discard("claim")
    allowed.discard("document")
    shown = [_act(act, alert, words, look) for act in ORDER if act in allowed]
    again = decide(CLAIM, state, actor)
    if isinstance(again, Allowed) and again.who == ONE_MORE:
        shown.insert(0, _act(CLAIM, alert, words, look) | {"label": "second", "primary": True})
    shown += search_acts(alert, state.handling)
    for index, act in enumerate(shown):
        act["later"] = index >= AT_ONCE and not act["primary"] and len(shown) > AT_ONCE + 1
    return shown


def _act(act: str, alert: Mapping[str, Any], words: Words, look: Mapping[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {
        "act": act, "label": act, "path": act, "hidden": {}, "kind": "button",
        "primary": PRIMARY.get(str(alert["handling"])) == act,
    }  # fmt: skip
    if act == TAKE_OVER:
        form |= {"path": CLAIM, "hidden": {"take_over": "1"}}
    if act in TWO_TAPS:
        form["kind"] = "confirm"
        form["ask_again"] = act == "end" and alert.get("condition") == "active"
        doses = DOSE_ACTIONS if act == "end" and is_about_dose(alert) else ()
        form["doses"] = [{"code": c, "text": words.code("action", c)} for c in doses]
    elif act == "contact":
        form |= {
            "kind": "choice",
            "field": "outcome",
            "choices": [{"code": c, "text": words.code("contact", c)} for c in CONTACTS],
        }
    elif act == "hand-over":
        form |= {"kind": "target", "field": "to", "choices": look.get("functions") or []}
    elif act == "note":
        form |= {"kind": "text", "field": "note", "numbers": NUMBERS}
    return form


def is_about_dose(alert: Mapping[str, Any]) -> bool:
    """Whether an event behind it names a dose that staff may have settled by hand, whatever the rule."""
    return any(
        str(cause.get("type")).startswith("dose.") and (cause.get("content") or {}).get("dose_id")
        for cause in alert.get("causes") or ()
    )


def search_acts(alert: Mapping[str, Any], handling: str) -> list[dict[str, Any]]:
    """To begin or stop searching for a known person, while somebody has the alert."""
    if handling not in HELD or alert.get("resident_id") is None:
        return []
    search = alert.get("search")
    word = "stop" if search is not None and search["until"] is None else "start"
    form = {"act": f"search-{word}", "label": f"search-{word}", "path": "note", "hidden": {"search": word}}
    return [form | {"kind": "button", "primary": False}]


def going_view(alert: Mapping[str, Any], words: Words, person: Mapping[str, Any], *, able: bool) -> dict[str, Any]:
    """Who goes and is asked besides the holder: the second, an outside centre, relatives; and the cards offered."""
    lines = []
    two, lived = alert.get("two"), str(alert["handling"]) in OPEN
    if two is not None:
        if two["wait_outside"]:
            lines.append(words("going.wait_outside"))
        second = two["second"]
        lines.append(words("going.second", name=second["name"]) if second else words("going.second_asked"))
    if alert.get("owner"):
        lines.append(words("going.centre", centre=alert["owner"]))
    said = {
        (line["args"] or {}).get("contact"): line["kind"]
        for line in alert.get("timeline") or ()
        if line["kind"] in {"responder_coming", "responder_cannot"}
    }
    relatives = [
        {"id": one["id"], "name": one["name"], "said": words(f"going.{said[one['id']]}") if one["id"] in said else ""}
        for one in person.get("contacts") or ()
        if one.get("responder") and one.get("id")
    ]
    offered_cards = [
        str(line["args"]["card"]) for line in alert.get("timeline") or () if line["kind"] == "card_offered"
    ]
    return {
        "lines": lines,
        "relatives": relatives if lived and able else [],
        "cards": list(dict.fromkeys([*offered_cards, *NUMBERS])) if lived and able else [],
        "offered": bool(offered_cards) and lived and able,
    }


def document_form(alert: Mapping[str, Any], words: Words, last: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Cause, action and contact: the choices made last first, then what this kind of alert mostly is."""
    fields = []
    for name, codes in offered(str(alert["rule"]), str(alert.get("code") or ""), last).items():
        choices = [{"code": code, "text": words.code(name, code)} for code in codes]
        fields.append({
            "name": name, "first": choices[:FIRST_CHOICES], "rest": choices[FIRST_CHOICES:],
            "chosen": alert.get(f"{name}_code"),
        })  # fmt: skip
    return {"fields": fields, "done": alert["handling"] == "documented"}


def place_line(alert: Mapping[str, Any], words: Words, people: Directory, look: Mapping[str, Any]) -> str:
    """Where it is when no person is known: device and address as they are."""
    device = (look.get("devices") or {}).get(alert.get("device_id") or "", "")
    subject = "" if device or look.get("living") else str(alert.get("subject_id") or "")
    parts = [people.ward(alert.get("ward_id")), device, "" if subject.startswith(WARD) else subject]
    return " · ".join(dict.fromkeys(part for part in parts if part))


def plan_lines(
    alert: Mapping[str, Any], words: Words, person: Mapping[str, Any] | None, look: Mapping[str, Any]
) -> list[str]:
    """What to do at this kind of alarm, at most five lines, the most important first."""
    lines = [str(line) for line in look.get("plan") or ()]
    rule = alert.get("rule")
    if rule == "R29":
        lines.append(words("plan.fire"))
    if rule == "R53":
        lines.append(words("plan.staff_help"))
    if rule in {"R22", "R23"}:
        lines.append(words("plan.no_second_dose"))
    if person:
        if person["risks"]:
            lines.append(words("plan.risk", risks=", ".join(person["risks"])))
        lines.extend(
            words("plan.responder", name=c["name"], relation=c["relation"].lower())
            for c in person["contacts"]
            if c["responder"]
        )
    return lines[:PLAN_LINES_MAX]
