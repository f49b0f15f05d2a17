"""A real Kafka for tests: one process as broker and controller (KRaft) on a free port, its data in a folder.

Found by (1) VARDEVAKT_TEST_KAFKA_URL ("host:port", a broker that somebody runs), (2) `kafka-server-start.sh` on PATH,
(3) .servers/kafka, where `make servers` puts its jars. Import it as `from tests.support.kafka import Kafka`; the
fixtures stand in tests/cluster/conftest.py.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.servers import ROOT, accepts_connections, external_url, free_port
from tests.support.waiting import wait_until

HEAP = "-Xmx512m"
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=4194304
num.io.threads=2
num.network.threads=1
"""


def external_kafka() -> str | None:
    """The address of a Kafka that somebody runs for the tests, as `host:port`."""
    url = external_url("kafka")
    return None if url is None else url.partition("://")[2] or url


def require_jars() -> Path:
    """The folder of Kafka's jars; skips where there is none, or no Java."""
    if shutil.which("java") is None:
        pytest.skip("no program java: run `make servers`")
    script = shutil.which("kafka-server-start.sh")
    folders = [Path(script).resolve().parent.parent / "libs"] if script else []
    for folder in [*folders, ROOT / ".servers" / "kafka"]:
        if any(folder.glob("kafka_*.jar")):
            return folder
    pytest.skip("no Kafka: run `make servers`")


class Kafka:
    """A Kafka of this test alone; port and data stay the same over stop and start, as a real broker's do."""

    def __init__(self, folder: Path, more: str = "") -> None:
        """Write the configuration below `folder`, `more` at its end (the last line of a name counts), and format its
        storage; nothing runs yet.
        """
        self._classpath = str(require_jars() / "*")
        self.port, controller = free_port(), free_port()
        self.folder, self.log = folder, folder / "kafka.log"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "server.properties"
        self._config.write_text((PROPERTIES + more).format(port=self.port, controller=controller, folder=folder))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "a", 1)
        with self.log.open("ab") as log:
            command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._config))
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=60)

    @property
    def servers(self) -> str:
        """Its address as the settings take it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it accepts clients."""
        assert self.process is None, "this Kafka runs already"
        with self.log.open("ab") as log:
            command = self._java("kafka.Kafka", str(self._config))
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, process_group=0
            )
        wait_until(self._listens, f"kafka on port {self.port} (its log: {self.log})", 60)
        return self

    def stop(self, *, kill: bool = False) -> None:
        """End it: politely, or with SIGKILL. Nothing happens when it does not run."""
        process, self.process = self.process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def pause(self) -> None:
        """It holds its connections and answers nobody, until `resume`."""
        assert self.process is not None, "it runs"
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None, "it was paused"
        self.process.send_signal(signal.SIGCONT)

    def _java(self, *arguments: str) -> list[str]:
        quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return ["java", HEAP, *quick, "-cp", self._classpath, *arguments]

    def _listens(self) -> bool:
        assert self.process is not None, "start() has begun the process"
        if (code := self.process.poll()) is not None:
            msg = f"kafka ended with {code}: {self.log.read_text(errors='replace')[-4000:]}"
            raise AssertionError(msg)
        return accepts_connections(self.port)

    def __enter__(self) -> Self:
        """Start for the length of a `with`."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGCONT)
        self.stop()
