"""A desk with a settings store on a new database, and the site that tests of people share."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from alerts.database import open_database
from alerts.schema.tables import metadata
from alerts.site import importer as site_import
from alerts.site.file import load, loads
from alerts.site.items import SiteFile
from alerts.site.settings_store import SettingsStore

SITE = "solvang"
NOW_MS = 1_772_000_000_000
WHOLE = Path(__file__).parent.parent / "unit" / "site_files" / "good-whole.yaml"


def new_store(folder: Path) -> SettingsStore:
    """An empty desk for the site of `good-whole.yaml`."""
    database = open_database(folder / "desk.db")
    metadata.create_all(database.writer)
    return SettingsStore(database, SITE)


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
    (folder / "desk.db").write_bytes(_filled_desk())
    return SettingsStore(open_database(folder / "desk.db"), SITE)


@functools.cache
def _filled_desk() -> bytes:
    """The file of such a desk. Every test begins with the same one, so it is made once a process."""
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        site_import.apply(store, load(WHOLE), now_ms=NOW_MS)
        store.database.close()  # which folds the WAL back into the file
        return (Path(folder) / "desk.db").read_bytes()
