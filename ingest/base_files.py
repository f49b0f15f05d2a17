"""Bases: states of a fold that were proved, in files of their own, so that the logs before them may be cut. Edge.

A base is a snapshot that somebody has made a second time: refolded from the base before it (or from row 1) in another
process, and found equal byte for byte. Its file is a line of JSON (what it is, by which versions, with which checksum)
and then the state. Files appear whole or not at all; the newest two of each fold are kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from ingest.journal import SnapshotStore

BASES_KEPT = 2
HEADER_MAX = 4_096

log = structlog.get_logger()


class Base(msgspec.Struct, frozen=True):
    """What a base is. `position`: the last row of its log that is in it; `engine`: the versions that made it."""

    fold: str  # "source", "live", "floor"
    position: int
    engine: str
    site: str
    schema: int
    made_ms: int
    proved_from: int  # position of the base from which it was made again; 0 = from row 1
    sha256: str
    size: int


class BaseError(Exception):
    """A base cannot be read or written; says which and why."""


class BaseFolder:
    """The bases of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, base: Base, state: bytes) -> Path:
        """Write it, synced, under its name; older ones beyond BASES_KEPT go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{base.fold}-{base.position:015d}.base"
        draft = path.with_suffix(".new")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(base) + b"\n")
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            synced(self._folder)
            for old in self._paths(base.fold)[:-BASES_KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise BaseError(f"{path}: {error.strerror}") from error
        return path

    def newest(self, fold: str, not_after: int | None = None) -> Base | None:
        """The newest whose header can be read, of any engine."""
        for path in reversed(self._paths(fold)):
            try:
                base = self._header(path)
            except BaseError as error:
                log.warning("base_not_read", reason=str(error))
                continue
            if not_after is None or base.position <= not_after:
                return base
        return None

    def oldest(self, fold: str) -> Base | None:
        """The older of those that are kept: the logs before it are not needed by either."""
        paths = self._paths(fold)
        return self._header(paths[0]) if paths else None

    def forget(self, base: Base) -> None:
        """Remove it; an older base or the log takes its place."""
        (self._folder / f"{base.fold}-{base.position:015d}.base").unlink(missing_ok=True)

    def state(self, base: Base) -> bytes:
        """The state behind a header; BaseError when it is not what the header says."""
        path = self._folder / f"{base.fold}-{base.position:015d}.base"
        try:
            with path.open("rb") as file:
                file.readline(HEADER_MAX)
                state = file.read()
        except OSError as error:
            raise BaseError(f"{path}: {error.strerror}") from error
        if len(state) != base.size or hashlib.sha256(state).hexdigest() != base.sha256:
            raise BaseError(f"{path}: is damaged; remove it, an older base or the log takes its place")
        return state

    def _paths(self, fold: str) -> list[Path]:
        return sorted(self._folder.glob(f"{fold}-*.base"))

    def _header(self, path: Path) -> Base:
        try:
            with path.open("rb") as file:
                return msgspec.json.decode(file.readline(HEADER_MAX), type=Base)
        except OSError as error:
            raise BaseError(f"{path}: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise BaseError(f"{path}: is no base: {error}") from error


class SnapshotsAndBases:
    """Port SnapshotStore: snapshots as before; where there is none to use, the newest base.

    A base of another engine is used only where the log does not reach back to row 1: what was cut cannot be folded
    again, and a person who was on the floor before an update is on the floor after it.
    """

    def __init__(self, snapshots: SnapshotStore, bases: BaseFolder, first_seq: int) -> None:
        self._snapshots, self._bases, self._cut = snapshots, bases, first_seq > 1

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        self._snapshots.save(name, position, engine, state)

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        kept = self._snapshots.load(name, engine, not_after)
        base = self._bases.newest(name, not_after)
        if base is None or (kept is not None and kept[0] >= base.position):
            return kept
        if base.engine != engine:
            if kept is not None or not self._cut:
                return kept
            log.warning("base_of_other_engine", fold=name, position=base.position, engine=base.engine, now=engine)
        try:
            return base.position, self._bases.state(base)
        except BaseError as error:
            log.warning("base_not_read", reason=str(error))
            return kept


def new_base(
    fold: str, position: int, engine: str, site: str, schema: int, made_ms: int, proved_from: int, state: bytes
) -> Base:
    """The header for a state that was proved."""
    sha256 = hashlib.sha256(state).hexdigest()
    return Base(fold, position, engine, site, schema, made_ms, proved_from, sha256, len(state))


def cut_at(bases: BaseFolder, folds: Sequence[str]) -> dict[str, int]:
    """Fold -> position up to which its log is no longer needed for a start: that of its older base."""
    return {fold: base.position for fold in folds if (base := bases.oldest(fold)) is not None}


def synced(path: Path) -> None:
    """A file or folder is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
