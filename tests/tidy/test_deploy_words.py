"""Every word that deploy/ says to our own program is one that it knows: commands, settings, figures."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from alerts.database_postgres import Server, server_url
from api.settings.file import FILE_VARIABLE, load_settings
from api.settings.model import sections
from tests.support import deployed
from tests.support.deployed import DEPLOY, Command
from tests.support.servers import ROOT

CLUSTER = [one for one in deployed.commands() if one.where.startswith(("compose.cluster.yaml", "kubernetes"))]


@pytest.mark.parametrize("command", deployed.commands(), ids=lambda one: one.where)
def test_our_command_line_takes_every_command(command: Command) -> None:
    """Units, compose files, manifests and image start what there is, with options that there are."""
    assert deployed.refusal(command.words) == ""


def test_a_misspelt_command_is_found() -> None:
    """The check is not blind."""
    assert deployed.refusal(("serve", "--no-such-option"))
    assert deployed.refusal(("surve",))


@pytest.mark.parametrize("command", deployed.commands(), ids=lambda one: one.where)
def test_every_variable_is_a_setting(command: Command) -> None:
    """A variable that nobody knows would keep the service from starting."""
    assert deployed.unknown_settings(command.environment) == set()


@pytest.mark.parametrize("command", CLUSTER, ids=lambda one: one.where)
def test_the_settings_of_each_role_are_whole(command: Command, tmp_path: Path) -> None:
    """File and variables together, with a file for each secret, are settings that a service takes."""
    environ = dict(command.environment)
    for key in [key for key in environ if key.endswith("_FILE")]:
        environ[key] = str(tmp_path / key)
        (tmp_path / key).write_text("k" * 40)
    environ[FILE_VARIABLE] = str(DEPLOY / "vardevakt.cluster.toml")
    given = load_settings(environ=environ | {"VARDEVAKT_SITE_ID": "solbakken"})
    assert given.logs.kind == "kafka"
    assert given.desk.database_url
    role = command.words[-1]
    assert (given.mqtt.url is not None) == (role in {"intake", "worker", "desk"})
    assert (given.series.kind == "influx") == (role in {"worker", "desk", "web"})


def test_every_key_of_the_box_s_settings_is_a_setting() -> None:
    """Section and key of each line of vardevakt.toml are known; the box itself is run in tests/cluster."""
    given, models = tomllib.loads((DEPLOY / "vardevakt.toml").read_text()), sections()
    for section, keys in given.items():
        assert set(keys) <= set(models[section].model_fields), section


def test_kubernetes_has_the_settings_word_for_word() -> None:
    """The config map is vardevakt.cluster.toml, so that compose and Kubernetes cannot drift apart."""
    (data,) = [one["data"] for file, one in deployed.manifests() if file == "settings.yaml"]
    assert data == {"vardevakt.toml": (DEPLOY / "vardevakt.cluster.toml").read_text()}


def test_figures_of_many_machines_are_told_somewhere() -> None:
    """What rules and dashboard ask for stands in the code; figures of one box are asked of a running one elsewhere."""
    code = "".join(path.read_text() for folder in ("api", "ingest", "rules") for path in (ROOT / folder).rglob("*.py"))
    asked = deployed.figures(cluster=True)
    assert len(asked) > 4
    assert {name for name in asked if f'"{name.removesuffix("_total")}' not in code} == set()


def test_addresses_to_begin_with_are_addresses() -> None:
    """What an installation writes anew is of the right shape as it stands, and holds no password."""
    urls = {one.environment.get("VARDEVAKT_DESK_DATABASE_URL") for one in deployed.commands()} - {None}
    assert len(urls) == 2
    for url in urls:
        made = server_url(Server(str(url)))
        assert (made.username, made.password, made.database) == ("vardevakt", None, "vardevakt")
