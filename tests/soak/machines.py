"""Everything of many machines on this one, under load: servers that may be killed, the service's processes, gateways.

Five processes of the service: two intakes that each subscribe to everything, two workers with homes and floor, and desk
and web together. `probe` asks what counts after any fault: how long until a press is on the board again, whichever
partition its home is in.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2
import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from rules.effects import alarm_alert_id
from tests.crash.promises import Ledger
from tests.support.cluster import Cluster, RoleProcess
from tests.support.influx import Influxd
from tests.support.kafka import Kafka
from tests.support.postgres import Postgres
from tests.support.servers import ROOT, Mosquitto, python_environment
from tests.support.town import press, site_text, wire_time
from tests.support.waiting import wait_until

PARTITIONS = 4
QUIET_HOMES = 8  # of the town, in which nothing happens but what a day makes happen
RESEND_S = 1.0
RECOVERY_S = 90.0
_TRACE = re.compile(r"Exception in thread|\w+(\.\w+)*(Error|Exception)\b")  # the first and the last line of one
ROLES = {
    "intake-a": ("intake",), "intake-b": ("intake",), "worker-a": ("worker", "floor"),
    "worker-b": ("worker", "floor"), "front": ("desk", "web"),
}  # fmt: skip


class Machines:
    """See the module's text. Servers and processes by name; all of them end with it."""

    def __init__(
        self, folder: Path, *, homes: int = 24, rate: float = 50.0, partitions: int = PARTITIONS,
        roles: Mapping[str, Sequence[str]] = ROLES,
    ) -> None:  # fmt: skip
        """`rate`: MQTT messages a second; HTTP comes on top. `roles`: of each process, by its name; one is "front"."""
        self.folder, self.homes, self.rate, self.roles = folder, homes, rate, roles
        self.kafka, self.influx = Kafka(folder / "kafka"), Influxd(folder / "influx")
        self.postgres = Postgres(synced=True)
        self.broker = Mosquitto(folder / "broker", options=("max_queued_messages 0",), persistence=True)
        self._partitions, self._numbers = partitions, itertools.count(1)
        self._stack = contextlib.ExitStack()
        self._read = dict.fromkeys(roles, 0)  # how much of each log was looked through

    def __enter__(self) -> Self:
        with self._stack:
            for server in (self.kafka, self.postgres, self.influx, self.broker):
                self._stack.enter_context(server)
            self.cluster = self._stack.enter_context(self._make_cluster())
            self.processes = self.cluster.start(self.roles)
            self.gateway = self._stack.enter_context(Gateway(self.broker.port))
            self.probe()  # both intakes are heard in every partition: of two that are, copies are known
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> RoleProcess:
        return self.processes[name]

    def _make_cluster(self) -> Cluster:
        token = self.folder / "influx.token"
        token.write_text(self.influx.token)
        series = f"""
[series]
kind = "influx"
influx_url = "{self.influx.options.url}"
influx_org = "{self.influx.options.org}"
influx_token_file = "{token}"
"""
        site = site_text(self.homes + QUIET_HOMES)
        return Cluster(
            self.folder / "cluster", self.kafka.servers, self.postgres.new(), self.broker.url, site,
            partitions=self._partitions, influx=series,
        )  # fmt: skip

    @property
    def quiet_home(self) -> int:
        """Number of a home that no load speaks of."""
        return self.homes + QUIET_HOMES - 1

    @contextlib.contextmanager
    def load(self, mark: str) -> Iterator[Callable[[], Ledger]]:
        """The outside, sending. What it yields ends it: nothing new, all acknowledged; what was sent and said."""
        ledger = self.folder / f"{mark}.ledger"
        command = [sys.executable, "-m", "tests.crash.gateway", str(ledger), str(self.broker.port)]
        command += [self["front"].url, self.cluster.key, str(self.homes), str(self.rate), mark, f"{mark}-"]
        with (self.folder / "gateway.log").open("ab") as log:
            child = subprocess.Popen(command, cwd=ROOT, env=python_environment(), stdin=subprocess.PIPE, stderr=log)

        def end() -> Ledger:
            assert child.stdin is not None, "a pipe was asked for"
            child.stdin.close()
            child.wait(180)
            return Ledger.read(ledger)

        try:
            wait_until(ledger.exists, "the publisher begins", 30)
            yield end
        finally:
            child.kill()
            child.wait()

    def probe(self, timeout_s: float = RECOVERY_S) -> float:
        """Presses in homes of every partition; seconds until each has its alert on the API."""
        began = time.monotonic()
        name = f"probe-{next(self._numbers)}"
        waiting = {f"{name}-{home}": home for home in self._homes_everywhere()}
        sent_s = 0.0

        def all_seen() -> bool:
            nonlocal sent_s
            if time.monotonic() - sent_s > RESEND_S:
                sent_s = time.monotonic()
                for key, home in waiting.items():
                    if key not in self.gateway.recorded:
                        self.gateway.press(home, key)
            for key in [key for key in waiting if self._is_on_board(key)]:
                del waiting[key]
            return not waiting

        wait_until(all_seen, f"{name} is on the board in every partition (left: {waiting})", timeout_s, 0.1)
        return time.monotonic() - began

    def all_up(self) -> None:
        """Every process of the service runs and says that it is of use."""
        for one in self.processes.values():
            if one.process is None:
                one.spawn()
        for one in self.processes.values():
            one.wait_up()

    def stop(self) -> dict[str, float]:
        """All processes of the service, together; seconds each took."""
        took: dict[str, float] = {}
        stopping = [
            threading.Thread(target=lambda name=name, one=one: took.update({name: one.stop()}))
            for name, one in self.processes.items()
        ]
        for one in stopping:
            one.start()
        for one in stopping:
            one.join()
        return took

    def tracebacks(self) -> list[str]:
        """What no process may leave in its log: a thread or a process that ended by an error nobody expected."""
        found = []
        for name, one in self.processes.items():
            said = one.log.read_text(errors="replace")
            found += [f"{name}: {line}" for line in said[self._read[name] :].splitlines() if _TRACE.match(line)]
            self._read[name] = len(said)
        return found

    def curve(self, home: int) -> int:
        """How many measurements of temperature the curve of that home's resident has; -1: nobody can say."""
        try:
            answer = self.cluster.get(self["front"], f"/residents/r{home}/series?metric=temperature&purpose=care")
        except httpx2.HTTPError:
            return -1
        return sum(one["count"] for one in answer["items"])

    def _is_on_board(self, key: str) -> bool:
        event_id = self.gateway.recorded.get(key)
        if event_id is None:
            return False
        alert_id = alarm_alert_id(self.cluster.site_id, event_id)
        try:
            return bool(self.cluster.get(self["front"], f"/alerts/{alert_id}")["alert_id"] == alert_id)
        except httpx2.HTTPError:
            return False  # not yet, or the desk is away

    def _homes_everywhere(self) -> list[int]:
        """As few homes as stand in every partition of RAW and of INPUTS together, quiet ones first."""
        of, found, seen = self.cluster.layout.partition_of, list[int](), set[tuple[str, int]]()
        for number in (*range(self.homes, self.homes + QUIET_HOMES), *range(self.homes)):
            places = {("raw", of(f"vardevakt:gw{number}")), ("inputs", of(f"h{number}"))}
            if not places <= seen:
                seen |= places
                found.append(number)
        return found


class Gateway:
    """A gateway of the test's own: sends, and hears what was recorded. Connects again by itself."""

    def __init__(self, port: int) -> None:
        self.recorded: dict[str, str] = {}  # key -> event id
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe("vardevakt/1/+/+/command", qos=1)
        self.client.on_message = self._on_command
        self.client.connect("127.0.0.1", port)

    def press(self, home: int, key: str) -> None:
        topic, payload = press(home, wire_time(), id=key)
        self.client.publish(topic, payload, qos=1)

    def send(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1)

    def _on_command(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        body: dict[str, Any] = msgspec.json.decode(message.payload)
        key = body.get("ref", {}).get("id")
        if body.get("type") == "event.recorded" and key is not None:
            self.recorded[key] = body["event_id"]

    def __enter__(self) -> Self:
        self.client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def pause(seconds: float) -> None:
    """Life goes on for so long."""
    threading.Event().wait(seconds)
