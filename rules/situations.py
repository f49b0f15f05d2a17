"""How things stand for each resident, and what is told when that changes. Pure; part of `home_fold.py`.

A `Situation` is what may hold rules back (staff, away, a broken way) and whether the person can call. When it changes,
the pages are told (`Observe`) and the rules hear occurrences of the fold's own: `protection.lost` / `.restored`
(R52) and `home.left` / `home.returned` (R12: left home and not back). An occurrence says since when in its effective
time, so that a limit counts from the door and not from when the silence had said enough.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.event import Event, name_uuid
from rules.effects import Reason
from rules.facts import NEVER_MS, Facts, Situation
from rules.home_state import Home
from rules.occurrence import occurrence
from rules.protection import protection_told, why_unwatched

LEFT, RETURNED = "home.left", "home.returned"

ToRules = Callable[[Home, Event], None]
Observing = Callable[[Home, str, str, Reason, str | None, str], None]
"""`Instances.observe`: home, subject, kind, reason, rule, cause."""


def tell_situations(home: Home, cause: str, observe: Observing, to_rules: ToRules, *, late: bool = False) -> bool:
    """Tell what has changed for whom; whether a hold may have begun or ended.

    `cause`: id of what brought it about; `late`: that is an event that came late.
    """
    facts, holds_changed = home.facts, False
    for resident in sorted({**facts.situations, **facts.residents}):
        before = facts.situations.get(resident, Situation())
        gone = resident not in facts.residents
        after = Situation() if gone else facts.situation(resident, home.now_ms)
        if gone:
            facts.situations.pop(resident, None)
        else:
            facts.situations[resident] = after
        if after == before:
            continue
        if before.way is not None and after.way is None and not gone:
            facts.way_end_ms[resident] = home.now_ms
        _tell_watch(home, resident, before, after, cause, observe)
        if before.away != after.away and not gone:
            why = why_away(facts, resident, home.now_ms)
            observe(home, resident, "away" if after.away else "home", why, None, cause)
            to_rules(home, outing(facts, resident, cause, home.now_ms))
        if (before.lost is None) != (after.lost is None) and not gone:
            to_rules(home, protection_told(facts, resident, after, cause, home.now_ms, late=late))
        holds_changed = holds_changed or _holds(before) != _holds(after)
    return holds_changed


def standing(facts: Facts, cause: str, now_ms: int) -> list[Event]:
    """What stands of all this, for a rule that begins now."""
    events = []
    for resident, situation in sorted(facts.situations.items()):
        if situation.lost is not None:
            events.append(protection_told(facts, resident, situation, cause, now_ms))
        if situation.away:
            events.append(outing(facts, resident, cause, now_ms))
    return events


def why_away(facts: Facts, resident: str, now_ms: int) -> Reason:
    """Since when somebody is away and who says so: a person or gateway, or doors and silence; or that they are back."""
    out_ms = facts.out_since_ms(resident)
    if resident in facts.away_since_ms:
        args: dict[str, object] = {"since_ms": facts.away_since_ms[resident]}
        if resident in facts.away_reasons:
            args["why"] = facts.away_reasons[resident]
        return Reason("away.said", args)
    if out_ms is None:
        return Reason("away.over", {"at_ms": _back_ms(facts, now_ms)})
    told: dict[str, object] = {"since_ms": out_ms, "at_ms": now_ms, "device": facts.presence.device}
    return Reason("away.by_door" if facts.presence.by == "door" else "away.by_entrance", told)


def outing(facts: Facts, resident: str, cause: str, now_ms: int) -> Event:
    """The event that tells the rules that a resident has left home, or is back; `origin` is said or guessed."""
    out_ms, said_ms = facts.out_since_ms(resident), facts.away_since_ms.get(resident)
    since_ms = said_ms if said_ms is not None else out_ms
    name = RETURNED if since_ms is None else LEFT
    content: dict[str, str | int | float | bool | None] = {}
    if since_ms is not None:
        content = {"origin": "guessed" if said_ms is None else "said", "since_ms": since_ms}
        if said_ms is None:
            content["by"] = facts.presence.by
        elif resident in facts.away_reasons:
            content["reason"] = facts.away_reasons[resident]
    return occurrence(
        facts, name_uuid(cause, name, resident), name, resident, resident, now_ms,
        at_ms=_back_ms(facts, now_ms) if since_ms is None else min(since_ms, now_ms),
        device=facts.presence.device if since_ms is not None and said_ms is None else None, content=content,
    )  # fmt: skip


def _back_ms(facts: Facts, now_ms: int) -> int:
    """When somebody came back, as far as we know: word of it may have lain in a buffer."""
    known_ms = facts.presence.since_ms
    return min(known_ms, now_ms) if known_ms != NEVER_MS else now_ms


def _tell_watch(home: Home, resident: str, before: Situation, after: Situation, cause: str, observe: Observing) -> None:
    """Watched or not (promise 4)."""
    was, now = why_unwatched(before), why_unwatched(after)
    if now is not None and now != was:
        observe(home, resident, "not_watched", now, None, cause)
    elif now is None and was is not None:
        observe(home, resident, "watched", Reason("way.restored"), None, cause)


def _holds(situation: Situation) -> tuple[bool, bool, int | None, str | None]:
    """What of a situation can withhold rules."""
    return situation.staff, situation.away, situation.out_ms, situation.way
