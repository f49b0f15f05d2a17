"""A desk with a settings store on a new database, and the site that tests of people share."""

from __future__ import annotations

from pathlib import Path

from alerts.database import Database
from alerts.site import importer as site_import
from alerts.site.file import load, loads
from alerts.site.items import SiteFile
from alerts.site.settings_store import SettingsStore
from tests.support.desk_place import make_tables, open_desk

SITE = "solvang"
NOW_MS = 1_772_000_000_000
WHOLE = Path(__file__).parent.parent / "unit" / "site_files" / "good-whole.yaml"


def new_store(folder: Path) -> SettingsStore:
    """An empty desk for the site of `good-whole.yaml`."""
    return SettingsStore(open_desk(folder, "no site", _create), SITE)


def _create(database: Database) -> None:
    make_tables(database)


def whole_site(*, without: str = "", **replaced: str) -> SiteFile:
    """The site of `good-whole.yaml`, without the lines that hold a word, and with text replaced."""
    lines = [line for line in WHOLE.read_text().splitlines() if not without or without not in line]
    text = "\n".join(lines)
    for old, new in replaced.items():
        assert old in text, f"{old} stands in the file"
        text = text.replace(old, new)
    return loads(text.encode(), "site.yaml")


def filled_store(folder: Path) -> SettingsStore:
    """A desk that holds the whole site."""
    return SettingsStore(open_desk(folder, "whole site", _fill), SITE)


def _fill(database: Database) -> None:
    _create(database)
    site_import.apply(SettingsStore(database, SITE), load(WHOLE), now_ms=NOW_MS)
