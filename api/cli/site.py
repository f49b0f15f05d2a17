"""Which site a process serves. Edge: opens the desk, and imports a file into it."""

from __future__ import annotations

import time

from alerts.database import Place, migrate, open_database
from alerts.site import importer as site_import
from alerts.site.items import SiteFile
from alerts.site.settings_store import SettingsStore
from api.cli.problem_lines import CannotRun
from api.settings.model import Settings


def site_to_serve(settings: Settings, place: Place, site: SiteFile | None, *, what: str, advice: str) -> str:
    """The file's, which is imported, else the settings', else the one that the desk at `place` holds.

    Raises CannotRun where that is none (with `advice`) or one of several; `what` is the place in words.
    """
    migrate(place)
    database = open_database(place)
    try:
        if site is not None:
            site_import.apply(SettingsStore(database, site.site_id), site, now_ms=time.time_ns() // 1_000_000)
            return site.site_id
        kept = SettingsStore.sites(database)
        site_id = settings.site.id or (kept[0] if len(kept) == 1 else None)
        if site_id is None:
            raise CannotRun(
                f"{what} holds several sites ({', '.join(kept)}): say which in [site] id" if kept
                else f"{what} holds no site: {advice}"
            )  # fmt: skip
        return site_id
    finally:
        database.close()
