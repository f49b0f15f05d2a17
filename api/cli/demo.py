"""`demo`: a whole service with an invented ward on this machine, for whoever wants to see it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

import typer

from alerts.access.accounts import DEMO_PASSWORD, ensure_demo_accounts
from alerts.site.file import load as load_site
from alerts.site.file import loads as loads_site
from api.cli.serve import DataDir, kinds_of, serve_until_told, site_of_folder
from api.http.services import Services
from api.running.log_setup import configure_logging
from api.running.options import options_of
from api.running.service import Service
from api.settings.model import Settings
from api.wiring import Running
from rules.book_file import book_for_site


@runtime_checkable
class HasPasteLine(Protocol):
    """What the greeting wants of the demo ward."""

    def paste_line(self, http_url: str, mqtt_url: str, token: str) -> str: ...


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command()(demo)


def demo(
    data: DataDir = None,
    http_port: Annotated[int, typer.Option(help="Port of board and API; 0 = any free one.")] = 8080,
    mqtt_port: Annotated[int, typer.Option(help="Port of the demo's broker; 0 = any free one.")] = 1883,
    site: Annotated[Path | None, typer.Option(help="Serve this site file instead of the invented ward.")] = None,
    quiet_ward: Annotated[
        bool, typer.Option("--quiet-ward", help="No simulated residents, or none that hurry.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="First line: addresses and a token, for programs.")] = False,
    seed: Annotated[int, typer.Option(help="Of the invented ward.")] = 1,
) -> None:
    """A whole service with an invented ward: broker, board and simulated devices on this machine."""
    from api.demo import Demo, demo_site  # brings the simulators, which a real service never needs

    configure_logging("json" if as_json else "auto", "warning")
    book = book_for_site(None)
    with _folder(data) as folder:
        ward = load_site(site, kinds_of(book)) if site is not None else None
        told = ward or loads_site(demo_site(seed).encode(), "demo ward", kinds_of(book))
        site_id = site_of_folder(Settings(), folder, told)
        options = options_of(
            Settings(), site_id, book, data=folder, http_port=http_port, mqtt_port=mqtt_port, ephemeral=True
        )

        def make_demo(service: Service, services: Services) -> Demo:
            return Demo(service, services, seed=seed, quiet=quiet_ward, simulate=site is None)

        asyncio.run(serve_until_told(options, make_demo, lambda up: _greet(up, as_json=as_json)))


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="vardevakt-demo-") as folder:
        yield Path(folder)


def _greet(up: Running, *, as_json: bool) -> None:
    service, demo_ward = up.services, up.services.demo
    now_ms = service.clock()
    staff = [item["id"] for item in service.settings_store.list("staff")]
    staff.sort(key=lambda one: one != "ola")  # whoever logs in as the invented ward's Ola is called so
    users = ensure_demo_accounts(service.accounts, now_ms, [*staff[:2], None, None][:2])
    token = service.accounts.create_machine_key("demo", ["carer", "operator"], now_ms)
    if as_json:
        typer.echo(json.dumps({"http": up.http_url, "mqtt": up.mqtt_url, "token": token}))
        return
    names = " or ".join(login for login, _ in users)
    typer.echo(f"\n  Board   {up.http_url}\n  Log in  {names}, password {DEMO_PASSWORD}\n  Broker  {up.mqtt_url}\n")
    if isinstance(demo_ward, HasPasteLine):
        typer.echo("  An alarm from outside (paste it into another terminal):\n")
        for line in demo_ward.paste_line(up.http_url, up.mqtt_url or "", token).splitlines():
            typer.echo(f"    {line}")
    typer.echo("\n  Ctrl-C stops it.\n")
