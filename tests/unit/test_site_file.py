"""Site files: what is good is taken as it is written, what is wrong is named with line, field and the right word."""

from pathlib import Path

import pytest

from alerts.site.file import BYTES_MAX, SiteFileError, load, loads
from alerts.site.items import settings_of
from rules.book_file import shipped_book

FILES = Path(__file__).parent / "site_files"
SMALL = "site: {id: s, name: S}\n"


@pytest.fixture(scope="module")
def rule_kinds():
    """Rules of the shipped book, by kind."""
    return {rule.id: rule.kind for rule in shipped_book().rules}


def items(site):
    """Kind -> id -> the item as people write it."""
    return {kind: {item.id: item.value() for item in found} for kind, found in site.items.items()}


@pytest.mark.parametrize("path", sorted(FILES.glob("good-*.yaml")), ids=lambda path: path.stem)
def test_good_files_are_taken(path, rule_kinds):
    """Every example of a good file loads, each item with an id of its own."""
    site = load(path, rule_kinds)
    ids = [(kind, item.id) for kind, item in site.each()]

    assert ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", sorted(FILES.glob("bad-*.yaml")), ids=lambda path: path.stem)
def test_bad_files_name_everything_that_is_wrong(path, rule_kinds):
    """Every example of a bad file gives exactly the lines, fields and sentences that stand at its head."""
    expected = [line[3:] for line in path.read_text().splitlines() if line.startswith("#! ")]

    with pytest.raises(SiteFileError) as refused:
        load(path, rule_kinds)

    assert [f"{p.line} {p.field}: {p.message}" for p in refused.value.problems] == expected
    assert str(refused.value).splitlines()[0].startswith(f"{path}:{refused.value.line}: ")


def test_what_yaml_1_1_would_change_stays_as_written():
    """`no`, `22:00`, `007`, `1e3`, `on` and an unquoted +47 are the text that a person wrote."""
    site = items(load(FILES / "good-yaml-words.yaml"))

    assert site["site"]["no"]["name"] == "007"
    assert site["ward"]["22"]["name"] == "yes"
    assert site["home"] == {"1e3": {"id": "1e3", "ward": "22", "kind": "own_home"}}
    assert site["resident"]["on"]["address"] == "22:00"
    assert site["resident"]["on"]["phone"] == "+4790000001"
    assert site["device"] == {}


def test_markup_in_names_is_text():
    """A name with markup is a name; nothing is cut out of it and nothing refused."""
    site = items(load(FILES / "good-markup-is-text.yaml"))

    assert site["site"]["s"]["name"] == "<script>alert(1)</script>"


def test_items_without_id_are_numbered_per_owner():
    """Measures, keys, contacts and plans get ids from their owner, in the order of the file."""
    site = items(load(FILES / "good-whole.yaml"))

    assert list(site["measure"]) == ["r1-m1", "r1-m2"]
    assert list(site["contact"]) == ["r1-c1", "r1-c2"]
    assert (list(site["key"]), list(site["plan"])) == (["h1-k1"], ["r1-p1"])


def test_an_explicit_id_is_not_given_again():
    """An item that names the id another would get keeps it, and the other takes the next one."""
    site = loads(
        b"site: {id: s, name: S}\nwards: [{id: w, name: W}]\nhomes: [{id: h, ward: w}]\n"
        b"keys:\n  - {home: h, kind: key, tag: a}\n  - {id: h-k1, home: h, kind: key, tag: b}\n",
        "site.yaml",
    )

    assert {key: value["tag"] for key, value in items(site)["key"].items()} == {"h-k2": "a", "h-k1": "b"}


def test_plan_values_keep_their_kind():
    """Durations and windows are text, flags are flags and counts are numbers, as the rule book wants them."""
    site = loads(
        b"site: {id: s, name: S}\nwards: [{id: w, name: W}]\nhomes: [{id: h, ward: w}]\n"
        b"residents: [{id: r, home: h, name: R}]\n"
        b"plans: [{resident: r, rule: R37, set: {intervals: 4, starts_inside: false, for: 4 h}, from: 2026-01-01}]\n",
        "site.yaml",
    )

    assert items(site)["plan"]["r-p1"]["set"] == {"intervals": 4, "starts_inside": False, "for": "4 h"}


def test_a_replay_needs_no_desk():
    """A file alone gives the folds every setting they need, in an order in which each can be understood."""
    kinds = [setting.kind for setting in settings_of(load(FILES / "good-whole.yaml"))]

    assert kinds[0] == "site"
    assert kinds == sorted(
        kinds, key=["site", "ward", "home", "resident", "gateway", "device", "measure", "plan"].index
    )
    assert {"contact", "key", "staff", "function"}.isdisjoint(kinds)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "must begin with"),
        (b"- a\n", 1, "must begin with"),
        (SMALL.encode() + b"wards: [{id: w, name: \xff}]\n", 2, "UTF-8"),
        (SMALL.encode() + b"\nwards: [{id: w, name: \x07}]\n", 3, "control character"),
        (SMALL.encode() + b'wards: [{id: w, name: "a\\nb"}]\n', 2, "line break"),
        (b"site: " + b"[" * 1_000, 1, "nested too deeply"),
        (SMALL.encode() + b"\twards: []\n", 2, "is no YAML"),
        (b" " * (BYTES_MAX + 1), 1, "larger than"),
        (SMALL.encode() + b"? [a]\n: b\n", 2, "a key must be a word"),
        (SMALL.encode() + b'wards: [{id: w, name: "\\ud800"}]\n', 2, "is not valid text"),
        (SMALL.encode() + b"wards: [{id: w, name: [[[[[[[[[x]]]]]]]]]}]\n", 2, "nested too deeply"),
    ],
)  # fmt: skip
def test_hostile_bytes_are_refused_with_their_line(content, line, words):
    """Whatever the bytes, the answer is a SiteFileError with a line, never a crash."""
    with pytest.raises(SiteFileError) as refused:
        loads(content, "site.yaml")

    assert refused.value.line == line
    assert words in str(refused.value)


def test_aliases_do_not_multiply():
    """A few bytes of anchors that stand for a billion items are refused at once."""
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)
    )

    with pytest.raises(SiteFileError, match="unknown key"):
        loads((SMALL + bomb + "wards: *u\n").encode(), "site.yaml")


def test_at_most_fifty_problems_are_told():
    """A hopeless file is told as its first fifty problems, in the order of its lines."""
    rows = "".join(f"  - {{id: w{number}, nane: W}}\n" for number in range(100))

    with pytest.raises(SiteFileError) as refused:
        loads(f"{SMALL}wards:\n{rows}".encode(), "site.yaml")

    assert len(refused.value.problems) == 50
    assert [p.line for p in refused.value.problems] == list(range(3, 53))
    assert refused.value.problems[0].nearest == "name"
