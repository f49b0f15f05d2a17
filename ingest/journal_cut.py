"""Removing old rows of the two logs, a little at a time, with what hangs on them."""

from __future__ import annotations

import sqlite3

CUT_ROWS = 2_000  # a commit: some milliseconds, so that no acknowledgement waits for it

_OLD = {
    "raw": "SELECT seq FROM raw WHERE seq <= ? AND received_at_ms < ? ORDER BY seq LIMIT ?",
    "inputs": "SELECT seq FROM inputs WHERE seq <= ? AND received_at_ms < ? ORDER BY seq LIMIT ?",
}
_OF_HOMES = "SELECT home, received_at_ms, seq FROM inputs WHERE seq <= ?"
_DELETE = {
    "raw": (
        "DELETE FROM dead_letters WHERE raw_seq <= ?",
        "DELETE FROM verdicts WHERE raw_seq <= ?",
        "DELETE FROM raw WHERE seq <= ?",
    ),
    "inputs": (
        f"DELETE FROM input_homes WHERE (home, received_at_ms, seq) IN ({_OF_HOMES})",  # noqa: S608 (constants)
        "DELETE FROM inputs WHERE seq <= ?",
    ),
}


def cut_rows(connection: sqlite3.Connection, table: str, until: int, received_before_ms: int) -> int:
    """Remove the oldest rows, at most CUT_ROWS, within the writer's transaction; how many of the log went.

    `received_at_ms` never goes back in either log, so what is old enough stands at its beginning.
    """
    old = connection.execute(_OLD[table], (until, received_before_ms, CUT_ROWS)).fetchall()
    if not old:
        return 0
    last = old[-1][0]
    count = 0
    for statement in _DELETE[table]:
        count = connection.execute(statement, (last,)).rowcount
    return count
