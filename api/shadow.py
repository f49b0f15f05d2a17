"""Rules on trial in a service: where they read, where they write, and what they told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api.rule_book import engine_version
from api.wire import utc_text
from ingest.base_files import BaseFolder, SnapshotsAndBases
from ingest.journal_sqlite import SqliteJournal
from rules.fold_runner import FoldRunner
from rules.shadow_follower import ShadowFollower
from rules.shadow_store import shadow_alerts

FILE = "shadow.db"


def shadow_follower(data: Path, site: str, journal: SqliteJournal, home: FoldRunner) -> ShadowFollower:
    """The follower of a data folder; it waits while the live fold is behind."""
    kept = SnapshotsAndBases(journal.snapshots, BaseFolder(data / "bases"), journal.first_seqs[1])
    return ShadowFollower(data / FILE, site, engine_version(), journal.inputs, kept, backlog=lambda: home.lag)


def shadow_lines(data: Path, rule: str | None, limit: int) -> list[dict[str, Any]]:
    """What rules on trial would have told, newest first, JSON-ready."""
    return [
        {
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
        for one in shadow_alerts(data / FILE, rule, limit)
    ]
