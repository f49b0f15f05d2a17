"""`user` and `key`: who may log in, and which programs. Also while the service runs (api/cli/account_desk.py).

Passwords are asked for or read from a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alerts.access.accounts import Accounts
from alerts.database import Place
from api.cli.account_desk import account_desk
from api.cli.files import open_store
from api.cli.serve import DataDir, SettingsFile
from api.running.desk_place import desk_place
from api.settings.file import load_settings, read_secret

Login = Annotated[str, typer.Argument(help="What they type to log in.")]
Roles = Annotated[list[str], typer.Option("--role", help="carer or operator; may be given twice.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File that holds the password; else it is asked for.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    user = typer.Typer(help="People who may log in.", no_args_is_help=True)
    user.command("add")(add_user)
    user.command("list")(list_users)
    user.command("password")(set_password)
    user.command("disable")(disable_user)
    user.command("enable")(enable_user)
    app.add_typer(user, name="user")
    key = typer.Typer(help="Programs that may use the API.", no_args_is_help=True)
    key.command("add")(add_key)
    key.command("list")(list_keys)
    key.command("revoke")(revoke_key)
    app.add_typer(key, name="key")


def add_user(
    login: Login,
    name: Annotated[str, typer.Option(help="Shown to colleagues.")],
    role: Roles,
    staff: Annotated[str | None, typer.Option(help="Id of the staff member in the site file.")] = None,
    ward: Annotated[list[str] | None, typer.Option(help="Sees this ward only; may be given several times.")] = None,
    language: Annotated[str, typer.Option(help="nb or en.")] = "nb",
    password_file: PasswordFile = None,
    settings: SettingsFile = None,
    data: DataDir = None,
) -> None:
    """Add a user."""
    password = _password(password_file)
    with account_desk(_place(settings, data)) as desk:
        desk.add_user(login, password, name=name, roles=role, staff_id=staff, wards=ward or None, language=language)
    typer.echo(f"added {login}")


def list_users(settings: SettingsFile = None, data: DataDir = None) -> None:
    """Who may log in."""
    with open_store(_place(settings, data), None, writing=False) as store:
        for account in Accounts(store.database, store.site_id).users():
            wards = "" if account.wards is None else f"  wards: {', '.join(account.wards)}"
            typer.echo(f"{account.user_id}  {account.name}  {', '.join(sorted(account.roles))}{wards}")


def set_password(
    login: Login, password_file: PasswordFile = None, settings: SettingsFile = None, data: DataDir = None
) -> None:
    """Give a user another password; they are logged out everywhere."""
    password = _password(password_file)
    with account_desk(_place(settings, data)) as desk:
        desk.set_password(login, password)
    typer.echo(f"{login} has a new password")


def disable_user(login: Login, settings: SettingsFile = None, data: DataDir = None) -> None:
    """Shut a user out at once."""
    with account_desk(_place(settings, data)) as desk:
        found = desk.disable_user(login)
    typer.echo(f"{login} is shut out" if found else f"there is no user {login}")
    raise typer.Exit(0 if found else 1)


def enable_user(login: Login, settings: SettingsFile = None, data: DataDir = None) -> None:
    """Let a user in again that was shut out."""
    with account_desk(_place(settings, data)) as desk:
        found = desk.enable_user(login)
    typer.echo(f"{login} may log in again" if found else f"nobody called {login} is shut out")
    raise typer.Exit(0 if found else 1)


def add_key(
    label: Annotated[str, typer.Argument(help="What uses it.")],
    role: Roles,
    settings: SettingsFile = None,
    data: DataDir = None,
) -> None:
    """Make a machine key; its token is shown this once."""
    with account_desk(_place(settings, data)) as desk:
        typer.echo(desk.create_key(label, role))


def list_keys(settings: SettingsFile = None, data: DataDir = None) -> None:
    """Keys that work."""
    with open_store(_place(settings, data), None, writing=False) as store:
        for key_id, label, roles in Accounts(store.database, store.site_id).machine_keys():
            typer.echo(f"{key_id}  {label}  {', '.join(sorted(roles))}")


def revoke_key(
    key: Annotated[str, typer.Argument(help="Id of the key, as `key list` shows it.")],
    settings: SettingsFile = None,
    data: DataDir = None,
) -> None:
    """End a machine key at once."""
    with account_desk(_place(settings, data)) as desk:
        found = desk.revoke_key(key)
    typer.echo(f"key {key} works no more" if found else f"there is no key {key}")
    raise typer.Exit(0 if found else 1)


def _place(settings: Path | None, data: Path | None) -> Place:
    return desk_place(load_settings(settings), data)


def _password(file: Path | None) -> str:
    if file is not None:
        return read_secret(file)
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
