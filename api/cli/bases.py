"""`bases`: prove the folds' newest snapshots, so that they become bases. The service calls it each night."""

from __future__ import annotations

import os
import time
from typing import Annotated

import msgspec
import typer

from api.backup.bases import prove
from api.cli.files import AsJson
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile
from api.settings.file import load_settings
from ingest.codecs import default_codecs

NICE = 10
FAILED = ("differs", "log_cut")


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command("bases")(make_bases)


def make_bases(
    settings: SettingsFile = None,
    data: DataDir = None,
    site: Annotated[str | None, typer.Option(help="Site of the data folder; as in the settings when left out.")] = None,
    zigbee_base: Annotated[list[str] | None, typer.Option(help="Base topics of Zigbee2MQTT.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fold the log again up to each newest snapshot; what is equal byte for byte becomes a base. Exit 1: it differs."""
    given = load_settings(settings)
    folder, site_id = data or given.data.dir, site or given.site.id
    if not (folder / "journal.db").is_file() or site_id is None:
        raise CannotRun(f"{folder} holds no journal, or no site is named: say --data and --site")
    os.nice(NICE)
    codecs = default_codecs(tuple(zigbee_base or given.zigbee2mqtt.bases))
    proofs = prove(folder, site_id, codecs, time.time_ns() // 1_000_000)
    if as_json:
        typer.echo(msgspec.json.encode(proofs).decode())
        return
    for one in proofs:
        told = f"{one.fold}: {one.outcome} at row {one.position}"
        typer.echo(f"{told}, {one.rows} rows from {one.proved_from} in {one.seconds} s" if one.rows else told)
    if any(one.outcome in FAILED for one in proofs):
        raise typer.Exit(1)
