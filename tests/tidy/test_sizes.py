"""Sizes as a ratchet (design.md §5): files of at most 300 lines, functions that one can see at once."""

import ast
import functools
import tomllib

import pytest

from tests.support.tree import ROOT, body_lines, functions, python_files

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60
ALLOWED = tomllib.loads((ROOT / "tests" / "tidy" / "allowed_sizes.toml").read_text())


@functools.cache
def measure() -> dict[str, dict[str, int]]:
    """Everything over its limit, by kind and name."""
    over: dict[str, dict[str, int]] = {"files": {}, "functions": {}}
    for path, text in python_files():
        if (lines := text.count("\n")) > FILE_LINES_MAX:
            over["files"][path.as_posix()] = lines
        for name, function in functions(ast.parse(text)):
            if (lines := body_lines(function)) > FUNCTION_LINES_MAX:
                over["functions"][f"{path.as_posix()}::{name}"] = lines
    return over


@pytest.mark.parametrize("kind", ["files", "functions"])
def test_nothing_is_longer_than_allowed(kind):
    """A file over 300 or a function over 60 lines needs an entry with a reason, and keeps to the number in it."""
    too_long = {
        name: lines for name, lines in measure()[kind].items() if lines > ALLOWED[kind].get(name, {"lines": 0})["lines"]
    }

    assert too_long == {}, "split it, or say in tests/tidy/allowed_sizes.toml why it is long"


@pytest.mark.parametrize("kind", ["files", "functions"])
def test_allowances_are_used_and_explained(kind):
    """An allowance goes when what it allowed got short, shrinks with it (10 % slack), and always says why."""
    measured = measure()[kind]
    wrong = {
        name: f"allowed {entry['lines']}, is {measured.get(name, 'short or gone')}"
        for name, entry in ALLOWED[kind].items()
        if not entry["why"].strip() or name not in measured or entry["lines"] > measured[name] * 1.1
    }

    assert wrong == {}, "lower or remove the entry in tests/tidy/allowed_sizes.toml"
