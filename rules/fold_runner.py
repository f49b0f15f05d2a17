"""Runs a fold over INPUTS: read, fold, hand the effects to the desk, keep the position. Edge: a thread.

One transaction of the desk holds the effects of a batch and the position `applied`, moved by compare-and-set from the
value we knew; when somebody else has moved it we are fenced and stop. After a start the fold is rebuilt from the newest
snapshot not after `applied` and refolded up to it, emitting nothing. Used for the home fold (lane "live") and, ahead of
any backlog and on its own cursor, for the floor (lane "floor").

Where nothing is said the position is moved seldom: refolding those rows costs less than a transaction for each.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from ingest.journal import InputLog, JournalError, SnapshotStore, beyond_cut, snapshot_after
from ingest.record import Input
from rules.effects import Effect, Fenced, Observe

BATCH = 2_000
QUIET_ROWS = 5_000  # how far a fold without effects may run ahead of `applied`: refolding them costs < 1 s
QUARANTINED_MAX = 1_000
# An alert costs the desk some 15 ms. All alarms of a storm in one transaction would be shown only after the last, keep
# the other lane from the desk meanwhile, and never get done where the service dies sooner (seen in the crash rounds).
EFFECTS_A_TRANSACTION = 20
IDLE_S = 1.0  # looks without being woken, and the longest that the position stays behind when nothing is said
PAUSE_FIRST_S, PAUSE_MAX_S = 0.2, 10.0

log = structlog.get_logger()


class Fold(Protocol):
    """What is run: HomeFold or Floor."""

    def apply(self, given: Input) -> list[Effect]: ...
    def next_due_ms(self) -> int | None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
    def quarantined(self) -> list[dict[str, str]]: ...
    @property
    def skipped(self) -> int: ...


class EffectSink(Protocol):
    """Port owned by the runner: the desk. `apply` raises Fenced when `applied` is not `expected`."""

    def applied(self, lane: str, partition: int) -> int: ...
    def apply(self, lane: str, partition: int, expected: int, position: int, effects: Sequence[Effect]) -> None: ...


class FoldRunner:
    """One fold in a thread of its own. `make_fold` gives an empty fold; it is called again after a failure."""

    def __init__(
        self,
        lane: str,
        make_fold: Callable[[], Fold],
        engine: str,
        inputs: InputLog,
        sink: EffectSink,
        snapshots: SnapshotStore,
        now_ms: Callable[[], int],
        *,
        floor_only: bool = False,
    ) -> None:
        self.lane, self.engine, self.floor_only = lane, engine, floor_only
        self._make_fold, self._inputs, self._sink, self._snapshots = make_fold, inputs, sink, snapshots
        self._now_ms = now_ms
        self._quarantined: list[dict[str, str]] = []
        self._wake = threading.Condition()
        self._woken, self._stopping = False, False
        self._asked_to_save, self._saved = False, threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"fold-{lane}", daemon=True)
        self.fold: Fold = make_fold()
        self.position = 0  # newest input folded
        self._applied = 0  # what the desk has
        self._snapshot_at, self._snapshot_rows = 0, snapshot_after(0)
        self.next_due_ms: int | None = None
        self.skipped = 0  # inputs that the fold could not take, since the first row
        self.healthy = True
        self.fenced = False
        self.ready = threading.Event()  # rebuilt and at work

    def start(self) -> None:
        self._thread.start()

    def notify(self) -> None:
        """There may be new inputs. Callable from any thread."""
        with self._wake:
            self._woken = True
            self._wake.notify()

    def save_now(self, timeout_s: float = 120.0) -> None:
        """Have a snapshot written at the next pause between batches, and wait for it. Callable from any thread."""
        self._saved.clear()
        self._asked_to_save = True
        self.notify()
        self._saved.wait(timeout_s)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the batch, write a snapshot, end."""
        with self._wake:
            self._stopping = self._woken = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def lag(self) -> int:
        """Inputs not yet folded."""
        return max(0, self._inputs.last_seq() - self.position)

    @property
    def oldest_age_ms(self) -> int:
        """How long the oldest input not yet folded has waited; 0 when there is none."""
        rows = self._inputs.read(self.position, 1, floor_only=self.floor_only)
        return max(0, self._now_ms() - rows[0].received_at_ms) if rows else 0

    @property
    def quarantined(self) -> list[dict[str, str]]:
        """Rules that raised and are off for one subject: {"rule", "subject"}."""
        return self._quarantined

    def run_until(self, position: int) -> None:
        """Fold in the caller's thread up to a position of INPUTS; for replay and tests, instead of `start`."""
        if not self.ready.is_set():
            self._rebuild()
        while self.position < position and self._batch(position):
            pass
        self._flush()

    def _supervise(self) -> None:
        """Run; after a failure rebuild from disk and go on, with growing pauses. A fenced runner stops for good."""
        pause_s = PAUSE_FIRST_S
        while not self._stopping:
            try:
                self._rebuild()
                self.healthy, pause_s = True, PAUSE_FIRST_S
                self._work()
            except Fenced:
                self.healthy, self.fenced = False, True
                log.error("fold_fenced", lane=self.lane, position=self.position)
                return
            except Exception:
                # the supervisor of the thread: whatever it was, state is rebuilt from disk and nothing is skipped
                self.healthy = False
                log.exception("fold_failed", lane=self.lane, position=self.position, pause_s=pause_s)
                with self._wake:
                    self._wake.wait_for(lambda: self._stopping, pause_s)
                pause_s = min(PAUSE_MAX_S, pause_s * 2)

    def _rebuild(self) -> None:
        """State as of `applied`, from the newest usable snapshot; the refold says nothing."""
        self._applied = self._sink.applied(self.lane, 0)
        if self._inputs.last_seq() < self._applied:
            raise JournalError(
                f"INPUTS ends at {self._inputs.last_seq()}, before position {self._applied} of {self.lane}: "
                "the journal is older than the desk; restore both from the same backup"
            )
        self._load()
        self._snapshot_at = self.position
        first = self._inputs.read(0, 1)
        if self.position < self._applied and first and first[0].seq > self.position + 1:
            raise JournalError(beyond_cut("INPUTS", first[0].seq))
        while self.position < self._applied:
            if not self._fold_rows(self._applied, silent=True)[0]:
                self.position = self._applied
        self._look()
        self.ready.set()

    def _load(self) -> None:
        """The newest snapshot; one that cannot be read costs a longer start only."""
        self.fold, self.position = self._make_fold(), 0
        kept = self._snapshots.load(self.lane, self.engine, self._applied)
        if kept is None:
            return
        try:
            self.fold.restore(kept[1])
            gc.freeze()  # no cycle among them: of 10 000 homes a full collection would be a pause of 0.1 s and more
            self.position, self._snapshot_rows = kept[0], snapshot_after(len(kept[1]))
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("snapshot_not_read", fold=self.lane, position=kept[0], reason=str(error))
            self.fold = self._make_fold()

    def _look(self) -> None:
        """What other threads see of the fold."""
        self.next_due_ms = self.fold.next_due_ms()
        self._quarantined = self.fold.quarantined()[:QUARANTINED_MAX]
        self.skipped = self.fold.skipped

    def _work(self) -> None:
        while not self._stopping:
            if self._asked_to_save:
                self._asked_to_save = False
                self._flush()
                self._save()
                self._saved.set()
            if self._batch(None):
                continue
            with self._wake:
                woken = self._wake.wait_for(lambda: self._woken, IDLE_S)
                self._woken = False
            if not woken:
                self._flush()
        self._flush()
        self._save()

    def _fold_rows(self, limit: int | None, *, silent: bool = False) -> tuple[bool, list[Effect]]:
        newest = self._inputs.last_seq() if self.floor_only else 0
        rows = self._inputs.read(self.position, BATCH, floor_only=self.floor_only)
        if limit is not None:
            rows = [row for row in rows if row.seq <= limit]
        effects: list[Effect] = []
        for row in rows:
            effects += self.fold.apply(row)
            self.position = row.seq
            if len(effects) >= EFFECTS_A_TRANSACTION and not silent:
                break
        if not rows and self.floor_only:
            self.position = max(self.position, newest if limit is None else min(newest, limit))
        return bool(rows), effects

    def _log(self, effects: list[Effect]) -> None:
        """What operators must hear of, once it is on disk."""
        found = [effect for effect in effects if isinstance(effect, Observe) and effect.kind in _FOR_OPERATORS]
        for effect in found[:QUARANTINED_MAX]:
            event = "rule_quarantined" if effect.kind == "quarantined" else "input_skipped"
            log.warning(event, rule=effect.rule, subject=effect.subject, reason=effect.reason.args)
        if found or (self._quarantined and effects):
            self._look()

    def _batch(self, limit: int | None) -> bool:
        any_rows, effects = self._fold_rows(limit)
        self.next_due_ms = self.fold.next_due_ms()
        if effects or self.position - self._applied > QUIET_ROWS:
            self._apply(effects)
        if self.position - self._snapshot_at > self._snapshot_rows:
            self._flush()
            self._save()
        return any_rows

    def _apply(self, effects: list[Effect]) -> None:
        self._sink.apply(self.lane, 0, self._applied, self.position, effects)
        self._applied = self.position
        self._log(effects)

    def _flush(self) -> None:
        if self.position > self._applied:
            self._apply([])

    def _save(self) -> None:
        """Snapshots never run ahead of `applied`."""
        assert self._applied == self.position, "a snapshot would hold what the desk does not know"
        if self.position > self._snapshot_at:
            state = self.fold.snapshot()
            self._snapshots.save(self.lane, self.position, self.engine, state)
            self._snapshot_at, self._snapshot_rows = self.position, snapshot_after(len(state))


_FOR_OPERATORS = ("quarantined", "skipped")
