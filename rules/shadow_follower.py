"""Follows INPUTS with the rules on trial. Edge: called every few seconds by a thread that nothing waits for.

While nothing is marked only settings are read (they stand in the floor's lane), which costs nothing. When a trial
begins it takes the homes from the newest kept state of the live fold; from then on it keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog

from ingest.journal import InputLog, SnapshotStore
from rules.effects import LIVE, Effect
from rules.shadow import ShadowFold
from rules.shadow_store import ShadowStore

BATCH = 1_000
KEEP_EVERY = 50_000  # rows; as many are folded again after a restart
BUSY_ROWS = 200

log = structlog.get_logger()


class ShadowFollower:
    """`__call__` follows one batch and says when it wants to be called again: 0.0 at once, None in its usual time.

    `backlog`: while the live folds are behind, trials wait.
    """

    def __init__(
        self, path: Path, site: str, engine: str, inputs: InputLog, snapshots: SnapshotStore,
        backlog: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        self._path, self._site, self._engine = path, site, engine
        self._inputs, self._snapshots, self._backlog = inputs, snapshots, backlog
        self._store: ShadowStore | None = None
        self._fold: ShadowFold | None = None
        self._position = self._kept = 0
        self._whole = False  # marks lie ahead: read more than settings until we are there

    def __call__(self) -> float | None:
        if self._backlog() > BUSY_ROWS:
            return None
        if self._store is None:
            self._store = ShadowStore(self._path)
        fold = self._fold if self._fold is not None else self._begin(self._store, self._inputs.last_seq())
        batch = self._inputs.read(self._position, BATCH, floor_only=not (fold.version or self._whole))
        if not batch:
            return None
        effects: list[Effect] = []
        before = fold.version
        for given in batch:
            effects += fold.apply(given)
            self._position = given.seq
            if fold.version != before:
                break
        if effects:
            self._store.write(before, effects)
        if fold.version != before:
            self._changed(self._store, before)
        elif self._position - self._kept >= KEEP_EVERY and before:
            self._keep(fold)
        return 0.0

    def close(self) -> None:
        """Keep the trial as it stands."""
        if self._store is not None:
            if self._fold is not None and self._fold.version:
                self._keep(self._fold)
            self._store.close()
            self._store = None

    def _begin(self, store: ShadowStore, not_after: int) -> ShadowFold:
        """Go on with the trial that was kept, else from what the live fold last kept, else from the first row."""
        kept = store.load(self._engine) or self._snapshots.load(LIVE, self._engine, not_after)
        self._position, state = kept if kept is not None else (0, None)
        self._kept = self._position
        self._fold = ShadowFold(self._site, state)
        return self._fold

    def _changed(self, store: ShadowStore, before: str) -> None:
        """The marks have changed at our position. Who has followed only settings so far does not know the homes: it
        begins again from what the live fold kept before that, and reads everything.
        """
        log.info("shadow_changed", seq=self._position, before=before)
        store.forget()
        if before or self._whole:
            self._whole = bool(self._fold is not None and self._fold.version)
        else:
            self._whole = True
            self._begin(store, self._position - 1)

    def _keep(self, fold: ShadowFold) -> None:
        assert self._store is not None, "what is followed is stored"
        self._store.keep(self._engine, self._position, fold.snapshot())
        self._kept = self._position
