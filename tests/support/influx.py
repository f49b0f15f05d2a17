"""A real InfluxDB 2 for tests: one process on a free port, its data in a folder, with a token of its own.

Found by (1) VARDEVAKT_TEST_INFLUX_URL (with VARDEVAKT_TEST_INFLUX_TOKEN and VARDEVAKT_TEST_INFLUX_ORG), (2) `influxd`
on PATH, (3) .servers/bin, where `make servers` builds it. Import it as `from tests.support.influx import Influxd`; the
fixtures stand in tests/cluster/conftest.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import msgspec

from ingest.series_influx_client import InfluxOptions
from tests.support.journals import NOON_MS
from tests.support.servers import external_url, free_port, require_program
from tests.support.waiting import wait_until

ORG, SITE = "solbakken", "solbakken"
LATER_MS = NOON_MS + 60 * 86_400_000
"""Sixty days after what the tests write."""


def external_influx() -> InfluxOptions | None:
    """An InfluxDB that somebody runs for the tests."""
    url = external_url("influx")
    if url is None:
        return None
    given = os.environ
    return InfluxOptions(
        url=url, org=given.get("VARDEVAKT_TEST_INFLUX_ORG", ORG), token=given["VARDEVAKT_TEST_INFLUX_TOKEN"]
    )


def fresh(options: InfluxOptions, **fields: Any) -> InfluxOptions:
    """Buckets of this test alone in that InfluxDB."""
    return msgspec.structs.replace(options, bucket=f"t{uuid.uuid4().hex[:8]}", **fields)


class Influxd:
    """An InfluxDB of this test alone; port, token and data stay the same over stop and start."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Nothing runs yet. `options`: of influxd, besides where it is."""
        self._program = require_program("influxd")
        self.folder, self.log, self._options = folder, folder / "influxd.log", options
        self.port, self.token = free_port(), uuid.uuid4().hex
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def options(self) -> InfluxOptions:
        return InfluxOptions(url=f"http://127.0.0.1:{self.port}", org=ORG, token=self.token)

    def start(self) -> Self:
        """Start it, wait until it answers, and set it up where it is new."""
        assert self.process is None, "this InfluxDB runs already"
        paths = {"engine-path": "engine", "bolt-path": "influxd.bolt", "sqlite-path": "influxd.sqlite"}
        options = [*(f"--{name}={self.folder / place}" for name, place in paths.items()), *self._options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, *options, f"--http-bind-address=127.0.0.1:{self.port}", "--reporting-disabled"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, process_group=0,
            )  # fmt: skip
        wait_until(self._answers, f"influxd on port {self.port} (its log: {self.log})", 60)
        self._set_up()
        return self

    def stop(self, *, kill: bool = False) -> None:
        """End it: politely, or with SIGKILL. Nothing happens when it does not run."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def _answers(self) -> bool:
        assert self.process is not None, "start() has begun the process"
        if (code := self.process.poll()) is not None:
            msg = f"influxd ended with {code}: {self.log.read_text(errors='replace')[-4000:]}"
            raise AssertionError(msg)
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/health", timeout=2).status_code == 200
        except httpx2.HTTPError:
            return False

    def _set_up(self) -> None:
        body = {"username": "tester", "password": self.token, "org": ORG, "bucket": "first", "token": self.token}
        answer = httpx2.post(f"http://127.0.0.1:{self.port}/api/v2/setup", json=body, timeout=20)
        assert answer.status_code in {201, 422}, f"{answer.text} (422: it was set up before)"

    def __enter__(self) -> Self:
        """Start for the length of a `with`."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        self.stop()
