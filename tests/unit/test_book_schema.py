"""The schema that editors get says yes and no where the service does."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from rules.book_schema import book_schema

BOOKS = Path(__file__).parent / "books"
FAMILIES = [path for path in (Path(__file__).parents[2] / "rules" / "book").glob("*.yaml") if ".test" not in path.name]
GOOD = sorted([*BOOKS.glob("good-*.yaml"), *FAMILIES])


def errors(path: Path) -> list[str]:
    document = YAML(typ="safe").load(path.read_text("utf-8"))
    return [error.message for error in jsonschema_rs.validator_for(book_schema()).iter_errors(document)]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_books_are_valid(path: Path) -> None:
    """An editor marks nothing in what the service takes: examples and every family of the shipped book."""
    assert errors(path) == []


@pytest.mark.parametrize("name", ["bad-own-type", "bad-own-code", "bad-own-hold", "bad-own-weekday", "bad-unknown-key"])
def test_bad_books_are_marked_while_they_are_written(name: str) -> None:
    """What an editor can know is wrong before the service is asked."""
    assert errors(BOOKS / f"{name}.yaml") != []
