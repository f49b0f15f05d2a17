"""Edge: reads a site file (contracts §3). Strict: everything that is wrong is named, and then nothing is used of it.

`load` answers a whole, consistent site or raises SiteFileError with file, line, field and the nearest right word of up
to 50 problems. What a field may hold stands in `alerts/site/model.py`; here is what lies between items: ids and
addresses that stand twice, references that lead nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from alerts.site.items import SECTIONS, UNNAMED, NaturalKey, SiteFile, natural_key, next_id
from alerts.site.model import REFERENCES, Device, Gateway, Item, Plan, check, written_name
from alerts.site.problems import PROBLEMS_MAX, Problem, meant, shown
from alerts.site.yaml_lines import Tree, YamlProblem, entries, line_of, parse, tree
from rules.book_check import parameters_of_kind

BYTES_MAX = 8_388_608
_SECTION_OF = {kind: section for section, kind in SECTIONS.items()}


class SiteFileError(Exception):
    """A site file that cannot be used. `line`, `field` and `message` are those of the first of `problems`."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        ordered = sorted(problems, key=lambda problem: problem.line or 0)[:PROBLEMS_MAX]
        self.file, self.problems = file, tuple(ordered)
        self.line, self.field, self.message = ordered[0].line or 1, ordered[0].field, ordered[0].message
        super().__init__("\n".join(self._said(problem) for problem in ordered))

    def _said(self, problem: Problem) -> str:
        where = f"{self.file}:{problem.line or 1}: "
        return where + (f"{problem.field}: {problem.message}" if problem.field else problem.message)


class _Found(msgspec.Struct):
    """One entry of a section on its way to an item."""

    kind: str
    place: str  # "devices[2]"
    tree: Tree
    item: Item | None = None


def load(path: Path | str, rule_kinds: Mapping[str, str] | None = None) -> SiteFile:
    """The site in a file. Raises SiteFileError; OSError when it cannot be read.

    `rule_kinds` (rule id -> kind, from the book in force) lets plans be checked against the rules there are.
    """
    with Path(path).open("rb") as file:
        content = file.read(BYTES_MAX + 1)
    return loads(content, str(path), rule_kinds)


def loads(content: bytes, name: str, rule_kinds: Mapping[str, str] | None = None) -> SiteFile:
    """Like `load`, from bytes; `name` stands in errors."""
    if len(content) > BYTES_MAX:
        raise SiteFileError(name, [Problem("too_large", "", f"is larger than {BYTES_MAX // 1_048_576} MiB", 1)])
    try:
        root = parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SiteFileError(name, [Problem("not_utf8", "", "is not UTF-8; save it as UTF-8", line)]) from error
    except YamlProblem as error:
        raise SiteFileError(name, [Problem("not_yaml", error.field, error.message, error.line)]) from error
    return _Reading(name, rule_kinds).site(root)


class _Reading:
    """One reading of one file: collects problems until it can no longer go on."""

    def __init__(self, name: str, rule_kinds: Mapping[str, str] | None) -> None:
        self._name, self._rule_kinds = name, rule_kinds
        self._problems: list[Problem] = []
        self._found: dict[str, list[_Found]] = {}
        self._numbered: set[tuple[str, str]] = set()

    def site(self, root: Node | None) -> SiteFile:
        if not isinstance(root, MappingNode):
            self._stop("not_object", "must begin with `site:` and sections such as `wards:`", 1)
        assert isinstance(root, MappingNode)
        self._sections(root)
        for kind in self._found:
            self._number(kind)
            for found in self._found[kind]:
                self._check(found)
        self._ids_once()
        self._addresses_once()
        ids = {kind: {found.tree.value.get("id"): 1 for found in founds} for kind, founds in self._found.items()}
        for founds in self._found.values():
            for found in founds:
                self._references(found, ids)
        if self._problems:
            raise SiteFileError(self._name, self._problems)
        items = {
            k: tuple(found.item for found in founds if found.item is not None) for k, founds in self._found.items()
        }
        return SiteFile(self._name, items, frozenset(self._numbered))

    def _stop(self, code: str, message: str, line: int, field: str = "") -> None:
        self._problems.append(Problem(code, field, message, line))
        raise SiteFileError(self._name, self._problems)

    # -- from nodes to entries -------------------------------------------------------------------------------
    def _sections(self, root: MappingNode) -> None:
        twice: list[YamlProblem] = []
        known = ("site", *SECTIONS)
        for key, node, line in entries(root, twice):
            if key not in known:
                sentence, near = meant(known, key)
                self._problems.append(Problem("unknown_key", key[:60], f"unknown key; {sentence}", line, near))
            elif key == "site":
                self._entry("site", "site", node)
            else:
                self._section(key, node)
        self._yaml_problems(twice, "")
        if "site" not in [key for key, _, _ in entries(root, [])]:
            self._problems.append(Problem("missing", "site", "is missing; begin with site: {id: …, name: …}", 1))

    def _section(self, section: str, node: Node) -> None:
        self._found.setdefault(SECTIONS[section], [])
        if isinstance(node, SequenceNode):
            for index, child in enumerate(node.value):
                self._entry(SECTIONS[section], f"{section}[{index}]", child)
        elif isinstance(node, MappingNode) or node.value not in {"", "~", "null"}:
            message = f"must be a list: one `- {{…}}` for each {SECTIONS[section]}"
            self._problems.append(Problem("not_list", section, message, line_of(node)))

    def _entry(self, kind: str, place: str, node: Node) -> None:
        if not isinstance(node, MappingNode):
            message = "must be an object with named fields, such as {id: …}"
            self._problems.append(Problem("not_object", place, message, line_of(node)))
            return
        twice: list[YamlProblem] = []
        value = tree(node, twice, numbers_under="set." if kind == "plan" else "")
        self._yaml_problems(twice, f"{place}.")
        if value.value is None:
            return
        self._found.setdefault(kind, []).append(_Found(kind, place, value))

    def _yaml_problems(self, problems: list[YamlProblem], place: str) -> None:
        for problem in problems:
            field = f"{place}{problem.field}".rstrip(".")
            self._problems.append(Problem("bad_yaml", field, problem.message, problem.line))

    # -- from entries to items -------------------------------------------------------------------------------
    def _number(self, kind: str) -> None:
        """Give ids to what the file leaves without (see `alerts/site/items.py`)."""
        if kind not in UNNAMED:
            return
        values: list[dict[str, Any]] = [found.tree.value for found in self._found[kind]]
        taken = {str(value["id"]) for value in values if value.get("id")}
        known: dict[NaturalKey, _Found] = {}
        for found in self._found[kind]:
            value = found.tree.value
            if value.get("id"):
                continue
            first = known.setdefault(natural_key(kind, value), found)
            if first is not found:
                line = first.tree.line("")
                message = f"is the same {kind} as in line {line}; give each an id, such as id: {kind[0]}1"
                self._problem(found, Problem("duplicate", "", message))
            owner = value.get(UNNAMED[kind][0])
            value["id"] = next_id(kind, owner if isinstance(owner, str) and owner else "x", taken)
            taken.add(value["id"])
            self._numbered.add((kind, value["id"]))

    def _check(self, found: _Found) -> None:
        checked = check(found.kind, found.tree.value)
        if isinstance(checked, list):
            for problem in checked:
                self._problem(found, problem)
            return
        found.item = checked
        if isinstance(checked, Plan) and self._rule_kinds is not None:
            self._check_plan(found, checked, self._rule_kinds)

    def _check_plan(self, found: _Found, plan: Plan, rule_kinds: Mapping[str, str]) -> None:
        kind = rule_kinds.get(plan.rule)
        if kind is None:
            sentence, near = meant(tuple(rule_kinds), plan.rule)
            message = f"the rule book has no {plan.rule}; {sentence}"
            self._problem(found, Problem("unknown_word", "rule", message, nearest=near))
            return
        known = tuple(parameters_of_kind(kind))
        for name in plan.parameters:
            if name not in known:
                sentence, near = meant(known, name)
                message = f"{plan.rule} has no parameter {name}; {sentence}"
                self._problem(found, Problem("unknown_key", f"set.{name}", message, nearest=near))

    def _problem(self, found: _Found, problem: Problem) -> None:
        if len(self._problems) < PROBLEMS_MAX * 4:  # sorted by line and cut later
            field = f"{found.place}.{problem.field}" if problem.field else found.place
            line = found.tree.line(problem.field)
            self._problems.append(msgspec.structs.replace(problem, field=field, line=line))

    # -- between items ---------------------------------------------------------------------------------------
    def _ids_once(self) -> None:
        for kind, founds in self._found.items():
            first: dict[str, _Found] = {}
            for found in founds:
                given = found.tree.value.get("id")
                if isinstance(given, str) and first.setdefault(given, found) is not found:
                    line = first[given].tree.line("id")
                    self._problem(
                        found, Problem("duplicate", "id", f"another {kind} in line {line} has id {given[:48]}")
                    )

    def _addresses_once(self) -> None:
        first: dict[str, _Found] = {}
        for kind in ("gateway", "device"):
            for found in self._found.get(kind, ()):
                item = found.item
                if isinstance(item, Gateway | Device) and first.setdefault(item.address, found) is not found:
                    other = first[item.address]
                    message = (
                        f"{shown(item.address)} is the address of {other.place} in line {other.tree.line('address')}"
                    )
                    self._problem(found, Problem("duplicate", "address", message))

    def _references(self, found: _Found, ids_of: Mapping[str, Mapping[object, int]]) -> None:
        """Whatever else is wrong with an entry: those that have an id can be referred to."""
        if found.item is None:
            return
        for field, kind in REFERENCES.get(found.kind, {}).items():
            value = getattr(found.item, field)
            several = isinstance(value, tuple)
            for index, wanted in enumerate(value if several else (value,)):
                ids = ids_of.get(kind, {})
                if wanted is None or wanted in ids:
                    continue
                name = written_name(type(found.item), field) + (f"[{index}]" if several else "")
                choices = [known for known in ids if isinstance(known, str)]
                sentence, near = (
                    meant(choices, wanted) if choices else (f"there is none in `{_SECTION_OF[kind]}`", None)
                )
                message = f"there is no {kind} {wanted}; {sentence}"
                self._problem(found, Problem("dangling", name, message, nearest=near))
