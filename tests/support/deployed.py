"""The files of deploy/ as a test reads them: the same lines, with paths of this test instead of the machine's."""

from __future__ import annotations

import functools
import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import typer.main
from ruamel.yaml import YAML

from api.cli.commands import app
from api.settings.file import FILE_VARIABLE
from api.settings.model import environment_name, sections
from tests.support.servers import ROOT, Mosquitto, free_port

DEPLOY = ROOT / "deploy"
PROGRAM = "/opt/vardevakt/bin/vardevakt"
GATEWAYS = "/etc/vardevakt/gateways"
CLUSTER_GROUP, CLUSTER_ROW = "vardevakt-cluster", "Many machines"
"""What is told of many machines only: the group of rules, the row of the dashboard."""


def unit(name: str) -> list[tuple[str, str, str]]:
    """(section, key, value) of each line of a systemd unit, in order."""
    found, section = [], ""
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.append((section, key, value))
    return found


def values(name: str, key: str) -> list[str]:
    """All values of one key of a unit."""
    return [value for _, one, value in unit(name) if one == key]


def environment(name: str) -> dict[str, str]:
    """What `Environment=` lines of a unit set."""
    return dict(value.split("=", 1) for value in values(name, "Environment"))


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, rest) of each of the Dockerfile's, continued lines joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def instruction(name: str) -> str:
    """The last one of that name."""
    return [rest for one, rest in instructions() if one == name][-1]


def health_command(port: int) -> list[str]:
    """HEALTHCHECK's command, for this Python and another port."""
    words = json.loads(instruction("HEALTHCHECK").split("CMD", 1)[1])
    return [sys.executable, *(word.replace(":8080", f":{port}") for word in words[1:])]


def here(command: str, places: dict[str, str]) -> list[str]:
    """A command line of a unit, with our program run by this Python and other folders."""
    words = shlex.split(command)
    assert words[0] == PROGRAM, command
    return [sys.executable, "-m", "api.cli", *(replaced(word, places) for word in words[1:])]


def replaced(text: str, places: dict[str, str]) -> str:
    """Every place of the machine by one of the test."""
    for old, new in places.items():
        text = text.replace(old, new)
    return text


def broker(folder: Path, gateways: Path) -> Mosquitto:
    """A Mosquitto with deploy/mosquitto/mosquitto.conf; not started."""
    made = Mosquitto(folder)
    text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
    made.port = free_port()
    places = {
        "listener 8883": f"listener {made.port} 127.0.0.1",
        GATEWAYS: str(gateways),
        "/var/lib/mosquitto/": f"{folder}/",
        "sys_interval 10": "sys_interval 1",
    }
    assert all(place in text for place in places), "a place of the configuration has changed"
    head = made.config.read_text().splitlines()
    user = [line for line in head if line.startswith("user ")]
    made.config.write_text("\n".join([*user, replaced(text, places)]))
    return made


class Command(NamedTuple):
    """One line that deploy/ starts, as whoever starts it would."""

    where: str
    words: tuple[str, ...]  # after `vardevakt`
    environment: dict[str, str]


def read_yaml(path: Path) -> Any:
    """The only document of a file."""
    (found,) = read_documents(path)
    return found


@functools.cache
def read_documents(path: Path) -> tuple[Any, ...]:
    """Each document of a file."""
    return tuple(YAML(typ="safe", pure=True).load_all(path.read_text()))


def compose_services(name: str) -> dict[str, dict[str, Any]]:
    """Service -> what stands under it, of a compose file; merges done."""
    return dict(read_yaml(DEPLOY / name)["services"])


def is_ours(service: dict[str, Any]) -> bool:
    """Whether a service of compose runs our image."""
    return bool(service["image"].split(":")[0] == "vardevakt")


def manifests() -> list[tuple[str, Any]]:
    """(file, document) of each Kubernetes manifest."""
    folder = DEPLOY / "kubernetes"
    paths = [path for path in sorted(folder.rglob("*.yaml")) if path.name != "kustomization.yaml"]
    return [(str(path.relative_to(folder)), one) for path in paths for one in read_documents(path)]


def workloads() -> dict[str, Any]:
    """Name -> what makes pods of ours: a deployment, a stateful set or a job."""
    return {one["metadata"]["name"]: one for _, one in manifests() if "template" in one.get("spec", {})}


def pod_environment(pod: Any) -> dict[str, str]:
    """What a pod's container gets, from the config maps it names too; what Kubernetes fills in is ""."""
    (container,) = pod["containers"]
    maps = {one["metadata"]["name"]: one["data"] for _, one in manifests() if one["kind"] == "ConfigMap"}
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        found |= maps[source["configMapRef"]["name"]]
    return found | {one["name"]: one.get("value", "") for one in container["env"]}


def without_variables(text: str) -> str:
    """What compose makes of it where nobody sets anything."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def commands() -> list[Command]:
    """Every command of ours that a file of deploy/ starts: units, compose files, manifests, image."""
    found = [
        Command(name, tuple(shlex.split(line)[1:]), environment(name))
        for name in ("vardevakt.service", "vardevakt-backup.service")
        for line in values(name, "ExecStart")
    ]
    for file in ("compose.yaml", "compose.cluster.yaml"):
        for name, service in compose_services(file).items():
            if is_ours(service):
                words = service.get("command", json.loads(instruction("CMD")))
                given = {key: without_variables(value) for key, value in service["environment"].items()}
                found.append(Command(f"{file} {name}", tuple(words), given))
    for name, one in workloads().items():
        pod = one["spec"]["template"]["spec"]
        found.append(Command(f"kubernetes {name}", tuple(pod["containers"][0]["args"]), pod_environment(pod)))
    return found


def figures(*, cluster: bool) -> set[str]:
    """Names of ours that rules and dashboard ask Prometheus for: of the parts for many machines, or of all others."""
    groups = read_yaml(DEPLOY / "prometheus" / "vardevakt.rules.yml")["groups"]
    asked = [rule["expr"] for group in groups if (group["name"] == CLUSTER_GROUP) is cluster for rule in group["rules"]]
    row = ""
    for panel in json.loads((DEPLOY / "grafana" / "vardevakt.json").read_text())["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        if (row == CLUSTER_ROW) is cluster:
            asked += [one["expr"] for one in panel.get("targets", ())]
    return {name.removesuffix("_bucket") for text in asked for name in re.findall(r"\bvardevakt_[a-z0-9_]+", text)}


@functools.cache
def command_line() -> Any:
    """Our command line as typer makes it; to make it takes as long as a whole test."""
    return typer.main.get_command(app)


def refusal(words: tuple[str, ...]) -> str:
    """Why our command line would not take these words; "" when it would. Runs nothing."""
    command: Any = command_line()
    rest = list(words)
    while hasattr(command, "commands"):
        if rest[0] not in command.commands:
            return f"no command {rest[0]}"
        command = command.commands[rest.pop(0)]
    try:
        command.make_context(words[0], rest)
    except Exception as error:  # noqa: BLE001 - typer's own kinds of usage error, whatever they are called
        return f"{type(error).__name__}: {error}"
    return ""


def unknown_settings(environment: Mapping[str, str]) -> set[str]:
    """Variables with our prefix that are no setting: with one of them nothing starts."""
    known = {environment_name(section, key) for section, model in sections().items() for key in model.model_fields}
    return {key for key in environment if key.startswith("VARDEVAKT_")} - known - {FILE_VARIABLE}
