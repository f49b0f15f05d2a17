"""deploy/ holds together: every file parses, names what is there, and keeps to what keeps a box safe."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support import deployed
from tests.support.deployed import DEPLOY
from tests.support.servers import ROOT, require_program

RULES = DEPLOY / "prometheus" / "vardevakt.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "vardevakt.json"
UNITS = ("vardevakt.service", "vardevakt-backup.service", "vardevakt-backup.timer")
SERVICES = UNITS[:2]
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "RestrictSUIDSGID": "yes",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
    "User": "vardevakt",
}


def yaml(path: Any) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text())


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml(RULES)["groups"] for rule in group["rules"]]


def test_every_alert_says_who_is_woken_and_has_a_page_in_the_runbook() -> None:
    """Each rule has a severity, a sentence and a heading of its own in deploy/README.md; no heading is left over."""
    readme = (DEPLOY / "README.md").read_text()
    runbook = re.search(r"^## Runbook\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    assert runbook is not None
    entries = dict(re.findall(r"^### (Vardevakt\w+)\n\n(.+?)(?=^###|\Z)", runbook.group(1), re.MULTILINE | re.DOTALL))
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    assert set(entries) == set(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "look"}, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["runbook"] == f"deploy/README.md#{rule['alert'].lower()}"
        assert "Do:" in entries[rule["alert"]], f"{rule['alert']}: what is one to do?"


def test_rules_are_of_the_shape_that_prometheus_takes() -> None:
    """Only keys that it knows, durations that it reads, an expression for each."""
    assert set(yaml(RULES)) == {"groups"}
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m")), rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")"), rule["alert"]
    promtool = shutil.which("promtool")
    if promtool is not None:  # who has it, asks the program that knows
        done = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_one_that_grafana_draws() -> None:
    """Panels do not overlap and have each a title, a place, a data source that is asked for, and a query."""
    board = json.loads(DASHBOARD.read_text())
    assert [one["name"] for one in board["templating"]["list"]] == ["source"]
    seen: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & seen, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        seen |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${source}"
            assert all(one["expr"] for one in panel["targets"]), panel["title"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert [number for number in "459" if not any(f"promise {number}" in row for row in rows)] == []


def test_the_container_gets_no_more_than_it_needs() -> None:
    """No root, nothing written but data and /tmp, locked with hashes, nothing fetched at run time, no shell around."""
    found = deployed.instructions()
    names = [name for name, _ in found]
    assert names.count("FROM") == 2, "build tools stay behind in a stage of their own"
    last = found[len(names) - 1 - names[::-1].index("FROM") :]
    assert deployed.instruction("USER") == "10001:10001"
    assert not [rest for name, rest in last if name == "RUN" and "pip" in rest]
    assert not [name for name in names if name in {"ADD", "MAINTAINER", "ONBUILD", "SHELL"}]
    for _, rest in [one for one in found if one[0] == "RUN"]:
        for command in re.findall(r"pip install[^&]*", rest):
            assert "--require-hashes" in command or "--no-index" in command, command
            assert "--no-cache-dir" in command
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(deployed.instruction(name)), list), f"{name} without a shell: signals arrive"
    assert ":latest" not in (DEPLOY / "Dockerfile").read_text()


def test_what_the_image_copies_is_there_and_let_through() -> None:
    """COPY names files of the repository, and the ignore file lets each of them through, and no more packages."""
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    let = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        word.removeprefix("./")
        for name, rest in deployed.instructions()
        if name == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    assert "*" in ignored
    assert [name for name in sorted(copied) if not (ROOT / name).exists()] == []
    assert [name for name in sorted(copied) if name not in let and name.split("/")[0] not in let] == []
    assert sorted(let - copied) == []


def test_compose_refers_to_what_is_there_and_gives_away_nothing() -> None:
    """Read-only roots, no rights, no root, the board on loopback only, every mounted file of ours there."""
    compose = yaml(DEPLOY / "compose.yaml")
    assert set(compose) == {"name", "services", "secrets", "volumes"}
    assert set(compose["services"]) == {"mosquitto", "vardevakt"}
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service["user"].startswith("0"), name
        assert set(service.get("secrets", ())) <= set(compose["secrets"]), name
        assert set(service.get("depends_on", ())) <= set(compose["services"]), name
        for volume in service["volumes"]:
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_file(), volume
                assert volume.endswith(":ro"), volume
            elif not source.startswith("/"):
                assert source in compose["volumes"], volume
    ours = compose["services"]["vardevakt"]
    assert ours["user"] == deployed.instruction("USER")
    assert all(port.startswith("127.0.0.1:") for port in ours["ports"])
    assert (DEPLOY / ours["build"]["context"] / ours["build"]["dockerfile"]).is_file()
    assert any(volume.endswith(f":{deployed.instruction('VOLUME')}") for volume in ours["volumes"])


@pytest.mark.parametrize("name", SERVICES)
def test_the_units_may_do_no_more_than_they_need(name: str) -> None:
    """A user of its own, a system that is read-only, no rights to gain; its folder said, where it writes."""
    found = {key: value for section, key, value in deployed.unit(name) if section == "Service"}
    assert {key: found.get(key) for key in HARDENED} == HARDENED
    assert deployed.environment(name)["VARDEVAKT_DATA_DIR"] == "/var/lib/vardevakt"
    if name == "vardevakt.service":
        assert found["StateDirectory"] == "vardevakt"
        assert found["StateDirectoryMode"] == "0700"
        assert int(found["WatchdogSec"]) >= 30
    else:
        assert "/var/lib/vardevakt" in found["ReadWritePaths"]


def test_systemd_takes_the_units(tmp_path: Any) -> None:
    """`systemd-analyze verify`, with a program in place of ours that is there."""
    program = require_program("systemd-analyze")
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace(deployed.PROGRAM, "/bin/true"))
    done = subprocess.run(
        [program, "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "vardevakt" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_no_file_of_deploy_holds_a_secret() -> None:
    """No key, no password, no token: those are made on the machine."""
    for path in sorted(DEPLOY.rglob("*")):
        if path.is_file() and path.suffix not in {".jpg", ".png", ".lock"}:
            text = path.read_text()
            assert "PRIVATE KEY" not in text, path
            assert not re.search(r"(?i)\b(password|secret|token)\s*[=:]\s*[\"']?\w{6,}", text), path
