"""Edge: a desk copied whole into another database, file or server, in either direction.

For: a backup beside the service and its way back (`duplicate_desk`: a backup of a desk on PostgreSQL is a desk.db, with
the positions of that moment), and the move from a file to a server (`copy_desk`, `vardevakt desk copy`), once, with no
service on either. What moves is everything but what speaks of the old logs: where folds stand and their states
(`applied`, `bases`), what waited for the old RAW (`relay`), who had which lease. Instead every setting in force waits
for the new logs, so that their folds begin by hearing who lives where.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.exc import DatabaseError

from alerts.database import Database, DatabaseRefused
from alerts.relay import enqueue_setting
from alerts.schema.people import setting_versions
from alerts.schema.tables import metadata
from alerts.site.projection import FIELDS
from alerts.statements import last_id, set_last_id
from ingest.record import Setting

OF_THE_OLD_LOGS = frozenset({"applied", "bases", "leases", "relay"})
ROWS = 1_000  # a statement


class Copied(msgspec.Struct, frozen=True):
    """Rows of each table, and how many settings wait for the new logs."""

    rows: dict[str, int]
    settings: int


def copy_desk(source: Database, target: Database, now_ms: int) -> Copied:
    """One transaction: all of it or nothing. Both are at today's revision, `target` is empty, nobody writes `source`.

    Raises DatabaseRefused when `target` holds anything, or afterwards another number of rows.
    """
    tables = [table for table in metadata.sorted_tables if table.name not in OF_THE_OLD_LOGS]
    with source.reader.connect() as old, target.writer.begin() as new:
        return Copied(_copy_all(old, new, tables, target), _tell_again(new, now_ms))


def duplicate_desk(source: Database, target: Database) -> dict[str, int]:
    """Every table as it stood at one moment, with its positions, also while `source` is written; rows by table.

    Both are of one revision and `target` is empty, else DatabaseRefused; then it is as it was.
    """
    with source.reader.connect() as old, target.writer.begin() as new:
        if _revision(old) != _revision(new):
            raise DatabaseRefused(f"{source.place} and {target.place} are of different versions: migrate both first")
        return _copy_all(old, new, metadata.sorted_tables, target)


def _copy_all(old: Connection, new: Connection, tables: list[Table], target: Database) -> dict[str, int]:
    filled = [name for name, rows in _counts(new, metadata.sorted_tables).items() if rows]
    if filled:
        raise DatabaseRefused(f"{target.place} is not empty ({', '.join(filled[:5])}): nothing was copied")
    for table in tables:
        _copy(old, new, table)
    there, here = _counts(new, tables), _counts(old, tables)
    if there != here:
        wrong = [f"{name} {there[name]} of {rows}" for name, rows in here.items() if there[name] != rows]
        raise DatabaseRefused(f"{target.place}: rows are missing, nothing was kept: {', '.join(wrong)}")
    if new.dialect.name == "postgresql":
        # What it knows of the rows decides how it looks for them: without, how many gateways a ward of 5 000 has took
        # 28 s amid an outage. It finds out by itself, within some minutes.
        new.exec_driver_sql("ANALYZE")
    return here


def _copy(old: Connection, new: Connection, table: Table) -> None:
    found = old.execution_options(yield_per=ROWS).execute(select(table)).mappings()
    for part in found.partitions():
        new.execute(insert(table), [dict(row) for row in part])
    if table.autoincrement_column is not None:
        set_last_id(new, table, last_id(old, table))  # an id is never given twice, whatever was cut


def _revision(conn: Connection) -> str:
    try:
        return str(conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
    except DatabaseError as error:
        raise DatabaseRefused("there is no desk of any version: run `vardevakt migrate` there first") from error


def _counts(conn: Connection, tables: list[Table]) -> dict[str, int]:
    return {table.name: conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


def _tell_again(conn: Connection, now_ms: int) -> int:
    """Every setting in force to the folds, whoever others refer to first."""
    columns = setting_versions.c
    newest = select(columns.site_id, columns.setting_id, func.max(columns.version)).group_by(
        columns.site_id, columns.setting_id
    )
    versions = {(row[0], row[1]): row[2] for row in conn.execute(newest)}
    rows = conn.execute(select(setting_versions).where(columns.kind.in_(FIELDS))).mappings().all()
    told = [row for row in rows if row["version"] == versions[row["site_id"], row["setting_id"]] and not row["removed"]]
    order = {kind: number for number, kind in enumerate(FIELDS)}
    for row in sorted(told, key=lambda row: (order[row["kind"]], row["site_id"], row["setting_id"])):
        # without who saved it: the row has staff's own id, which never leaves the desk
        again = Setting(row["setting_id"], row["version"], row["kind"], row["value"])
        enqueue_setting(conn, row["site_id"], again, now_ms)
    return len(told)
