"""Child processes of a benchmark that wait for the word and report one line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Self

from tests.support.servers import ROOT, python_environment


class Child:
    """`python -m MODULE ARGUMENTS`, ready to go."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT, env=python_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None, "a pipe was asked for"
        assert self._process.stdin is not None, "a pipe was asked for"
        self._out, self._in = self._process.stdout, self._process.stdin
        assert self._out.readline() == "ready\n", f"{module} did not come up"

    def go(self) -> None:
        """Begin."""
        self._in.write("\n")
        self._in.flush()

    def result(self) -> dict[str, Any]:
        """What it reports; waits for it."""
        found: dict[str, Any] = json.loads(self._out.readline())
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()


def firehose(port: int, count: int, homes: int, *options: object) -> Child:
    """See tests/bench/firehose.py."""
    return Child("tests.bench.firehose", port, count, homes, *options)
