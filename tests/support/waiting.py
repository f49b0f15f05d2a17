"""Waiting for a condition, for tests that run against real processes (sleeping is banned by the linter)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 10.0, pause_s: float = 0.02) -> None:
    """Ask `condition` again and again until it is true; after `timeout_s` fail, saying `what` did not happen."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()  # never set: its wait is the pause
    while not condition():
        if time.monotonic() > deadline:
            msg = f"{what} did not happen within {timeout_s:g} s"
            raise AssertionError(msg)
        pause.wait(pause_s)
