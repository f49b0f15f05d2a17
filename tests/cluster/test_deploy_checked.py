"""deploy/ as the programs see it that read such files in earnest; `.ci/servers-deploy` brings them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.deployed import DEPLOY
from tests.support.servers import require_program

OLDEST = "1.32"  # Kubernetes that deploy/README.md promises
COMPOSES = ("compose.yaml", "compose.cluster.yaml")


def said(*command: str) -> str:
    """What a program has against it; "" when nothing. The output is short where all is well."""
    environment = os.environ | {"VARDEVAKT_SITE": "solbakken"}
    done = subprocess.run(command, cwd=DEPLOY, env=environment, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_kubernetes_takes_the_manifests(tmp_path: Path) -> None:
    """Every document fits the schema of its kind; a key that Kubernetes does not know is found where it is planted."""
    folder = DEPLOY / "kubernetes"
    paths = [path for path in sorted(folder.rglob("*.yaml")) if path.name != "kustomization.yaml"]
    assert len(paths) > 10
    (tmp_path / "planted.yaml").write_text((folder / "floor.yaml").read_text().replace("livenessProbe", "lifeProbe"))
    program = require_program("kubernetes-validate")
    (fault,) = said(
        program, "--strict", "--quiet", "-k", OLDEST, *map(str, [*paths, tmp_path / "planted.yaml"])
    ).splitlines()
    assert "planted.yaml" in fault
    assert "lifeProbe" in fault


@pytest.mark.parametrize("name", COMPOSES)
def test_compose_takes_the_file(name: str) -> None:
    """`docker compose config`: schema, merges, variables, references."""
    assert said(require_program("docker-compose"), "-f", name, "config", "-q") == ""


def test_a_dockerfile_linter_has_nothing_to_say() -> None:
    """hadolint, with all of its rules."""
    assert said(require_program("hadolint"), "Dockerfile") == ""


def test_prometheus_takes_rules_and_targets(tmp_path: Path) -> None:
    """`promtool check config`, rules included; Debian's was built without Kubernetes, so those targets are replaced."""
    promtool = require_program("promtool")
    assert said(promtool, "check", "config", "prometheus/compose.yml") == ""
    text = (DEPLOY / "prometheus" / "kubernetes.yml").read_text()
    pods = "kubernetes_sd_configs:\n      - role: pod\n        namespaces:\n          names: [vardevakt]\n"
    assert pods in text
    text = text.replace(pods, "static_configs:\n      - targets: [pod:8080]\n")
    (tmp_path / "kubernetes.yml").write_text(
        text.replace("vardevakt.rules.yml", str(DEPLOY / "prometheus/*.rules.yml"))
    )
    assert said(promtool, "check", "config", str(tmp_path / "kubernetes.yml")) == ""


def test_each_rule_speaks_when_it_should_and_not_before() -> None:
    """`promtool test rules`: stories of lost processes, deaf intakes and partitions that are nobody's."""
    assert said(require_program("promtool"), "test", "rules", "prometheus/vardevakt.test.yml") == ""
