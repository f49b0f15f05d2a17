"""Whether this version of the engine can run a book: asked before it is in force, not when somebody falls. Pure."""

from __future__ import annotations

from rules.book import PER, Book, Rule
from rules.kinds import KINDS
from rules.parameters import PRIORITIES, Values, Written, parameters_of, values_in_force


def parameters_of_kind(kind: str) -> dict[str, tuple[str, str]]:
    """Parameter of a kind -> (field, how it is written)."""
    return parameters_of(KINDS[kind].values_type)


def all_parameters() -> dict[str, str]:
    """Every parameter of every kind -> how it is written; the same in each of them (tests/unit/test_parameters.py)."""
    return {name: written for kind in KINDS for name, (_, written) in parameters_of_kind(kind).items()}


def values_of(rule: Rule, layers: list[tuple[str, dict[str, Written]]]) -> Values:
    """The parameters of a rule with (origin, settings) layers over each other, lowest first."""
    return values_in_force(KINDS[rule.kind].values_type, layers)


def check_book(book: Book) -> Book:
    """The same book; ValueError when a rule of it could not be run by this version of the engine."""
    known = {rule.id for rule in book.rules}
    for rule in book.rules:
        if rule.kind not in KINDS or rule.per not in PER or rule.priority not in PRIORITIES:
            raise ValueError(f"{rule.id}: unknown kind {rule.kind!r}, per {rule.per!r} or priority {rule.priority!r}")
        sets = [("book", rule.set), *((layer.origin, layer.set.get(rule.id, {})) for layer in book.layers)]
        for _, settings in sets:
            if unknown := [name for name in settings if name not in parameters_of_kind(rule.kind)]:
                raise ValueError(f"{rule.id}: unknown parameter {unknown[0]!r}")
        try:
            values_of(rule, sets)
        except ValueError as error:
            raise ValueError(f"{rule.id}: {error}") from error
    if len(known) != len(book.rules):
        raise ValueError("a rule stands twice in the book")
    return book
