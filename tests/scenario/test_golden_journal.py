"""A journal that was kept: the folds still read it and still say the same, under any hash seed and two Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ingest.record import Input
from tests.support.golden_home import digest, make
from tests.support.tree import ROOT

GOLDEN = Path(__file__).parent / "golden" / "home_inputs.jsonl"
TOLD = GOLDEN.with_suffix(".sha256")
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


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
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
