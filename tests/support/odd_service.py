"""The service's own command in a process that is wrong about one thing, as a wrapper before it.

`python -m tests.support.odd_service --clock-s 300 vardevakt serve …` lives five minutes ahead; `--engine old` says that
its folds are of another version, so that what they keep is not ours to read.
"""

from __future__ import annotations

import argparse
import sys
import time

import rules.home_fold
import rules.lanes
from api.cli.__main__ import main as serve


def odd_command(*options: str) -> tuple[str, ...]:
    """What stands before the command."""
    return (sys.executable, "-m", "tests.support.odd_service", *options)


def main() -> None:
    """Be wrong, then be the command."""
    given = argparse.ArgumentParser()
    given.add_argument("--clock-s", type=int, default=0)
    given.add_argument("--engine", default="")
    given.add_argument("command", nargs=argparse.REMAINDER)
    asked = given.parse_args()
    right_ns = time.time_ns
    if asked.clock_s:
        time.time_ns = lambda: right_ns() + asked.clock_s * 1_000_000_000
        time.time = lambda: time.time_ns() / 1e9
    if asked.engine:
        vars(rules.home_fold)["ENGINE"] = f"{asked.engine}-home"
        vars(rules.lanes)["SOURCE_ENGINE"] = f"{asked.engine}-source"
    sys.argv = asked.command
    serve()


if __name__ == "__main__":
    main()
