"""Edge: the statements that everything the desk writes is made of, each built once and executed with its values.

For: a row more, a row changed, rows that may be there already (which SQLite and PostgreSQL word differently), and the
bell after a change. Which rows, and why, is the caller's business.

Theory of operation. To build a statement and find what it compiles to takes SQLAlchemy three times as long as to
execute it on SQLite. So what an effect, an act or a timer does again and again is a statement kept from the first time,
with `bindparam` where its values go: here for what is written, at the top of a module for what it reads. A name of a
parameter is never one of a column, which SQLAlchemy keeps for itself: `the_...`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Select,
    Table,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects import postgresql, sqlite

from alerts.database_postgres import BELL

POSTGRESQL = "postgresql"
Values = Mapping[str, Any]
KEPT = {"preserve_rowcount": True}  # else the driver's count of an INSERT is forgotten


def add(conn: Connection, table: Table, rows: Values | Sequence[Values]) -> None:
    """Insert rows, all with the same names."""
    conn.execute(_adding(table), rows)


def change(conn: Connection, table: Table, key: object, changed: Values) -> None:
    """Change the row with this primary key (of one column). No expressions: what is written are values."""
    conn.execute(_changing(table), {"the_key": key, **changed})


def add_missing(conn: Connection, table: Table, rows: Values | Sequence[Values]) -> int:
    """Insert rows; one whose key is there already is left as it is. How many were new (of one row: 1 or 0)."""
    found = conn.execute(_adding_missing(conn.dialect.name, table), rows, execution_options=KEPT)
    return cast("CursorResult[Any]", found).rowcount


def add_missing_returning(
    conn: Connection, table: Table, rows: Sequence[Values], column: ColumnElement[Any]
) -> Sequence[Any]:
    """The same, and this column of each row that was new."""
    return conn.execute(_adding_missing(conn.dialect.name, table).returning(column), rows).scalars().all()


def add_next(conn: Connection, table: Table, of: str, number: str, rows: Sequence[Values]) -> None:
    """`add_missing` of rows that are counted, from 0, within those with the same value in the column `of`."""
    conn.execute(_adding_next(conn.dialect.name, table, of, number), [{**row, "the_key": row[of]} for row in rows])


def add_missing_from(conn: Connection, table: Table, names: Sequence[str], found: Select[Any]) -> None:
    """The same with what a query finds. The query needs a WHERE, or SQLite takes ON CONFLICT for a join's."""
    conn.execute(_insert(conn.dialect.name, table).from_select(list(names), found).on_conflict_do_nothing())


def add_returning(conn: Connection, table: Table, row: Values, column: ColumnElement[Any]) -> Any:
    """Insert a row and give a column of it; None where one with its key is there already."""
    adding = _insert(conn.dialect.name, table).values(row).on_conflict_do_nothing()
    return conn.execute(adding.returning(column)).scalar()


def put(
    conn: Connection, table: Table, row: Values, changed: Values, *, where: ColumnElement[bool] | None = None
) -> None:
    """Insert a row; where one with its primary key is there already, change that one instead (if `where` holds)."""
    if any(isinstance(value, ClauseElement) for value in changed.values()):
        conn.execute(_putting(_insert(conn.dialect.name, table).values(row), table, changed, where))
    else:
        put_all(conn, table, [(row, changed)], where=where)


def put_all(
    conn: Connection, table: Table, pairs: Sequence[tuple[Values, Values]], *, where: ColumnElement[bool] | None = None
) -> None:
    """`put` of (row, changed), one after the other; all with the same names, and without expressions."""
    names = tuple(pairs[0][1])
    rows = [{**row, **{f"the_{name}": value for name, value in changed.items()}} for row, changed in pairs]
    conn.execute(_putting_values(conn.dialect.name, table, names, where), rows)


def add_and_ring(conn: Connection, table: Table, rows: Values | Sequence[Values]) -> None:
    """Insert rows; with the commit, other processes look what is new. On SQLite there are none."""
    conn.execute(_ringing(table) if conn.dialect.name == POSTGRESQL else _adding(table), rows)


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


def _insert(dialect: str, table: Table) -> Any:
    return postgresql.insert(table) if dialect == POSTGRESQL else sqlite.insert(table)


@cache
def _adding(table: Table) -> Any:
    return insert(table)


@cache
def _ringing(table: Table) -> Any:
    return insert(table).returning(func.pg_notify(BELL, ""))


@cache
def _changing(table: Table) -> Any:
    (key,) = table.primary_key.columns
    return update(table).where(key == bindparam("the_key"))


@cache
def _adding_missing(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _adding_next(dialect: str, table: Table, of: str, number: str) -> Any:
    following = select(func.coalesce(func.max(table.c[number]) + 1, 0)).where(table.c[of] == bindparam("the_key"))
    return _insert(dialect, table).values({number: following.scalar_subquery()}).on_conflict_do_nothing()


@lru_cache(maxsize=200)  # `where` is part of it: who builds one anew each time keeps no place here
def _putting_values(dialect: str, table: Table, names: tuple[str, ...], where: ColumnElement[bool] | None) -> Any:
    changed = {name: bindparam(f"the_{name}", type_=table.c[name].type) for name in names}
    return _putting(_insert(dialect, table), table, changed, where)


def _putting(added: Any, table: Table, changed: Values, where: ColumnElement[bool] | None) -> Any:
    keys = list(table.primary_key.columns)
    return added.on_conflict_do_update(index_elements=keys, set_=dict(changed), where=where)
