"""A journal that was kept: the folds still read it and still say the same, under any hash seed and two Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ingest.record import Input
from rules.book import Book
from rules.effects import Effect, Observe, Raise
from rules.floor import Floor
from rules.home_fold import HomeFold
from tests.support.golden_home import digest, make
from tests.support.tree import ROOT

GOLDEN = Path(__file__).parent / "golden" / "home_inputs.jsonl"
TOLD = GOLDEN.with_suffix(".sha256")
ALARMS_OF_BOOK_1 = 6
SECOND = ROOT / ".servers" / "python" / "bin" / "python"  # made by .ci/second-python


def hashed(python: str, seed: str) -> str:
    """What a Python of its own says."""
    command = [python, "-m", "tests.support.golden_home", str(GOLDEN)]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def minor(python: str) -> int:
    """Which Python that is: 11 for 3.11."""
    command = [python, "-c", "import sys; print(sys.version_info.minor)"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_the_kept_journal_says_what_it_said() -> None:
    """A change of rules that changes this hash changes what people are told: it is written down with the new hash.

    `python -m tests.support.golden_home tests/scenario/golden/home_inputs.jsonl` tells it.
    """
    assert digest(GOLDEN) == TOLD.read_text().strip()


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_the_same_under_any_hash_seed(seed: str) -> None:
    """Effects and states do not depend on how Python hashes words."""
    assert hashed(sys.executable, seed) == TOLD.read_text().strip()


def test_the_same_under_a_second_python() -> None:
    """Another minor version of Python, with a dict, a sort and a datetime of its own, says the same."""
    if not SECOND.exists():
        pytest.skip("no second Python from 3.11 on: get one (`uv python install 3.13`), then run `make servers`")
    assert minor(str(SECOND)) != sys.version_info.minor
    assert hashed(str(SECOND), "7") == TOLD.read_text().strip()


def test_what_is_written_today_is_read_the_same_way() -> None:
    """The maker still gives rows of this shape, so the kept file is not the last of its kind."""
    today = [msgspec.json.decode(msgspec.json.encode(each), type=Input) for each in make()]
    kept = [msgspec.json.decode(line, type=Input) for line in GOLDEN.read_bytes().splitlines()]
    assert [each.kind for each in today] == [each.kind for each in kept]


def test_a_journal_of_the_first_book_is_still_read() -> None:
    """What was kept by an earlier version: every row is read, alarms are what they were, and rules that can be run run.

    Its book has a rule (R22) whose parameters this version does not know: that one is set aside, and told.
    """
    floor, fold = Floor("solbakken"), HomeFold(Book(()), "solbakken")
    told: list[Effect] = []
    for line in (GOLDEN.parent / "home_inputs_book_1.jsonl").read_bytes().splitlines():
        given = msgspec.json.decode(line, type=Input)
        told += [*floor.apply(given), *fold.apply(given)]
    assert fold.skipped == 0
    assert [one.rule for one in told if isinstance(one, Observe) and one.reason.code == "rule.not_run"] == ["R22"]
    alarms = {one.alert_id for one in told if isinstance(one, Raise) and one.alarm}
    assert len(alarms) == ALARMS_OF_BOOK_1
    assert "R05" in {one.rule for one in told if isinstance(one, Raise)}
