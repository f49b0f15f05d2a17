"""What rules on trial would have told, on one box: a file of its own, read only by those who ask. Edge: SQLite.

On many machines: `alerts/shadow_sql.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from rules.effects import Clear, Effect, Raise, Reason, Update
from rules.shadow_alert import KEEP_MS, ROWS_MAX, ShadowAlert, ending

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts (
    seq INTEGER PRIMARY KEY, version TEXT NOT NULL, alert_id TEXT NOT NULL, rule TEXT NOT NULL, home TEXT NOT NULL,
    subject TEXT NOT NULL, at_ms INTEGER NOT NULL, priority TEXT NOT NULL, code TEXT NOT NULL, reason BLOB NOT NULL,
    ended_ms INTEGER, ended TEXT NOT NULL DEFAULT '', UNIQUE (version, alert_id)) STRICT;
CREATE TABLE IF NOT EXISTS trial (
    id INTEGER PRIMARY KEY CHECK (id = 1), engine TEXT NOT NULL, position INTEGER NOT NULL, state BLOB NOT NULL) STRICT;
"""


class ShadowStore:
    """See the port TrialStore. One writer; sqlite3.Error when the disk is full or the file is damaged."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def load(self, engine: str, not_after: int) -> tuple[int, bytes] | None:
        query = "SELECT position, state FROM trial WHERE engine = ? AND position <= ?"
        found = self._connection.execute(query, (engine, not_after)).fetchone()
        return None if found is None else (int(found[0]), bytes(found[1]))

    def keep(self, engine: str, position: int, state: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO trial VALUES (1, ?, ?, ?)", (engine, position, state))

    def forget(self) -> None:
        self._connection.execute("DELETE FROM trial")

    def write(self, version: str, effects: Sequence[Effect]) -> None:
        db = self._connection
        db.execute("BEGIN IMMEDIATE")
        try:
            newest_ms = 0
            for effect in effects:
                newest_ms = max(newest_ms, effect.at_ms)
                self._note(version, effect)
            if newest_ms:
                db.execute("DELETE FROM alerts WHERE at_ms < ?", (newest_ms - KEEP_MS,))
                db.execute("DELETE FROM alerts WHERE seq <= (SELECT max(seq) FROM alerts) - ?", (ROWS_MAX,))
            db.execute("COMMIT")
        except sqlite3.Error:
            db.execute("ROLLBACK")
            raise

    def _note(self, version: str, effect: Effect) -> None:
        db = self._connection
        if isinstance(effect, Raise):
            db.execute(
                "INSERT OR IGNORE INTO alerts (version, alert_id, rule, home, subject, at_ms, priority, code, reason)"
                " VALUES (?,?,?,?,?,?,?,?,?)",
                (version, effect.alert_id, effect.rule, effect.home, effect.subject, effect.at_ms, effect.priority,
                 effect.code, msgspec.msgpack.encode(effect.reason)),
            )  # fmt: skip
        elif isinstance(effect, Update) and effect.priority is not None:
            db.execute(
                "UPDATE alerts SET priority = ? WHERE version = ? AND alert_id = ?",
                (effect.priority, version, effect.alert_id),
            )
        elif isinstance(effect, Clear):
            db.execute(
                "UPDATE alerts SET ended_ms = ?, ended = ? WHERE version = ? AND alert_id = ?",
                (effect.at_ms, ending(effect), version, effect.alert_id),
            )


def shadow_alerts(
    path: Path, rule: str | None, limit: int, *, subject: str | None = None, before: tuple[int, int] | None = None
) -> list[ShadowAlert]:
    """What the trials told, newest first; also beside the running service. [] where there was none.

    `before`: (at_ms, seq) of the last one seen, for the next page.
    """
    if not path.exists():
        return []
    query = (
        "SELECT version, rule, home, subject, at_ms, priority, code, reason, ended_ms, ended, seq FROM alerts"
        " WHERE (:rule IS NULL OR rule = :rule) AND (:subject IS NULL OR subject = :subject)"
        " AND (:at_ms IS NULL OR (at_ms, seq) < (:at_ms, :seq)) ORDER BY at_ms DESC, seq DESC LIMIT :limit"
    )
    at_ms, seq = before or (None, None)
    asked = {"rule": rule, "subject": subject, "at_ms": at_ms, "seq": seq, "limit": limit}
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        rows = connection.execute(query, asked).fetchall()
    decoder, names = msgspec.msgpack.Decoder(Reason), ShadowAlert.__struct_fields__
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [msgspec.convert({**one, "reason": decoder.decode(one["reason"])}, ShadowAlert) for one in found]
