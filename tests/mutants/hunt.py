"""Which moved numbers no rule test notices, and which of these have a reason that was written down."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from rules.book import Book, Rule
from rules.rule_test import Case
from rules.rule_test_run import judge
from tests.mutants.moves import Mutant, mutants
from tests.support.tree import ROOT

Story = tuple[Case, tuple[Rule, ...]]
"""A case, and the rules it is run under."""
EXPLAINED = ROOT / "tests" / "mutants" / "explained.toml"


class Hunt(msgspec.Struct, frozen=True):
    """What came of all mutants. `ailing`: rules whose tests fail without any change, so that they can show nothing."""

    tried: int
    survivors: tuple[str, ...]
    ailing: tuple[str, ...]


def hunt(book: Book, cases: Sequence[Case], rules: Sequence[str] = ()) -> Hunt:
    """Try every mutant of the book, or of these rules only."""
    by_rule: dict[str, list[Story]] = defaultdict(list)
    ailing: dict[str, None] = {}
    for case in cases:
        if not rules or case.rule in rules:
            needed = _needed(case, book)
            if needed is None:
                ailing[case.rule] = None
            else:
                by_rule[case.rule].append((case, needed))
    tried = 0
    survivors = []
    for mutant in mutants(book):
        if mutant.rule in ailing or (rules and mutant.rule not in rules):
            continue
        tried += 1
        if all(_passes(mutant, case, needed) for case, needed in by_rule[mutant.rule]):
            survivors.append(mutant.name)
    return Hunt(tried, tuple(survivors), tuple(sorted(ailing)))


def _passes(mutant: Mutant, case: Case, rules: tuple[Rule, ...]) -> bool:
    try:
        return judge(case, mutant.book(rules)).ok
    except ValueError:
        return False  # a book that no engine takes harms nobody


def _needed(case: Case, book: Book) -> tuple[Rule, ...] | None:
    """The rules that the story needs: an index of few is built in no time. None when it fails with all of them.

    Most rules see no other; those that the case names are tried first, and where that is not enough all are taken.
    """
    named = {
        *case.judged,
        *case.site.set,
        *case.site.off,
        *(rule for layer in case.site.wards.values() for rule in layer),
    }
    named |= {step.rule for step in case.steps} | {note.rule or "" for note in case.notes}
    few = tuple(rule for rule in book.rules if rule.id in named)
    if case.judged and judge(case, Book(few)).ok:
        return few
    return book.rules if judge(case, book).ok else None


def explained() -> dict[str, str]:
    """Mutant -> why no rule test can or need notice it."""
    listed = tomllib.loads(EXPLAINED.read_text("utf-8")) if EXPLAINED.exists() else {}
    return {str(name): str(why) for name, why in listed.items()}
