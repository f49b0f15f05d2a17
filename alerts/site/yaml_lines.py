"""Edge to ruamel.yaml: a YAML text as plain values that remember their lines. Knows nothing of what they mean.

It reads YAML's nodes, not its objects, and so keeps what people wrote: `22:00` and `007` stay text, `+4799999999`
keeps its plus, `no` is the word no, 30 February reaches the check of days. Only `true`, `false` and nothing (`~`) are
more than text, and whole numbers where the reader asks for them. A key that stands twice is an error, not a silent last
one. Anchors are not read: a few bytes of them can stand for gigabytes.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

DEPTH_MAX = 8
NODES_MAX = 10_000  # of one entry
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TAG = "tag:yaml.org,2002:"


class YamlProblem(Exception):
    """Text that is no YAML, or more than we read. `line` counts from 1."""

    def __init__(self, line: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.line, self.message, self.field = line, message, field


class Tree(msgspec.Struct, frozen=True):
    """A value and the line of each part of it, by path: "", "risks", "risks[1]", "set.for"."""

    value: Any
    lines: dict[str, int]

    def line(self, path: str) -> int:
        """The line of a part, or of the nearest thing around it that is there."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, self.lines[""])


def parse(text: str) -> Node | None:
    """The root of the document, None when it is empty. YamlProblem when it is no YAML, or several documents."""
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlProblem(line, f"holds the control character U+{ord(text[error.position]):04X}; remove it") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise YamlProblem(mark.line + 1 if mark else 1, f"is no YAML: {what[:160]}") from error
    except (YAMLError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0][:160]
        raise YamlProblem(1, f"is no YAML we read: {why}") from error
    assert root is None or isinstance(root, Node), "compose gives a node or nothing"
    return root


def line_of(node: Node) -> int:
    """Line of a node, from 1."""
    return int(node.start_mark.line) + 1


def entries(node: MappingNode, problems: list[YamlProblem]) -> list[tuple[str, Node, int]]:
    """(key, value, line of the key) of a mapping; a key that stands twice becomes a problem and counts once."""
    found: dict[str, tuple[str, Node, int]] = {}
    for key_node, value in node.value:
        line = line_of(key_node)
        if not isinstance(key_node, ScalarNode):
            problems.append(YamlProblem(line, "a key must be a word"))
        elif key_node.value in found:
            first = found[key_node.value][2]
            problems.append(YamlProblem(line, f"stands twice; the first is in line {first}", key_node.value[:60]))
        else:
            found[key_node.value] = (key_node.value, value, line)
    return list(found.values())


def tree(node: Node, problems: list[YamlProblem], *, numbers_under: str = "") -> Tree:
    """The node as dict, list, text, bool or None. Whole numbers are int only below the path `numbers_under`."""
    lines: dict[str, int] = {}
    value = _value(node, "", lines, problems, numbers_under, 0)
    return Tree(value, lines)


def _value(
    node: Node, path: str, lines: dict[str, int], problems: list[YamlProblem], numbers_under: str, depth: int
) -> Any:
    lines[path] = line_of(node)
    if depth > DEPTH_MAX or len(lines) > NODES_MAX:
        problems.append(YamlProblem(line_of(node), "is nested too deeply or too long", path))
        return None
    if node.anchor is not None:
        problems.append(YamlProblem(line_of(node), f"uses the anchor &{str(node.anchor)[:40]}; write it out", path))
        return None
    if isinstance(node, MappingNode):
        result = {}
        for key, child, line in entries(node, problems):
            below = f"{path}.{key}" if path else key
            result[key] = _value(child, below, lines, problems, numbers_under, depth + 1)
            lines[below] = line
        return result
    if isinstance(node, SequenceNode):
        return [
            _value(child, f"{path}[{index}]", lines, problems, numbers_under, depth + 1)
            for index, child in enumerate(node.value)
        ]
    assert isinstance(node, ScalarNode), "a node is a mapping, a list or a scalar"
    return _scalar(node, number=bool(numbers_under) and path.startswith(numbers_under))


def _scalar(node: ScalarNode, *, number: bool) -> str | int | bool | None:
    text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
    if node.style is not None:  # in quotes: text, whatever it looks like
        return text
    if kind == "null" and text in {"", "~", "null", "Null", "NULL"}:
        return None
    if kind == "bool" and text in _FLAGS:
        return _FLAGS[text]
    if number and kind == "int" and _WHOLE.fullmatch(text):
        return int(text)
    return text
