"""`doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import time

import msgspec
import typer

from api.cli.files import AsJson
from api.cli.serve import DataDir, SettingsFile
from api.doctor.desk import desk_lines
from api.doctor.lines import EXIT, Line, Patient, bad, text, worst
from api.doctor.logs import log_lines
from api.doctor.machine import (
    backup_lines,
    clock_line,
    data_folder,
    installation,
    is_synchronised,
    port_line,
    sqlite_line,
)
from api.doctor.series import series_lines
from api.doctor.service import broker_lines, certificate_lines, folder_lines, health_lines, settings_lines
from api.settings.file import SettingsError, load_settings


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command("doctor")(doctor)


def doctor(settings: SettingsFile = None, data: DataDir = None, as_json: AsJson = False) -> None:
    """Look at everything and change nothing, also beside the running service. Exit 0: all is well, 1: something to
    look at, 2: something is bad.
    """
    lines = [*installation(), sqlite_line(), clock_line(is_synchronised())]
    try:
        given = load_settings(settings)
    except SettingsError as error:
        lines.append(bad("settings", str(error).replace("\n", "; "), "mend it; `vardevakt check` says the same"))
    else:
        folder = data or given.data.dir
        lines += _of(Patient(given, folder, time.time_ns() // 1_000_000))
    if as_json:
        typer.echo(msgspec.json.encode(lines).decode())
    else:
        for line in text(lines):
            typer.echo(line)
    raise typer.Exit(EXIT[worst(lines)])


def _of(patient: Patient) -> list[Line]:
    lines = [*settings_lines(patient), *data_folder(patient)]
    if patient.data.is_dir():
        lines += [port_line(patient), *health_lines(patient), *folder_lines(patient), *backup_lines(patient)]
    lines += [*desk_lines(patient), *log_lines(patient), *series_lines(patient)]
    return [*lines, *broker_lines(patient), *certificate_lines(patient)]
