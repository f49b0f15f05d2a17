"""Desks of earlier revisions, with a night in them: brought to today's revision, nothing is lost and all goes on.

`old_desks/<revision>.sql` is such a desk as SQLite tells it, and is never edited: 0001 to 0003 were written by the code
of their day, 0009 by the first that had it. 0004 to 0008 came with it in one delivery: no desk ever stood at one. Each
holds one alarm documented (claimed after 60 s, on the spot after 120, over after 720), one P2 that went over by itself,
one P2 that Ida has claimed, one P1 of two presses that nobody has taken for 91 s, and a message that failed once. A
new revision adds a file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.database import MIGRATIONS, Database, migrate, open_database
from alerts.desk import Desk
from alerts.handling.acts import Refused
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from alerts.schema.checks import moments
from tests.support.desk import IDA, MINUTE, OLA, SITE, FakePhones, open_without_next_action

KEPT = Path(__file__).parent / "old_desks"
REVISIONS = sorted(path.stem for path in KEPT.glob("*.sql"))
NEVER_STOOD = ("0004", "0005", "0006", "0007", "0008")
UNTIL_MS = 1_772_329_561_000  # when the old service stopped


class OldDesk:
    """The file of one revision, migrated."""

    def __init__(self, folder: Path, revision: str) -> None:
        path = folder / "desk.db"
        with sqlite3.connect(path) as conn:
            conn.executescript((KEPT / f"{revision}.sql").read_text())
        self.before = counts(path)
        conn.close()
        migrate(path)
        self.after = counts(path)
        self.database: Database = open_database(path)
        self.desk = Desk(self.database, SITE)
        self.phones = FakePhones()
        self.outbox = Outbox(self.database, {"phones": self.phones})

    def run(self, now_ms: int) -> None:
        """Everything that is due by then, each at its own time."""
        at_ms = UNTIL_MS
        while (due_ms := self.desk.tick(at_ms)) is not None and max(due_ms, at_ms + 1) <= now_ms:
            at_ms = max(due_ms, at_ms + 1)
        while self.outbox.run_once(now_ms):
            pass


def counts(path: Path) -> dict[str, int]:
    conn = sqlite3.connect(path)
    names = [row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: conn.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    conn.close()
    return found


@pytest.fixture(params=REVISIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OldDesk]:
    made = OldDesk(tmp_path, request.param)
    yield made
    made.database.close()


def test_every_revision_has_a_kept_desk():
    """Whoever adds a revision keeps a desk of it, but for those that came together with a later one."""
    revisions = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py"))
    assert [one for one in revisions if one not in NEVER_STOOD] == REVISIONS


def test_an_old_desk_goes_on_where_it_stood(old):
    """No row is lost; open alerts have a next action, ring on by the chain of their day, and can be claimed and ended;
    the numbers of the night are made from its timeline.
    """
    assert {name: count for name, count in old.before.items() if old.after.get(name, -1) < count} == {}
    assert open_without_next_action(old.database) == []
    with old.database.reader.connect() as conn:
        rows = conn.execute(select(moments).order_by(moments.c.opened_ms, moments.c.incident_id)).mappings().all()
    assert len(rows) == old.before["incidents"]
    first = rows[0]
    assert [first[f"{name}_s"] for name in ("told", "claimed", "arrived", "ended")] == [0, 60, 120, 720]
    assert [row["ending"] for row in rows][:2] == ["handled", "self_resolved"]

    standing = [one for one in queries.every_alert(old.database) if not one["merged_into"]]
    by_rule = {(one["rule"], one["handling"]): one for one in standing}
    alarm, held = by_rule["R01", "new"], by_rule["R05", "claimed"]
    assert alarm["next_step"]["what"] == "escalate"
    old.run(UNTIL_MS + 5 * MINUTE)
    rung = {message.target for message in old.phones.received if message.alert_id == alarm["alert_id"]}
    assert {"natt-1", "natt-2", "leder", "fallback"} <= rung, "the chain that was stored with it"

    now_ms = UNTIL_MS + 6 * MINUTE
    claimed = old.desk.act(alarm["alert_id"], "claim", OLA, now_ms, "k1", {})
    assert claimed["claimed_by"]["name"] == "Ola"
    with pytest.raises(Refused):
        old.desk.act(alarm["alert_id"], "end", OLA, now_ms, "k2", {})
    old.desk.act(alarm["alert_id"], "contact", OLA, now_ms, "k3", {"outcome": "spoke"})
    assert old.desk.act(alarm["alert_id"], "end", OLA, now_ms, "k4", {})["handling"] == "ended"
    old.desk.act(held["alert_id"], "on-site", IDA, now_ms, "k5", {})
    assert old.desk.act(held["alert_id"], "end", IDA, now_ms, "k6", {})["handling"] == "ended"
