"""The service as a child process that a test may kill: start, ask how far it is, `kill -9`, stop in order."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from tests.support.servers import ROOT, free_port, python_environment
from tests.support.waiting import wait_until

START_S = 60.0


class ServiceProcess:
    """One data folder and one broker; may be started again and again, always on the same HTTP port."""

    def __init__(self, data: Path, site: str, mqtt_url: str) -> None:
        self.data, self.site, self.mqtt_url = data, site, mqtt_url
        self.http_port = free_port()
        self.log = data / "service.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.spawned_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def spawn(self) -> Self:
        """Begin to start; it may be killed at once."""
        assert self.process is None, "one at a time"
        command = [
            *(sys.executable, "-m", "tests.support.service_child", "--data", str(self.data), "--site", self.site),
            *("--mqtt", self.mqtt_url, "--http-port", str(self.http_port)),
        ]
        self.spawned_s = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=python_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        return self

    def wait_up(self) -> float:
        """Until it answers HTTP and hears its broker; seconds since it was spawned."""
        self._line()
        wait_until(lambda: self.positions()["connected"], f"a live feed (log: {self.log})", START_S)
        return time.monotonic() - self.spawned_s

    def start(self) -> Self:
        self.spawn().wait_up()
        return self

    def positions(self) -> dict[str, Any]:
        """See service_child.positions."""
        assert self.process is not None, "it runs"
        assert self.process.stdin is not None, "a pipe was asked for"
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self._line()

    def kill(self) -> None:
        """As a power cut: nothing is told, nothing is flushed."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            self._reap(process)

    def stop(self) -> None:
        """In order; nothing happens when it does not run."""
        process, self.process = self.process, None
        if process is not None:
            assert process.stdin is not None, "opened above"
            process.stdin.close()
            process.wait(60)
            self._reap(process)

    def errors(self) -> list[dict[str, Any]]:
        """What it logged at error or above, over all its lives."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        found = [json.loads(line) if line.startswith("{") else {"level": "error", "event": line} for line in lines]
        return [one for one in found if one.get("level") in {"error", "critical"}]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _line(self) -> dict[str, Any]:
        process = self.process
        assert process is not None, "it runs"
        assert process.stdout is not None, "a pipe was asked for"
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = os.read(process.stdout.fileno(), 65_536) if ready else b""
        while line and not line.endswith(b"\n"):
            line += os.read(process.stdout.fileno(), 65_536)
        assert line, (
            f"the service does not answer; its log: {self.log}\n{self.log.read_text(errors='replace')[-2_000:]}"
        )
        found: dict[str, Any] = json.loads(line)
        return found

    @staticmethod
    def _reap(process: subprocess.Popen[bytes]) -> None:
        process.wait(60)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
