"""What every test gets: error logs fail it, ../shared is found, and the run ends with a list of what was skipped."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import settings

from alerts.access import passwords
from tests.support.error_logs import watch_error_logs
from tests.support.skips import SkipSummary

ROOT = Path(__file__).resolve().parent.parent

# The same examples in each run, so that a red run is red again; `explore` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", derandomize=False, deadline=None, max_examples=2000)


def pytest_configure(config: pytest.Config) -> None:
    """Register the list of skips and choose how hypothesis looks for examples."""
    settings.load_profile(os.environ.get("VARDEVAKT_HYPOTHESIS", "repeatable"))
    # structlog's own choice, tracebacks with local variables, costs a second of CPU each: a service whose database was
    # killed under it had time for nothing else
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if not hasattr(config, "workerinput"):  # under xdist only the controller hears of all tests
        config.pluginmanager.register(SkipSummary(), "vardevakt-skips")


def pytest_collection_finish() -> None:
    """All that was imported and collected stays to the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)  # of 700: the collector took an eighth of the time of tests that use the desk


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """A password costs next to nothing in this process: nearly every test of a page logs in, none guards a secret.

    What it costs the service is held by tests/contract/test_accounts.py.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(autouse=True)
def error_logs(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Fail the test when anything logs an error, unless it is marked `expected_errors("why")`.

    Yields the growing list of error lines, so that a marked test can say which it expects.
    """
    with watch_error_logs() as lines:
        yield lines
    if lines and request.node.get_closest_marker("expected_errors") is None:
        pytest.fail("unexpected error log: " + " | ".join(lines), pytrace=False)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference folder `shared` (recorded payloads, data sets): $VARDEVAKT_SHARED, else beside the checkout."""
    named = os.environ.get("VARDEVAKT_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: put `shared` beside the checkout or set VARDEVAKT_SHARED")
    return folder
