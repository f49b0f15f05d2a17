"""Who is watched, and what holds a rule back. Pure; asks only facts and time.

Behaviour rules act only under an active measure (`domain.md` §4). Holds (design §4) withhold effects of rules that name
them, with a reason; they never touch person alarms.
"""

from __future__ import annotations

import functools
from datetime import date

from rules.book import Rule
from rules.effects import Reason
from rules.facts import NEVER_MS, SENSORS, Facts, Measure, Pause, Plan
from rules.local_time import day_range_ms

FOREVER_MS = 2**62


@functools.lru_cache(maxsize=4_096)
def date_range_ms(from_date: str | None, until_date: str | None, timezone: str) -> tuple[int, int]:
    """[start, end) in ms of dates as site files write them; the last day is included."""
    start_ms, end_ms = -FOREVER_MS, FOREVER_MS
    if from_date:
        start_ms = day_range_ms(date.fromisoformat(from_date), None, timezone)[0]
    if until_date:
        end_ms = day_range_ms(date.fromisoformat(until_date), date.fromisoformat(until_date), timezone)[1] or FOREVER_MS
    return start_ms, end_ms


def in_force(item: Measure | Plan, timezone: str, at_ms: int) -> bool:
    """Whether a measure or plan is in force at an instant."""
    start_ms, end_ms = date_range_ms(item.from_date, item.until_date, timezone)
    return start_ms <= at_ms < end_ms


def watch_window(facts: Facts, rule: Rule, resident: str | None, at_ms: int) -> tuple[int, int, bool]:
    """[from, until) around an instant in which it stays the same whether this rule may look at this person; and it.

    `until` of one who is not watched is when the next measure begins.
    """
    if not rule.measure:
        return -FOREVER_MS, FOREVER_MS, True
    spans = sorted(
        date_range_ms(measure.from_date, measure.until_date, facts.timezone)
        for measure in facts.measures.values()
        if measure.resident == resident and measure.service in rule.measure
    )
    from_ms, until_ms = -FOREVER_MS, FOREVER_MS  # of the gap or span around it, spans that touch taken as one
    inside = False
    for start_ms, end_ms in spans:
        if inside and start_ms <= until_ms:
            until_ms = max(until_ms, end_ms)
        elif start_ms <= at_ms < end_ms and not inside:
            from_ms, until_ms, inside = start_ms, end_ms, True
        elif end_ms <= at_ms:
            from_ms = max(from_ms, end_ms)
        elif start_ms > at_ms and not inside:
            until_ms = start_ms
            break
    return from_ms, until_ms, inside


def hold(facts: Facts, rule: Rule, resident: str | None, at_ms: int) -> Reason | None:
    """Why an effect of this rule must be withheld now, or None. The first of: staff, away, pause, out, way."""
    if rule.alarm or not rule.holds:
        return None
    if "staff" in rule.holds and facts.staff_present(at_ms):
        return Reason("hold.staff", {"until_ms": max(visit.until_ms for visit in facts.staff.values())})
    if resident is not None:
        if "away" in rule.holds and resident in facts.away_since_ms:
            return Reason("hold.away", {"since_ms": facts.away_since_ms[resident]})
        pause = paused(facts, rule, resident, at_ms) if "pause" in rule.holds else None
        if pause is not None:
            return Reason("hold.pause", {"until_ms": pause.until_ms, "pause": pause.id})
        out_ms = facts.out_since_ms(resident) if "out" in rule.holds else None
        if out_ms is not None:
            return Reason("hold.out", {"since_ms": out_ms, "by": facts.presence.by})
        if "gateway" in rule.holds:
            way = facts.broken_way(resident)
            if way is not None:
                return Reason("hold.sensors") if way == SENSORS else Reason("hold.way", {"way": way})
    return None


def paused(facts: Facts, rule: Rule, resident: str, at_ms: int) -> Pause | None:
    """The pause of this rule that is in force for a person at an instant."""
    for key in sorted(facts.pauses):
        pause = facts.pauses[key]
        if pause.from_ms <= at_ms < pause.until_ms and pauses(pause, rule, resident):
            return pause
    return None


def hold_ends_ms(facts: Facts, rule: Rule, resident: str | None, at_ms: int) -> int | None:
    """When a hold that ends by itself will end: a timer, so that re-evaluation needs no event."""
    reason = hold(facts, rule, resident, at_ms)
    until_ms = reason.args.get("until_ms") if reason is not None else None
    return until_ms if isinstance(until_ms, int) else None


def last_hold_end_ms(facts: Facts, rule: Rule, resident: str | None, at_ms: int) -> int:
    """When the last hold of this rule ended, as of now; NEVER_MS if there was none.

    Read when a timer is set or due, so that a hold counts however it ended, and no timer is needed for each end.
    """
    if rule.alarm:
        return NEVER_MS
    holds, ends_ms = rule.holds, [NEVER_MS]
    if "staff" in holds:
        ends_ms.append(facts.staff_end_ms)
        if facts.staff:
            ends_ms += [visit.until_ms for visit in facts.staff.values()]
    if resident is not None:
        if facts.away_end_ms and "away" in holds:
            ends_ms.append(facts.away_end_ms.get(resident, NEVER_MS))
        if "out" in holds:
            ends_ms.append(facts.out_end_ms)
        if facts.way_end_ms and "gateway" in holds:
            ends_ms.append(facts.way_end_ms.get(resident, NEVER_MS))
        if facts.pauses and "pause" in holds:
            ends_ms += [
                pause.until_ms
                for pause in facts.pauses.values()
                if pause.from_ms < at_ms and pauses(pause, rule, resident)
            ]
    last_ms = max(ends_ms)  # of those that have come, which mostly are all
    return last_ms if last_ms <= at_ms else max(end_ms for end_ms in ends_ms if end_ms <= at_ms)


def pauses(pause: Pause, rule: Rule, resident: str) -> bool:
    """Whether a pause is of this person and rule.

    It names rules (R07 is R07b too) or classes; "behaviour" is whatever acts only under a measure.
    """
    if pause.resident != resident:
        return False
    named = pause.rules
    family = rule.id[:3] if rule.id[1:3].isdigit() else rule.id
    return not named or family in named or rule.group in named or ("behaviour" in named and bool(rule.measure))
