"""The catalogue of errors: stable types, both languages, no words missing."""

from __future__ import annotations

import string

import pytest

from api.http.problems import PROBLEMS, URN, Problem, body, language_of, table


@pytest.mark.parametrize("slug", PROBLEMS)
def test_every_problem_speaks_both_languages_and_needs_only_known_words(slug):
    """Each type has a sentence in bokmål and English, and both name the same blanks."""
    kind = PROBLEMS[slug]
    blanks = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (kind.detail_nb, kind.detail_en)
    ]

    assert all((kind.title_nb, kind.title_en, kind.detail_nb, kind.detail_en))
    assert kind.title_nb != kind.title_en
    assert blanks[0] == blanks[1]
    assert blanks[0] <= {"field", "holder", "count", "limit_bytes", "retry_after_seconds"}
    assert 400 <= kind.status < 600


def test_body_has_the_five_members_and_what_was_added():
    """A problem's JSON is RFC 9457 with the field at fault and the extra members."""
    problem = Problem("claimed-by-other", words={"holder": "Ola"}, more={"reason": "already_claimed"})

    assert body(problem, "nb") == {
        "type": URN + "claimed-by-other",
        "title": "En annen har tatt den",
        "status": 409,
        "detail": "Ola tok den. Du trenger ikke gjøre noe, eller be om å få den overlevert.",
        "reason": "already_claimed",
    }


def test_a_blank_that_nobody_filled_is_a_question_mark():
    """An error about an error helps nobody: missing words never raise."""
    assert "?" in body(Problem("bad-field"), "en")["detail"]


def test_braces_in_a_word_are_only_text():
    """What fills a blank is never read as a pattern itself."""
    assert "{limit_bytes}" in body(Problem("bad-field", "{limit_bytes}"), "en")["detail"]


def test_unknown_slug_is_a_bug():
    """A problem that the catalogue does not know stops the developer at once."""
    with pytest.raises(AssertionError, match="nonsense"):
        Problem("nonsense")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "nb"),
        ("", "nb"),
        ("en", "en"),
        ("en-GB,en;q=0.9,nb;q=0.8", "en"),
        ("nn-NO,nb;q=0.9", "nb"),
        ("de,en;q=0.5", "en"),
        ("nb;q=0.3, en;q=0.7", "en"),
        ("en;q=zero, nb", "nb"),
        ("*", "nb"),
        (",;,;q=", "nb"),
        ("en;q=nan", "nb"),
    ],
)
def test_language_follows_the_weights(header, expected):
    """Bokmål or English by Accept-Language; nonsense falls back to the default."""
    assert language_of(header, "nb") == expected


def test_table_has_a_row_for_each_problem():
    """The table for the README names every slug once."""
    rows = table().splitlines()[2:]

    assert len(rows) == len(PROBLEMS)
    assert all(f"`{slug}`" in "\n".join(rows) for slug in PROBLEMS)
