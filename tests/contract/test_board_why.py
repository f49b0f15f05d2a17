"""The page that answers "why", also where no alert came: rule, time, course, parameters, in both languages."""

from collections.abc import Iterator

import msgspec
import pytest

from ingest.record import SETTING, RawRecord, Setting
from rules.book_file import shipped_book
from tests.support.board import board_stack
from tests.support.http import HttpStack

HOME = (
    Setting("home/h1", 1, "home", {"ward": "nord"}),
    Setting("resident/r1", 1, "resident", {"home": "h1"}),
    Setting("book/current", 1, "book", {"id": "current", "book": msgspec.to_builtins(shipped_book())}),
)


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    """A home in the log, nothing decided for who lives there."""
    with board_stack(tmp_path) as made:
        made.record(*(RawRecord(0, SETTING, one.setting_id, msgspec.json.encode(one)) for one in HOME))
        yield made


@pytest.mark.parametrize(("lang", "words"), [("nb", "Uten tiltak"), ("en", "No measure")])
def test_it_says_why_nothing_came(stack, lang, words):
    """R05 may not look at who has no decision, and the page says so in words."""
    page = stack.person().get("/why", params={"subject": "r1", "rule": "R05", "lang": lang})
    assert page.status_code == 200
    assert words in page.text
    assert "R05" in page.text


def test_the_form_asks_for_rule_and_time(stack):
    """Without a rule it only asks; every rule of the book can be chosen, and the time is now."""
    page = stack.person().get("/why", params={"subject": "r1"})
    assert page.status_code == 200
    assert 'type="datetime-local"' in page.text
    assert 'id="conclusion"' not in page.text


def test_the_read_is_written_down(stack):
    """Who asked why, about whom: before it is shown."""
    client = stack.person()
    client.get("/why", params={"subject": "r1", "rule": "R05"})
    rows = client.get("/api/v1/residents/r1/access-log").json()["items"]
    assert [row["what"] for row in rows].count("explanation") == 1


@pytest.mark.parametrize(
    ("params", "status"),
    [({"subject": "r99", "rule": "R05"}, 404), ({"subject": "r1", "rule": "R05", "at": "i går"}, 422)],
)
def test_questions_that_cannot_be_answered(stack, params, status):
    """Somebody nobody knows, and a time that is none."""
    assert stack.person().get("/why", params=params).status_code == status
