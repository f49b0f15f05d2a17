"""`desk copy`, `desk backup`, `desk restore`: the desk between a file and the server that many machines share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from alerts.database import Place, migrate, open_database, read_database
from alerts.database_postgres import Server
from alerts.desk_copy import copy_desk, duplicate_desk
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile, must_be_free
from api.running.desk_place import desk_server
from api.settings.file import load_settings, read_secret


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    desk = typer.Typer(help="The desk's database.", no_args_is_help=True, rich_markup_mode=None)
    desk.command("copy")(copy)
    desk.command("backup")(backup)
    desk.command("restore")(restore)
    app.add_typer(desk, name="desk")


def copy(
    to: Annotated[str, typer.Argument(help="postgresql+psycopg://user@host/database, empty.")],
    password_file: Annotated[Path | None, typer.Option(help="File that holds the password and nothing else.")] = None,
    settings: SettingsFile = None,
    data: DataDir = None,
) -> None:
    """Copy desk.db of a stopped service into an empty PostgreSQL, in one transaction, and count it there."""
    folder = data or load_settings(settings).data.dir
    if not (folder / "desk.db").is_file():
        raise CannotRun(f"{folder / 'desk.db'}: there is no desk")
    must_be_free(folder)
    place: Place = Server(to, None if password_file is None else read_secret(password_file))
    for one in (folder / "desk.db", place):
        migrate(one)
    source, target = open_database(folder / "desk.db"), open_database(place)
    try:
        done = copy_desk(source, target, time.time_ns() // 1_000_000)
    finally:
        source.close()
        target.close()
    for name, rows in done.rows.items():
        if rows:
            typer.echo(f"{rows:>9} {name}")
    typer.echo(f"{sum(done.rows.values())} rows copied and counted; {done.settings} settings wait for the new logs")


def backup(
    file: Annotated[Path, typer.Argument(help="The desk.db to make; nothing may be there.")],
    settings: SettingsFile = None,
) -> None:
    """Copy the desk on PostgreSQL into a file while all is at work: one moment, with the positions of every lane."""
    server = _server(settings)
    if file.exists():
        raise CannotRun(f"{file}: is there already")
    migrate(file)
    _duplicate(server, file)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `desk backup` made.")], settings: SettingsFile = None
) -> None:
    """Put such a file into an empty PostgreSQL, before any process is started on it."""
    server = _server(settings)
    if not file.is_file():
        raise CannotRun(f"{file}: there is no backup")
    for one in (file, server):
        migrate(one)
    _duplicate(file, server)


def _server(settings: Path | None) -> Server:
    server = desk_server(load_settings(settings))
    if server is None:
        raise CannotRun("desk.database_url is not set: `vardevakt backup` and `restore` are for a desk in a file")
    return server


def _duplicate(old: Place, new: Place) -> None:
    source, target = read_database(old), open_database(new)
    try:
        rows = duplicate_desk(source, target)
    finally:
        source.close()
        target.close()
    typer.echo(f"{new}: {sum(rows.values())} rows copied and counted, {rows['applied']} positions of lanes among them")
