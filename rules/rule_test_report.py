"""What a rule test says when it fails: the story with markers, what was expected and what came. Pure.

`=` a line that was met, `-` expected and did not come, `+` came and was not expected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.effects import Reason
from rules.rule_test import Case
from rules.rule_test_run import Judged

Say = Callable[[Reason, str | None, Case], str]
"""Puts words to a reason; the words are `api/words`'."""


def plain_reason(reason: Reason, rule: str | None, case: Case) -> str:
    """A reason where nobody has words for it."""
    return " ".join([reason.code, *(f"{name}={value}" for name, value in sorted(reason.args.items()))])


def failure(judged: Judged, say: Say = plain_reason) -> str:
    """A failed case as lines of text."""
    case = judged.case
    rows: list[tuple[int, int, str]] = [(step.heard_ms, 0, f"    {step.text}") for step in case.steps]
    rows += [(at_ms, 1, f"  = {text}") for at_ms, text in judged.met]
    for problem in judged.problems:
        if problem.expected is not None:
            rows.append((problem.at_ms, 2, f"  - {problem.expected}"))
        if problem.came is not None:
            why = f"   [{say(problem.why, problem.rule, case)}]" if problem.why is not None else ""
            rows.append((problem.at_ms, 3, f"  + {problem.came}{why}"))
        elif problem.expected is not None:
            rows.append((problem.at_ms, 3, "      did not come"))
    head = f"FAILED  {case.name}  ({case.file}:{case.line})"
    return "\n".join([head, *(text for _, _, text in sorted(rows, key=lambda row: row[:2]))])


def as_json(judged: Judged) -> dict[str, object]:
    """One case for programs."""
    case = judged.case
    return {
        "file": case.file, "line": case.line, "rule": case.rule, "title": case.title, "shows": list(case.shows),
        "ok": judged.ok,
        "problems": [
            {"at": case.told(one.at_ms), "expected": one.expected, "came": one.came,
             "reason": None if one.why is None else one.why.code}
            for one in judged.problems
        ],
    }  # fmt: skip


def summary(verdicts: Sequence[Judged]) -> str:
    """ "118 rule tests, 2 failed"."""
    failed = sum(not verdict.ok for verdict in verdicts)
    count = f"{len(verdicts)} rule test{'' if len(verdicts) == 1 else 's'}"
    return f"{count}, {failed} failed" if failed else f"{count} passed"
