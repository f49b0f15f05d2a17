"""The shipped rule tests (`rules/book/*.test.yaml`) through the production fold, as `vardevakt rules test` has them."""

from __future__ import annotations

import functools

import pytest

from rules.book_file import FAMILIES, shipped_book
from rules.rule_test import Case
from rules.rule_test_file import shipped_tests
from rules.rule_test_report import failure
from rules.rule_test_run import judge


@functools.cache
def cases() -> list[Case]:
    """All of them, read once."""
    return shipped_tests()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rules_do_what_their_stories_say(family):
    """What came of each story of a family is what it expects, and nothing else of the rules it judges; all that fail
    are shown. One test a family: read as one test a case, the stories cost each worker more to collect than to tell.
    """
    judged = [judge(case, shipped_book()) for case in cases() if case.file == f"rules/book/{family}.test.yaml"]
    failed = [failure(one) for one in judged if not one.ok]

    assert judged, "each family tells stories"
    assert not failed, "\n" + "\n".join(failed)
