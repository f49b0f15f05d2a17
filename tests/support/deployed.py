"""The files of deploy/ as a test reads them: the same lines, with paths of this test instead of the machine's."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

from tests.support.servers import ROOT, Mosquitto, free_port

DEPLOY = ROOT / "deploy"
PROGRAM = "/opt/vardevakt/bin/vardevakt"
GATEWAYS = "/etc/vardevakt/gateways"


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
