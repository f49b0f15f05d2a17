"""One box as deploy/ describes it: its Mosquitto configuration, certificates, settings, unit and commands, run here."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from api.backup.files import figures_of, read_manifest
from api.cli.commands import run
from tests.contract.test_cli import SITE
from tests.support import deployed
from tests.support.servers import ROOT, Mosquitto, free_port, python_environment
from tests.support.waiting import wait_until

TOPIC = "vardevakt/1/gw-1/pendant-7/event"
UNIT, BACKUP_UNIT = "vardevakt.service", "vardevakt-backup.service"
START_S = 60.0


class Box(NamedTuple):
    """What runs, and where."""

    folder: Path
    broker: Mosquitto
    process: subprocess.Popen[bytes]
    told: socket.socket
    environment: dict[str, str]
    port: int

    @property
    def gateways(self) -> Path:
        return self.folder / "gateways"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Certificates made, a site imported, broker and service up: each by the commands and files of deploy/."""
    folder = tmp_path_factory.mktemp("box")
    gateways, data = folder / "gateways", folder / "data"
    assert run(["gateways", "broker", "127.0.0.1", "localhost", "--folder", str(gateways)]) == 0
    for name in ("gw-1", "gw-2"):
        assert run(["gateways", "enrol", name, "--folder", str(gateways)]) == 0
    (folder / "site.yaml").write_text(SITE)
    assert run(["site", "import", str(folder / "site.yaml"), "--data", str(data)]) == 0
    with (
        deployed.broker(folder / "broker", gateways) as broker,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told,
    ):
        told.bind(str(folder / "notify"))
        told.settimeout(START_S)
        port = free_port()
        environment = unit_environment(folder, broker, port)
        with (folder / "service.log").open("wb") as log:
            process = subprocess.Popen(
                deployed.here(deployed.values(UNIT, "ExecStart")[0], {}), cwd=ROOT, env=environment,
                stdout=log, stderr=log,
            )  # fmt: skip
        try:
            assert told.recv(100) == b"READY=1", (folder / "service.log").read_text()
            yield Box(folder, broker, process, told, environment, port)
        finally:
            process.kill()
            process.wait(30)


def unit_environment(folder: Path, broker: Mosquitto, port: int) -> dict[str, str]:
    """The unit's, with the test's places for the machine's, and what systemd itself adds."""
    gateways = folder / "gateways"
    settings = (deployed.DEPLOY / "vardevakt.toml").read_text()
    places = {
        "localhost:8883": f"localhost:{broker.port}",
        deployed.GATEWAYS: str(gateways),
        "port = 8080": f"port = {port}",
    }
    assert all(place in settings for place in places)
    (folder / "vardevakt.toml").write_text(deployed.replaced(settings, places))
    (credential,) = deployed.values(UNIT, "LoadCredential")
    name, source = credential.split(":", 1)
    given = {
        "/etc/vardevakt/vardevakt.toml": str(folder / "vardevakt.toml"),
        "/var/lib/vardevakt": str(folder / "data"),
        f"%d/{name}": source.replace(deployed.GATEWAYS, str(gateways)),
    }
    own = {key: deployed.replaced(value, given) for key, value in deployed.environment(UNIT).items()}
    return {
        **python_environment(), **own, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1500000",
        "VARDEVAKT_JOURNAL_RESERVE_BYTES": "0",
    }  # fmt: skip


class Speaker:
    """A client of the broker with this name's certificate, or with none."""

    def __init__(self, box: Box, name: str | None, listen: str | None = None, *, let_in: bool = True) -> None:
        self.heard: list[str] = []
        self.subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        folder = None if name is None else box.gateways / (name if name == "vardevakt" else f"gateways/{name}")
        certificate = (None, None) if folder is None else (str(folder / "cert.pem"), str(folder / "key.pem"))
        self._client.tls_set(str(box.gateways / "ca.pem"), *certificate)
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self._client.connect("127.0.0.1", box.broker.port)
        self._client.loop_start()
        if let_in:
            wait_until(self._client.is_connected, "a connection", START_S)
        if listen is not None:
            self._client.subscribe(listen, qos=1)
            wait_until(lambda: self.subscribed, "a subscription")

    def says(self, topic: str, body: dict[str, Any]) -> bool:
        """Publish; whether the broker took it. Who was refused before may have been dropped: then it is said again."""
        while True:
            wait_until(self._client.is_connected, "a connection", START_S)
            sent = self._client.publish(topic, json.dumps(body), qos=1)
            if sent.rc != MQTTErrorCode.MQTT_ERR_NO_CONN:
                sent.wait_for_publish(START_S)
                return sent.is_published()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def speaker(box: Box, name: str | None, listen: str | None = None, *, let_in: bool = True) -> Iterator[Speaker]:
    made = Speaker(box, name, listen, let_in=let_in)
    try:
        yield made
    finally:
        made.close()


def log_of(box: Box) -> str:
    return box.broker.log.read_text(errors="replace")


def test_a_gateway_speaks_for_itself_and_for_nobody_else(box: Box) -> None:
    """What gw-1 says of itself is heard; what gw-2 says in its name, and anything of the service's own, is not."""
    with speaker(box, "vardevakt", "#") as service, speaker(box, "gw-1") as own, speaker(box, "gw-2") as other:
        other.says(TOPIC, {"type": "alarm.cancelled", "id": "1"})
        other.says("vardevakt-canary/1/forged", {})
        assert own.says(TOPIC, {"type": "alarm.pressed", "id": "1"})
        wait_until(lambda: TOPIC in service.heard, "the press")
        assert "vardevakt-canary/1/forged" not in service.heard
        assert service.heard.count(TOPIC) == 1
    wait_until(lambda: b"pendant-7/event" in logged(box), "the press in RAW")


def logged(box: Box) -> bytes:
    """The journal's bytes as they lie."""
    return b"".join((box.folder / "data" / name).read_bytes() for name in ("journal.db", "journal.db-wal"))


def test_without_a_certificate_nobody_gets_in(box: Box) -> None:
    """The broker ends the handshake, and never hears a CONNECT."""
    with contextlib.suppress(OSError), speaker(box, None, let_in=False) as stranger:
        wait_until(lambda: "peer did not return a certificate" in log_of(box), "the refusal")
        assert not stranger._client.is_connected()
    assert "peer did not return a certificate" in log_of(box)


def turned_away(box: Box, name: str) -> bool:
    """One try to come in; until the broker has read its lists again, somebody revoked still does."""

    def refused() -> bool:
        return "certificate revoked" in log_of(box) or "verify failed" in log_of(box)

    with contextlib.suppress(OSError), speaker(box, name, let_in=False) as gateway:
        wait_until(lambda: refused() or gateway._client.is_connected(), "an answer", START_S)
    return refused()


def test_a_revoked_gateway_is_out_once_the_broker_has_read_it(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    """Enrolled, heard; revoked and SIGHUP: the broker takes neither its certificate nor its word. Twice is exit 1."""
    folder = ["--folder", str(box.gateways)]
    assert run(["gateways", "enrol", "gw-9", *folder]) == 0
    assert run(["gateways", "enrol", "gw-9", *folder]) == 2
    assert "is enrolled already" in capsys.readouterr().err
    assert box.broker.process is not None
    box.broker.process.send_signal(signal.SIGHUP)
    kept = box.folder / "kept"
    files = box.gateways / "gateways" / "gw-9"
    files.rename(kept)
    with speaker(box, "vardevakt", "vardevakt/1/gw-9/#") as service:
        files.symlink_to(kept)
        with speaker(box, "gw-9") as gateway:
            wait_until(
                lambda: gateway.says("vardevakt/1/gw-9/x/event", {"type": "bed.left", "id": "1"}) and service.heard,
                "its word",
            )
            files.unlink()
            assert run(["gateways", "revoke", "gw-9", *folder]) == 0
            box.broker.process.send_signal(signal.SIGHUP)
            files.symlink_to(kept)
        wait_until(lambda: turned_away(box, "gw-9"), "the refusal", START_S)
    assert run(["gateways", "revoke", "gw-9", *folder]) == 1
    capsys.readouterr()
    assert run(["gateways", "list", *folder]) == 0
    listed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("gw-9")]
    assert ["revoked 20" in line for line in listed] == [True]


@pytest.mark.parametrize(
    "topic",
    [
        "vardevakt",
        "vardevakt/1",
        "vardevakt/1/gw-1",
        "vardevakt/1/gw-1/pendant-7",
        "vardevakt-canary/1",
        "+/x",
        "#",
        "a b",
    ],
)
def test_topics_that_would_reach_others_are_refused(box: Box, topic: str) -> None:
    """A gateway may have no topics that are another's, the service's own, or a pattern."""
    assert run(["gateways", "enrol", "gw-7", "--topic", topic, "--folder", str(box.gateways)]) == 2


def test_every_figure_that_alerts_and_dashboard_ask_for_is_there(box: Box) -> None:
    """Each metric, and each value of a label, that a rule or panel names stands in this service's /metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{box.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    asked = (deployed.DEPLOY / "prometheus" / "vardevakt.rules.yml").read_text()
    asked += (deployed.DEPLOY / "grafana" / "vardevakt.json").read_text().replace('\\"', '"')
    names = deployed.figures(cluster=False)
    assert len(names) > 10
    there = set(re.findall(r"^(?:# TYPE )?(vardevakt_\w+)", text, re.MULTILINE))
    assert sorted(names - there) == []
    labels = set(re.findall(r'(vardevakt_[a-z0-9_]+\{(?:count|state|fold)="\w+"\})', asked))
    assert [one for one in sorted(labels) if f"\n{one} " not in text] == []


def test_the_health_check_of_the_image_answers_for_a_living_service(box: Box) -> None:
    """HEALTHCHECK's very command: 0 while the service lives, else not."""
    assert subprocess.run(deployed.health_command(box.port), check=False).returncode == 0
    dead = subprocess.run(deployed.health_command(free_port()), check=False, capture_output=True)
    assert dead.returncode != 0


def test_the_backup_unit_backs_up_and_proves_beside_it(box: Box) -> None:
    """The unit's very command, with its places: a backup with its drill while the service runs."""
    target = box.folder / "backups"
    target.mkdir()
    (command,) = deployed.values(BACKUP_UNIT, "ExecStart")
    words = deployed.here(command, {"/var/backups/vardevakt": str(target)})
    done = subprocess.run(words, cwd=ROOT, env=box.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the drill went well" in done.stdout
    (made,) = target.iterdir()
    assert figures_of(made) == read_manifest(made).figures
    assert box.process.poll() is None


def test_doctor_finds_such_a_box_well(box: Box) -> None:
    """Beside the running service: broker, its TLS, what it dropped, port, letters. Only what is truly missing."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "doctor", "--json"], cwd=ROOT, env=box.environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    lines = json.loads(done.stdout)
    found = {(line["code"], line["level"]) for line in lines}
    assert {
        ("broker", "ok"),
        ("broker_dropped", "ok"),
        ("certificate", "ok"),
        ("port", "ok"),
        ("service", "ok"),
    } <= found
    assert {code for code, level in found if level == "bad"} <= {"clock"}, lines  # the clock is the test machine's
    assert ("channels", "warn") in found
    assert done.returncode == max({"ok": 0, "warn": 1, "bad": 2}[level] for _, level in found)


def test_systemd_hears_that_it_lives_and_that_it_stops(box: Box) -> None:
    """WATCHDOG=1 comes again and again; SIGTERM is STOPPING=1 and exit 0. The last test: it ends the service.

    Nobody has read for as long as all tests took: a supervisor that does not listen has not held the service up.
    """
    assert [box.told.recv(100) for _ in range(2)] == [b"WATCHDOG=1"] * 2
    box.process.send_signal(signal.SIGTERM)
    while (word := box.told.recv(100)) == b"WATCHDOG=1":
        pass
    assert word == b"STOPPING=1"
    assert box.process.wait(30) == 0
