"""The person's page warns against a second dose while nobody can say what became of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.reads.doses import WARNS_MS, unsure_doses
from rules.effects import Observe, Reason, effect_id
from tests.support.board import FakeDemo, board_stack
from tests.support.http import HttpStack

HOUR = 3_600_000


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[HttpStack]:
    with board_stack(tmp_path, demo=FakeDemo()) as made:
        yield made


def word(stack: HttpStack, kind: str, dose: str, code: str = "dose.unknown", *, ago_ms: int = 0) -> None:
    """The rules say something of one dose of Kari's."""
    at_ms = stack.now_ms - ago_ms
    args: dict[str, object] = {
        "dose": dose,
        "scheduled_ms": at_ms,
        "limit_ms": at_ms,
        "at_ms": at_ms,
        "since_ms": at_ms,
    }
    name = effect_id(f"h1/r1/R23/{dose}", kind, f"{code}/{at_ms}")
    stack.apply(Observe(name, at_ms, "h1", "r1", kind, Reason(code, args), "R23"))


def test_the_page_warns_until_somebody_knows(stack: HttpStack) -> None:
    """No alert is needed for the warning, and the dispenser's word ends it."""
    client = stack.person()
    assert "Ikke gi en ny dose" not in client.get("/residents/r1").text
    word(stack, "dose_unsure", "d1", ago_ms=HOUR)
    assert "Ikke gi en ny dose før du vet." in client.get("/residents/r1").text
    word(stack, "dose_sure", "d1", "dose.known")
    assert "Ikke gi en ny dose" not in client.get("/residents/r1").text


def test_each_dose_is_told_of_for_itself_and_not_for_ever(stack: HttpStack) -> None:
    """Two are unsure and one gets known: the other is still warned of; one of the day before yesterday is not."""
    word(stack, "dose_unsure", "d0", ago_ms=WARNS_MS)
    word(stack, "dose_unsure", "d1", ago_ms=3 * HOUR)
    word(stack, "dose_unsure", "d2", "dose.said_withheld", ago_ms=2 * HOUR)
    word(stack, "dose_sure", "d1", "dose.known", ago_ms=HOUR)
    found = unsure_doses(stack.database, "r1", stack.now_ms)
    assert [(told["args"]["dose"], told["reason"]) for told in found] == [("d2", "dose.said_withheld")]
