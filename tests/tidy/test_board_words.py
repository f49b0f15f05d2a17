"""The board's words: both languages say everything that the code can ask them to say, and the templates stay plain."""

import ast
import functools
import re
import string
from pathlib import Path

import pytest

from alerts.handling import lifecycle
from alerts.handling.acts import ACTS
from alerts.handling.outcome_codes import ACTIONS, CAUSES
from alerts.handling.outcome_codes import CONTACTS as CONTACT_CODES
from alerts.routing.escalation import ARRIVE, ASK, ASK_AGAIN, DOCUMENT, ESCALATE, HAND_OVER, RING_NEXT, SECOND, WATCH
from api.board.menu import GROUPS
from api.board.page import NOTICES
from api.board.pages_residents import PAUSE_REASONS
from api.board.words import LANGUAGES, catalogue
from ingest import event, vocabulary
from ingest.codec import REJECT_REASONS
from rules.book_check import all_parameters
from rules.kinds import KINDS
from tests.support.tree import ROOT, python_files

TEMPLATES = sorted((ROOT / "api" / "templates").glob("*.html"))
STATIC = ROOT / "api" / "static"
ASSETS_MAX_BYTES = 200_000
USED = re.compile(r"""\bt\('([a-z_]+(?:\.[A-Za-z0-9_.-]+)+)'(?! ?~)""")
BUILT = re.compile(r"""\bt\('([a-z_]+)\.' ?~""")
REASON = re.compile(
    r"(?:dwell|absence|deadline|threshold|count|sequence|zone|signal|hold|watch|way|rule|release)\.[a-z_]+"
)
TIMELINE_CALLS = {"line": 1, "say": 1, "close": 2, "reopen": 2, "report": 2}
QUALITIES = [
    value
    for name, value in vars(event).items()
    if name.isupper() and isinstance(value, str) and name != "LATE_AFTER_MS"
]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@functools.cache
def package(folder: str) -> list[tuple[Path, list[ast.AST]]]:
    """Each module of a package with its calls and constants."""
    return [
        (path, [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call | ast.Constant)])
        for path, text in python_files()
        if path.parts[0] == folder
    ]


def calls(folder: str, *names: str):
    """(file, call) of each call of these functions in a package."""
    for path, nodes in package(folder):
        for node in nodes:
            called = getattr(node, "func", None)
            if isinstance(node, ast.Call) and (getattr(called, "attr", "") or getattr(called, "id", "")) in names:
                yield path, node


def texts(node: ast.AST) -> list[str]:
    """The string constants that an argument can be: itself, or the branches of a conditional."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    return []


def reason_codes() -> dict[str, str]:
    """Every reason code that the rules name, where it stands as a constant."""
    found: dict[str, str] = {}
    for path, call in (*calls("rules", "Reason"), *calls("alerts", "Reason")):
        given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "code")]
        found |= dict.fromkeys((code for one in given for code in texts(one)), str(path))
    for path, nodes in package("rules"):  # codes that reach Reason() through a variable
        constants = (node.value for node in nodes if isinstance(node, ast.Constant))
        found |= dict.fromkeys((one for one in constants if isinstance(one, str) and REASON.fullmatch(one)), str(path))
    return found


def timeline_kinds() -> dict[str, str]:
    """Every kind of timeline line that the desk writes as a constant."""
    found: dict[str, str] = {}
    for path, call in calls("alerts", *TIMELINE_CALLS):
        name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
        place = TIMELINE_CALLS[name]
        if len(call.args) > place:
            found |= dict.fromkeys(texts(call.args[place]), str(path))
    return found


def test_both_languages_have_the_same_keys_and_fields():
    """Each text stands in both languages and takes the same arguments."""
    nb, en = catalogue("nb"), catalogue("en")

    assert sorted(nb.keys() ^ en.keys()) == []
    assert [key for key in nb if fields(nb[key]) != fields(en[key])] == []
    assert [
        key
        for lang in LANGUAGES
        for key, text in catalogue(lang).items()
        if not text.strip() and key != "pulse.heard_after"
    ] == []


def test_no_template_uses_a_missing_key():
    """A key written out in a template exists, and a group that is put together has words."""
    known = catalogue("nb")
    groups = {key.partition(".")[0] for key in known}
    missing = {
        (path.name, key) for path in TEMPLATES for key in USED.findall(path.read_text("utf-8")) if key not in known
    }
    empty = {
        (path.name, group)
        for path in TEMPLATES
        for group in BUILT.findall(path.read_text("utf-8"))
        if group not in groups
    }

    assert sorted(missing | empty) == []


def test_no_python_module_of_the_board_uses_a_missing_key():
    """A key written out in the board's code exists."""
    known = catalogue("nb")
    used = {
        (path.name, text)
        for path, call in calls("api", "words", "t", "first")
        if "board" in path.parts
        for argument in call.args
        for text in texts(argument)
        if "." in text
    }

    assert len(used) > 60, "the check finds the board's calls"
    assert sorted((name, key) for name, key in used if key not in known) == []


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("reason", reason_codes),  # called by the test: every worker imports this file
        ("timeline", timeline_kinds),
        ("event", sorted(vocabulary.TYPES)),
        ("quality", QUALITIES),
        ("act", ACTS),
        ("done", ACTS),
        ("state", lifecycle.HANDLINGS),
        ("handling", lifecycle.HANDLINGS),
        ("contact", [*lifecycle.CONTACTS, *CONTACT_CODES]),
        ("cause", CAUSES),
        ("action", ACTIONS),
        ("parameter", list(all_parameters())),
        ("rule_kind", list(KINDS)),
        ("dead_reason", REJECT_REASONS),
        ("pause_reason", PAUSE_REASONS),
        ("next", [ESCALATE, ASK, RING_NEXT, ARRIVE, HAND_OVER, DOCUMENT, ASK_AGAIN, SECOND, WATCH]),
        ("refused", [*lifecycle.REFUSALS.values(), "already_ended", "not_claimed", "not_yours", "needs_contact"]),
    ],
)
def test_every_code_has_a_word(group, codes):
    """What rules, desk and devices can say is a code, and each code has words."""
    said = codes() if callable(codes) else codes
    assert said, "there is something to say"
    assert sorted(code for code in said if f"{group}.{code}" not in catalogue("nb")) == []


def test_menu_and_notices_have_words():
    """Every entry of the menu and every sentence after a redirect."""
    known = catalogue("nb")

    menu = [word for group, entries in GROUPS for word in (group, *(text for _, text, _ in entries))]
    assert [word for word in menu if word not in known] == []
    assert [key for key in NOTICES if key not in known] == []


def test_templates_hold_no_style_and_no_script():
    """The content security policy allows no inline script, style or handler."""
    inline = re.compile(r"""\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:""")
    files = [*TEMPLATES, *sorted((STATIC / "icons").glob("*.svg"))]
    found = {path.name: inline.findall(path.read_text("utf-8")) for path in files}

    assert {name: what for name, what in found.items() if what} == {}


def test_all_assets_together_stay_light():
    """Everything a page can load, vendor files included, leaves room for the page itself under 200 kB."""
    ours = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".svg"}]
    loaded = [path for path in ours if path.name != "sse.min.js"]  # our own beat.js reads the stream

    assert len(loaded) > 10
    assert sum(path.stat().st_size for path in loaded) < ASSETS_MAX_BYTES * 0.85
