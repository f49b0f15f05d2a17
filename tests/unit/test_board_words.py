"""Codes and arguments become sentences in the reader's language."""

import pytest

from api.board.place import local_clock
from api.board.words import Words, flatten

NOW_MS = 1_772_328_600_000  # 2026-03-01 02:30 in Oslo
MINUTE = 60_000


def words(lang: str = "nb") -> Words:
    return Words(lang, NOW_MS, local_clock("Europe/Oslo"))


def test_a_reason_says_its_numbers_in_both_languages():
    """Instants become the site's clock, lengths become minutes, codes become words."""
    args = {"since_ms": NOW_MS - 36 * MINUTE, "lasted_ms": 36 * MINUTE, "for_ms": 20 * MINUTE}

    assert words("nb")("reason.dwell.too_long.R05", **args) == (
        "Ute av sengen siden 01:54 (36 min da alarmen kom). Grensen er 20 min."
    )
    assert words("en")("reason.dwell.too_long.R05", **args) == (
        "Out of bed since 01:54 (36 min when the alert came). The limit is 20 min."
    )


def test_one_and_many_have_their_own_words():
    """A count of one takes the singular where there is one."""
    assert [words()("strip.gateways", n=n) for n in (1, 2)] == ["1 gateway borte", "2 gatewayer borte"]


def test_an_unknown_code_is_shown_and_never_breaks_the_page():
    """What nobody has words for stands there as it is, with its facts."""
    shown = words()("reason.something_new", since_ms=NOW_MS - MINUTE, for_ms=90_000, room=None)

    assert shown == "something new (since 02:29:00, for 1 min 30 s, room –)"


@pytest.mark.parametrize(
    ("value", "spec", "shown"),
    [
        (None, "clock", "?"),
        (NOW_MS - 5 * MINUTE, "ago", "5 min"),
        ("2026-03-01T01:30:00Z", "seconds", "02:30:00"),
        ("i går", "clock", "i går"),
        (36.54, "number", "36,5"),
        (["natt-1", "fallback"], "target", "natt-1, vakttelefonen utenfor"),
        ("pendant", "trigger", "smykket"),
        ("2026-06-01", "date", "1. juni 2026"),
        (["a", 1.5], "", "a, 1,5"),
    ],
)
def test_each_format_takes_what_comes(value, spec, shown):
    """A field shows its value in its format, and says ? for what is not there."""
    assert words().put(value, spec) == shown


def test_fields_reach_no_attributes():
    """A text cannot walk from an argument into the program."""
    broken = words()
    broken._texts = {"x": "{thing.__class__} {thing[0]}"}

    assert broken("x", thing="Kari") == "? ?"


def test_a_catalogue_holds_texts_only():
    """A number in a words file is a mistake that is named."""
    with pytest.raises(ValueError, match=r"act\.claim"):
        flatten({"act": {"claim": 7}})
