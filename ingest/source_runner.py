"""Runs the source fold: read RAW, fold, write INPUTS with the position, then announce. Edge: a thread.

One transaction holds the inputs, dead letters and verdicts of a batch and the new position, moved from the value we
knew; when somebody else moved it we are fenced and stop. A write that fails is tried again, with growing pauses and
`healthy` False: the fold has gone on in memory, the disk has not. After a start the fold is rebuilt from the newest
snapshot not after the position on disk and refolded up to it; what the refold says is thrown away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from ingest.journal import InputLog, JournalError, RawLog, SnapshotStore, beyond_cut, snapshot_after
from ingest.record import Folded, RawRecord, Recorded
from ingest.source_fold import SourceFold
from ingest.source_state import ENGINE

BATCH = 2_000
SNAPSHOT_NAME = "source"
PAUSE_FIRST_S, PAUSE_MAX_S = 0.2, 10.0
IDLE_S = 1.0  # looks without being woken: a lost wake-up costs a second, not a night

log = structlog.get_logger()


class SourceRunner:
    """One source fold in a thread of its own.

    `make_fold` gives an empty fold. `on_inputs()` is called when a batch is on disk (to wake the folds of homes),
    `on_recorded(entries)` with what gateways may be told; both in the runner's thread, and they must be quick.
    `now_ms` is the clock that receive stamps with; it is used for ages only.
    """

    def __init__(
        self,
        make_fold: Callable[[], SourceFold],
        raw: RawLog,
        inputs: InputLog,
        snapshots: SnapshotStore,
        now_ms: Callable[[], int],
        *,
        on_inputs: Callable[[], None] = lambda: None,
        on_recorded: Callable[[Sequence[Recorded]], None] = lambda _: None,
        after_rows: Callable[[int], int] = snapshot_after,
    ) -> None:
        self._make_fold, self._raw, self._inputs, self._snapshots, self._now_ms = (
            make_fold, raw, inputs, snapshots, now_ms,
        )  # fmt: skip
        self._on_inputs, self._on_recorded, self._after_rows = on_inputs, on_recorded, after_rows
        self._fold = make_fold()
        self._fold_lock = threading.Lock()  # the pages read liveness while the thread folds
        self._position = 0
        self._snapshot_at, self._snapshot_rows = 0, after_rows(0)
        self._writing: threading.Thread | None = None  # of a snapshot, while the fold goes on
        self._asked_to_save, self._saved = False, threading.Event()
        self._next_due_ms: int | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.ready = threading.Event()  # rebuilt and at work
        self.healthy = True
        self.fenced = False
        self._moved_s = time.monotonic()
        self.quarantined: tuple[dict[str, str], ...] = ()  # never any: what we cannot fold is a dead letter

    # ------------------------------------------------------------- any thread
    def start(self) -> None:
        """Rebuild and run, in a thread."""
        self._thread = threading.Thread(target=self._run, name="source-fold", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be new rows in RAW."""
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the batch, write a snapshot, end."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    @property
    def position(self) -> int:
        """Row of RAW up to which the results are on disk."""
        return self._position

    @property
    def lag(self) -> int:
        """Rows of RAW not yet folded."""
        return max(0, self._raw.last_seq() - self._position)

    @property
    def oldest_age_ms(self) -> int:
        """How long the oldest row not yet folded has waited; 0 when there is none."""
        rows = self._raw.read(self._position, 1) if self.lag else []
        return max(0, self._now_ms() - rows[0].received_at_ms) if rows else 0

    @property
    def still_ms(self) -> int:
        """Since its last step, or its last look that found nothing to do."""
        return int((time.monotonic() - self._moved_s) * 1_000)

    def next_due(self) -> int | None:
        """When the fold next needs time to move, as of its last batch; for the clock writer."""
        return self._next_due_ms

    def liveness(self) -> dict[str, tuple[int, bool, int]]:
        """Address -> (last heard ms, online, interval ms or 0): a copy."""
        with self._fold_lock:
            return self._fold.liveness()

    @property
    def dropped_addresses(self) -> int:
        """Unknown addresses forgotten for want of room."""
        return self._fold.dropped_addresses

    def run_until(self, seq: int) -> None:
        """Fold in the caller's thread up to a row of RAW; for replay and tests, instead of `start`."""
        if not self.ready.is_set():
            self._rebuild()
        while self._position < seq and self._batch():
            pass
        self._await_snapshot()

    def save_now(self, timeout_s: float = 120.0) -> None:
        """Have a snapshot written at the next pause between batches, and wait for it. Callable from any thread."""
        self._saved.clear()
        self._asked_to_save = True
        self._wake.set()
        self._saved.wait(timeout_s)

    # ------------------------------------------------------------- the thread
    def _run(self) -> None:
        try:
            self._rebuild()
            while not self._stopping.is_set():
                self._wake.clear()
                if self._asked_to_save:
                    self._asked_to_save = False
                    self._save()
                    self._await_snapshot()
                    self._saved.set()
                if not self._batch():
                    self._wake.wait(IDLE_S)
            self._save()
            self._await_snapshot()
        except JournalError as error:
            self.healthy = False
            log.error("source_runner_stopped", reason=str(error), position=self._position, fenced=self.fenced)
        except Exception:
            # the thread's last word: health shows it, and a restart rebuilds from disk
            self.healthy = False
            log.exception("source_runner_failed", position=self._position)

    def _rebuild(self) -> None:
        position = self._inputs.position()
        kept = self._snapshots.load(SNAPSHOT_NAME, ENGINE, position)
        if kept is not None:
            try:
                self._fold.restore(kept[1])
                self._position, self._snapshot_rows = kept[0], self._after_rows(len(kept[1]))
            except ValueError as error:
                log.warning("snapshot_not_read", fold=SNAPSHOT_NAME, reason=str(error))
                self._fold = self._make_fold()
        self._snapshot_at = self._position
        while self._position < position:
            rows = [row for row in self._raw.read(self._position, BATCH) if row.seq <= position]
            if rows and rows[0].seq > self._position + 1:
                raise JournalError(beyond_cut("RAW", rows[0].seq))
            if not rows:
                raise JournalError(f"RAW ends at {self._position}, before the source fold's position {position}")
            self._fold_rows(rows)
            self._position, self._moved_s = rows[-1].seq, time.monotonic()
        self._next_due_ms = self._fold.next_due()
        self.ready.set()

    def _fold_rows(self, rows: Sequence[RawRecord]) -> list[Folded]:
        with self._fold_lock:
            return [self._fold.apply(row) for row in rows]

    def _batch(self) -> bool:
        """Fold and write the next rows; False when there are none, or when we were stopped while writing."""
        rows = self._raw.read(self._position, BATCH)
        if not rows:
            self._moved_s = time.monotonic()
            return False
        folded = self._fold_rows(rows)
        if not self._write(rows[-1].seq, folded):
            return False
        self._position, self._moved_s = rows[-1].seq, time.monotonic()
        self._next_due_ms = self._fold.next_due()
        recorded = [entry for one in folded for entry in one.recorded]
        if recorded:
            self._on_recorded(recorded)
        self._on_inputs()
        if self._position - self._snapshot_at >= self._snapshot_rows:
            self._save()
        return True

    def _write(self, position: int, folded: Sequence[Folded]) -> bool:
        """Write until it is on disk. False: stopped before that; JournalError: fenced."""
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                self._inputs.write(position, folded, self._position)
            except JournalError as error:
                if self._inputs.position() == position:
                    break  # it was on disk after all
                if self._inputs.position() != self._position:
                    self.fenced = True
                    raise
                self.healthy = False
                log.error("inputs_not_written", reason=str(error), rows=len(folded), pause_s=pause_s)
                if self._stopping.wait(pause_s):
                    return False
                pause_s = min(PAUSE_MAX_S, pause_s * 2)
            else:
                break
        self.healthy = True
        return True

    def _save(self) -> None:
        """Begin a snapshot. It never runs ahead of the position on disk. Its bytes are made at once; alarms do not wait
        until those, up to tens of megabytes, are on disk.
        """
        if self._inputs.position() != self._position or self._position == self._snapshot_at:
            return
        self._await_snapshot()
        position, state = self._position, self._fold.snapshot()
        self._snapshot_at, self._snapshot_rows = position, self._after_rows(len(state))
        self._writing = threading.Thread(
            target=self._write_snapshot, args=(position, state), name="source-snapshot", daemon=True
        )
        self._writing.start()

    def _write_snapshot(self, position: int, state: bytes) -> None:
        """One that cannot be written costs a longer start only."""
        try:
            self._snapshots.save(SNAPSHOT_NAME, position, ENGINE, state)
        except JournalError as error:
            log.warning("snapshot_not_written", fold=SNAPSHOT_NAME, reason=str(error))

    def _await_snapshot(self) -> None:
        if self._writing is not None:
            self._writing.join()
            self._writing = None
