"""Backup of a data folder beside the service that writes it (SQLite's online backup). Edge: reads there, writes here.

Theory of operation. Each database is read through a connection opened `mode=ro` that never checkpoints (a second
writer or checkpointer beside the service could lose data: alerts/database.py). One read transaction on each is begun
first, the desk before the journal, within milliseconds; it pins that moment for as long as copying takes, whatever the
service writes meanwhile. So the desk is never ahead of the journal, and what the journal has more is folded again, as
after a crash. Should a setting or a staff act pass from desk to RAW just between, the moment is taken anew.

While it lasts the service's write-ahead logs grow by what is written; they shrink with the next checkpoint. Copying is
paced, and ends when the disk that the alarms need would run short.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from api.backup.files import (
    BASES,
    DATABASES,
    DESK,
    FORMAT,
    JOURNAL,
    MANIFEST,
    Manifest,
    alerts_digest,
    described,
    figures_of,
    is_whole,
    looking_at,
)
from api.cli.problem_lines import CannotRun
from api.http.wire import utc_text
from api.running.channel_wiring import LINK_KEY
from api.running.rule_book import engine_version
from ingest.base_files import synced

STEP_BYTES = 1_048_576
MOMENTS = 20  # tries for one in which nothing is between desk and RAW
NEWEST_RELAYED = "SELECT coalesce(max(id), 0) FROM relay"
NOTE = "last_backup.json"

Pages = Mapping[str, sqlite3.Connection]


class BackupNote(msgspec.Struct, frozen=True):
    """What lies in the data folder after a backup, so that others know how old the newest is."""

    backup: str
    made_ms: int
    drilled_ms: int = 0


def take_backup(
    data: Path, target: Path, site: str, zigbee_bases: Sequence[str], now_ms: int, *,
    bytes_per_s: int, reserve_bytes: int,
) -> Path:  # fmt: skip
    """Copy the folder into a new one below `target`, verify it, and answer where it lies.

    `reserve_bytes` stay free on the disk of the data. Raises CannotRun; a backup that failed leaves nothing behind.
    """
    names = [name for name in DATABASES if (data / name).is_file()]
    for name in (JOURNAL, DESK):
        if name not in names:
            raise CannotRun(f"{data / name} is not there: say the data folder with --data")
    target.mkdir(parents=True, exist_ok=True)
    made = target / f"vardevakt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now_ms / 1_000))}"
    draft = made.with_suffix(".part")
    room = _Room(data, target, reserve_bytes)
    try:
        draft.mkdir(mode=0o700)
        with _moment(data, names) as pages:
            room.must_hold(sum(map(_size, pages.values())))
            _copy_small(data, draft)
            for name, connection in pages.items():
                _copy(connection, draft / name, name, room, bytes_per_s)
        _finish(draft, site, zigbee_bases, now_ms)
        draft.rename(made)
        synced(target)
    except (sqlite3.Error, OSError) as error:
        raise CannotRun(f"backup to {target} failed: {error}; nothing was left there") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    write_note(data, BackupNote(str(made.resolve()), now_ms))
    return made


def prune(target: Path, keep: int) -> list[Path]:
    """Remove whole backups below `target` but the newest `keep`; what was removed."""
    whole = sorted(path.parent for path in target.glob(f"vardevakt-*/{MANIFEST}"))
    old = whole[:-keep] if keep else []
    for path in old:
        shutil.rmtree(path)
    return old


def write_note(data: Path, note: BackupNote) -> None:
    """Leave the note, whole or not at all."""
    draft = data / f".{NOTE}.new"
    draft.write_bytes(msgspec.json.encode(note))
    draft.replace(data / NOTE)


def read_note(data: Path) -> BackupNote | None:
    """The note of the newest backup; None where there is none that can be read."""
    try:
        return msgspec.json.decode((data / NOTE).read_bytes(), type=BackupNote)
    except (OSError, msgspec.MsgspecError):
        return None


class _Room:
    """Whether the disks hold the copy, and the alarms that come meanwhile."""

    def __init__(self, data: Path, target: Path, reserve_bytes: int) -> None:
        self._data, self._target, self._reserve = data, target, reserve_bytes
        self._same = data.stat().st_dev == target.stat().st_dev

    def must_hold(self, needed: int) -> None:
        free = shutil.disk_usage(self._target).free
        kept = self._reserve if self._same else 0
        if free - needed < kept:
            words = f", of which {kept} stay free for alarms (journal.reserve_bytes)" if kept else ""
            raise CannotRun(f"{self._target} has {free} bytes free{words}; the backup needs {needed}")

    def must_last(self) -> None:
        """Also the write-ahead logs grow while we read: alarms before backups."""
        if shutil.disk_usage(self._data).free < self._reserve:
            raise CannotRun(f"the disk of {self._data} runs short: the backup was given up, nothing was left")


@contextlib.contextmanager
def _moment(data: Path, names: Sequence[str]) -> Iterator[Pages]:
    """A read transaction on each database, begun in the order of `names`; the desk before the journal."""
    with contextlib.ExitStack() as stack:
        pages = {name: stack.enter_context(contextlib.closing(_reader(data / name))) for name in names}
        fresh = stack.enter_context(contextlib.closing(_reader(data / DESK)))
        for _ in range(MOMENTS):
            for connection in pages.values():
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # begins reading: pinned
            seen = (pages[DESK].execute(NEWEST_RELAYED).fetchone(), fresh.execute(NEWEST_RELAYED).fetchone())
            if seen[0] == seen[1]:
                yield pages
                return
            for connection in pages.values():
                connection.execute("COMMIT")
        raise CannotRun("settings change without a pause: try again when the import is done")


def _reader(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, isolation_level=None, timeout=5
    )
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def _size(connection: sqlite3.Connection) -> int:
    pages, page = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    return pages * page


def _copy(source: sqlite3.Connection, path: Path, name: str, room: _Room, bytes_per_s: int) -> None:
    """All pages of the pinned moment, in steps no faster than asked."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
        path.chmod(0o600)
        copy.execute("PRAGMA synchronous=OFF")  # synced once, at the end
        page = int(source.execute("PRAGMA page_size").fetchone()[0])
        source.backup(copy, pages=max(1, STEP_BYTES // page), progress=_paced(room, bytes_per_s, page))
    wrong = is_whole(path)
    if wrong is not None:
        raise CannotRun(f"{name} is damaged ({wrong}): no backup was made of it; see `vardevakt doctor`")


def _paced(room: _Room, bytes_per_s: int, page: int) -> Callable[[int, int, int], None]:
    begun_s, pause = time.monotonic(), threading.Event()  # never set: its wait is the pause

    def progress(_status: int, remaining: int, total: int) -> None:
        room.must_last()
        if bytes_per_s and remaining:
            pause.wait(max(0.0, (total - remaining) * page / bytes_per_s - (time.monotonic() - begun_s)))

    return progress


def _copy_small(data: Path, draft: Path) -> None:
    """Bases, which never change once they are there, and the key of one-time links."""
    if (data / LINK_KEY).is_file():
        _copy_file(data / LINK_KEY, draft / LINK_KEY)
    (draft / BASES).mkdir(mode=0o700)
    for path in sorted((data / BASES).glob("*.base")):
        with contextlib.suppress(FileNotFoundError):  # the night's work has just removed it for a newer one
            _copy_file(path, draft / BASES / path.name)


def _copy_file(source: Path, copy: Path) -> None:
    shutil.copyfile(source, copy)
    copy.chmod(0o600)


def _finish(draft: Path, site: str, zigbee_bases: Sequence[str], now_ms: int) -> None:
    paths = sorted(path for path in draft.rglob("*") if path.is_file())
    for path in paths:
        synced(path)
    with looking_at(draft / DESK) as desk:
        revision = str(desk.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    manifest = Manifest(
        format=FORMAT,
        site=site,
        made_at=utc_text(now_ms),
        version=importlib.metadata.version("vardevakt"),
        engine=engine_version(),
        desk_revision=revision,
        sqlite=sqlite3.sqlite_version,
        zigbee_bases=tuple(zigbee_bases),
        files=tuple(described(draft, path) for path in paths),
        figures=figures_of(draft),
        alerts_sha256=alerts_digest(draft / DESK),
    )
    with os.fdopen(os.open(draft / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    synced(draft)
