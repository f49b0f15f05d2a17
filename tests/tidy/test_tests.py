"""The tests themselves: each says what it shows, and shows something."""

import ast
import functools

from tests.support.tree import functions, python_files

# Calls that judge: pytest's own, Playwright's expect, hypothesis' state machines, and helpers named for it.
JUDGING_CALLS = {"raises", "warns", "fail", "expect", "run_state_machine_as_test"}
JUDGING_PREFIXES = ("assert_", "check_", "expect_", "verify_")


@functools.cache
def find_tests() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """All test functions of the tree with a name to find them by."""
    found = []
    for path, text in python_files():
        if path.parts[0] == "tests" and path.name.startswith("test_"):
            for name, function in functions(ast.parse(text)):
                if function.name.startswith("test_") and (name == function.name or name.startswith("Test")):
                    found.append((f"{path}::{name}", function))
    return found


def judges(function: ast.AST) -> bool:
    """Whether there is an assert in it, or a call that stands for one."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in JUDGING_CALLS or called.startswith(JUDGING_PREFIXES):
                return True
    return False


def test_every_test_has_a_sentence():
    """A docstring of one sentence says the behaviour that the test shows."""
    without = [name for name, function in find_tests() if not (ast.get_docstring(function) or "").strip()]

    assert without == []


def test_every_test_judges():
    """A test without an assertion passes whatever happens."""
    toothless = [name for name, function in find_tests() if not judges(function)]

    assert toothless == []
