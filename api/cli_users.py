"""`user` and `key`: who may log in, and which programs. Passwords are asked for or read from a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from alerts.accounts import Accounts
from api.cli_files import open_store
from api.cli_serve import DataDir, SettingsFile
from api.settings_file import load_settings, read_secret


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    user = typer.Typer(help="People who may log in.", no_args_is_help=True)
    user.command("add")(add_user)
    user.command("list")(list_users)
    user.command("disable")(disable_user)
    app.add_typer(user, name="user")
    key = typer.Typer(help="Programs that may use the API.", no_args_is_help=True)
    key.command("add")(add_key)
    app.add_typer(key, name="key")


def add_user(
    login: Annotated[str, typer.Argument(help="What they type to log in.")],
    name: Annotated[str, typer.Option(help="Shown to colleagues.")],
    role: Annotated[list[str], typer.Option(help="carer or operator; may be given twice.")],
    staff: Annotated[str | None, typer.Option(help="Id of the staff member in the site file.")] = None,
    language: Annotated[str, typer.Option(help="nb or en.")] = "nb",
    password_file: Annotated[
        Path | None, typer.Option(help="File that holds the password; else it is asked for.")
    ] = None,
    settings: SettingsFile = None,
    data: DataDir = None,
) -> None:
    """Add a user."""
    password = (
        read_secret(password_file)
        if password_file is not None
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    with open_store(data or load_settings(settings).data.dir, None) as store:
        accounts = Accounts(store.database, store.site_id)
        accounts.add_user(login, password, name=name, roles=role, now_ms=_now_ms(), staff_id=staff, language=language)
    typer.echo(f"added {login}")


def list_users(settings: SettingsFile = None, data: DataDir = None) -> None:
    """Who may log in."""
    with open_store(data or load_settings(settings).data.dir, None, writing=False) as store:
        for account in Accounts(store.database, store.site_id).users():
            typer.echo(f"{account.user_id}  {account.name}  {', '.join(sorted(account.roles))}")


def disable_user(login: str, settings: SettingsFile = None, data: DataDir = None) -> None:
    """Shut a user out at once."""
    with open_store(data or load_settings(settings).data.dir, None) as store:
        found = Accounts(store.database, store.site_id).disable_user(login, _now_ms())
    typer.echo(f"{login} is shut out" if found else f"there is no user {login}")
    raise typer.Exit(0 if found else 1)


def add_key(
    label: Annotated[str, typer.Argument(help="What uses it.")],
    role: Annotated[list[str], typer.Option(help="carer or operator; may be given twice.")],
    settings: SettingsFile = None,
    data: DataDir = None,
) -> None:
    """Make a machine key; its token is shown this once."""
    with open_store(data or load_settings(settings).data.dir, None) as store:
        typer.echo(Accounts(store.database, store.site_id).create_machine_key(label, role, _now_ms()))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
