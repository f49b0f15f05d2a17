"""Follows a log of inputs with the rules on trial. Edge: called every few seconds by a thread that nothing waits for.

While nothing is marked nothing is read. When a trial begins it takes the homes from a state that the live fold kept,
the newest before the marks came, and reads on from there; from then on it keeps its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from rules.effects import Effect, Observe
from rules.partition_fold import Row
from rules.shadow_alert import TrialStore

BATCH = 1_000
KEEP_EVERY = 50_000  # rows; as many are folded again after a restart …
KEEP_S = 6 * 3_600.0  # … and as old: no log may be cut behind a state that is needed
BUSY_ROWS = 200

R = TypeVar("R", bound=Row)
R_co = TypeVar("R_co", bound=Row, covariant=True)
R_contra = TypeVar("R_contra", bound=Row, contravariant=True)

log = structlog.get_logger()


class TrialLog(Protocol[R_co]):
    """What is followed: inputs on one box, rows of one partition of them on many machines."""

    def read(self, after_seq: int, limit: int) -> Sequence[R_co]: ...
    def last_seq(self) -> int: ...


class TrialFold(Protocol[R_contra]):
    """A trial over such rows (`shadow.py`). `version`: "" while nothing is on trial."""

    @property
    def version(self) -> str: ...
    def apply(self, given: R_contra, /) -> Sequence[Effect]: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes, /) -> None: ...


class ShadowFollower:
    """`__call__` follows one batch and says when it wants to be called again: 0.0 at once, None in its usual time.

    `homes(not_after)`: (position, state) that the live fold kept last, not after that row. `marked`: whether the book
    of the desk has rules on trial; it says so before the log does. `backlog`: while the live folds are behind, trials
    wait. What is raised (disk, desk or Kafka is away) costs what was not kept yet: that is folded again.
    """

    def __init__(
        self, inputs: TrialLog[R], make_fold: Callable[[], TrialFold[R]], make_store: Callable[[], TrialStore],
        homes: Callable[[int], tuple[int, bytes] | None], engine: str, marked: Callable[[], bool],
        backlog: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        self._inputs, self._make_fold, self._make_store, self._homes = inputs, make_fold, make_store, homes
        self._engine, self._marked, self._backlog = engine, marked, backlog
        self._store: TrialStore | None = None
        self._fold: TrialFold[Any] | None = None
        self._position = self._kept = 0
        self._kept_s = 0.0
        self._looked = False  # for a trial of before this start

    def __call__(self) -> float | None:
        if self._backlog() > BUSY_ROWS:
            return None
        try:
            return self._follow()
        except BaseException:
            self._fold, self._looked = None, False  # it may be ahead of what is written
            raise

    @property
    def position(self) -> int | None:
        """Row that the trial has come to; None: none is under way."""
        return None if self._fold is None else self._position

    def close(self) -> None:
        """Keep the trial as it stands."""
        if self._store is not None:
            if self._fold is not None and self._fold.version:
                self._keep(self._store, self._fold)
            self._store.close()
            self._store = None

    def _follow(self) -> float | None:
        if self._store is None:
            self._store = self._make_store()
        if self._fold is not None and not self._fold.version and not self._marked():
            self._fold = None  # a trial is over
        if self._fold is None:
            self._fold = self._begin(self._store)
        if self._fold is None:
            return None
        batch = self._inputs.read(self._position, BATCH)
        if not batch:
            return None
        if batch[0].seq != self._position + 1:
            log.warning(
                "shadow_gap", position=self._position, first=batch[0].seq
            )  # away for longer than the log is kept
        self._fold_batch(self._store, self._fold, batch)
        return 0.0

    def _fold_batch(self, store: TrialStore, fold: TrialFold[R], batch: Sequence[R]) -> None:
        """As far as one book is on trial."""
        effects: list[Effect] = []
        before = fold.version
        for given in batch:
            effects += (one for one in fold.apply(given) if not isinstance(one, Observe))
            self._position = given.seq
            if fold.version != before:
                break
        if effects:
            store.write(before, effects)
        if fold.version != before:
            log.info("shadow_changed", seq=self._position, before=before, now=fold.version)
            if not fold.version:
                store.forget()
        rows, seconds = self._position - self._kept, time.monotonic() - self._kept_s
        if fold.version and (fold.version != before or rows >= KEEP_EVERY or seconds >= KEEP_S):
            self._keep(store, fold)

    def _begin(self, store: TrialStore) -> TrialFold[Any] | None:
        """Go on with the trial that was kept, else begin one if rules are marked."""
        if self._looked and not self._marked():
            return None
        end = self._inputs.last_seq()
        kept, self._looked = store.load(self._engine, end), True
        if kept is None:
            return self._from_homes(store, end) if self._marked() else None
        self._stand_at(kept[0])
        return self._made(kept[1])

    def _from_homes(self, store: TrialStore, not_after: int) -> TrialFold[Any]:
        """From what the live fold kept before the marks came; where all that it has is younger, from the oldest; where
        it has nothing, from the first row.
        """
        store.forget()  # what another engine has kept
        kept = self._homes(not_after)
        if kept is None:
            self._stand_at(0)
            return self._make_fold()
        fold = self._made(kept[1])
        while fold.version and (older := self._homes(kept[0] - 1)) is not None:
            kept, fold = older, self._made(older[1])
        self._stand_at(kept[0])
        if fold.version:
            self._keep(store, fold)
        return fold

    def _made(self, state: bytes) -> TrialFold[Any]:
        fold = self._make_fold()
        fold.restore(state)
        return fold

    def _stand_at(self, position: int) -> None:
        self._position = self._kept = position
        self._kept_s = time.monotonic()

    def _keep(self, store: TrialStore, fold: TrialFold[Any]) -> None:
        store.keep(self._engine, self._position, fold.snapshot())
        self._kept, self._kept_s = self._position, time.monotonic()
