"""What a database answers to "how will you find it", for every question that was asked meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event

from alerts.database import Database


@contextlib.contextmanager
def plans_of_reads(database: Database) -> Iterator[dict[str, str]]:
    """Text of each SELECT of the readers -> SQLite's plan of it; filled when the block ends."""
    asked: dict[str, Any] = {}
    plans: dict[str, str] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            asked[statement] = parameters

    event.listen(database.reader, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(database.reader, "before_cursor_execute", note)
    with database.reader.connect() as conn:
        for statement, parameters in asked.items():
            plans[statement] = str(conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())


def whole_tables(plans: dict[str, str]) -> list[str]:
    """Questions that read a table from end to end."""
    return [statement for statement, plan in plans.items() if "SCAN" in plan and "USING" not in plan]
