"""`site import|export`: the site as a file that people write; and the settings of a desk, opened."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from alerts.database import Place, migrate, open_database, read_database
from alerts.site import exporter as site_export
from alerts.site import importer as site_import
from alerts.site.file import load
from alerts.site.settings_store import SettingsStore
from api.cli.groups import group
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile, kinds_of
from api.running.desk_place import desk_place
from api.settings.file import load_settings
from ingest.journal_file import is_in_use
from rules.book_file import book_for_site

BookFile = Annotated[Path | None, typer.Option("--rules", help="A site's rule book over the shipped one.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    site = group(app, "site")
    site.command("import")(import_site)
    site.command("export")(export_site)


def import_site(
    file: Annotated[Path, typer.Argument(help="Site file (YAML).")],
    settings: SettingsFile = None,
    data: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what the file does not name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a site file. Twice changes nothing."""
    given = load_settings(settings)
    site = load(file, kinds_of(book_for_site(given.rules.book_file)))
    hint = "start it with `serve --site FILE`, or use its pages"
    with open_store(desk_place(given, data), site.site_id, hint=hint) as store:
        changes = site_import.apply(store, site, dry_run, prune=prune)
    if as_json:
        typer.echo(json.dumps([msgspec.to_builtins(change) for change in changes]))
        return
    for change in changes:
        typer.echo(f"{'would ' if dry_run else ''}{change}")
    typer.echo(f"{len(changes)} changes{' would be made' if dry_run else ''}")


def export_site(settings: SettingsFile = None, data: DataDir = None) -> None:
    """Print the site as a file that `site import` takes."""
    given = load_settings(settings)
    with open_store(desk_place(given, data), given.site.id, writing=False) as store:
        sys.stdout.write(site_export.dump(store))


@contextmanager
def open_store(place: Place, site_id: str | None, *, writing: bool = True, hint: str = "") -> Iterator[SettingsStore]:
    """The settings of a desk. A file beside a running service only to look: it alone may write (see
    alerts/database.py). A server: several may write.
    """
    running = isinstance(place, Path) and is_in_use(place.parent / "journal.db")
    if isinstance(place, Path):
        if running and writing:
            raise CannotRun(f"a service is running on {place.parent}: stop it first{hint and f', or {hint}'}")
        if not writing and not place.is_file():
            raise CannotRun(f"{place} is not there: say the data folder with --data")
    if not running:
        migrate(place)
    database = read_database(place) if running else open_database(place)
    try:
        kept = SettingsStore.sites(database)
        if site_id is None and len(kept) != 1:
            where = place.parent if isinstance(place, Path) else place
            raise CannotRun(f"{where} holds {'no site' if not kept else 'several sites: say which in [site] id'}")
        yield SettingsStore(database, site_id or kept[0])
    finally:
        database.close()
