"""Edge: what rules on trial would have told, in the desk's database (port `rules.shadow_alert.TrialStore`).

For: many machines, where one process follows every partition of INPUTS with them and any other reads what came of it;
one box has a file of its own (`rules/shadow_store.py`). No turn at the desk is taken and nobody is told. An alert is
known by its trial and its id, so whoever writes it again, after a restart or beside another, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, select, tuple_, update

from alerts.database import Database
from alerts.schema.folds import bases, shadow_alerts
from alerts.snapshots_sql import SqlSnapshots
from alerts.statements import add_missing
from rules.effects import Clear, Effect, Raise, Update
from rules.shadow_alert import ROWS_MAX, ShadowAlert, ending

LANE = "shadow"  # of the states in `bases`
COLUMNS = {"home": "home_id", "subject": "subject_id"}  # what an alert's fields are called in the table


class SqlShadow:
    """The trial of one partition, by its number among those of every generation."""

    def __init__(self, database: Database, number: int) -> None:
        self._database, self._number = database, number
        self._states, self._name = SqlSnapshots(database), f"{LANE}/{number}"

    def load(self, engine: str, not_after: int) -> tuple[int, bytes] | None:
        """See the port, as the others."""
        return self._states.load(self._name, engine, not_after)

    def keep(self, engine: str, position: int, state: bytes) -> None:
        self._states.save(self._name, position, engine, state)

    def forget(self) -> None:
        with self._database.aside.begin() as conn:
            conn.execute(delete(bases).where(bases.c.lane == LANE, bases.c.partition == self._number))

    def write(self, version: str, effects: Sequence[Effect]) -> None:
        table = shadow_alerts
        raised = [one for one in effects if isinstance(one, Raise)]
        oldest_kept = select(table.c.seq).order_by(table.c.seq.desc()).limit(1).offset(ROWS_MAX - 1).scalar_subquery()
        with self._database.aside.begin() as conn:
            if raised and add_missing(conn, table, [_row(version, one) for one in raised]):
                conn.execute(delete(table).where(table.c.seq < oldest_kept))
            for effect in effects:
                changed = _changed(effect)
                if changed is not None:
                    alert_id, values = changed
                    known = (table.c.version == version, table.c.alert_id == alert_id)
                    conn.execute(update(table).where(*known).values(values))

    def close(self) -> None:
        """The database is whoever's made it."""


def read_shadow(
    database: Database, rule: str | None, limit: int, *, subject: str | None = None,
    before: tuple[int, int] | None = None,
) -> list[ShadowAlert]:  # fmt: skip
    """What the trials told, newest first. `before`: (at_ms, seq) of the last one seen, for the next page."""
    columns = shadow_alerts.c
    names = ShadowAlert.__struct_fields__
    query = (
        select(*(columns[COLUMNS.get(name, name)] for name in names))
        .order_by(columns.at_ms.desc(), columns.seq.desc())
        .limit(limit)
    )
    if rule is not None:
        query = query.where(columns.rule == rule)
    if subject is not None:
        query = query.where(columns.subject_id == subject)
    if before is not None:
        query = query.where(tuple_(columns.at_ms, columns.seq) < before)
    with database.reader.connect() as conn:
        rows = conn.execute(query).all()
    return [msgspec.convert(dict(zip(names, row, strict=True)), ShadowAlert) for row in rows]


def _row(version: str, effect: Raise) -> dict[str, object]:
    return {
        "version": version,
        "alert_id": effect.alert_id,
        "rule": effect.rule,
        "home_id": effect.home,
        "subject_id": effect.subject,
        "at_ms": effect.at_ms,
        "priority": effect.priority,
        "code": effect.code,
        "reason": msgspec.to_builtins(effect.reason),
        "ended_ms": None,
        "ended": "",
    }


def _changed(effect: Effect) -> tuple[str, dict[str, object]] | None:
    """(alert, what becomes of its row)."""
    if isinstance(effect, Update) and effect.priority is not None:
        return effect.alert_id, {"priority": effect.priority}
    if isinstance(effect, Clear):
        return effect.alert_id, {"ended_ms": effect.at_ms, "ended": ending(effect)}
    return None
