"""What a backup is: a folder of database files, bases and a manifest that says what must be in it. Edge: reads files.

`manifest.json` is written last and names every file with its size and checksum, so a folder without it is no backup,
and one with another byte in it is refused by the file's name. Copies of databases are read as they lie
(`immutable=1`): looking at a backup writes nothing into it.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from api.cli.problem_lines import CannotRun

MANIFEST = "manifest.json"
BASES = "bases"
MANIFEST_MAX_BYTES = 1_048_576
FORMAT = 1
JOURNAL, DESK, SERIES, SHADOW = "journal.db", "desk.db", "series.db", "shadow.db"
DATABASES = (DESK, SERIES, SHADOW, JOURNAL)
READ_BYTES = 1_048_576

_JOURNAL_FIGURES = {
    "raw_first": "SELECT coalesce(min(seq), 0) FROM raw",
    "raw": "SELECT coalesce(max(seq), 0) FROM raw",
    "source": "SELECT coalesce(max(position), 0) FROM positions WHERE name = 'source'",
    "inputs_first": "SELECT coalesce(min(seq), 0) FROM inputs",
    "inputs": "SELECT coalesce(max(seq), 0) FROM inputs",
    "dead_letters": "SELECT count(*) FROM dead_letters",
    "last_received_ms": "SELECT coalesce((SELECT received_at_ms FROM raw ORDER BY seq DESC LIMIT 1), 0)",
}
_DESK_FIGURES = {
    "live": "SELECT coalesce(max(position), 0) FROM applied WHERE lane = 'live'",
    "floor": "SELECT coalesce(max(position), 0) FROM applied WHERE lane = 'floor'",
    "alerts": "SELECT count(*) FROM alerts",
    "alerts_open": "SELECT count(*) FROM alerts WHERE open",
    "incidents": "SELECT count(*) FROM incidents",
    "timers": "SELECT count(*) FROM timers",
    "residents": "SELECT count(*) FROM residents",
    "users": "SELECT count(*) FROM users",
}
_SERIES_FIGURES = {"series": "SELECT coalesce(max(position), 0) FROM position"}
FIGURES = {JOURNAL: _JOURNAL_FIGURES, DESK: _DESK_FIGURES, SERIES: _SERIES_FIGURES}
_ALERTS = "SELECT alert_id, condition, handling, opened_ms FROM alerts ORDER BY alert_id"


class BackupFile(msgspec.Struct, frozen=True):
    """One file of a backup; `name` is relative to it, with '/'."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that must be true of the backup. `figures`: positions and counts by name, times in ms UTC."""

    format: int
    site: str
    made_at: str
    version: str  # of Vardevakt
    engine: str  # of the folds whose snapshots are in it
    desk_revision: str
    sqlite: str
    zigbee_bases: tuple[str, ...]  # without them the log would be decoded otherwise
    files: tuple[BackupFile, ...]
    figures: dict[str, int]
    alerts_sha256: str  # over id, condition, handling and time of every alert


def read_manifest(backup: Path) -> Manifest:
    """The manifest of a backup; CannotRun when there is none, or none that this version knows."""
    path = backup / MANIFEST
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(MANIFEST_MAX_BYTES), type=Manifest)
    except FileNotFoundError as error:
        raise CannotRun(f"{path} is not there: {backup} is no whole backup") from error
    except msgspec.MsgspecError as error:
        raise CannotRun(f"{path} is damaged: {error}") from error
    if found.format > FORMAT:
        raise CannotRun(f"{path} was written by a newer version ({found.version}): install that one")
    for one in found.files:
        if Path(one.name).is_absolute() or ".." in Path(one.name).parts:
            raise CannotRun(f"{path} is damaged: it names {one.name!r}")
    return found


def check_files(backup: Path, manifest: Manifest) -> None:
    """Every file is there and is what the manifest says; CannotRun names the first that is not."""
    for one in manifest.files:
        path = backup / one.name
        if not path.is_file():
            raise CannotRun(f"{path} is missing from the backup")
        if path.stat().st_size != one.size or described(backup, path) != one:
            raise CannotRun(f"{path} is not what was backed up: it is damaged or altered")


def described(backup: Path, path: Path) -> BackupFile:
    """Name, size and checksum of a file below `backup`."""
    told, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            told.update(block)
            size += len(block)
    return BackupFile(path.relative_to(backup).as_posix(), size, told.hexdigest())


def figures_of(folder: Path) -> dict[str, int]:
    """Positions and counts in the databases of a folder that nobody writes."""
    found: dict[str, int] = {}
    for name, queries in FIGURES.items():
        if (folder / name).is_file():
            with looking_at(folder / name) as connection:
                found |= {key: int(connection.execute(query).fetchone()[0]) for key, query in queries.items()}
    return found


def alerts_digest(desk: Path) -> str:
    """One checksum over all alerts of a desk.db that nobody writes."""
    told = hashlib.sha256()
    with looking_at(desk) as connection:
        for row in connection.execute(_ALERTS):
            told.update(repr(tuple(row)).encode())
    return told.hexdigest()


def is_whole(path: Path) -> str | None:
    """None when SQLite finds a copied file whole; else what it complains of."""
    try:
        with looking_at(path) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.Error as error:
        return str(error)
    return None if found == ["ok"] else "; ".join(found)[:300]


@contextlib.contextmanager
def looking_at(path: Path) -> Iterator[sqlite3.Connection]:
    """A database that nobody writes, read as it lies, without a trace beside it."""
    uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        yield connection
