"""Types that threads convert to are made ready at import (ingest/prepared_types.py says why)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

from tests.support.servers import ROOT

PACKAGES = ("ingest", "rules", "alerts", "api")
ONE_THREAD = {
    "Rule": "the book file is read by the command line, or at start",
    "Written": "as Rule",
    "Site": "of rule tests",
    "Compared": "of a backtest, in the parent of its processes",
    "Manifest": "of a backup",
    "BackupNote": "of a backup",
    "LocalAccess": "of the command line",
    "Gateway": "of the command line",
    "Proof": "of the night's one thread",
    "Base": "of the night's one thread, and at start",
}
"""Types that only one thread of a process ever converts to, and why."""


def modules() -> Iterator[ast.Module]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ast.parse(path.read_text())


def names_in(node: ast.AST) -> set[str]:
    """Names of types, as written or as an attribute of a module; builtins are written small."""
    plain = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    dotted = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
    return {one for one in plain | dotted if one[:1].isupper()}


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""), node


def test_what_is_converted_to_is_prepared() -> None:
    """Each type that `msgspec.convert` or `decode(…, type=)` is called for is prepared where it is defined."""
    prepared: set[str] = set()
    wanted: set[str] = set()
    for tree in modules():
        for name, call in calls(tree):
            if name == "prepare":
                prepared |= {found for one in call.args for found in names_in(one)}
            elif name == "convert" and len(call.args) == 2:
                wanted |= names_in(call.args[1])
            elif name == "decode":
                wanted |= {found for one in call.keywords if one.arg == "type" for found in names_in(one.value)}
    assert len(wanted) > 8, "the check sees the calls"
    assert wanted - prepared - ONE_THREAD.keys() == set()
    assert ONE_THREAD.keys() <= wanted


def test_threads_that_meet_at_a_prepared_type_live() -> None:
    """Six threads convert to a fresh type at once, a hundred times; unprepared the process dies within the first."""
    done = subprocess.run([sys.executable, "-c", MEETING, str(ROOT)], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"lives\n")


MEETING = """
import sys, threading, msgspec
sys.path.insert(0, sys.argv[1])
from ingest.prepared_types import prepare
sys.setswitchinterval(1e-6)
for number in range(100):
    part = msgspec.defstruct(f"Part{number}", [(f"a{i}", int) for i in range(20)])
    whole = msgspec.defstruct(f"Whole{number}", [(f"b{i}", list[part] | None) for i in range(20)])
    prepare(whole)
    gate, given = threading.Barrier(6), {f"b{i}": [{f"a{j}": 1 for j in range(20)}] for i in range(20)}
    def meet():
        gate.wait()
        msgspec.convert(given, whole)
    threads = [threading.Thread(target=meet) for _ in range(6)]
    [one.start() for one in threads]
    [one.join() for one in threads]
print("lives")
"""
