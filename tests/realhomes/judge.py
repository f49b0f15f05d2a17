"""What the service said of a recorded home, held against what is known of it. Aims are those of issue 4."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ingest.wire_time import rfc3339_ms
from rules.book import Book
from rules.local_time import local_date, to_local
from simulators.real_homes import RealHome
from tests.realhomes.collapse import FINDERS, Collapse
from tests.realhomes.truth import MINUTE_MS, Span, Truth, longest_absence

HOUR_MS = 60 * MINUTE_MS
INACTIVITY, DOSES = ("R16", "R17"), ("R22", "R23", "R24")
AWAY_WITHIN_MS, R17_FALSE_MAX, R17_MEDIAN_MAX_MS = 2 * HOUR_MS, 2, 5 * HOUR_MS
LONG_MS = 30 * MINUTE_MS  # an absence that a rule on silence should know of
NOT_THERE = "not in the book"

Progress = Callable[[str], None]
"""One line for whoever waits."""


class Finding(msgspec.Struct, frozen=True):
    """One judged figure. `met` None: nothing was aimed at, or there is nothing to judge."""

    name: str
    value: str
    aim: str = ""
    met: bool | None = None


class Said(msgspec.Struct, frozen=True):
    """One alert: rule, priority, when, on which local day, and what the labels say of that moment."""

    rule: str
    priority: str
    at_ms: int
    day: str
    local: str
    state: str
    about: str | None = None  # the device, where it is about one


def in_book(book: Book, rule: str) -> bool:
    """Whether the book has this rule, and does not ship it switched off."""
    return rule not in book.off and any(one.id == rule and one.set.get("on", True) is not False for one in book.rules)


def said(home: RealHome, truth: Truth, alerts: Sequence[dict[str, Any]]) -> list[Said]:
    """Lines of contracts §4, as what this file judges."""
    found = []
    for alert in alerts:
        at_ms = rfc3339_ms(str(alert["opened_at"]))
        assert at_ms is not None, "the desk writes times that can be read"
        local, day = to_local(at_ms, home.zone), local_date(at_ms, home.zone).isoformat()
        state = truth.state(at_ms)
        rule, priority, device = alert["rule"], alert["priority"], alert["device_id"]
        found.append(Said(rule, priority, at_ms, day, f"{local:%m-%d %H:%M}", state, device))
    return found


def judge_silence(book: Book, alerts: Sequence[Said]) -> list[Finding]:
    """The labelled home: nobody lay there, so whatever says so is false."""
    limits = {"R16": 0, "R17": R17_FALSE_MAX}
    return [_counted(book, rule, alerts, f"{rule} in a month without a collapse", limits[rule]) for rule in INACTIVITY]


def count_silence(book: Book, alerts: Sequence[Said]) -> list[Finding]:
    """A home whose labels do not say enough to call an alert false: counted, with what they do say."""
    return [_counted(book, rule, alerts, f"{rule} raised", None) for rule in INACTIVITY]


def judge_away(truth: Truth, away: Sequence[Span]) -> list[Finding]:
    """Labelled absences against what the folds took for one."""
    long = [gap for gap in truth.absences if gap.length_ms >= LONG_MS]
    delays = sorted(
        max(0, min(span.from_ms for span in away if span.overlap_ms(gap)) - gap.from_ms)
        for gap in long
        if any(span.overlap_ms(gap) for span in away)
    )
    wrong_ms = sum(span.length_ms - sum(span.overlap_ms(gap) for gap in truth.absences) for span in away)
    median = f", median {_minutes(statistics.median(delays))} after leaving" if delays else ""
    return [
        Finding("labelled absences over 30 min known as away", f"{len(delays)} of {len(long)}{median}"),
        Finding(
            "taken to be away " + ("while at home" if truth.whole else "where no label says so"),
            f"{wrong_ms / HOUR_MS:.1f} h in {len(away)} spans of away",
        ),
    ]


def judge_absence(home: RealHome, book: Book, alerts: Sequence[Said], away: Sequence[Span]) -> list[Finding]:
    """The week with an empty home: when away was known, and what was said of somebody who was not there."""
    gap = longest_absence(home.sensed)
    pulses = sum(gap.from_ms < one.at_ms < gap.to_ms for one in home.sensed)
    inside = [span for span in away if span.overlap_ms(gap)]
    known_ms = min((max(span.from_ms, gap.from_ms) for span in inside), default=None)
    covered = sum(span.overlap_ms(gap) for span in inside) / gap.length_ms
    when = "never" if known_ms is None else f"after {_minutes(known_ms - gap.from_ms)}"
    told = [one for one in alerts if gap.from_ms <= one.at_ms < gap.to_ms]
    wrong = [one for one in told if one.rule in INACTIVITY]
    other = Counter(one.rule for one in told if one.rule not in INACTIVITY)
    absent = [rule for rule in INACTIVITY if not in_book(book, rule)]
    words = _by_rule(Counter(one.rule for one in wrong)) + (f" ({', '.join(absent)} {NOT_THERE})" if absent else "")
    span = f"{to_local(gap.from_ms, home.zone):%m-%d %H:%M} to {to_local(gap.to_ms, home.zone):%m-%d %H:%M}"
    return [
        Finding("empty home", f"{span}, {gap.length_ms / HOUR_MS:.1f} h, {pulses} single pulses"),
        Finding("away recognised", f"{when} ({covered:.0%} of the time known as away)", "≤ 2 h",
                known_ms is not None and known_ms - gap.from_ms <= AWAY_WITHIN_MS),
        Finding("inactivity alerts in the empty home", words, "0", not wrong),
        Finding("other alerts in the empty home", _by_rule(other)),
    ]  # fmt: skip


def judge_doses(book: Book, alerts: Sequence[Said], doses: int) -> list[Finding]:
    """Every dose was fetched within its window, so whatever says otherwise is false."""
    return [Finding("doses fetched in time", str(doses))] + [
        _counted(book, rule, alerts, f"{rule} on doses fetched in time", 0) for rule in DOSES
    ]


def judge_end(home: RealHome, book: Book, alerts: Sequence[Said]) -> list[Finding]:
    """A recording that ends in silence: how long until somebody is told."""
    findings = []
    for rule in INACTIVITY:
        after = [one.at_ms - home.last_ms for one in alerts if one.rule == rule and one.at_ms > home.last_ms]
        before = sum(one.rule == rule and one.at_ms <= home.last_ms for one in alerts)
        value = f"{_hours(min(after))} after the last row" if after else "not raised"
        value = f"{value}, {before} before it" if in_book(book, rule) else NOT_THERE
        findings.append(Finding(f"{rule} on the silence after the recording", value))
    return findings


def judge_collapses(home: RealHome, book: Book, draws: Sequence[Collapse]) -> list[Finding]:
    """How long a person would have lain there."""
    if not draws:
        return [Finding("collapses", "none drawn: no label says that somebody was up")]
    findings = [_found(book, draws, rule) for rule in FINDERS]
    finders = [rule for rule in FINDERS if in_book(book, rule)]
    firsts = [min(one.found[rule] for rule in finders if rule in one.found) for one in draws if one.found]
    standing = sum(bool(one.standing) for one in draws)
    missed = sum(not one.found and not one.standing for one in draws)
    away = sum(one.away for one in draws)
    if firsts:
        value = (
            f"median {_hours(statistics.median(firsts))}, longest {_hours(max(firsts))}, {missed} of {len(draws)} not"
        )
        findings.append(Finding(f"collapse found by any of {', '.join(finders)}", value))
    times = ", ".join(f"{to_local(one.at_ms, home.zone):%m-%d %H:%M:%S}" for one in draws if one.away)
    note = f"{away} of {len(draws)} taken to be away{f' ({times})' if 0 < away < 6 else ''}, "
    note += f"{standing} with such an alert open already"
    findings.append(Finding("collapses that were taken for something else", note))
    return findings


def count_pulsing(book: Book, draws: Sequence[Collapse]) -> list[Finding]:
    """The same collapses while sensors pulse by themselves now and then: nothing is aimed at, much can be learned."""
    found = [_found(book, draws, rule) for rule in FINDERS if draws]
    return [Finding(f"{one.name} despite stray pulses", one.value) for one in found]


def _found(book: Book, draws: Sequence[Collapse], rule: str) -> Finding:
    name = f"collapse found by {rule}"
    if not in_book(book, rule):
        return Finding(name, NOT_THERE)
    times = [one.found[rule] for one in draws if rule in one.found]
    all_ = sum(rule in one.found or rule in one.standing for one in draws) == len(draws)
    value = f"{len(times)} of {len(draws)}"
    if times:
        value += f", median {_hours(statistics.median(times))}, longest {_hours(max(times))}"
    if rule == "R17":
        # those it never found lay there for the whole time that was looked at
        lying = sorted([*times, *([2**62] * (len(draws) - len(times)))])
        return Finding(name, value, "median < 5 h", lying[len(lying) // 2] < R17_MEDIAN_MAX_MS)
    return Finding(name, value, "all", all_) if rule == "R16" else Finding(name, value)


def _counted(book: Book, rule: str, alerts: Sequence[Said], name: str, limit: int | None) -> Finding:
    if not in_book(book, rule):
        return Finding(name, NOT_THERE)
    states = Counter(one.state for one in alerts if one.rule == rule)
    count = states.total()
    value = f"{count} ({', '.join(f'{number} {state}' for state, number in sorted(states.items()))})" if count else "0"
    return Finding(name, value) if limit is None else Finding(name, value, f"≤ {limit}", count <= limit)


def _by_rule(counts: Counter[str]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in sorted(counts.items())) or "0"


def _minutes(length_ms: float) -> str:
    return f"{length_ms / MINUTE_MS:.0f} min"


def _hours(length_ms: float) -> str:
    return f"{length_ms / HOUR_MS:.1f} h"
