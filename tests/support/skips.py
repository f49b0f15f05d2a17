"""A pytest plugin: the run's last lines say what was skipped, why, and how to get what was missing.

A skip is a hole in the proof, so it must be seen. VARDEVAKT_NO_SKIP=1 (.ci/run) turns any skip into a failure of the
run. Where two calls of pytest run side by side (.ci/test.py), VARDEVAKT_SKIPS_FILE names a file that both add their
lines to, and whoever started them shows it in the end.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

UNAVOIDABLE = ("no second Python", "no container engine")
"""The skips that a run without skips bears, and shows: a bare Debian has one Python, and no image to build upon."""


def read_reason(report: pytest.CollectReport | pytest.TestReport) -> str:
    """The sentence given to pytest.skip, without pytest's own prefix."""
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")


def summarise(skips: list[tuple[str, str]]) -> list[str]:
    """One line a (file, reason), with the number of tests: in the order of the run."""
    counted = Counter(skips)
    return [f"skipped: {file} ({count}): {reason}" for (file, reason), count in counted.items()]


class SkipSummary:
    """Collects skips from the reports (with xdist: in the controller, where all reports arrive)."""

    def __init__(self) -> None:
        """Start with nothing skipped."""
        self.skips: list[tuple[str, str]] = []
        path = os.environ.get("VARDEVAKT_SKIPS_FILE")
        self.file = Path(path) if path else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test, but not an expected failure, which pytest reports as a kind of skip."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skips.append((report.nodeid.split("::")[0], read_reason(report)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that skipped itself as a whole."""
        if report.skipped:
            self.skips.append((report.nodeid, read_reason(report)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run over a skip where none is allowed, and leave the lines to whoever asked for them."""
        if (
            [one for one in self.skips if not one[1].startswith(UNAVOIDABLE)]
            and os.environ.get("VARDEVAKT_NO_SKIP") == "1"
            and session.exitstatus in (0, 5)
        ):
            session.exitstatus = 1
        if self.file:
            with self.file.open("a") as shared:  # one write to the file's end: the other call adds its own
                shared.write("".join(f"{line}\n" for line in summarise(self.skips)))

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the list after everything but pytest's own closing line."""
        lines = summarise(self.skips)
        if not lines:
            return
        terminalreporter.section("not tested here", sep="-")
        for line in lines:
            terminalreporter.write_line(line, yellow=True)
        avoidable = [line for line in lines if not any(one in line for one in UNAVOIDABLE)]
        if os.environ.get("VARDEVAKT_NO_SKIP") == "1" and avoidable:
            terminalreporter.write_line("VARDEVAKT_NO_SKIP=1 allows no skip: the run has failed", red=True)
