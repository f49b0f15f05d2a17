"""A desk that only keeps what it is told: effects as bytes, and positions by compare-and-set, in one SQLite file.

For tests of workers in several processes: it has a rollback journal, which many writers may share safely, and it keeps
what no desk needs to: whatever came, as often as it came. A lane can be blocked.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from rules.effects import Effect, Fenced

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Effect).decode
TABLES = """
    CREATE TABLE IF NOT EXISTS positions (
        lane TEXT, partition INTEGER, position INTEGER, PRIMARY KEY (lane, partition));
    CREATE TABLE IF NOT EXISTS effects (
        n INTEGER PRIMARY KEY, lane TEXT, partition INTEGER, effect_id TEXT, home TEXT, body BLOB);
    CREATE INDEX IF NOT EXISTS by_id ON effects (lane, effect_id);
"""


class EffectStore:
    """See the module's text. `folder` holds the file, and a file `blocked-<lane>` while that lane is blocked."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / "effects.db"
        with self._open() as connection:
            connection.executescript(TABLES)

    def applied(self, lane: str, partition: int) -> int:
        return self.positions(lane).get(partition, 0)

    def positions(self, lane: str) -> dict[int, int]:
        with self._open() as connection:
            rows = connection.execute("SELECT partition, position FROM positions WHERE lane = ?", (lane,)).fetchall()
        return dict(rows)

    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Effect]) -> None:
        pause = threading.Event()
        while self._block(lane).exists():
            self._waiting(lane).touch()
            pause.wait(0.05)
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            query = "SELECT position FROM positions WHERE lane = ? AND partition = ?"
            found = connection.execute(query, (lane, partition)).fetchone()
            if (found[0] if found else 0) != expected:
                connection.execute("ROLLBACK")
                raise Fenced(f"{lane}/{partition} stands at {found}, not at {expected}")
            connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (lane, partition, position))
            rows = [(lane, partition, one.effect_id, getattr(one, "home", ""), _encode(one)) for one in effects]
            connection.executemany(
                "INSERT INTO effects (lane, partition, effect_id, home, body) VALUES (?, ?, ?, ?, ?)", rows
            )
            connection.execute("COMMIT")

    def said(self, lane: str) -> list[bytes]:
        """Every effect of a lane as bytes, sorted; what was said twice, in the same bytes, stands once."""
        with self._open() as connection:
            rows = connection.execute("SELECT DISTINCT body FROM effects WHERE lane = ?", (lane,)).fetchall()
        return sorted(body for (body,) in rows)

    def told(self, lane: str) -> list[Effect]:
        """Every effect of a lane as it came, partition by partition."""
        with self._open() as connection:
            query = "SELECT body FROM effects WHERE lane = ? ORDER BY partition, n"
            rows = connection.execute(query, (lane,)).fetchall()
        return [_decode(body) for (body,) in rows]

    def count(self, lane: str) -> int:
        """Effects as they came, those that came twice counted twice."""
        with self._open() as connection:
            found: int = connection.execute("SELECT count(*) FROM effects WHERE lane = ?", (lane,)).fetchone()[0]
        return found

    def block(self, lane: str) -> None:
        """From now on `apply` of this lane waits, in every process."""
        self._block(lane).touch()

    def unblock(self, lane: str) -> None:
        self._block(lane).unlink()
        self._waiting(lane).unlink(missing_ok=True)

    def waiting(self, lane: str) -> bool:
        """Whether anybody waits at the block."""
        return self._waiting(lane).exists()

    def _waiting(self, lane: str) -> Path:
        return self._folder / f"waiting-{lane}"

    def _block(self, lane: str) -> Path:
        return self._folder / f"blocked-{lane}"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous=OFF")
            yield connection
        finally:
            connection.close()
