"""`serve`, `check`, `migrate`: running the service, and asking whether it could."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.channels.reach import has_voice_or_sms
from alerts.database import migrate as migrate_desk
from alerts.messages.addresses import phone_number
from alerts.site.file import load as load_site
from alerts.site.items import SiteFile
from api.cli.problem_lines import CannotRun
from api.cli.site import site_to_serve
from api.cluster.options import RoleName
from api.http.services import Services
from api.routes.health import is_alive
from api.running.channel_wiring import channel_options
from api.running.desk_place import desk_place
from api.running.log_setup import configure_logging
from api.running.options import options_of
from api.running.service import Service
from api.running.supervisor import supervised
from api.running.watch import HEARTBEAT_OFF, heartbeat_options
from api.settings.file import load_settings
from api.settings.model import Settings, settings_markdown
from api.wiring import Options, Running, running
from ingest.journal_file import is_in_use
from rules.book import Book
from rules.book_check import near
from rules.book_file import book_for_site

SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file (TOML).")]
DataDir = Annotated[Path | None, typer.Option("--data", help="Folder for the service's files.")]
HttpPort = Annotated[int | None, typer.Option(help="Port of board and API; 0 = any free one.")]
MqttPort = Annotated[int | None, typer.Option(help="Port of the embedded broker; 0 = any free one.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    for command in (serve, check, migrate):
        app.command()(command)


def serve(
    settings: SettingsFile = None,
    data: DataDir = None,
    http_port: HttpPort = None,
    mqtt_port: MqttPort = None,
    site: Annotated[Path | None, typer.Option(help="Import this site file first.")] = None,
    role: Annotated[
        list[RoleName] | None, typer.Option(help="With logs on Kafka: what this process is for; may be repeated.")
    ] = None,
) -> None:
    """Run the service until SIGTERM or Ctrl-C. With logs on Kafka: one process of many, for some roles or all."""
    given = load_settings(settings)
    configure_logging(given.log.format, given.log.level)
    book = book_for_site(given.rules.book_file)
    folder = data or given.data.dir
    if given.logs.kind == "kafka":
        from api.cli.cluster import serve_roles  # Kafka's clients and Faust take half a second to load

        found = load_site(site, kinds_of(book)) if site is not None else None
        serve_roles(given, book, folder, role or [], found, http_port)
        return
    if role:
        raise CannotRun('roles are for logs on Kafka: [logs] kind = "kafka"')
    site_id = site_of_folder(given, folder, load_site(site, kinds_of(book)) if site is not None else None)
    options = options_of(given, site_id, book, data=folder, http_port=http_port, mqtt_port=mqtt_port)
    asyncio.run(serve_until_told(options, None, lambda up: typer.echo(f"Vardevakt: {up.http_url}")))


def check(
    settings: SettingsFile = None,
    site: Annotated[Path | None, typer.Option(help="Site file to check.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rule book to check.")] = None,
    settings_docs: Annotated[bool, typer.Option(help="Print every setting instead.")] = False,
) -> None:
    """Check settings, site and rule book without running anything."""
    if settings_docs:
        typer.echo(settings_markdown())
        return
    given = load_settings(settings)
    book = book_for_site(rules or given.rules.book_file)
    typer.echo(f"settings ok; rule book ok: {len(book.rules)} rules, version {book.version}")
    channels = channel_options(given).names  # reads every secret file, so what is missing is said now
    rings = has_voice_or_sms(channels)
    if not rings:
        typer.echo("CAREFUL: no voice or SMS channel, so a P1 rings no telephone: see channels.enabled")
    if heartbeat_options(given) is None:
        typer.echo(HEARTBEAT_OFF)
    if site is not None:
        found = load_site(site, kinds_of(book))
        counts = ", ".join(f"{len(items)} {kind}" for kind, items in found.items.items() if items)
        _check_wards(book, [str(ward.id) for ward in found.items["ward"]])
        typer.echo(f"site {found.site_id} ok: {counts}")
        functions = found.items["function"]
        mute = [str(one.id) for one in functions if not phone_number(getattr(one, "phone", None))]
        if rings and mute:
            typer.echo(f"CAREFUL: no telephone for {', '.join(mute)}: voice and SMS cannot reach them")


def _check_wards(book: Book, wards: list[str]) -> None:
    """Values for a ward that the site does not have would apply to nobody."""
    for layer in book.layers:
        if layer.ward is not None and layer.ward not in wards:
            raise CannotRun(f"rule book: wards: the site has no ward {layer.ward!r}{near(layer.ward, wards)}")


def migrate(settings: SettingsFile = None, data: DataDir = None) -> None:
    """Bring the desk's database to this version. The service does it by itself when it starts."""
    place = desk_place(load_settings(settings), data)
    if isinstance(place, Path):
        must_be_free(place.parent)
    migrate_desk(place)
    typer.echo(f"{place} is up to date")


def must_be_free(folder: Path) -> None:
    """Nothing may write desk.db beside a running service (alerts/database.py): refuse before it is opened."""
    if is_in_use(folder / "journal.db"):
        raise CannotRun(f"a service is running on {folder}: stop it first")


def kinds_of(book: Book) -> dict[str, str]:
    """Rule -> kind, for checking plans in site files."""
    return {rule.id: rule.kind for rule in book.rules}


def site_of_folder(settings: Settings, folder: Path, site: SiteFile | None) -> str:
    """The site of a data folder that nobody else serves."""
    must_be_free(folder)
    advice = f"run `vardevakt site import site.yaml --data {folder}`, or give --site"
    return site_to_serve(settings, desk_place(settings, folder), site, what=str(folder), advice=advice)


async def serve_until_told(
    options: Options, make_demo: Callable[[Service, Services], Any] | None, greet: Callable[[Running], None]
) -> None:
    """Run until SIGTERM or Ctrl-C; both stop cleanly."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with running(options, make_demo=make_demo) as up:
        greet(up)
        async with supervised(lambda: is_alive(up.services)):
            await told.wait()
