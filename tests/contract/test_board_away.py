"""Where somebody is taken to be out, page and card say so, since when and by what; nobody needs to ask the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rules.effects import Observe, Reason
from tests.support.board import board_stack
from tests.support.desk import HOUR, cause, cleared, out_of_bed
from tests.support.http import HttpStack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[HttpStack]:
    with board_stack(tmp_path) as made:
        yield made


def word(kind: str, code: str, at_ms: int, home: str = "h1", **args: object) -> Observe:
    """What the rules tell of where somebody is."""
    return Observe(f"{kind}-{at_ms}-{home}", at_ms, home, "r1", kind, Reason(code, args))


def test_the_persons_page_says_that_they_are_probably_out_until_they_are_back(stack: HttpStack) -> None:
    """Half past one they left; the guess stands on the page, and is gone when somebody is seen at home."""
    client = stack.person()
    assert 'id="away"' not in client.get("/residents/r1").text
    stack.apply(word("away", "away.by_door", stack.now_ms, since_ms=stack.now_ms - HOUR))
    out = client.get("/residents/r1").text
    stack.apply(word("home", "away.over", stack.now_ms + 1))

    assert "Sannsynligvis ute siden 01:30 (ytterdøren, ingen bevegelse siden)." in out
    assert 'id="away"' not in client.get("/residents/r1").text


def test_what_was_guessed_in_another_home_is_void(stack: HttpStack) -> None:
    """Who has moved is not out because nobody came back to where they lived."""
    stack.apply(word("away", "away.by_door", stack.now_ms, "h2", since_ms=stack.now_ms - HOUR))

    assert 'id="away"' not in stack.person().get("/residents/r1").text


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"origin": "guessed", "by": "door"}, "Sannsynligvis ute siden 01:30 (ytterdøren, ingen bevegelse siden)."),
        ({"origin": "guessed", "by": "entrance"}, "Sannsynligvis ute siden 01:30 (sist sett ved inngangen)."),
        ({"origin": "said"}, "Borte siden 01:30."),
    ],
)
def test_the_card_of_who_has_not_come_home_says_how_we_know(
    stack: HttpStack, content: dict[str, object], line: str
) -> None:
    """R12 counts from the door; the card says which word it trusts, while it holds."""
    left = cause("c1", stack.now_ms, "home.left", content=content | {"since_ms": stack.now_ms - HOUR})
    alert = msgspec.structs.replace(out_of_bed("e1", stack.now_ms), rule="R12", causes=(left,), self_resolves=False)
    stack.apply(alert)
    client = stack.person()
    before = client.get("/").text
    (incident,) = re.findall(r'id="inc-([^"]+)"', before)
    stack.apply(cleared(alert, stack.now_ms + 1))

    after = client.get("/").text
    assert line in before
    assert (f"inc-{incident}" in after, line in after) == (True, False)
