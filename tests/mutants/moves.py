"""A rule book with one number moved by one step: every duration, window, time, count, number, flag and priority in it.

A step is one unit as the book writes it ("20 min" becomes 19 min and 21 min, a window's ends move by a minute, a flag
is flipped), since a number that nobody would miss when it is off by one is a number that no test holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from ingest.quantities import format_window, parse_window
from rules.book import Book, Match, Rule, with_versions
from rules.book_check import check_book, parameters_of_kind
from rules.parameters import PRIORITIES, Written

ROLES = ("at_once", "enter", "leave", "extend", "then")
_DURATION = re.compile(r"(\d+)( ?[a-z]+)")
DAY_MIN = 1_440


class Mutant(msgspec.Struct, frozen=True):
    """One changed book: `name` says what was moved, `rule` whose tests must notice."""

    name: str
    rule: str
    changed: Rule

    def book(self, rules: tuple[Rule, ...]) -> Book:
        """The changed rule among these. ValueError when no engine would take it."""
        moved = tuple(self.changed if rule.id == self.rule else rule for rule in rules)
        return check_book(with_versions(Book(moved)))


def mutants(book: Book) -> Iterator[Mutant]:
    """All of them, in the order of the book."""
    for rule in book.rules:
        for what, old, new, changed in _moved(rule):
            yield Mutant(f"{rule.id} {what}: {old} -> {new}", rule.id, changed)


def _moved(rule: Rule) -> Iterator[tuple[str, object, object, Rule]]:
    how = parameters_of_kind(rule.kind)
    for name, value in rule.set.items():
        for step in steps(how[name][1], value):
            yield name, shown(value), shown(step), msgspec.structs.replace(rule, set={**rule.set, name: step})
    for role in ROLES:
        matches: tuple[Match, ...] = getattr(rule, role)
        for index, match in enumerate(matches):
            for what, old, new, changed in _moved_match(match):
                others = (*matches[:index], changed, *matches[index + 1 :])
                yield f"{role} {index + 1} {what}", old, new, msgspec.structs.replace(rule, **{role: others})
    for index, variant in enumerate(rule.variants):
        for what, old, new, changed in _moved_match(variant.when):
            other = msgspec.structs.replace(variant, when=changed)
            variants = (*rule.variants[:index], other, *rule.variants[index + 1 :])
            yield f"variant {index + 1} {what}", old, new, msgspec.structs.replace(rule, variants=variants)


def _moved_match(match: Match) -> Iterator[tuple[str, object, object, Match]]:
    for field in ("at_least", "at_most"):
        limits: dict[str, int | float] = getattr(match, field)
        for name, value in limits.items():
            for new in _number(value):
                moved = msgspec.structs.replace(match, **{field: {**limits, name: new}})
                yield f"{field} {name}", value, new, moved
    if match.window is not None:
        for window in _window(match.window):
            yield "window", match.window, window, msgspec.structs.replace(match, window=window)


def steps(how: str, value: Written) -> list[Written]:
    """The values next to one, written as the book writes it; none for words, units and days."""
    if how == "duration":
        found = _DURATION.fullmatch(str(value).strip())
        assert found is not None, f"{value!r} has passed the book's check"
        count = int(found[1])
        return [f"{moved}{found[2]}" for moved in (count - 1, count + 1) if moved >= 0]
    if how == "window":
        return list(_window(str(value)))
    if how == "time":
        return [_clock(str(value), by) for by in (-1, 1)]
    if how == "times":
        times = [part.strip() for part in str(value).split(",")]
        return [
            ", ".join((*times[:i], _clock(time, by), *times[i + 1 :])) for i, time in enumerate(times) for by in (-1, 1)
        ]
    if how == "flag":
        return [not value]
    if how == "count":
        return [count for count in (int(value) - 1, int(value) + 1) if count >= 0]
    if how == "number":
        return list(_number(value))
    if how == "priority":
        at = PRIORITIES.index(str(value))
        return [PRIORITIES[index] for index in (at - 1, at + 1) if 0 <= index < len(PRIORITIES)]
    return []


def _number(value: Written) -> Iterator[int | float]:
    """One step of the last decimal that is written."""
    decimals = len(str(value).partition(".")[2]) if "." in str(value) else 0
    for by in (-1, 1):
        moved = round(float(value) + by * 10**-decimals, decimals)
        yield int(moved) if decimals == 0 else moved


def _window(text: str) -> Iterator[str]:
    start, end = parse_window(text)
    for by_start, by_end in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        yield format_window(((start + by_start) % DAY_MIN, (end + by_end) % DAY_MIN))


def _clock(text: str, by: int) -> str:
    hour, _, minute = text.partition(":")
    minutes = (int(hour) * 60 + int(minute) + by) % DAY_MIN
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def shown(value: Written) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
