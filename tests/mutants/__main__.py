"""`make mutants`: moves every number of the shipped rule book by one step and runs the rule tests of that rule.

Prints what no test noticed. Exit 1 when one of these is not explained in `explained.toml`, or an explanation has
nothing to explain any more, or a rule's tests fail as it is.
"""

from __future__ import annotations

import argparse
import sys
import time

from rules.book_file import shipped_book
from rules.rule_test_file import shipped_tests
from tests.mutants.hunt import explained, hunt


def main() -> int:
    asked = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    asked.add_argument("--rule", action="append", default=[], help="only this rule, such as R05")
    rules: list[str] = asked.parse_args().rule
    book, known, begun_s = shipped_book(), explained(), time.monotonic()
    if unknown := [rule for rule in rules if all(rule != one.id for one in book.rules)]:
        print(f"no rule {unknown[0]}", file=sys.stderr)
        return 2
    found = hunt(book, shipped_tests(), rules)
    survivors = set(found.survivors)
    for name in found.survivors:
        print(f"survives   {name}" + (f"   explained: {known[name]}" if name in known else ""))
    for rule in found.ailing:
        print(f"fails      the tests of {rule} fail as it is: see `vardevakt rules test --rule {rule}`")
    stale = [] if rules else [name for name in known if name not in survivors and name.split()[0] not in found.ailing]
    for name in stale:
        print(f"outdated   {name} is noticed now, or gone: take it from explained.toml")
    unexplained = [name for name in found.survivors if name not in known]
    print(
        f"{found.tried} mutants, {len(unexplained)} survive unexplained, {len(survivors) - len(unexplained)} explained,"
        f" {time.monotonic() - begun_s:.1f} s"
    )
    return 1 if unexplained or stale or found.ailing else 0


if __name__ == "__main__":
    sys.exit(main())
