"""A journal that was kept: the folds still read it and still say the same, under any hash seed and any Python."""

from __future__ import annotations

import os
import shutil
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
OTHERS = [found for minor in range(11, 20) if (found := shutil.which(f"python3.{minor}"))]
NEEDED = "import msgspec, ruamel.yaml, tzdata"


def hashed(python: str, seed: str) -> str:
    """What a Python of its own says."""
    command = [python, "-m", "tests.support.golden_home", str(GOLDEN)]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def can_run(python: str) -> bool:
    """Whether that Python is more than a shim, and has what the folds import."""
    return subprocess.run([python, "-c", NEEDED], capture_output=True, check=False).returncode == 0


def test_the_kept_journal_says_what_it_said() -> None:
    """A change of rules that changes this hash changes what people are told: it is written down with the new hash.

    `python -m tests.support.golden_home tests/scenario/golden/home_inputs.jsonl` tells it.
    """
    assert digest(GOLDEN) == TOLD.read_text().strip()


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_same_under_any_hash_seed(seed: str) -> None:
    """Effects and states do not depend on how Python hashes words."""
    assert hashed(sys.executable, seed) == TOLD.read_text().strip()


def test_the_same_under_every_python_that_can_run_it() -> None:
    """Each Python from 3.11 on this machine that has our dependencies says the same; ours at least is one."""
    able = [sys.executable, *(python for python in OTHERS if can_run(python))]
    assert {python: hashed(python, "7") for python in able} == dict.fromkeys(able, TOLD.read_text().strip())


def test_what_is_written_today_is_read_the_same_way() -> None:
    """The maker still gives rows of this shape, so the kept file is not the last of its kind."""
    today = [msgspec.json.decode(msgspec.json.encode(each), type=Input) for each in make()]
    kept = [msgspec.json.decode(line, type=Input) for line in GOLDEN.read_bytes().splitlines()]
    assert [each.kind for each in today] == [each.kind for each in kept]
