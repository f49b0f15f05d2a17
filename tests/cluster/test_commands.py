"""The very commands of deploy/ for many machines, started as processes over real servers, with places of this test.

What our command line does not take yet is left out; tests/tidy/test_deploy_words.py knows what is still to come.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from alerts.database import read_database
from alerts.database_postgres import Server
from alerts.site.settings_store import SettingsStore
from api.cli.commands import run
from api.doctor.desk import server_lines
from ingest.series_influx_client import InfluxOptions
from tests.support import deployed
from tests.support.deployed import Command
from tests.support.postgres import Postgres
from tests.support.servers import ROOT, Mosquitto, free_port, python_environment
from tests.support.waiting import wait_until

SITE = "commands"
SITE_FILE = f"""
site: {{id: {SITE}, name: Solbakken, timezone: Europe/Oslo, language: nb}}
wards: [{{id: nord, name: Nord}}]
"""
PARTITIONS = "4"
START_S, END_S = 150.0, 60.0
CLUSTER = [one for one in deployed.commands() if one.where.startswith(("compose.cluster.yaml", "kubernetes"))]


def can_start(command: Command) -> bool:
    return not deployed.refusal(command.words) and not deployed.unknown_settings(command.environment)


PREPARING = [one for one in CLUSTER if one.words[0] != "serve" and can_start(one)]
SERVING = [one for one in CLUSTER if one.words[0] == "serve" and can_start(one)]
ROLES = list({one.words: one for one in SERVING}.values())
"""One process a role: compose and Kubernetes say the same words (tests/tidy sees to their settings)."""


class Place(NamedTuple):
    """Where the servers of this test are, in the words of the settings."""

    folder: Path
    given: dict[str, str]

    def environment(self, command: Command, name: str) -> dict[str, str]:
        """The command's own variables, with this test's places for the county's."""
        data = self.folder / name
        data.mkdir(exist_ok=True)
        settings = (deployed.DEPLOY / "vardevakt.cluster.toml").read_text()
        assert "port = 8080" in settings
        (data / "vardevakt.toml").write_text(settings.replace('"/var/lib/vardevakt"', f'"{data}"'))
        places = self.given | {"VARDEVAKT_SETTINGS": str(data / "vardevakt.toml"), "VARDEVAKT_MQTT_CLIENT_ID": name}
        own = {key: places.get(key, value) for key, value in command.environment.items()}
        return {
            **python_environment(), **own, "VARDEVAKT_LOGS_PARTITIONS": PARTITIONS,
            "VARDEVAKT_HTTP_HOST": "127.0.0.1", "VARDEVAKT_HTTP_PORT": str(free_port()),
        }  # fmt: skip


def words(command: Command) -> list[str]:
    """As processes of this Python; one Kafka keeps one copy."""
    more = ["--replicas", "1"] if command.words == ("logs", "create") else []
    return [sys.executable, "-m", "api.cli", *command.words, *more]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Mosquitto with deploy/'s configuration, and certificates made by our command."""
    folder = tmp_path_factory.mktemp("broker")
    assert run(["gateways", "broker", "127.0.0.1", "localhost", "--folder", str(folder / "gateways")]) == 0
    with deployed.broker(folder / "broker", folder / "gateways") as made:
        yield made


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, kafka: str, postgres: Postgres, influx: InfluxOptions, broker: Mosquitto
) -> Place:
    """All four servers, and secrets as files."""
    folder = tmp_path_factory.mktemp("cluster")
    for name, text in {"password": "unused", "links.key": "k" * 32, "token": influx.token}.items():
        (folder / name).write_text(text)
    gateways = broker.folder.parent / "gateways"
    return Place(
        folder,
        {
            "VARDEVAKT_SITE_ID": SITE,
            "VARDEVAKT_LOGS_KAFKA_SERVERS": kafka,
            "VARDEVAKT_DESK_DATABASE_URL": postgres.new().url,
            "VARDEVAKT_DESK_DATABASE_PASSWORD_FILE": str(folder / "password"),
            "VARDEVAKT_DESK_LINK_KEY_FILE": str(folder / "links.key"),
            "VARDEVAKT_SERIES_INFLUX_URL": influx.url,
            "VARDEVAKT_SERIES_INFLUX_ORG": influx.org,
            "VARDEVAKT_SERIES_INFLUX_TOKEN_FILE": str(folder / "token"),
            "VARDEVAKT_MQTT_URL": f"mqtts://localhost:{broker.port}",
            "VARDEVAKT_MQTT_CA_FILE": str(gateways / "ca.pem"),
            "VARDEVAKT_MQTT_CERT_FILE": str(gateways / "vardevakt" / "cert.pem"),
            "VARDEVAKT_MQTT_KEY_FILE": str(gateways / "vardevakt" / "key.pem"),
            "VARDEVAKT_HTTP_PUBLIC_URL": "http://127.0.0.1",
        },
    )


@pytest.fixture(scope="module")
def prepared(place: Place) -> Place:
    """Tables and topics there, by compose's jobs and then by those of Kubernetes: the second time changes nothing."""
    assert sorted(one.words[0] for one in PREPARING) == ["logs", "logs", "migrate", "migrate"]
    for command in PREPARING:
        environment = place.environment(command, "jobs")
        done = subprocess.run(
            words(command), cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{command.where}: {done.stdout}{done.stderr}"
    (place.folder / "site.yaml").write_text(SITE_FILE)
    for arguments in (["site", "import", str(place.folder / "site.yaml")], ["user", "list"]):
        environment = place.environment(PREPARING[0], "jobs")
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return place


def test_the_jobs_have_made_tables_and_nothing_on_this_machine(prepared: Place) -> None:
    """`migrate` and `site import` meant the server of the settings: it has tables and the site, the folder no desk."""
    server = Server(prepared.given["VARDEVAKT_DESK_DATABASE_URL"])
    assert {line.code: line.level for line in server_lines(server)}["desk_tables"] == "ok"
    database = read_database(server)
    assert SettingsStore.sites(database) == [SITE]
    database.close()
    assert not (prepared.folder / "jobs" / "desk.db").exists()


def answers(port: str, path: str) -> int:
    """The status of an answer, 0 for none."""
    with contextlib.suppress(OSError):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
    return 0


def is_of_use(process: subprocess.Popen[bytes], port: str) -> bool:
    """Or over: whoever asks looks then."""
    return process.poll() is not None or all(answers(port, f"/health/{one}") == 200 for one in ("live", "ready"))


def test_every_role_comes_up_and_ends_in_order(prepared: Place) -> None:
    """Each role of compose and Kubernetes lives, becomes of use, tells its figures, and ends in time when told to."""
    running: dict[str, tuple[subprocess.Popen[bytes], str, Path]] = {}
    try:
        for number, command in enumerate(ROLES):
            environment = prepared.environment(command, f"{command.words[-1]}-{number}")
            log = prepared.folder / f"{number}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(words(command), cwd=ROOT, env=environment, stdout=output, stderr=output)
            running[command.where] = (process, environment["VARDEVAKT_HTTP_PORT"], log)
        for where, (process, port, log) in running.items():
            wait_until(functools.partial(is_of_use, process, port), f"{where} to be of use", START_S)
            assert process.poll() is None, f"{where}: {log.read_text()[-3000:]}"
            assert answers(port, "/metrics") == 200, where
        for process, _, _ in running.values():
            process.send_signal(signal.SIGTERM)
        for where, (process, _, log) in running.items():
            assert process.wait(END_S) == 0, f"{where}: {log.read_text()[-3000:]}"
    finally:
        for process, _, _ in running.values():
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(30)
