"""rules/README.md says what the code says: every kind, parameter and reason, and tests that are there."""

from __future__ import annotations

import ast
import re

import msgspec

from ingest.record import Input
from rules.book import Match, Rule
from rules.book_check import all_parameters, parameters_of_kind
from rules.effects import Effect, Reason
from rules.facts import ACCUMULATOR_LOW, DEVICE_SILENT, FLAT, GATEWAY_SILENT, OUT_OF_RANGE
from rules.floor import Floor
from rules.home_fold import HomeFold
from rules.kinds import KINDS
from tests.support.home_story import BOOK
from tests.support.tree import ROOT, python_files

PAGE = (ROOT / "rules" / "README.md").read_text("utf-8")
GOLDEN = ROOT / "tests" / "scenario" / "golden" / "home_inputs.jsonl"
CODE = re.compile(
    r"(?:signal|dwell|absence|deadline|threshold|count|sequence|zone|hold|watch|way|rule|input)\.[a-z_]+"
    r"|signal|floor|in_force|grows"
)


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def documented() -> dict[str, set[str]]:
    """Reason code -> its arguments, as the page says."""
    rows = [line.split("|") for line in section("Reasons").splitlines() if line.startswith("| `")]
    return {code: set(re.findall(r"`(\w+)`", row[2])) for row in rows for code in re.findall(r"`([\w.]+)`", row[1])}


def named() -> set[str]:
    """Every reason code that stands in the code: given to Reason, or chosen from two in a variable."""
    found = set()
    for path, text in python_files():
        if path.parts[0] != "rules":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason" and node.args:
                chosen = node.args[0]
                parts = [chosen.body, chosen.orelse] if isinstance(chosen, ast.IfExp) else [chosen]
                found |= {part.value for part in parts if isinstance(part, ast.Constant)}
            if isinstance(node, ast.IfExp):
                both = [part.value for part in (node.body, node.orelse) if isinstance(part, ast.Constant)]
                found |= {one for one in both if isinstance(one, str) and CODE.fullmatch(one) and "." in one}
    return {code for code in found if isinstance(code, str)}


def reasons(effects: list[Effect]) -> list[Reason]:
    return [effect.reason for effect in effects]


def test_every_reason_is_on_the_page() -> None:
    """The codes of the table are those of the code; the ways to lose a call device stand in facts.py."""
    ways = {FLAT, OUT_OF_RANGE, ACCUMULATOR_LOW, DEVICE_SILENT, GATEWAY_SILENT}
    assert named() | ways == set(documented())


def test_arguments_are_those_of_the_page() -> None:
    """What the folds say to the kept journal carries no argument that the page does not name."""
    floor, fold, table = Floor("s"), HomeFold(BOOK, "s"), documented()
    said = []
    for line in GOLDEN.read_bytes().splitlines():
        given = msgspec.json.decode(line, type=Input)
        said += reasons([*floor.apply(given), *fold.apply(given)])
    assert len({reason.code for reason in said}) > 12
    assert {
        reason.code: set(reason.args) - table[reason.code] for reason in said if set(reason.args) - table[reason.code]
    } == {}


def test_kinds_and_parameters_are_on_the_page() -> None:
    """Each kind with its file and the shipped rules of it; each parameter with its kinds; each field of a rule."""
    kinds = section("Kinds")
    for kind in KINDS:
        (row,) = [line for line in kinds.splitlines() if line.startswith(f"| [`{kind}`]")]
        there = sorted(rule.id for rule in BOOK.rules if rule.kind == kind)
        assert sorted(re.findall(r"R\d\d[a-z]?|ROUTINE", row)) == there
    book = section("Rule book")
    rows = [line for line in section("Parameters").splitlines() if line.startswith("| `")]
    told = {name: row.split("|")[2] for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert set(told) == set(all_parameters())
    for name, where in told.items():
        kinds_told = list(KINDS) if where.strip() == "all" else where.strip().split(", ")
        assert sorted(kinds_told) == sorted(k for k in KINDS if name in parameters_of_kind(k))
    fields = [*Rule.__struct_fields__, *Match.__struct_fields__]
    assert [name for name in fields if f"`{name}`" not in book and name not in ("id", "version")] == []


def test_the_tests_it_names_are_there() -> None:
    """Each case of late and early names tests that exist."""
    written = {
        node.name
        for path, text in python_files()
        if path.parts[0] == "tests"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }
    claimed = re.findall(r"`(test_\w+)`", PAGE)
    assert len(claimed) > 30
    assert [name for name in claimed if name not in written] == []
