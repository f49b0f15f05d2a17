"""Pure modules call nothing that reads a clock or chance (import-linter sees imports, not `datetime.now`)."""

import ast
import tomllib

import pytest

from tests.support.tree import ROOT, python_files

CLOCK_AND_CHANCE = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid7", "getnode", "urandom"}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
PURE = next(contract["source_modules"] for contract in CONTRACTS if contract["name"].startswith("Pure modules"))


def is_pure(module: str) -> bool:
    """Whether the import-linter contract names this module, by itself or by a pattern."""
    for pattern in PURE:
        stem, star, rest = pattern.partition(".*")
        if module == pattern or (
            star and module.startswith(f"{stem}.") and (rest or "." not in module[len(stem) + 1 :])
        ):
            return True
    return False


def offences(text: str) -> list[str]:
    """Calls of a clock or of chance in a module, and iteration over a set, whose order changes from run to run."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_AND_CHANCE:
            found.append(f"line {node.lineno}: {ast.unparse(node.func)}()")
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Set | ast.SetComp):
            found.append(f"line {node.iter.lineno}: iterates a set")
    return found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("datetime.now(UTC)", 1),
        ("uuid.uuid4()", 1),
        ("for x in {1, 2}: pass", 1),
        ("[x for x in {y for y in z}]", 1),
        ("uuid.uuid5(a, b)", 0),
        ("for x in sorted({1, 2}): pass", 0),
    ],
)
def test_the_check_sees_what_it_should(text, count):
    """Clock, chance and the order of sets are found; what is computed from arguments is not."""
    assert len(offences(text)) == count


def test_pure_modules_read_no_clock_and_no_chance():
    """`now` is an argument and ids are computed, in every module that the contract calls pure."""
    found = {}
    for path, text in python_files():
        module = ".".join(path.with_suffix("").parts)
        if is_pure(module) and (wrong := offences(text)):
            found[str(path)] = wrong

    assert found == {}
