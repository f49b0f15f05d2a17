"""Whether this version of the engine can run a book: asked before it is in force, not when somebody falls. Pure.

`problems` names each fault with the place in the rule where it stands, so that `book_file.py` can say the line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

import msgspec

from ingest.quantities import parse_window
from ingest.vocabulary import TYPES
from rules.book import HOLDS, PER, Book, Match, Rule
from rules.kinds import KINDS
from rules.limits import unit_problems
from rules.parameters import PRIORITIES, Values, Written, parameters_of, parse_parameter, values_in_force

Place = tuple[str | int, ...]
"""Where in a rule: ("enter", 0, "types")."""

_GROUPS = {"1": 23, "4": 26}  # VKP alert codes (domain research §2.3): group -> its last number
_SINGLE = ("2", "3", "5", "5.1", "5.2", "5.2.1", "5.2.2", "5.2.3", "5.3", "5.3.1", "5.3.2", "6", "7", "7.1")
VKP_CODES = (*_SINGLE, *(f"{group}.{number}" for group, last in _GROUPS.items() for number in range(1, last + 1)))

# What the engine says of itself: inputs and occurrences that no device sends.
OWN_TYPES = ("alarm.undecodable", "clock.stepped", "dose.corrected", "dose.not_fetched", "dose.out_of_reach",
             "feed.gap", "feed.lost", "feed.settled", "home.left", "home.returned", "intake.shed", "protection.lost",
             "protection.restored")  # fmt: skip
_AT_MOST = {"score": "P2", "routine": "P3"}  # what is no alarm device never rings as one
_ID = re.compile(r"R\d\d[a-z]?|[A-Z][A-Z0-9_]{1,15}")


def parameters_of_kind(kind: str) -> dict[str, tuple[str, str]]:
    """Parameter of a kind -> (field, how it is written)."""
    return parameters_of(KINDS[kind].values_type)


def all_parameters() -> dict[str, str]:
    """Every parameter of every kind -> how it is written; the same in each of them (tests/unit/test_book.py)."""
    return {name: written for kind in KINDS for name, (_, written) in parameters_of_kind(kind).items()}


def values_of(rule: Rule, layers: list[tuple[str, dict[str, Written]]]) -> Values:
    """The parameters of a rule with (origin, settings) layers over each other, lowest first."""
    return values_in_force(KINDS[rule.kind].values_type, layers)


def check_book(book: Book) -> Book:
    """The same book; ValueError when a rule of it could not be run by this version of the engine."""
    if len({rule.id for rule in book.rules}) != len(book.rules):
        raise ValueError("a rule stands twice in the book")
    for rule in book.rules:
        for place, message in problems(rule):
            raise ValueError(f"{rule.id} {'.'.join(str(part) for part in place)}: {message}")
        for layer in book.layers:
            for name, message in set_problems(rule, layer.set.get(rule.id, {})):
                raise ValueError(f"{rule.id} {name}: {message}")
    return book


def runnable(book: Book) -> tuple[Book, tuple[str, ...]]:
    """The book without the rules that this engine cannot run, and their ids: a kept log may bring one of another time.

    ValueError where it is no matter of single rules.
    """
    if len({rule.id for rule in book.rules}) != len(book.rules):
        raise ValueError("a rule stands twice in the book")
    bad = tuple(rule.id for rule in book.rules if _broken(rule, book))
    if not bad:
        return book, ()
    return msgspec.structs.replace(book, rules=tuple(rule for rule in book.rules if rule.id not in bad)), bad


def _broken(rule: Rule, book: Book) -> bool:
    if any(True for _ in problems(rule)):
        return True
    return any(True for layer in book.layers for _ in set_problems(rule, layer.set.get(rule.id, {})))


def problems(rule: Rule) -> Iterator[tuple[Place, str]]:
    """(place, what is wrong and the nearest right word) of one rule."""
    if not _ID.fullmatch(rule.id):
        yield (), f"{rule.id!r} is no name of a rule; write capital letters, digits and '_'"
    words = (("kind", rule.kind, tuple(KINDS)), ("per", rule.per, PER), ("priority", rule.priority, PRIORITIES))
    for name, word, known in words:
        if word not in known:
            yield (name,), f"unknown {name} {word!r}{near(word, known)}"
    if sorted(rule.name) != ["en", "nb"] or not all(rule.name.values()):
        yield ("name",), "must have words in nb and en"
    if rule.code not in ("", *VKP_CODES):
        yield ("code",), f"{rule.code!r} is no VKP alert code{near(rule.code, VKP_CODES)}"
    for hold in rule.holds:
        if hold not in HOLDS:
            yield ("holds",), f"unknown hold {hold!r}{near(hold, HOLDS)}"
    if rule.task not in ("", *PRIORITIES):
        yield ("task",), f"unknown priority {rule.task!r}{near('', PRIORITIES)}"
    if rule.alarm and (rule.holds or rule.measure or rule.needs or "on" in rule.set):
        yield ("alarm",), "a person's alarm has no holds, no measure, no needs and is never switched off"
    for index, need in enumerate(rule.needs):
        if sorted(need.what) != ["en", "nb"] or not all(need.what.values()):
            yield ("needs", index, "what"), "must have words in nb and en"
        if not need.roles and not need.anywhere:
            yield ("needs", index), "names no role"
    if rule.priority in PRIORITIES and (said := _too_urgent(rule.kind, rule.priority)):
        yield ("priority",), said
    if rule.kind in KINDS:
        yield from ((("set", name), message) for name, message in set_problems(rule, rule.set))
    for role in ("at_once", "enter", "leave", "extend", "then"):
        for index, match in enumerate(getattr(rule, role)):
            yield from (((role, index, *place), message) for place, message in _match_problems(match, rule))
    for index, variant in enumerate(rule.variants):
        if variant.priority is not None and variant.priority not in PRIORITIES:
            yield ("variants", index, "priority"), f"unknown priority {variant.priority!r}{near('', PRIORITIES)}"
        elif variant.priority is not None and (said := _too_urgent(rule.kind, variant.priority)):
            yield ("variants", index, "priority"), said
        if variant.code not in (None, "", *VKP_CODES):
            yield ("variants", index, "code"), f"{variant.code!r} is no VKP alert code{near(variant.code, VKP_CODES)}"
        found = _match_problems(variant.when, rule)
        yield from ((("variants", index, "when", *place), message) for place, message in found)


def set_problems(rule: Rule, settings: dict[str, Written]) -> Iterator[tuple[str, str]]:
    """(parameter, what is wrong) of parameters that book, layer or plan sets of a rule."""
    known = parameters_of_kind(rule.kind)
    for name, value in settings.items():
        if name not in known:
            hint = near(name, known) or f"; allowed: {', '.join(known)}"
            yield name, f"unknown parameter {name!r}{hint}"
        elif name == "on" and rule.alarm:
            yield name, "a person's alarm cannot be switched off"
        else:
            try:
                parsed = parse_parameter(known[name][1], value)
            except ValueError as error:
                yield name, str(error)
                return
            if known[name][1] == "priority" and (said := _too_urgent(rule.kind, str(parsed))):
                yield name, said
    yield from unit_problems(rule, settings)


def _too_urgent(kind: str, priority: str) -> str:
    """What is wrong with a priority that rules of this kind never have; "" when nothing is."""
    most = _AT_MOST.get(kind, PRIORITIES[0])
    return f"{priority} is too urgent for kind {kind}; {most} at most" if priority < most else ""


def _match_problems(match: Match, rule: Rule) -> Iterator[tuple[Place, str]]:
    for name in match.types:
        if name not in TYPES and name not in OWN_TYPES:
            yield ("types",), f"unknown event type {name!r}{near(name, (*TYPES, *OWN_TYPES))}"
    fields = {field for name in match.types or TYPES for field in TYPES.get(name, {})}
    own = any(name in OWN_TYPES for name in match.types) or rule.kind != "signal"
    for key in ("where", "at_least", "at_most"):
        for field in getattr(match, key):
            if field not in fields and not own:
                yield (key,), f"these events have no field {field!r}{near(field, fields)}"
    if match.window is not None:
        try:
            parse_window(match.window)
        except ValueError as error:
            yield ("window",), str(error)
    for key, way in (("in_window", "window"), ("model_in", "words")):
        named = getattr(match, key)
        parameters = parameters_of_kind(rule.kind) if rule.kind in KINDS else {}
        known = [name for name, (_, how) in parameters.items() if how == way]
        if named is not None and named not in known:
            yield (key,), f"{named!r} is no parameter of kind {rule.kind} that is a {way}{near(named, known)}"


def near(word: str | None, known: Iterable[str]) -> str:
    """ "; did you mean …?" with the nearest right word, or nothing."""
    found = difflib.get_close_matches(str(word), list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""
