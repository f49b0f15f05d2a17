"""Pure: incidents of the desk as cards of the queue, in the desk's own order.

An incident is shown as one card led by its most urgent alert; its other causes stand in one line. Nothing here asks a
database: names and wards come in as look-up tables, `words` carries language, clock and place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from api.board import format as fmt
from api.board.words import Words

TAKEN = frozenset({"claimed", "accepted", "en_route", "on_site"})
BY_EVENT = frozenset({"R01", "R03", "R22", "R29", "R32", "R43", "R51", "R53", "R56", "R59"})
OUTAGE = "OUTAGE"  # of a ward: many homes at once (alerts/quiet/pipeline.py)
LEFT_HOME = "home.left"  # what the rules say to each other of who left (rules/situations.py)


def revision(*parts: object) -> str:
    """A short mark of what a fragment shows: the same mark, the same content, so the page leaves it alone."""
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:12]


LIVING_MAX = 4  # names on one card


class Directory:
    """Names joined on the page: residents and wards by id, and who is looking."""

    def __init__(
        self,
        names: Mapping[str, str],
        wards: Mapping[str, str],
        me: str | None,
        homes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.names = names
        self.wards = wards
        self.me = me
        self.homes = homes or {}  # home id -> residents, where an alert names nobody

    def name(self, resident: str | None) -> str:
        return self.names.get(resident or "", "")

    def whose(self, alert: Mapping[str, Any]) -> str:
        """Of whom it is, short; everybody who lives there when the device is nobody's own ("Kari N. / Per L.")."""
        own = self.name(alert.get("resident_id") or alert.get("subject_id"))
        living = (self.name(one) for one in self.homes.get(alert.get("home_id") or "", ())[:LIVING_MAX])
        return fmt.short_name(own) or " / ".join(fmt.short_name(name) for name in living if name)

    def ward(self, ward: str | None) -> str:
        return self.wards.get(ward or "", "")


def queue_view(
    incidents: Sequence[Mapping[str, Any]],
    words: Words,
    people: Directory,
    *,
    heard: tuple[int, int] | None,
    blind: bool,
    ward: str | None = None,
) -> dict[str, Any]:
    """Everything the queue shows: groups of cards, or the sentence that nobody needs anybody.

    heard: (homes heard, homes in all), None when that is not known.
    """
    cards = [card(one, words, people) for one in incidents if one["alerts"] and _in_ward(one, ward)]
    technical = [c for c in cards if c["priority"] == "P4"]
    notes = [c for c in cards if c["priority"] == "P5"]
    care = [c for c in cards if c["priority"] not in {"P4", "P5"}]
    groups = [
        _group("now", words("queue.group_now"), [c for c in care if not c["taken"]]),
        _group("taken", words("queue.group_taken"), [c for c in care if c["taken"]]),
        _group("technical", words("queue.group_technical"), technical),
        _group("cards", words("queue.group_cards"), notes),
    ]
    homes_text, some_silent = "", False
    if heard is not None:
        homes_text = words("queue.homes", heard=heard[0], n=heard[1])
        # a home that is not heard stands on the strip and, where somebody lost their protection, as a card of its own
        some_silent = heard[0] < heard[1]
    return {
        "groups": [group for group in groups if group["cards"]],
        "empty": not care,
        "blind": blind,
        "homes_text": homes_text,
        "some_silent": some_silent,
        "rev": revision(blind, homes_text, words.lang, words.now_ms // 10_000),
    }


def _group(group_id: str, title: str, cards: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": group_id, "title": title, "cards": cards}


def _in_ward(incident: Mapping[str, Any], ward: str | None) -> bool:
    """A ward's page also shows what belongs to no ward: better seen twice than not at all."""
    return ward is None or lead_of(incident).get("ward_id") in {ward, None}


def lead_of(incident: Mapping[str, Any]) -> Mapping[str, Any]:
    """The alert an incident is shown by: one that stands behind no other, the most urgent, then the oldest."""
    found: Mapping[str, Any] = min(
        incident["alerts"], key=lambda a: (a["merged_into"] is not None, a["priority"], a["opened_at"], a["alert_id"])
    )
    return found


def card(incident: Mapping[str, Any], words: Words, people: Directory) -> dict[str, Any]:
    """One card. Text is ready; counting texts come with the instant they count from, in ms."""
    lead = lead_of(incident)
    alerts = [one for one in incident["alerts"] if one.get("merged_into") is None]
    since_ms = fmt.to_ms(incident["opened_at"]) or words.now_ms
    handling = str(incident["handling"])
    holder = incident.get("claimed_by")
    mine = is_mine(holder, people.me)
    priority = str(incident["priority"])
    who = people.whose(lead)
    view = {
        "id": incident["incident_id"],
        "alert_id": lead["alert_id"],
        "priority": priority,
        "tone": priority.lower(),
        "who": who,
        "where": people.ward(lead.get("ward_id")),
        "what": what(lead, words),
        "test": bool(lead.get("test")),
        "more": more_lines(alerts, lead, words) + going_lines(lead, words),
        "state": state_line(handling, holder, words, mine=mine, quiet_new=True),
        "next": next_line(incident.get("next_step"), words, mine=mine),
        "taken": handling in TAKEN,
        "mine": mine,
        "unclaimed": handling in {"new", "handed_over"},
        "primary": {"act": "accept" if handling == "handed_over" else "claim"}
        if handling in {"new", "handed_over"} and not (mine and handling == "handed_over")
        else None,
        "opened": fmt.to_z(since_ms),
        "opened_ms": since_ms,
        "opened_clock": fmt.at_clock(since_ms, words.now_ms, words.local, words.lang),
    }
    view["rev"] = revision({**view, "next": _lasting(view["next"]), "state": _lasting(view["state"])}, words.lang)
    view["age"] = fmt.waiting(since_ms, words.now_ms, words.local, words.lang)
    return view


def _lasting(line: Any) -> Any:
    """A counting line without what counts: the page counts by itself."""
    return line and {name: value for name, value in line.items() if name not in {"age", "wait"}}


def is_mine(holder: Mapping[str, Any] | None, me: str | None) -> bool:
    return holder is not None and me is not None and holder.get("staff") == me


def what(alert: Mapping[str, Any], words: Words) -> str:
    """What has happened, in the few words of a card."""
    rule = str(alert["rule"])
    first = (alert.get("causes") or [{}])[0]
    event = first.get("type")
    if rule in BY_EVENT and event:
        content = first.get("content") or {}
        key = f"what.{event}"
        if event == "alarm.pressed":
            trigger = content.get("trigger") or "plain"
            key = f"{key}_{trigger}" if words.has(f"{key}_{trigger}") else key
        if rule == "R53" and event == "alarm.pressed":
            key = "rule.R53"
        if words.has(key):
            return words(key, **{name: value for name, value in content.items() if isinstance(name, str)})
    return words(f"rule.{rule}")


def more_lines(alerts: Sequence[Mapping[str, Any]], lead: Mapping[str, Any], words: Words) -> list[str]:
    """The incident's other causes in one line, and what must not be missed: late, raised, "the device says test"."""
    others = [one for one in alerts if one["alert_id"] != lead["alert_id"]]
    parts = [presses_text(one, words) if int(one.get("presses") or 0) > 1 else what(one, words) for one in others]
    lines = [presses_text(lead, words)] if int(lead.get("presses") or 0) > 1 else []
    if lead["rule"] == OUTAGE:
        lines.append(words("card.outage", n=lead["reason_args"].get("count", 0)))
    return lines + ([words("card.more_causes", text=" · ".join(parts))] if parts else []) + labels(lead, words)


def going_lines(alert: Mapping[str, Any], words: Words) -> list[str]:
    """Besides who has it: one more is asked for, or an outside centre has it first."""
    asking = alert.get("two") is not None and alert["two"]["second"] is None
    lines = [words("going.second_asked")] if asking else []
    return lines + ([words("going.centre", centre=alert["owner"])] if alert.get("owner") else [])


def presses_text(alert: Mapping[str, Any], words: Words) -> str:
    """ "3 trykk på smykket"."""
    found = ((cause.get("content") or {}).get("trigger") for cause in alert.get("causes") or [])
    trigger = next((one for one in found if one), None)
    return words("card.presses_on" if trigger else "card.presses", n=alert["presses"], trigger=trigger)


def labels(alert: Mapping[str, Any], words: Words) -> list[str]:
    """Short warnings about one alert."""
    found = []
    if alert.get("late_seconds"):
        found.append(words("label.late", late_ms=int(alert["late_seconds"]) * fmt.SECOND_MS))
    qualities = {q for cause in alert.get("causes") or [] for q in cause.get("quality") or ()}
    if "device_says_test" in qualities and not alert.get("test"):
        found.append(words("label.device_says_test"))
    if "unassigned" in qualities:
        found.append(words("label.unassigned"))
    if alert.get("priority_raised_from") and alert.get("rule") != OUTAGE:  # it begins low and says so of itself
        found.append(words("label.raised", from_priority=alert["priority_raised_from"]))
    found += out_line(alert, words)
    if alert.get("condition") == "retracted":
        found.append(words("label.retracted"))
    elif alert.get("condition") == "cleared" and alert.get("cleared_at"):
        found.append(words("label.cleared", at_ms=alert["cleared_at"]))
    return found


def out_line(alert: Mapping[str, Any], words: Words) -> list[str]:
    """ "Sannsynligvis ute siden 14:05 (ytterdøren …)", where it stands because somebody left home; who says so."""
    left = next((one for one in alert.get("causes") or [] if one.get("type") == LEFT_HOME), None)
    if left is None or alert.get("condition") != "active":
        return []
    content = left.get("content") or {}
    guessed = "by_door" if content.get("by") == "door" else "by_entrance"
    word = "said" if content.get("origin") == "said" else guessed
    return [words(f"reason.away.{word}", since_ms=content.get("since_ms"))]


def state_line(
    handling: str, holder: Mapping[str, Any] | None, words: Words, *, mine: bool, quiet_new: bool = False
) -> dict[str, Any] | None:
    """Who has it and since when, as a word and never as a colour."""
    if quiet_new and handling == "new":
        return None
    name = (holder or {}).get("name") or words("next.holder")
    key = f"state.{handling}_me" if mine and words.has(f"state.{handling}_me") else f"state.{handling}"
    since_ms = fmt.to_ms((holder or {}).get("since")) if handling in TAKEN else None
    line: dict[str, Any] = {"text": words(key, name=name), "since_ms": since_ms}
    if since_ms is not None:
        line["clock"] = fmt.at_clock(since_ms, words.now_ms, words.local, words.lang)
        line["age"] = fmt.ago(since_ms, words.now_ms, words.local, words.lang)
    return line


def next_line(step: Mapping[str, Any] | None, words: Words, *, mine: bool = False) -> dict[str, Any] | None:
    """What happens if nobody does anything, and when: a text and the instant it counts down to."""
    if not step:
        return None
    kind = str(step.get("what") or "escalate")
    target = _target(step, words)
    if kind == "escalate" and target is None:
        return {"text": words("next.escalate_list"), "at_ms": None}
    key = "next.ask_me" if kind == "ask" and mine else f"next.{kind}"
    text = words(key, target=target or words("next.all"))
    ringing = ", ".join(_named(str(one), words) for one in step.get("ringing") or ())
    if ringing:
        text = words("next.ringing", ringing=ringing, text=text[:1].lower() + text[1:])
    held = step.get("held_back")
    if held and not ringing:  # why nobody is rung before that
        why = words(f"reason.{held['reason']}", **held.get("args", {}))
        text = f"{why} {text}"
    line: dict[str, Any] = {"text": text, "at_ms": None}
    at_ms = fmt.to_ms(step.get("at"))
    if at_ms is not None:
        line["at_ms"] = at_ms
        left = at_ms - words.now_ms
        line["wait"] = words("next.in", wait=fmt.span(left + 999, words.lang)) if left > 0 else words("next.now")
    return line


def _target(step: Mapping[str, Any], words: Words) -> str | None:
    """Who the step tells; nobody where it only goes on a list."""
    target = step.get("target")
    return None if target is None else _named(str(target), words)


def _named(target: str, words: Words) -> str:
    """A function by its name; what has none of its own ("fallback") by our word for it."""
    return words.first(f"target.{target}", "next.named", target=target)
