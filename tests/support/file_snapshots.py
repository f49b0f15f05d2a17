"""Snapshots as files of one folder, which several processes share (port SnapshotStore), for tests and benchmarks."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

KEPT = 2


class FileSnapshots:
    """A state is a file, named by fold, versions and position; it appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        """Keep the newest two of the name."""
        path = self._folder / f"{_stem(name, engine)}-{position:015d}"
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(state)
        draft.replace(path)
        for old in self._paths(name, engine)[:-KEPT]:
            old.unlink(missing_ok=True)

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        """The newest not after that position."""
        for path in reversed(self._paths(name, engine)):
            position = int(path.name.rpartition("-")[2])
            if position <= not_after:
                return position, path.read_bytes()
        return None

    def _paths(self, name: str, engine: str) -> list[Path]:
        return sorted(path for path in self._folder.glob(f"{_stem(name, engine)}-*") if not path.suffix)


def _stem(name: str, engine: str) -> str:
    return f"{name.replace('/', '_')}-{hashlib.sha256(engine.encode()).hexdigest()[:8]}"
