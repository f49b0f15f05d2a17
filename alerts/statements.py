"""Edge: the few statements that SQLite and PostgreSQL word differently, said once.

For: rows that may be there already, and the bell after a change. Which rows, and why, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Connection, CursorResult, Select, Table, func, insert, select, text
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects import postgresql, sqlite

from alerts.database_postgres import BELL

POSTGRESQL = "postgresql"
Values = Mapping[str, Any]


def add_missing(conn: Connection, table: Table, rows: Values | Sequence[Values]) -> int:
    """Insert rows; one whose key is there already is left as it is. How many were new (of one row: 1 or 0)."""
    return _count(conn, _insert(conn, table).on_conflict_do_nothing(), rows)


def add_missing_from(conn: Connection, table: Table, names: Sequence[str], found: Select[Any]) -> None:
    """The same with what a query finds. The query needs a WHERE, or SQLite takes ON CONFLICT for a join's."""
    conn.execute(_insert(conn, table).from_select(list(names), found).on_conflict_do_nothing())


def add_returning(conn: Connection, table: Table, row: Values, column: ColumnElement[Any]) -> Any:
    """Insert a row and give a column of it; None where one with its key is there already."""
    return conn.execute(_insert(conn, table).values(row).on_conflict_do_nothing().returning(column)).scalar()


def put(
    conn: Connection, table: Table, row: Values, changed: Values, *, where: ColumnElement[bool] | None = None
) -> None:
    """Insert a row; where one with its primary key is there already, change that one instead (if `where` holds)."""
    keys = list(table.primary_key.columns)
    conn.execute(_insert(conn, table).values(row).on_conflict_do_update(index_elements=keys, set_=changed, where=where))


def add_and_ring(conn: Connection, table: Table, row: Values) -> None:
    """Insert a row; with the commit, other processes look what is new. On SQLite there are none."""
    added = insert(table).values(row)
    conn.execute(added.returning(func.pg_notify(BELL, "")) if conn.dialect.name == POSTGRESQL else added)


def last_id(conn: Connection, table: Table) -> int:
    """The number that a table has given out last, also where that row is gone; 0 before the first."""
    column = _numbered(table)
    newest = int(conn.execute(select(func.coalesce(func.max(column), 0))).scalar_one())
    if conn.dialect.name == POSTGRESQL:
        given = conn.execute(select(func.pg_sequence_last_value(_sequence(column)))).scalar()
    elif table.dialect_options["sqlite"]["autoincrement"]:
        given = conn.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}).scalar()
    else:
        given = None
    return max(newest, int(given or 0))


def set_last_id(conn: Connection, table: Table, number: int) -> None:
    """The next row gets a greater one."""
    if conn.dialect.name == POSTGRESQL:
        conn.execute(select(func.setval(_sequence(_numbered(table)), max(number, 1), number > 0)))
    elif table.dialect_options["sqlite"]["autoincrement"] and number:
        named = {"name": table.name, "number": number}
        if conn.execute(text("UPDATE sqlite_sequence SET seq = :number WHERE name = :name"), named).rowcount == 0:
            conn.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), named)


def _numbered(table: Table) -> Column[Any]:
    column = table.autoincrement_column
    assert column is not None, f"rows of {table.name} are not numbered"
    return column


def _sequence(column: Column[Any]) -> ColumnElement[Any]:
    return cast_to(func.pg_get_serial_sequence(column.table.name, column.name), postgresql.REGCLASS)


def _insert(conn: Connection, table: Table) -> Any:
    return postgresql.insert(table) if conn.dialect.name == POSTGRESQL else sqlite.insert(table)


def _count(conn: Connection, statement: Any, rows: Values | Sequence[Values]) -> int:
    kept = {"preserve_rowcount": True}  # else the driver's count of an INSERT is forgotten
    return cast("CursorResult[Any]", conn.execute(statement, rows, execution_options=kept)).rowcount
