"""Every shipped rule is told as a story from five sides (issue 4): fires, just below, clears, held or not, late."""

from __future__ import annotations

from rules.book_file import shipped_book
from rules.rule_test import SHOWS
from rules.rule_test_file import read_tests, shipped_tests
from rules.rule_test_run import judge
from tests.support.tree import ROOT

SIDES = (("fires",), ("just below",), ("clears",), ("held", "not held"), ("late",))


def test_every_shipped_rule_is_told_from_all_sides():
    """Each rule of the book has a case of each of the five kinds in the test file of its family."""
    told = {(case.rule, word) for case in shipped_tests() for word in case.shows}
    missing = [
        f"{rule.id}: {' or '.join(words)}"
        for rule in shipped_book().rules
        for words in SIDES
        if not any((rule.id, word) in told for word in words)
    ]

    assert not missing, "no case of:\n" + "\n".join(missing)


def test_the_sides_are_words_of_the_files():
    """What is demanded here is what `shows` may say."""
    assert {word for words in SIDES for word in words} | {"other"} == set(SHOWS)


def test_the_example_on_the_page_is_true():
    """The story that rules/README.md shows is read and comes true."""
    page = (ROOT / "rules" / "README.md").read_text("utf-8").split("## Rule tests\n")[1]
    (case,) = read_tests(page.split("```yaml\n")[1].split("```")[0], "README.md", shipped_book())

    assert judge(case, shipped_book()).ok
