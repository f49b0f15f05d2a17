"""Rule books as files: what a site may write, and what it is told when it writes something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.book_file import FILE_BYTES_MAX, BookError, book_for_site, shipped_book
from rules.kinds import KINDS

BOOKS = Path(__file__).parent / "books"
BAD = sorted(BOOKS.glob("bad-*.yaml"))
CATALOGUE = [*(f"R{number:02d}" for number in (*range(1, 49), *range(51, 61))), "ROU"]  # ROUTINE has no number
BEHAVIOUR = [*(f"R{number:02d}" for number in (*range(5, 22), 31, *range(33, 36), *range(44, 48))), "ROU"]
"""Rules that watch how somebody lives (domain.md §4 "Who is watched")."""


def test_the_shipped_book_holds_what_it_should() -> None:
    """Every rule of this version, each with names in both languages, a source, and a kind that is built."""
    book = shipped_book()
    assert [rule.id for rule in book.rules if rule.id[:3] not in CATALOGUE] == []
    for rule in book.rules:
        assert sorted(rule.name) == ["en", "nb"]
        assert len(rule.source) > 20
        assert rule.kind in KINDS


def test_behaviour_rules_need_a_measure_and_alarms_need_nothing() -> None:
    """Who is watched for how they live has a decision; a person's alarm has no hold or measure to stop it."""
    rules = {rule.id: rule for rule in shipped_book().rules}
    assert [rule.id for rule in rules.values() if bool(rule.measure) != (rule.id[:3] in BEHAVIOUR)] == []
    for name in ("R01", "R03", "R29", "R32", "R53"):
        assert rules[name].alarm
        assert (rules[name].measure, rules[name].holds, rules[name].self_resolves) == ((), (), False)


@pytest.mark.parametrize("path", sorted(BOOKS.glob("good-*.yaml")), ids=lambda path: path.stem)
def test_a_good_book_is_taken(path: Path) -> None:
    """It keeps every shipped rule, then its own, and has a version of its own, the same each time."""
    book = book_for_site(path)
    own = ["DOOR_OFTEN"] if path.stem == "good-own-rule" else []
    assert [rule.id for rule in book.rules] == [*(rule.id for rule in shipped_book().rules), *own]
    assert book.version == book_for_site(path).version


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_book_is_refused_with_line_and_word(path: Path) -> None:
    """It names file and line, what is wrong, and the nearest right word, as the file's first line expects."""
    expected = path.read_text("utf-8").splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(BookError) as told:
        book_for_site(path)
    assert str(told.value).startswith(f"{path}:{expected.rstrip()}")


def test_there_are_bad_books() -> None:
    """The folder is found."""
    assert len(BAD) >= 15


def test_files_that_are_none(tmp_path: Path) -> None:
    """Missing, too large, or no text: one sentence each."""
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_text("#" * (FILE_BYTES_MAX + 1))
    binary.write_bytes(b"set: \xff\xfe")
    for path, said in ((tmp_path / "none.yaml", "cannot be read"), (large, "larger than"), (binary, "not UTF-8")):
        with pytest.raises(BookError, match=said):
            book_for_site(path)
