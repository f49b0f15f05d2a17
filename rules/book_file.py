"""Rule books as YAML files: strict, every error with file, line and the right word. Edge: reads files.

A site's own file may switch shipped rules off (`off: [R16]`), set their parameters (`set:`), do so per ward
(`wards:`), and hold rules of its own (`rules:`). What is unknown, impossible or of the wrong unit refuses the whole
file; the service keeps its old book.
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rules.book import Book, Layer, Match, Need, Rule, Variant, with_versions
from rules.book_check import Place, check_book, problems, set_problems
from rules.parameters import Written

FILE_BYTES_MAX = 1_000_000
FAMILIES = ("alarms", "daily_life", "wandering", "medication", "surroundings", "devices", "measurements", "routine")
"""The files of the shipped book in `rules/book`; rules and their effects keep this order."""
_GROUPS = {"alarms": "", "daily_life": "activity", "wandering": "doors", "routine": "activity"}
"""Class of a family's rules where they name none themselves; of the other families their own name."""


class BookError(Exception):
    """A rule book that cannot be used: file, line, what is wrong and the nearest right word."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file, self.line = file, line


@functools.cache
def shipped_book() -> Book:
    """The book in the package: its families, in their order."""
    folder = importlib.resources.files("rules").joinpath("book")
    rules: list[Rule] = []
    for family in FAMILIES:
        file = f"{family}.yaml"
        document = _parse(folder.joinpath(file).read_text("utf-8"), f"book/{file}")
        _only(document, ("rules",), f"book/{file}", "book")
        rules += _rules(document, f"book/{file}", _GROUPS.get(family, family))
    return check_book(with_versions(Book(tuple(rules))))


def book_for_site(path: Path | None) -> Book:
    """The shipped book with a site's file over it; None = the shipped one as it is. BookError says what is wrong."""
    shipped = shipped_book()
    if path is None:
        return shipped
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BookError(str(path), 1, f"larger than {FILE_BYTES_MAX} bytes")
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BookError(str(path), 1, f"is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise BookError(str(path), 1, f"cannot be read: {error.strerror}") from error
    return check_book(with_versions(_over(shipped, _parse(text, str(path)), str(path))))


def read_yaml(text: str, file: str) -> object:
    """The document with its lines; BookError with file and line for what is no YAML."""
    yaml = YAML(typ="rt")
    yaml.allow_duplicate_keys = False
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise BookError(file, line, str(error.problem)) from error
    except YAMLError as error:
        raise BookError(file, 1, str(error).splitlines()[0]) from error


def _parse(text: str, file: str) -> CommentedMap:
    document = read_yaml(text, file)
    if not isinstance(document, CommentedMap):
        raise BookError(file, 1, "must be a mapping with set, wards or off")
    return document


def _mapping(value: object, file: str, line: int, where: str) -> CommentedMap:
    if not isinstance(value, CommentedMap):
        raise BookError(file, line, f"{where}: must be a mapping of rule to parameters, such as R05: {{for: 30 min}}")
    return value


def _line(mapping: object, key: object = None) -> int:
    if isinstance(mapping, CommentedMap):
        try:
            return int(mapping.lc.key(key)[0]) + 1 if key is not None else int(mapping.lc.line) + 1
        except (KeyError, TypeError, AttributeError):
            return int(mapping.lc.line) + 1
    return 1


def _only(mapping: CommentedMap, allowed: Iterable[str], file: str, where: str) -> None:
    for key in mapping:
        if key not in (known := list(allowed)):
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; allowed: {', '.join(known)}"
            raise BookError(file, _line(mapping, key), f"{where}: unknown key {key!r}{hint}")


_RULE_KEYS = [field for field in Rule.__struct_fields__ if field not in ("id", "version")]


_CONDITIONS = ("at_once", "enter", "leave", "extend", "then")
_INSIDE: dict[str, type[msgspec.Struct]] = dict.fromkeys(_CONDITIONS, Match) | {"variants": Variant, "needs": Need}
_PLACE = re.compile(r"\w+")


def _only_inside(body: CommentedMap, file: str, rule_id: str) -> None:
    """The keys of conditions, variants and needs."""
    for key, kind in _INSIDE.items():
        items = body.get(key)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            where = f"{rule_id}: {key}.{index}"
            if isinstance(item, CommentedMap):
                _only(item, kind.__struct_fields__, file, where)
                if isinstance(item.get("when"), CommentedMap):
                    _only(item["when"], Match.__struct_fields__, file, f"{where}.when")


def _rules(document: CommentedMap, file: str, group: str = "") -> tuple[Rule, ...]:
    rules = []
    for rule_id, body in _mapping(document["rules"], file, _line(document, "rules"), "rules").items():
        line = _line(document["rules"], rule_id)
        if not isinstance(body, CommentedMap):
            raise BookError(file, line, f"{rule_id}: must be a mapping")
        _only(body, _RULE_KEYS, file, rule_id)
        _only_inside(body, file, rule_id)
        try:
            given = {str(key): _plain(body[key]) for key in body}
            rule = msgspec.convert({"id": rule_id, "group": group, **given}, Rule)
        except msgspec.ValidationError as error:
            path = _PLACE.findall(str(error).partition("`$.")[2])
            place = tuple(int(part) if part.isdigit() else part for part in path)
            raise BookError(file, _line_of(body, place) or line, f"{rule_id}: {error}") from error
        for place, message in problems(rule):
            raise BookError(file, _line_of(body, place) or line, f"{rule_id}: {_told(place)}{message}")
        rules.append(rule)
    return tuple(rules)


def _line_of(body: CommentedMap, place: Place) -> int | None:
    """The line of the deepest part of a place that the file has."""
    found, node = None, body
    for part in place:
        try:
            if isinstance(node, CommentedMap):
                found = _line(node, part)
            elif isinstance(part, int):
                found = int(node.lc.item(part)[0]) + 1
            node = node[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return found


def _told(place: Place) -> str:
    return f"{'.'.join(str(part) for part in place)}: " if place else ""


def _check_set(rule: Rule, settings: CommentedMap, file: str) -> None:
    for name, message in set_problems(rule, dict(settings)):
        raise BookError(file, _line(settings, name), f"{rule.id}: set.{name}: {message}")


def _over(shipped: Book, document: CommentedMap, file: str) -> Book:
    _only(document, ("rules", "set", "wards", "off", "shadow"), file, "book")
    own = _rules(document, file) if "rules" in document else ()
    for rule in own:
        _check_own(rule, shipped, document, file)
    known = {rule.id: rule for rule in (*shipped.rules, *own)}
    layers = []
    if "set" in document:
        line = _line(document, "set")
        layers.append(Layer("site", None, _settings(document["set"], known, file, line, "set")))
    if "wards" in document:
        wards = document["wards"]
        if not isinstance(wards, CommentedMap):
            raise BookError(file, _line(document, "wards"), "wards: must be a mapping of ward to rules")
        for ward, settings in wards.items():
            line = _line(wards, ward)
            layers.append(Layer(f"ward {ward}", str(ward), _settings(settings, known, file, line, f"ward {ward}")))
    if not isinstance(listed := document.get("off", []), list):
        raise BookError(file, _line(document, "off"), "off: must be a list of rules, such as [R16, R37]")
    off = tuple(str(item) for item in listed)
    for rule_id in off:
        if rule_id not in known:
            raise BookError(file, _line(document, "off"), f"off: unknown rule {rule_id!r}{near_rule(rule_id, known)}")
    shadow: dict[str, dict[str, Written]] = {}
    if "shadow" in document:
        shadow = _settings(document["shadow"], known, file, _line(document, "shadow"), "shadow")
    changed = {"rules": (*shipped.rules, *own), "layers": tuple(layers), "off": off, "shadow": shadow}
    return msgspec.structs.replace(shipped, **changed)


def _check_own(rule: Rule, shipped: Book, document: CommentedMap, file: str) -> None:
    """A site's own rule: another name than a shipped one's, and no person alarm, which the floor would not know."""
    body, line = document["rules"][rule.id], _line(document["rules"], rule.id)
    if any(rule.id == other.id for other in shipped.rules):
        raise BookError(
            file, line, f"{rule.id} is a shipped rule; set its parameters under set:, or choose another name"
        )
    if rule.alarm or any(variant.alarm for variant in rule.variants):
        place = _line_of(body, ("alarm",)) or line
        raise BookError(
            file, place, f"{rule.id}: alarm: only shipped rules are persons' alarms; priority: P1 rings as they do"
        )


def _settings(given: object, known: dict[str, Rule], file: str, line: int, where: str) -> dict[str, dict[str, Written]]:
    settings = _mapping(given, file, line, where)
    checked = {}
    for rule_id in settings:
        if rule_id not in known:
            raise BookError(file, _line(settings, rule_id), f"unknown rule {rule_id!r}{near_rule(rule_id, known)}")
        values = _mapping(settings[rule_id], file, _line(settings, rule_id), str(rule_id))
        _check_set(known[rule_id], values, file)
        checked[str(rule_id)] = {str(name): _plain(values[name]) for name in values}
    return msgspec.convert(checked, dict[str, dict[str, Written]])


def near_rule(word: str, known: Iterable[str]) -> str:
    """ "; did you mean R05?" of R5, or nothing."""
    digits = str(word).lstrip("Rr")
    padded = f"R{int(digits):02d}" if digits.isascii() and digits.isdigit() else ""
    if padded in known:
        return f"; did you mean {padded}?"
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def _plain(node: object) -> object:
    """Ruamel's containers as plain dicts, lists and scalars."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return str(node) if isinstance(node, str) else node
