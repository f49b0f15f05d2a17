"""Rules on trial in a service: where they read, where they write, and what they told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alerts.database import Database
from alerts.shadow_sql import read_shadow
from alerts.site.settings_reads import SettingsReads
from api.http.services import Services
from api.http.wards import WardScope
from api.http.wire import cursor_of, cursor_value, utc_text
from api.running.rule_book import engine_version, marks_rules
from ingest.base_files import BaseFolder, SnapshotsAndBases
from ingest.journal_sqlite import SqliteJournal
from rules.effects import LIVE
from rules.fold_runner import FoldRunner
from rules.shadow import ShadowFold
from rules.shadow_alert import ShadowAlert
from rules.shadow_follower import ShadowFollower
from rules.shadow_store import ShadowStore, shadow_alerts

FILE = "shadow.db"


def shadow_follower(
    data: Path, site: str, journal: SqliteJournal, home: FoldRunner, settings: SettingsReads
) -> ShadowFollower:
    """The follower of a data folder; it waits while the live fold is behind. Many machines: api/cluster/trial.py."""
    kept, engine = (
        SnapshotsAndBases(journal.snapshots, BaseFolder(data / "bases"), journal.first_seqs[1]),
        engine_version(),
    )
    return ShadowFollower(
        journal.inputs,
        lambda: ShadowFold(site),
        lambda: ShadowStore(data / FILE),
        lambda not_after: kept.load(LIVE, engine, not_after),
        engine,
        lambda: marks_rules(settings),
        backlog=lambda: home.lag,
    )


def shadow_lines(kept: Path | Database, rule: str | None, limit: int) -> list[dict[str, Any]]:
    """What rules on trial would have told, newest first, JSON-ready. `kept`: the data folder, or the desk of many
    machines.
    """
    return [_shown(one) for one in _kept(kept, rule, limit)]


def _kept(
    kept: Path | Database, rule: str | None, limit: int, *, subject: str | None = None,
    before: tuple[int, int] | None = None,
) -> list[ShadowAlert]:  # fmt: skip
    if isinstance(kept, Path):
        return shadow_alerts(kept / FILE, rule, limit, subject=subject, before=before)
    return read_shadow(kept, rule, limit, subject=subject, before=before)


def shadow_page(
    services: Services,
    scope: WardScope,
    rule: str,
    limit: int,
    *,
    cursor: str | None = None,
    subject: str | None = None,
) -> dict[str, Any]:
    """A page of them as the caller sees it: {"items", "next"}. ValueError for a cursor that is none of ours."""
    before = None
    if cursor is not None:
        at_ms, _, seq = cursor_value(cursor).partition(".")
        before = (int(at_ms), int(seq))
    found = _kept(services.data or services.database, rule, limit + 1, subject=subject, before=before)
    shown, last = found[:limit], found[limit - 1 : limit]
    more = cursor_of(f"{last[0].at_ms}.{last[0].seq}") if len(found) > limit else None
    seen = scope.keep("shadow", (_shown(one) | {"home": one.home} for one in shown))
    return {"items": [{name: one[name] for name in one if name != "home"} for one in seen], "next": more}


def _shown(one: ShadowAlert) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "home_id": one.home,
        "subject_id": one.subject,
        "opened_at": utc_text(one.at_ms),
        "priority": one.priority,
        "code": one.code,
        "reason": {"code": one.reason.code, "args": one.reason.args},
        "cleared_at": None if one.ended_ms is None else utc_text(one.ended_ms),
        "ended": one.ended,
        "book_version": one.version,
    }
