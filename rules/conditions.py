"""Whether an event, and how things stand at that moment, meet a condition of the book. Pure.

A condition is a `Match`: all that it names must hold. What is said of the event itself is looked at first; the rest
(who lives there, time of day, holiday, staff, away, pause) only where a condition asks for it, so that the many
events that ask nothing pay nothing. Windows, weekdays and holidays are those of the event's effective time, at the
home; of an alert without an event, those of the fold's now.

The person is the event's resident, else the only one of the home. Where nobody's device spoke in a shared home,
`risks` and `critical` hold when they do for anybody there, `away` and `paused` when they do for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from ingest.event import UNASSIGNED, Event, Value
from rules import presence, watch
from rules.book import Match, Rule, Weekday
from rules.facts import Facts
from rules.local_time import Window, is_holiday, local_date, window_at
from rules.parameters import Values

_WEEKDAYS = get_args(Weekday)
_OF_THE_EVENT = ("types", "where", "at_least", "at_most", "roles", "rooms", "assigned", "goes_to_person")
_CIRCUMSTANCES = tuple(name for name in Match.__struct_fields__ if name not in (*_OF_THE_EVENT, "model_in"))


def asks_circumstances(match: Match) -> bool:
    """Whether a condition asks for more than the event."""
    nothing = Match()
    return any(getattr(match, name) != getattr(nothing, name) for name in _CIRCUMSTANCES)


def event_meets(match: Match, event: Event, *, goes_to_person: bool = False) -> bool:
    """What is said of the event itself, but for `types`, which the engine's index has checked."""
    if not content_meets(match, event.content):
        return False
    if match.roles and event.role not in match.roles:
        return False
    if match.rooms and event.room not in match.rooms:
        return False
    if match.assigned is not None and match.assigned == (UNASSIGNED in event.quality):
        return False
    return match.goes_to_person is None or match.goes_to_person == goes_to_person


def content_meets(match: Match, content: Mapping[str, Value]) -> bool:
    """The fields of an event, or what an alert without one says of itself."""
    for field, words in match.where.items():
        if content.get(field) not in words:
            return False
    for field, least in match.at_least.items():
        value = content.get(field)
        if not isinstance(value, int | float) or value < least:
            return False
    for field, most in match.at_most.items():
        value = content.get(field)
        if not isinstance(value, int | float) or value > most:
            return False
    return True


def circumstances_meet(
    match: Match, facts: Facts, rule: Rule, values: Values, resident: str | None, now_ms: int, at_ms: int
) -> bool:
    """How things stand: for whom, when, with whom about. `at_ms`: when it happened; `now_ms`: the fold's now."""
    if match.staff is not None and match.staff != facts.staff_present(now_ms, at_ms):
        return False
    return _time_meets(match, facts, values, at_ms) and _person_meets(match, facts, rule, resident, now_ms)


def _time_meets(match: Match, facts: Facts, values: Values, at_ms: int) -> bool:
    if match.window is not None and window_at(at_ms, match.window_minutes(), facts.timezone) is None:
        return False
    if match.in_window is not None:
        own: Window | None = getattr(values, match.in_window)
        if own is not None and window_at(at_ms, own, facts.timezone) is None:
            return False
    if match.weekdays and _WEEKDAYS[local_date(at_ms, facts.timezone).weekday()] not in match.weekdays:
        return False
    return match.holiday is None or match.holiday == is_holiday(local_date(at_ms, facts.timezone))


def _person_meets(match: Match, facts: Facts, rule: Rule, resident: str | None, now_ms: int) -> bool:
    if match.alone is not None and match.alone != (len(facts.residents) == 1):
        return False
    who = [resident] if resident is not None else list(facts.residents)
    people = [facts.residents[name] for name in who if name in facts.residents]
    risks = {risk for person in people for risk in person.risks}
    if match.risks and risks.isdisjoint(match.risks):
        return False
    if not risks.isdisjoint(match.no_risks):
        return False
    if match.critical is not None and match.critical != any(person.critical for person in people):
        return False
    if match.away is not None and match.away != (bool(who) and all(facts.said_out(name) for name in who)):
        return False
    if match.in_bed is not None:
        in_bed = bool(who) and all(presence.occupied_since_ms(facts, name) is not None for name in who)
        if match.in_bed != in_bed:
            return False
    if match.paused is None:
        return True
    return match.paused == (bool(who) and all(watch.paused(facts, rule, name, now_ms) is not None for name in who))
