"""The suite of states of folds, on PostgreSQL, and how these megabytes go there and back."""

from typing import Any

from sqlalchemy import event, text

from alerts.database import Database
from alerts.snapshots_sql import SqlSnapshots
from tests.contract.test_snapshots_sql import *  # noqa: F403
from tests.contract.test_snapshots_sql import LONG


def test_states_are_compressed_quickly_and_read_as_bytes(database: Database) -> None:
    """With lz4, where the server was built with it; and nobody writes them out in hexadecimal for us."""
    store, formats = SqlSnapshots(database), []

    def note(_conn: Any, cursor: Any, *_: Any) -> None:
        formats.append(cursor.format.name)

    store.save("live/3", 1, "v1", LONG)
    event.listen(database.reader, "after_cursor_execute", note)
    assert store.load("live/3", "v1", 1) == (1, LONG)
    assert formats == ["BINARY"]
    with database.reader.connect() as conn:
        ways = "SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'"
        known = conn.execute(text(ways)).scalar_one()
        used = conn.execute(text("SELECT pg_column_compression(state) FROM bases")).scalar_one()
    assert used == ("lz4" if "lz4" in known else "pglz")
    assert formats[1:] == ["TEXT", "TEXT"]
