"""States of earlier engines, kept as they were written: today's fold reads them and goes on.

Logs are cut behind bases. An engine that could not read the base of the one before it would leave a service with
neither: so the form of a state only grows at its end, and each `ENGINE` from 6 on leaves one of its states here,
`home_state_<engine>.gz`, as of row `CUT` of the golden journal.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rules.book import Book
from rules.home_fold import ENGINE, HomeFold
from tests.support.golden_home import inputs_of
from tests.support.home_story import effect_bytes

GOLDEN = Path(__file__).parent / "golden"
CUT = 25
FIRST_KEPT = 6


@pytest.mark.parametrize("engine", range(FIRST_KEPT, ENGINE))
def test_a_state_of_an_earlier_engine_is_read(engine: int) -> None:
    """From its state the fold goes on to say what it says over the whole log, and nobody in it is forgotten."""
    inputs = inputs_of(GOLDEN / "home_inputs.jsonl")
    ours, theirs = HomeFold(Book(()), "solbakken"), HomeFold(Book(()), "other")
    for given in inputs[:CUT]:
        ours.apply(given)
    theirs.restore(gzip.decompress((GOLDEN / f"home_state_{engine}.gz").read_bytes()))
    assert [*theirs.state.homes] == [*ours.state.homes]
    said = [effect for given in inputs[CUT:] for effect in theirs.apply(given)]
    assert effect_bytes(said) == effect_bytes([effect for given in inputs[CUT:] for effect in ours.apply(given)])
    assert theirs.skipped == 0
