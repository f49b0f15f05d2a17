"""What a chattering device would have made to ring: which rules its alert stands for meanwhile (R42). Pure.

A kind never sees other rules; here the engine looks for it. Covered is every rule that one of the device's last two
words would begin, for a person it may look at now (what counts silence or waits for a deadline is begun by no word).
Person alarms and P1 are never covered: nothing keeps those back. The rules themselves go on: only the desk keeps their
messages back, and only while the alert stands open.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from rules.book import Rule
from rules.effects import Reason
from rules.home_state import Home, subjects
from rules.in_force import InForce
from rules.kinds.kind import Fire, Outcome
from rules.local_time import window_at
from rules.sign import event_of

Watched = Callable[[Home, Rule, "str | None"], bool]

BEGINS = ("at_once", "enter")
BEGUN_BY_A_WORD = ("signal", "dwell", "count", "sequence", "zone")
NEVER_SHELVED = "P1"


def with_covers(outcomes: list[Outcome], home: Home, rule: Rule, book: InForce, watched: Watched) -> list[Outcome]:
    """The same outcomes; an alert that shelves others names them, and is as urgent as the most urgent of them."""
    return [_named(each, home, rule, book, watched) if isinstance(each, Fire) and each.shelves else each
            for each in outcomes]  # fmt: skip


def _named(fire: Fire, home: Home, rule: Rule, book: InForce, watched: Watched) -> Fire:
    covered = [each for each in _covered(fire.device, home, book, watched) if each.id != rule.id]
    reason = Reason(fire.reason.code, fire.reason.args | {"covers": [each.id for each in covered]})
    urgent = min((each.priority for each in covered), default=None)
    return msgspec.structs.replace(fire, reason=reason, priority=urgent)


def _covered(device: str | None, home: Home, book: InForce, watched: Watched) -> list[Rule]:
    facts = home.facts
    traces = [trace for family in facts.families.values() for trace in family.traces.values()]
    words = [sign for trace in traces for sign in (*trace.runs, trace.last) if sign.device == device]
    found: dict[str, Rule] = {}
    for event in (event_of(sign, facts.site, facts.home) for sign in words):
        for listener in book.listeners(event):
            rule = listener.rule
            if rule.id in found or not _may_be_shelved(rule):
                continue
            role = book.role_of(listener, event, facts, home.now_ms)
            people = subjects(facts, rule, event) if role in BEGINS else []
            if any(_would_tell(rule, resident, home, book, watched) for _, resident in people):
                found[rule.id] = rule
    return [found[name] for name in sorted(found)]


def _may_be_shelved(rule: Rule) -> bool:
    return not rule.alarm and rule.priority != NEVER_SHELVED and rule.kind in BEGUN_BY_A_WORD


def _would_tell(rule: Rule, resident: str | None, home: Home, book: InForce, watched: Watched) -> bool:
    """Whether this rule may look at this person now, at this time of day."""
    if not watched(home, rule, resident):
        return False
    facts = home.facts
    window = getattr(book.values(facts, rule, resident, home.now_ms), "window", None)
    return window is None or window_at(home.now_ms, window, facts.timezone) is not None
