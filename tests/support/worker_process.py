"""Workers as child processes that a test may kill or pause, and the logs they share."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from ingest.client_kafka import KafkaClient, Message
from ingest.record import Input, RawRecord
from ingest.topics import ALARMS, INPUTS, RAW, Layout, Origin, Placement, encode_input, encode_raw
from ingest.topics_kafka import create_topics
from rules.effects import LIVE
from rules.generation import Desk, GenerationDesk
from rules.lanes import LOG_OF
from tests.support.servers import ROOT, python_environment
from tests.support.waiting import wait_until

START_S = 60.0
_generations = itertools.count(1)


class Logs:
    """Topics of a generation of its own, and what is written there besides by workers."""

    def __init__(self, servers: str, site: str, partitions: int) -> None:
        self.servers, self.layout = servers, Layout(site, next(_generations), partitions)
        self.client = KafkaClient(servers, "test")
        self.reader, self._written = self.client.reader(), 0
        create_topics(self.client, self.layout, replicas=1, keep_days=0)  # rows of a recording are old

    def write(self, inputs: Sequence[Input], only: int | None = None) -> None:
        """Inputs as one source fold would write them (raw partition 0); those of everybody in every partition, or in
        that one only.
        """
        rows = []
        everywhere = range(self.layout.partitions) if only is None else (only,)
        for one in inputs:
            self._written += 1
            for partition in [self.layout.partition_of(one.home)] if one.home else everywhere:
                value = encode_input(self.layout.site, one, Origin(0, self._written, 0))
                rows.append(Message(self.layout.topic(INPUTS), partition, one.home.encode(), value, one.received_at_ms))
                if one.floor or one.kind != "event":
                    rows.append(Message(self.layout.topic(ALARMS), partition, b"", value, one.received_at_ms))
        self._send(rows)

    def write_raw(self, records: Sequence[RawRecord], placement: Placement) -> None:
        """Records as an intake would write them."""
        topic = self.layout.topic(RAW)
        rows = [
            Message(topic, partition, b"", encode_raw(self.layout.site, one))
            for one in records
            for partition in placement(one)
        ]
        self._send(rows)

    def ends(self, log: str) -> dict[int, int]:
        """Rows in each partition."""
        return self.reader.ends(self.layout.topic(log), range(self.layout.partitions))

    def positions(self, store: Desk, lane: str) -> dict[int, int]:
        """`applied` of this generation's partitions."""
        return GenerationDesk(store, self.layout).positions(lane)

    def close(self) -> None:
        self.client.close()

    def _send(self, rows: Sequence[Message]) -> None:
        for start in range(0, len(rows), 5_000):
            self.client.call(self.client.produce(rows[start : start + 5_000]))


def wait_folded(logs: Logs, store: Desk, lane: str = LIVE, timeout_s: float = 60.0) -> None:
    """Until every row of the lane's log stands behind `applied`."""
    log = LOG_OF[lane]

    def done() -> bool:
        applied = logs.positions(store, lane)
        return all(applied.get(one, 0) >= end for one, end in logs.ends(log).items())

    wait_until(done, f"the end of {log}: {logs.positions(store, lane)} of {logs.ends(log)}", timeout_s, 0.1)


class WorkerProcess:
    """One worker; started again under the same name it is another process."""

    def __init__(
        self,
        logs: Logs,
        folder: Path,
        name: str,
        lanes: str = "source,live",
        *,
        session_s: float = 3.0,
        stall_s: float = 60.0,
    ) -> None:
        self.logs, self.folder, self.name, self.lanes, self.session_s = logs, folder, name, lanes, session_s
        self.stall_s = stall_s
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Begin to start."""
        assert self.process is None, "one at a time"
        layout = self.logs.layout
        command = [
            *(
                sys.executable,
                "-m",
                "tests.support.worker_child",
                "--servers",
                self.logs.servers,
                "--site",
                layout.site,
            ),
            *(
                "--partitions",
                str(layout.partitions),
                "--generation",
                str(layout.generation),
                "--folder",
                str(self.folder),
                "--lanes",
                self.lanes,
            ),
            *("--name", self.name, "--session-s", str(self.session_s), "--stall-s", str(self.stall_s)),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=python_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        return self

    def standing(self) -> dict[str, Any]:
        """See worker_child.standing."""
        process = self.process
        assert process is not None, "it runs"
        assert process.stdin is not None, "a pipe was asked for"
        process.stdin.write(b"\n")
        process.stdin.flush()
        return self._line(process)

    def held(self, lane: str) -> list[int]:
        """Partitions of a lane that are at work."""
        partitions = self.standing()["lanes"][lane]["partitions"]
        return sorted(int(one) for one, (_, _, trouble) in partitions.items() if not trouble)

    def decisions(self, lane: str) -> list[str]:
        """Their names, in order."""
        return [one[0] for one in self.standing()["lanes"][lane]["decisions"]]

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None, "it runs"
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a power cut; nothing happens when it does not run."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            self._reap(process)

    def stop(self) -> int:
        """In order; its exit code."""
        process, self.process = self.process, None
        assert process is not None, "it runs"
        assert process.stdin is not None, "a pipe was asked for"
        process.stdin.close()
        process.wait(60)
        self._reap(process)
        return process.returncode

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            print(f"{self.name}: {self.log.read_text(errors='replace')[-3_000:]}")  # noqa: T201 - pytest shows it
        self.kill()

    def _line(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdout is not None, "a pipe was asked for"
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], START_S)
            more = os.read(process.stdout.fileno(), 65_536) if ready else b""
            assert more, f"the worker does not answer; its log: {self.log.read_text(errors='replace')[-3_000:]}"
            line += more
        found: dict[str, Any] = json.loads(line)
        return found

    @staticmethod
    def _reap(process: subprocess.Popen[bytes]) -> None:
        process.wait(60)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # it ended by itself
                    pipe.close()
