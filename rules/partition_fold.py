"""A fold of one partition: its state, where it stands, and what is on disk of it. Rows are given; no thread, no log.

Embedded there is one partition, driven by `fold_runner.py`; on many machines there are many, driven by `partitions.py`.
The fold says things about rows (effects; of the source lane inputs and dead letters); what it says and the position
`applied` are written in one step, moved by compare-and-set from the value we knew. Whoever is not the owner any more is
told so by `Fenced`. A start takes the newest snapshot not after `applied`; rows up to `applied` are folded again, and
what the fold says about them is thrown away. A snapshot never runs ahead of `applied`.

Where nothing is said the position is moved seldom: refolding those rows costs less than a transaction for each. Nor is
it moved with what is said where the sink can `say` that apart, to readers who know what they have heard before: then it
may be said again after a start.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import structlog

from ingest.journal import SnapshotStore, snapshot_after

# Tuples that come from Python's own store of used ones are not counted towards a look of the collector, and all of them
# are young until one comes: 50 000 after 40 000 rows, a pause of 46 ms, and more with every home. Now: under 1 ms.
ROWS_A_LOOK = 250
QUIET_ROWS = 5_000  # how far a fold that says nothing may run ahead of `applied`: refolding them costs < 1 s
# An alert costs the desk some 15 ms. All alarms of a storm in one transaction would be shown only after the last, keep
# the other lane from the desk meanwhile, and never get done where the service dies sooner (seen in the crash rounds).
EFFECTS_A_TRANSACTION = 20

log = structlog.get_logger()


class Row(Protocol):
    """What is folded. Positions are dense: the next row of a partition has the next seq."""

    @property
    def seq(self) -> int: ...


R = TypeVar("R", bound=Row)
S = TypeVar("S")
R_contra = TypeVar("R_contra", bound=Row, contravariant=True)
S_co = TypeVar("S_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)


class Fold(Protocol[R_contra, S_co]):
    """What is run: home fold, floor, source fold."""

    def apply(self, given: R_contra, /) -> Sequence[S_co]: ...
    def next_due_ms(self) -> int | None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes, /) -> None: ...
    def quarantined(self) -> list[dict[str, str]]: ...
    @property
    def skipped(self) -> int: ...


class Sink(Protocol[S_contra]):
    """Where what is said goes, with the position, both or neither. `apply` raises Fenced when `applied` is not
    `expected`. To say the same twice changes nothing.
    """

    def applied(self, lane: str, partition: int) -> int: ...
    def apply(
        self, lane: str, partition: int, expected: int, position: int, effects: Sequence[S_contra], /
    ) -> None: ...


class PartitionFold(Generic[R, S]):
    """One fold and its positions. Call `load` first, and again after anything has been raised."""

    def __init__(
        self,
        lane: str,
        partition: int,
        make_fold: Callable[[], Fold[R, S]],
        engine: str,
        sink: Sink[S],
        snapshots: SnapshotStore,
        *,
        name: str | None = None,
        a_transaction: int = EFFECTS_A_TRANSACTION,
        after_rows: Callable[[int], int] | None = None,  # default: snapshot_after
        say: Callable[[int, Sequence[S]], None] | None = None,
    ) -> None:
        """`name`: of its snapshots; default is the lane. `a_transaction`: how much that is said goes into one step.
        `say(partition, said)` writes what is said without the position.
        """
        self.lane, self.partition, self.engine, self.name = lane, partition, engine, name or lane
        self._make_fold, self._sink, self._snapshots = make_fold, sink, snapshots
        self._a_transaction, self._say = a_transaction, say
        self._after_rows = after_rows or snapshot_after
        self.fold: Fold[R, S] = make_fold()
        self.position = 0  # newest row folded
        self.applied = 0  # what the sink has
        self._snapshot_at, self._snapshot_rows = 0, 0
        self._rows_unlooked = 0  # folded since the collector looked through what is new
        self.next_due_ms: int | None = None
        self.said: list[S] = []  # by the last step, once it was on disk

    @property
    def behind(self) -> bool:
        """Rows are still folded again; nothing is said, and no timer counts."""
        return self.position < self.applied

    def load(self) -> None:
        """State as of the newest usable snapshot; one that cannot be read costs a longer start only."""
        self.applied = self._sink.applied(self.lane, self.partition)
        self.fold, self.position, self._snapshot_rows = self._make_fold(), 0, self._after_rows(0)
        kept = self._snapshots.load(self.name, self.engine, self.applied)
        if kept is not None:
            try:
                self.fold.restore(kept[1])
                gc.freeze()  # no cycle among them: of 10 000 homes a full collection would be a pause of 0.1 s and more
                self.position, self._snapshot_rows = kept[0], self._after_rows(len(kept[1]))
            except (msgspec.MsgspecError, ValueError) as error:
                log.warning("snapshot_not_read", fold=self.name, position=kept[0], reason=str(error))
                self.fold = self._make_fold()
        self._snapshot_at = self.position
        self.next_due_ms = self.fold.next_due_ms()

    def take(self, rows: Sequence[R], start: int = 0) -> int:
        """Fold rows from index `start` on, until all are folded or one step is full; the index of the first left over.

        The step is written before it returns. What is raised (Fenced, trouble of the sink) leaves a fold that is ahead
        of the disk: `load` it again.
        """
        said: list[S] = []
        taken = start
        apply, applied = self.fold.apply, self.applied
        for row in itertools.islice(rows, start, None):
            more = apply(row)
            self.position = row.seq
            taken += 1
            self._rows_unlooked += 1
            if self._rows_unlooked >= ROWS_A_LOOK:
                self._rows_unlooked = 0
                look_through_young()
            if more and row.seq > applied:
                said += more
                if len(said) >= self._a_transaction:
                    break
        self._settle(said)
        return taken

    def advance(self, position: int) -> None:
        """Nothing for this fold stands up to there."""
        self.position = max(self.position, position)
        self._settle([])

    def flush(self) -> None:
        """Tell the sink where we stand."""
        if self.position > self.applied:
            self._write([])

    def save(self) -> None:
        """Write a snapshot of where the sink knows us to be."""
        assert self.applied == self.position, "a snapshot would hold what the sink does not know"
        if self.position > self._snapshot_at:
            state = self.fold.snapshot()
            self._snapshots.save(self.name, self.position, self.engine, state)
            self._snapshot_at, self._snapshot_rows = self.position, self._after_rows(len(state))

    def _settle(self, said: list[S]) -> None:
        self.next_due_ms = self.fold.next_due_ms()
        self.said = []
        with_position = said
        if said and self._say is not None:
            self._say(self.partition, said)
            with_position = []
        if with_position or self.position - self.applied > QUIET_ROWS:
            self._write(with_position)
        self.said = said
        if not self.behind and self.position - self._snapshot_at > self._snapshot_rows:
            self.flush()
            self.save()

    def _write(self, said: list[S]) -> None:
        self._sink.apply(self.lane, self.partition, self.applied, self.position, said)
        self.applied = self.position


def look_through_young() -> None:
    """Have the collector let go of what is new and can be part of no cycle: tuples first, then tuples of these."""
    if gc.isenabled():  # not while a service is built
        gc.collect(0)
        gc.collect(1)


AnyPartitionFold = PartitionFold[Any, Any]
