"""`*.test.yaml` files: strict, every error with file, line and the nearest right word. Edge: reads files."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml.comments import CommentedMap

from rules.book import Book
from rules.book_file import FAMILIES, BookError, read_yaml, shipped_book
from rules.local_time import zone
from rules.rule_test import DAY_1, SHOWS, Case, Clock, Site, WrongWord
from rules.rule_test_home import book_of
from rules.rule_test_timeline import TimelineReader
from rules.rule_test_words import ExpectReader, near

ENDING = ".test.yaml"
FILE_BYTES_MAX = 1_000_000
CASE_KEYS = ("shows", "day", "site", "timeline", "expect", "quiet")


def shipped_tests(book: Book | None = None) -> list[Case]:
    """The tests in the package, in the order of the families."""
    folder = importlib.resources.files("rules").joinpath("book")
    cases: list[Case] = []
    for family in FAMILIES:
        file = folder.joinpath(family + ENDING)
        if file.is_file():
            cases += read_tests(file.read_text("utf-8"), f"rules/book/{family}{ENDING}", book or shipped_book())
    return cases


def tests_beside(book_file: Path) -> list[Path]:
    """The test files in the folder of a site's own book."""
    return sorted(book_file.resolve().parent.glob(f"*{ENDING}"))


def load_tests(path: Path, book: Book) -> list[Case]:
    """The cases of a file. BookError says what is wrong with it."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BookError(str(path), 1, f"larger than {FILE_BYTES_MAX} bytes")
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BookError(str(path), 1, f"is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise BookError(str(path), 1, f"cannot be read: {error.strerror}") from error
    return read_tests(text, str(path), book)


def read_tests(text: str, file: str, book: Book) -> list[Case]:
    """The cases of a text. `book`: the one they will run under; its rules and parameters are known words."""
    return _File(text, file, book).read(read_yaml(text, file))


class _File:
    def __init__(self, text: str, file: str, book: Book) -> None:
        self._file, self._book = file, book
        self._lines = text.splitlines()
        self._known = {rule.id: rule for rule in book.rules}

    def read(self, document: object) -> list[Case]:
        if document is None:
            return []
        top = self._mapping(document, 1, "must be a mapping of rule to cases")
        shared = self._plain_map(top, "site") if "site" in top else {}
        cases: list[Case] = []
        for rule in top:
            if rule == "site":
                continue
            if rule not in self._known:
                raise self._wrong(top, rule, f"unknown rule {rule!r}{near(str(rule), [*self._known, 'site'])}")
            stories = self._mapping(top[rule], self._line(top, rule), f"{rule}: must be a mapping of title to case")
            for title in stories:
                body = self._mapping(stories[title], self._line(stories, title), f"{title}: must be a mapping")
                cases.append(self._case(str(rule), str(title), body, self._line(stories, title), shared))
        return cases

    def _case(self, rule: str, title: str, body: CommentedMap, line: int, shared: dict[str, Any]) -> Case:
        for key in body:
            if key not in CASE_KEYS:
                raise self._wrong(body, key, f"{title}: unknown key {key!r}{near(str(key), CASE_KEYS)}")
        if "timeline" not in body:
            raise BookError(self._file, line, f"{title}: has no timeline")
        given = {**shared, **(self._plain_map(body, "site") if "site" in body else {})}
        site_line = self._line(body, "site") if "site" in body else line
        site = self._site(given, site_line)
        clock = Clock(self._day(body), site.timezone)
        steps = self._within(body, "timeline", lambda text: TimelineReader(self._book, site, clock).read(text))
        if not steps:
            raise self._wrong(body, "timeline", f"{title}: the timeline is empty")
        start_ms, last_ms = min(step.at_ms for step in steps), max(step.heard_ms for step in steps)
        reader = ExpectReader(clock, start_ms, last_ms, self._known)
        alerts, notes = self._within(body, "expect", reader.read) if "expect" in body else ([], [])
        quiet = self._words(body, "quiet", [*self._known, "all"])
        shows = self._words(body, "shows", SHOWS) or ("other",)
        case = Case(self._file, line, rule, title, shows, site, clock, tuple(steps), tuple(alerts), tuple(notes), quiet)
        if (untrue := untrue_purpose(case)) is not None:
            raise self._wrong(body, "shows", f"{title}: {untrue}")
        return case

    def _site(self, given: dict[str, Any], line: int) -> Site:
        for key in given:
            if key not in Site.__struct_fields__:
                raise BookError(self._file, line, f"site: unknown key {key!r}{near(key, Site.__struct_fields__)}")
        if given.get("measures") in ("none", "all"):
            given = {**given, "measures": () if given["measures"] == "none" else None}
        try:
            site = msgspec.convert(given, Site)
            zone(site.timezone)
            book_of(site, self._book)
        except (msgspec.ValidationError, ValueError) as error:
            raise BookError(self._file, line, f"site: {error}") from error
        return site

    def _day(self, body: CommentedMap) -> date:
        if "day" not in body:
            return DAY_1
        if not isinstance(body["day"], date):
            raise self._wrong(body, "day", f"day: {body['day']!r} is no date such as 2026-03-28")
        return body["day"]

    def _words(self, body: CommentedMap, key: str, known: Iterable[str]) -> tuple[str, ...]:
        if key not in body:
            return ()
        said = body[key] if isinstance(body[key], list) else [body[key]]
        listed = list(known)
        for word in said:
            if word not in listed:
                raise self._wrong(body, key, f"{key}: unknown {word!r}{near(str(word), listed)}")
        return tuple(str(word) for word in said)

    def _within(self, body: CommentedMap, key: str, reader: Any) -> Any:
        """Read the text under a key; its errors get the line of the file."""
        if not isinstance(body[key], str):
            raise self._wrong(body, key, f"{key}: must be text; begin it with | and a line each")
        line = self._line(body, key)
        if self._lines[line - 1].rstrip().endswith(("|", "|-", ">", "|+")):
            line += 1
        try:
            return reader(str(body[key]))
        except WrongWord as error:
            raise BookError(self._file, line + error.line, f"{key}: {error}") from error

    def _plain_map(self, body: CommentedMap, key: str) -> dict[str, Any]:
        found: dict[str, Any] = _plain(self._mapping(body[key], self._line(body, key), f"{key}: must be a mapping"))
        return found

    def _mapping(self, value: object, line: int, message: str) -> CommentedMap:
        if not isinstance(value, CommentedMap):
            raise BookError(self._file, line, message)
        return value

    def _line(self, mapping: CommentedMap, key: object) -> int:
        try:
            return int(mapping.lc.key(key)[0]) + 1
        except (KeyError, TypeError, AttributeError):
            return 1

    def _wrong(self, mapping: CommentedMap, key: object, message: str) -> BookError:
        return BookError(self._file, self._line(mapping, key), message)


def untrue_purpose(case: Case) -> str | None:
    """Why a case does not show what it says it shows; None when it does."""
    own = [alert for alert in case.alerts if alert.rule == case.rule]
    held = any(note.kind == "held" and note.rule == case.rule and not note.absent for note in case.notes)
    added = any(note.kind == "added" and note.rule == case.rule and not note.absent for note in case.notes)
    late = any(step.heard_ms > step.at_ms or "retained" in step.notes for step in case.steps)
    ends = any(alert.never_clears or any(not fate.what.startswith("P") for fate in alert.fates) for alert in own)
    truths = {
        "fires": (bool(own) or added, "it expects no alert"),
        "just below": (not own and not added, "it expects an alert"),
        "clears": (ends or added, "no alert of it is said to be cleared, retracted or never clears"),
        "held": (held, f"no line of expect says `{case.rule} held …`"),
        "not held": ((bool(own) or added) and not held, "it expects no alert, or says held"),
        "late": (late, "nothing in it is heard late or retained"),
    }
    for word in case.shows:
        holds, why = truths.get(word, (True, ""))
        if not holds:
            return f"does not show {word!r}: {why}"
    return None


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, bool) or node is None or isinstance(node, date):
        return node
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return str(node) if isinstance(node, str) else node


shipped_cases = functools.cache(shipped_tests)
