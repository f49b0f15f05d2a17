"""The test harness itself, seen by running pytest in a child on made-up tests."""

import subprocess
import sys

import pytest

from tests.support.servers import python_environment

SAMPLE = """
import logging
import pytest
import structlog

def test_quiet():
    structlog.get_logger().info("all.well")
    logging.getLogger("x").warning("only a warning")

def test_stdlib_error():
    logging.getLogger("paho").error("connection lost")

def test_structlog_error():
    structlog.get_logger().error("rule.failed", rule="R05")

def test_structlog_error_after_configuration():
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    structlog.get_logger().error("store.corrupt")

@pytest.mark.expected_errors("the broker is stopped on purpose")
def test_expected(error_logs):
    structlog.get_logger().error("link.down")
    assert error_logs == ["link.down ()"]

def test_nothing_left_over():
    structlog.get_logger().info("all.well")
"""
SKIPPING = """
import pytest

def test_needs_a_server():
    pytest.skip("no program mosquitto: run `make servers`")

def test_needs_it_too():
    pytest.skip("no program mosquitto: run `make servers`")

@pytest.mark.xfail(strict=True)
def test_known_fault():
    assert False
"""


@pytest.fixture
def run_pytest(tmp_path, project_root):
    """Run pytest in a child on one file of tests, with our conftest and settings."""

    def run(source: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
        (tmp_path / "test_sample.py").write_text(source)
        config = ["-c", str(project_root / "pyproject.toml"), "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
        config += ["-p", "no:playwright"]  # most of a second of imports in each child
        return subprocess.run(
            [sys.executable, "-m", "pytest", *config, *arguments, "test_sample.py"],
            cwd=tmp_path,
            env=python_environment()
            | {"VARDEVAKT_SKIPS_FILE": "", "VARDEVAKT_NO_SKIP": "", "COLUMNS": "200"}
            | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_error_logs_fail_a_test_unless_they_are_expected(run_pytest):
    """Errors from logging and structlog count, also after a new configuration; warnings and marked tests do not."""
    done = run_pytest(SAMPLE)

    assert (
        "ERROR test_sample.py::test_stdlib_error - Failed: unexpected error log: paho: connection lost" in done.stdout
    )
    assert "unexpected error log: rule.failed (rule='R05')" in done.stdout
    assert "unexpected error log: store.corrupt ()" in done.stdout
    assert "6 passed, 3 errors" in done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_the_last_lines_say_what_was_skipped_and_how_to_get_it(run_pytest, workers):
    """Equal reasons are one line with a count, and an expected failure is not a skip."""
    done = run_pytest(SKIPPING, *workers)

    assert done.returncode == 0
    assert "skipped: test_sample.py (2): no program mosquitto: run `make servers`" in done.stdout.splitlines()[-6:]


def test_a_skip_is_a_failure_where_none_is_allowed(run_pytest):
    """With VARDEVAKT_NO_SKIP=1 the run ends with 1, though no test failed."""
    done = run_pytest(SKIPPING, VARDEVAKT_NO_SKIP="1")

    assert done.returncode == 1
    assert "VARDEVAKT_NO_SKIP=1 allows no skip" in done.stdout


def test_two_calls_side_by_side_leave_their_skips_in_one_file(run_pytest, tmp_path):
    """The browser tests run in a call of their own, and the run's last lines name the skips of both."""
    skips = tmp_path / "skips.txt"
    skips.write_text("skipped: tests/browser/test_board.py (9): no program chromium: run `make servers`\n")

    run_pytest(SKIPPING, VARDEVAKT_SKIPS_FILE=str(skips))

    assert skips.read_text().splitlines() == [
        "skipped: tests/browser/test_board.py (9): no program chromium: run `make servers`",
        "skipped: test_sample.py (2): no program mosquitto: run `make servers`",
    ]
