"""The service on many machines, on this one: real Kafka, PostgreSQL and Mosquitto, and its own command once a process.

Each process is started as its unit or manifest starts it (`vardevakt serve --role …`), with a settings file and a data
folder of its own. Any part may be killed, paused and started again.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2

from alerts.access.accounts import Accounts
from alerts.database import Server, migrate, open_database
from alerts.desk import Desk
from alerts.site import importer as site_import
from alerts.site.file import loads
from alerts.site.settings_store import SettingsStore
from ingest.client_kafka import KafkaClient
from ingest.topics import Layout
from ingest.topics_kafka import create_topics
from rules.lanes import LOG_OF
from tests.support.servers import ROOT, free_port, python_environment
from tests.support.waiting import wait_until

START_S = 180.0  # on a busy machine; a few seconds
PARTITIONS = 8


class RoleProcess:
    """One process of the service; keeps its name, port and folder over its lives."""

    def __init__(self, cluster: Cluster, name: str, roles: Sequence[str], extra: str = "") -> None:
        self.name, self.roles, self.port = name, tuple(roles), free_port()
        self.folder = cluster.folder / name
        self.folder.mkdir(parents=True)
        self.settings = self.folder / "vardevakt.toml"
        self.settings.write_text(cluster.settings(self.port, name) + extra)
        self.log = self.folder / "log.jsonl"
        self.process: subprocess.Popen[bytes] | None = None
        self.wrapper: tuple[str, ...] = ()  # a command before ours, for example one that lies about the time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spawn(self) -> Self:
        assert self.process is None, "one at a time"
        command = [*self.wrapper, str(Path(sys.executable).parent / "vardevakt"), "serve", "--settings"]
        command += [str(self.settings), "--data", str(self.folder / "data")]
        command += [part for role in self.roles for part in ("--role", role)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=python_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def wait_up(self) -> Self:
        """Until it says that it is of use."""
        wait_until(self._is_ready, f"{self.name} is ready (log: {self.log})", START_S)
        return self

    def start(self) -> Self:
        return self.spawn().wait_up()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> float:
        """In order; seconds it took."""
        began = time.monotonic()
        self._end(signal.SIGTERM)
        return time.monotonic() - began

    def wait_ended(self, timeout_s: float = START_S) -> int:
        """Until it has ended by itself; its exit code."""
        process, self.process = self.process, None
        assert process is not None, "it runs"
        return process.wait(timeout_s)

    def pause(self) -> None:
        assert self.process is not None, "it runs"
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None, "it runs"
        self.process.send_signal(signal.SIGCONT)

    def health(self) -> dict[str, Any]:
        """What /health/ready says, whatever its status."""
        return dict(httpx2.get(f"{self.url}/health/ready", timeout=5).json())

    def figure(self, name: str) -> float:
        """Sum of a metric's samples."""
        lines = httpx2.get(f"{self.url}/metrics", timeout=5).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].split(" ")[0] == name)

    def errors(self) -> list[dict[str, Any]]:
        """What it logged at error or above, over all its lives; what is not JSON counts."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines() if self.log.exists() else []:
            if line.startswith("{"):
                one = json.loads(line)
                found += [one] if one.get("level") in {"error", "critical"} else []
            elif line and not line.startswith("Vardevakt ("):
                found.append({"event": line})
        return found

    def _is_ready(self) -> bool:
        assert self.process is not None, "it runs"
        code = self.process.poll()
        assert code is None, f"{self.name} ended with {code}: {self.log.read_text(errors='replace')[-3_000:]}"
        with contextlib.suppress(httpx2.HTTPError, ValueError):
            return bool(self.health().get("status") == "ok")
        return False

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.send_signal(number)
            process.wait(60)


class Cluster:
    """One site on servers that are there. `add` makes processes; all of them end with it."""

    def __init__(
        self, folder: Path, kafka: str, desk: Server, mqtt_url: str, site_yaml: str, *, partitions: int = PARTITIONS,
        influx: str = "",
    ) -> None:  # fmt: skip
        """`influx`: lines of the settings' table [series]."""
        self.folder, self.kafka, self.desk, self.mqtt_url, self.influx = folder, kafka, desk, mqtt_url, influx
        folder.mkdir(parents=True, exist_ok=True)
        self.site_id = f"t{uuid.uuid4().hex[:8]}"
        self.layout = Layout(self.site_id, partitions=partitions)
        (folder / "link.key").write_text("k" * 64)
        self.processes: list[RoleProcess] = []
        client = KafkaClient(kafka)
        create_topics(client, self.layout, replicas=1, keep_days=0)
        client.close()
        migrate(desk)
        self.database = open_database(desk)
        self.site_yaml = site_yaml.replace("@site", self.site_id)
        site = loads(self.site_yaml.encode(), "cluster")
        site_import.apply(SettingsStore(self.database, self.site_id), site, now_ms=time.time_ns() // 1_000_000)
        accounts = Accounts(self.database, self.site_id)
        self.key = accounts.create_machine_key("tests", ("operator", "carer"), time.time_ns() // 1_000_000)
        self._http = httpx2.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=10)

    def settings(self, port: int, name: str) -> str:
        """The file of one process."""
        return f"""
[site]
id = "{self.site_id}"
[log]
format = "json"
[http]
port = {port}
[mqtt]
url = "{self.mqtt_url}"
client_id = "{self.site_id}-{name}"
[logs]
kind = "kafka"
kafka_servers = "{self.kafka}"
partitions = {self.layout.partitions}
[desk]
database_url = "{self.desk.url}"
link_key_file = "{self.folder / "link.key"}"
{self.influx}
"""

    def add(self, name: str, *roles: str, extra: str = "") -> RoleProcess:
        self.processes.append(RoleProcess(self, name, roles, extra))
        return self.processes[-1]

    def start(self, names: Mapping[str, Sequence[str]]) -> dict[str, RoleProcess]:
        """Processes by name -> roles, all up."""
        found = {name: self.add(name, *roles) for name, roles in names.items()}
        for one in found.values():
            one.spawn()
        for one in found.values():
            one.wait_up()
        return found

    def get(self, web: RoleProcess, path: str) -> Any:
        """JSON of the API. HTTPStatusError: it is not there, or it cannot say."""
        answer = self._http.get(f"{web.url}/api/v1{path}")
        answer.raise_for_status()
        return answer.json()

    def positions(self, lane: str) -> dict[int, int]:
        return Desk(self.database, self.site_id).positions(lane)

    def wait_folded(self, timeout_s: float = 60.0, lanes: Collection[str] = tuple(LOG_OF)) -> None:
        """Until every row of RAW is folded, and every input by home and floor; or these lanes only."""
        client = KafkaClient(self.kafka)
        reader, everywhere = client.reader(), range(self.layout.partitions)

        def is_there(lane: str, log: str) -> bool:
            ends, at = reader.ends(self.layout.topic(log), everywhere), self.positions(lane)
            return all(at.get(one, 0) >= ends[one] for one in everywhere)

        try:
            for lane, log in LOG_OF.items():
                if lane in lanes:
                    wait_until(partial(is_there, lane, log), f"{lane} has all of {log}", timeout_s)
        finally:
            client.close()

    def errors(self, *expected: str) -> list[str]:
        """Events that any process logged at error or above, but those expected."""
        found = [str(one.get("event")) for process in self.processes for one in process.errors()]
        return [one for one in found if one not in expected]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.processes:
            one.kill()
        self._http.close()
        self.database.close()
