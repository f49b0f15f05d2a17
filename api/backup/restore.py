"""A backup put back, and the drill that proves that one can be. Edge: files, a journal and a desk of their own.

The drill restores into a temporary folder, opens it as the service would, looks whether every figure and every alert
of the manifest is there, lets the folds catch up with the log, and has each fold's state made a second time from the
log (api/backup/bases.py): equal byte for byte, or the drill has failed. Nothing is sent and nobody is told: there is no
outbox running, no broker, and the folder is gone afterwards.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from alerts.database import migrate, open_database
from alerts.desk import Desk
from api.backup.bases import FLOOR, FOLDS, prove
from api.backup.files import (
    BASES,
    DESK,
    JOURNAL,
    SERIES,
    Manifest,
    alerts_digest,
    check_files,
    figures_of,
    read_manifest,
)
from api.cli.problem_lines import CannotRun
from api.running.rule_book import engine_version
from ingest.base_files import BaseFolder, SnapshotsAndBases, synced
from ingest.codec import Codec
from ingest.codecs import default_codecs
from ingest.journal_file import JournalOptions
from ingest.journal_sqlite import SqliteJournal, open_journal
from ingest.series_sqlite import SqliteSeries
from ingest.source_fold import SourceFold
from ingest.source_runner import SNAPSHOT_NAME as SOURCE
from ingest.source_runner import SourceRunner
from rules.book import Book
from rules.effects import LIVE
from rules.floor import Floor
from rules.fold_runner import FoldRunner
from rules.home_fold import HomeFold

DRAFT = ".restore.part"
CATCH_UP_S = 3_600.0
LOOK_S = 0.05
NOT_PROVED = ("differs", "log_cut")


class Drill(msgspec.Struct, frozen=True):
    """What a drill found. `problems` empty = the backup is good."""

    backup: str
    made_at: str
    figures: dict[str, int]
    proofs: dict[str, str]  # fold -> what became of the refold (api/backup/bases.py)
    refolded_rows: int
    seconds: float
    problems: tuple[str, ...]


def restore(backup: Path, data: Path) -> Manifest:
    """Put a verified backup into an empty folder. CannotRun: the folder is not empty, the backup is not whole."""
    manifest = read_manifest(backup)
    _must_be_empty(data)
    check_files(backup, manifest)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed, free = sum(one.size for one in manifest.files), shutil.disk_usage(data).free
    if free < needed:
        raise CannotRun(f"{data} has {free} bytes free; the backup needs {needed}")
    draft = data / DRAFT
    try:
        for one in manifest.files:
            path = draft / one.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(backup / one.name, path)
            path.chmod(0o600)
            synced(path)
        check_files(draft, manifest)  # what was written is what was read
        for path in sorted(draft.iterdir(), key=lambda path: path.name == JOURNAL):  # without a journal nothing starts
            path.rename(data / path.name)
        draft.rmdir()
        synced(data)
    except OSError as error:
        raise CannotRun(f"restore into {data} failed: {error}; empty the folder before the next try") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _must_be_empty(data: Path) -> None:
    held = sorted(path.name for path in data.iterdir()) if data.is_dir() else []
    if held:
        raise CannotRun(
            f"{data} is not empty ({', '.join(held[:5])}): restore into another folder, or move what is there aside"
        )


def drill(backup: Path, scratch: Path | None = None) -> Drill:
    """Restore into a temporary folder (below `scratch`) and prove it. CannotRun: it cannot even be restored."""
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vardevakt-drill-", dir=scratch) as folder:
        data = Path(folder) / "data"
        manifest = restore(backup, data)
        problems = _differences(manifest, data)
        codecs = default_codecs(manifest.zigbee_bases)
        problems += _catch_up(manifest, data, codecs)
        _forget_newest_bases(manifest, BaseFolder(data / BASES))
        proofs = prove(data, manifest.site, codecs, time.time_ns() // 1_000_000)
    problems += [
        f"{one.fold}: the log folded again up to row {one.position} gives another state ({one.outcome})"
        for one in proofs
        if one.outcome in NOT_PROVED
    ]
    return Drill(
        backup=str(backup),
        made_at=manifest.made_at,
        figures=manifest.figures,
        proofs={one.fold: one.outcome for one in proofs},
        refolded_rows=sum(one.rows for one in proofs),
        seconds=round(time.monotonic() - begun_s, 3),
        problems=tuple(problems),
    )


def _differences(manifest: Manifest, data: Path) -> list[str]:
    """Where the restored databases are not what the manifest says; and what no whole moment could hold."""
    found = figures_of(data)
    told = [
        f"{name}: {found.get(name, 'nothing')}, and the manifest says {wanted}"
        for name, wanted in manifest.figures.items()
        if found.get(name) != wanted
    ]
    if alerts_digest(data / DESK) != manifest.alerts_sha256:
        told.append("the alerts are not those of the manifest")
    for fold, log in (("source", "raw"), (LIVE, "inputs"), (FLOOR, "inputs"), ("series", "inputs")):
        if found.get(fold, 0) > found.get(log, 0):
            told.append(f"{fold} stands at row {found[fold]}, beyond the end of {log} at {found[log]}")
    return told


def _forget_newest_bases(manifest: Manifest, bases: BaseFolder) -> None:
    """So that the proof begins a night earlier, or at row 1, and never has nothing to fold."""
    for fold in FOLDS:
        newest, oldest = bases.newest(fold), bases.oldest(fold)
        whole_log = manifest.figures["raw_first" if fold == SOURCE else "inputs_first"] <= 1
        if newest is not None and (whole_log or newest != oldest):
            bases.forget(newest)


def _catch_up(manifest: Manifest, data: Path, codecs: Sequence[Codec]) -> list[str]:
    """Open everything as the service does, let the folds read to the end of their logs, and have them save."""
    journal = open_journal(data / JOURNAL, manifest.site, JournalOptions(reserve_bytes=0))
    with contextlib.ExitStack() as stack:
        stack.callback(journal.close)
        migrate(data / DESK)
        database = open_database(data / DESK)
        stack.callback(database.close)
        if (data / SERIES).is_file():
            stack.callback(SqliteSeries(data / SERIES).close)
        problems = []
        for runner, end in _runners(manifest, data, codecs, journal, Desk(database, manifest.site)):
            runner.start()
            stack.callback(runner.stop)
            last = end()
            if not _until(functools.partial(_there, runner, last)):
                problems.append(f"a fold stands at row {runner.position} of {last} and comes no further")
            elif not runner.healthy:
                problems.append(f"a fold cannot go on from row {runner.position} of {last}")
            else:
                runner.save_now()
        return problems


def _runners(
    manifest: Manifest, data: Path, codecs: Sequence[Codec], journal: SqliteJournal, desk: Desk
) -> Iterator[tuple[SourceRunner | FoldRunner, Callable[[], int]]]:
    """Source fold first: the others read what it writes."""
    bases, (first_raw, first_input) = BaseFolder(data / BASES), journal.first_seqs
    kept = SnapshotsAndBases(journal.snapshots, bases, first_input)
    site, engine, inputs = manifest.site, engine_version(), journal.inputs

    def now_ms() -> int:
        return manifest.figures.get("last_received_ms", 0)

    of_raw = SnapshotsAndBases(journal.snapshots, bases, first_raw)
    yield SourceRunner(lambda: SourceFold(site, codecs), journal.raw, inputs, of_raw, now_ms), journal.raw.last_seq
    yield FoldRunner(LIVE, lambda: HomeFold(Book(()), site), engine, inputs, desk, kept, now_ms), inputs.last_seq
    floor = FoldRunner(FLOOR, lambda: Floor(site), engine, inputs, desk, kept, now_ms, floor_only=True)
    yield floor, inputs.last_seq


def _there(runner: SourceRunner | FoldRunner, last: int) -> bool:
    """It has caught up, or will not."""
    return runner.position >= last or not runner.healthy


def _until(condition: Callable[[], bool]) -> bool:
    pause, deadline_s = threading.Event(), time.monotonic() + CATCH_UP_S  # never set: its wait is the pause
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        pause.wait(LOOK_S)
    return True
