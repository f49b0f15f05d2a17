"""`backup` and `restore`: a copy of the data folder beside the running service, put back, and proved by a drill."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from alerts.database import read_database
from alerts.site.settings_store import SettingsStore
from api.backup.backup import BackupNote, prune, read_note, take_backup, write_note
from api.backup.files import DESK, read_manifest
from api.backup.restore import Drill, drill, restore
from api.cli.files import AsJson
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile
from api.running.log_setup import configure_logging
from api.settings.file import load_settings
from api.settings.model import Settings

MIB = 1_048_576
NICE = 10
Scratch = Annotated[
    Path | None, typer.Option(help="Folder for the drill's copy; without it the machine's temporary one.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command("backup")(make_backup)
    app.command("restore")(put_back)


def make_backup(
    target: Annotated[Path, typer.Argument(help="Folder for backups; each gets a folder of its own in it.")],
    settings: SettingsFile = None,
    data: DataDir = None,
    keep: Annotated[int, typer.Option(min=0, help="Remove all but the newest so many; 0 = none.")] = 0,
    mib_per_second: Annotated[int, typer.Option(min=0, help="Copy no faster than this; 0 = as fast as it goes.")] = 32,
    run_drill: Annotated[bool, typer.Option("--drill", help="Restore it at once and prove it.")] = False,
    scratch: Scratch = None,
    as_json: AsJson = False,
) -> None:
    """Back up the data folder, also while its service runs. Verified before it counts; exit 1: the drill failed."""
    given = load_settings(settings)
    folder = data or given.data.dir
    site = _site(given, folder)
    os.nice(NICE)
    now_ms = time.time_ns() // 1_000_000
    made = take_backup(
        folder, target, site, given.zigbee2mqtt.bases, now_ms,
        bytes_per_s=mib_per_second * MIB, reserve_bytes=given.journal.reserve_bytes,
    )  # fmt: skip
    manifest = read_manifest(made)
    if not run_drill:
        removed = prune(target, keep)
        if as_json:
            typer.echo(msgspec.json.encode({"backup": str(made), "removed": list(map(str, removed))}).decode())
            return
        size = sum(one.size for one in manifest.files)
        typer.echo(f"{made}: {len(manifest.files)} files, {size} bytes, RAW to row {manifest.figures['raw']}")
        return
    configure_logging(given.log.format, "warning")
    found = drill(made, scratch)
    if not found.problems:
        prune(target, keep)  # never for the sake of one that does not hold
        write_note(folder, BackupNote(str(made.resolve()), now_ms, time.time_ns() // 1_000_000))
    _tell(found, as_json=as_json)


def put_back(
    backup: Annotated[Path, typer.Argument(help="A backup: the folder with its manifest.json.")],
    settings: SettingsFile = None,
    data: DataDir = None,
    only_drill: Annotated[
        bool, typer.Option("--drill", help="Into a temporary folder, prove it, and remove that again.")
    ] = False,
    scratch: Scratch = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty data folder, or only prove that one could. Exit 1: the drill failed."""
    if only_drill:
        configure_logging(load_settings(settings).log.format, "warning")
        os.nice(NICE)
        found = drill(backup, scratch)
        if data is not None and not found.problems:
            _note_drill(data, backup)
        _tell(found, as_json=as_json)
        return
    folder = data or load_settings(settings).data.dir
    manifest = restore(backup, folder)
    if as_json:
        typer.echo(msgspec.json.encode({"data": str(folder), "figures": manifest.figures}).decode())
        return
    typer.echo(f"{folder}: restored {len(manifest.files)} files of {manifest.site}, made {manifest.made_at}")
    typer.echo(f"RAW ends at row {manifest.figures['raw']}; {manifest.figures['alerts_open']} alerts are open")
    typer.echo("what came after the backup is not in it: look at the board and at each home once the service runs")


def _tell(found: Drill, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        for problem in found.problems:
            typer.echo(f"bad: {problem}")
        told = ", ".join(f"{fold} {outcome}" for fold, outcome in found.proofs.items())
        typer.echo(f"{found.backup}, made {found.made_at}: {len(found.figures)} figures and all alerts compared")
        typer.echo(f"refolded {found.refolded_rows} rows ({told}) in {found.seconds} s")
        typer.echo("the drill failed" if found.problems else "the drill went well: this backup can be restored")
    if found.problems:
        raise typer.Exit(1)


def _note_drill(data: Path, backup: Path) -> None:
    """The data folder remembers that its newest backup was proved."""
    note = read_note(data)
    if note is not None and note.backup == str(backup.resolve()):
        write_note(data, msgspec.structs.replace(note, drilled_ms=time.time_ns() // 1_000_000))


def _site(given: Settings, folder: Path) -> str:
    if not (folder / DESK).is_file():
        raise CannotRun(f"{folder / DESK} is not there: say the data folder with --data")
    database = read_database(folder / DESK)
    try:
        kept = SettingsStore.sites(database)
    finally:
        database.close()
    site = given.site.id or (kept[0] if len(kept) == 1 else None)
    if site is None:
        raise CannotRun(f"{folder} holds {'several sites: say which in [site] id' if kept else 'no site'}")
    return site
