"""The shipped rule tests (`rules/book/*.test.yaml`), one test a case, through the production fold."""

from __future__ import annotations

import pytest

from rules.book_file import shipped_book
from rules.rule_test_file import shipped_tests
from rules.rule_test_report import failure
from rules.rule_test_run import judge

CASES = shipped_tests()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_rule_does_what_its_story_says(case):
    """What came of the story is what the story expects, and nothing else of the rules it judges."""
    judged = judge(case, shipped_book())

    assert judged.ok, "\n" + failure(judged)
