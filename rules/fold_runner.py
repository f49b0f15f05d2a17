"""Runs a fold over INPUTS: read, fold, hand the effects to the desk, keep the position. Edge: a thread.

What it means to fold, to keep a position and to begin again stands in `partition_fold.py`; here is the loop around it
for the one partition of a single machine: waiting for rows, pauses after trouble, what other threads see. When somebody
else has moved the position we are fenced and stop. Used for the home fold (lane "live") and, ahead of any backlog and
on its own cursor, for the floor (lane "floor").
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from ingest.journal import InputLog, JournalError, SnapshotStore, beyond_cut
from ingest.record import Input
from rules.effects import Effect, Fenced, Observe
from rules.partition_fold import Fold, PartitionFold, Sink

BATCH = 2_000
QUARANTINED_MAX = 1_000
IDLE_S = 1.0  # looks without being woken, and the longest that the position stays behind when nothing is said
PAUSE_FIRST_S, PAUSE_MAX_S = 0.2, 10.0

log = structlog.get_logger()

EffectSink = Sink[Effect]
"""The desk."""


class FoldRunner:
    """One fold in a thread of its own. `make_fold` gives an empty fold; it is called again after a failure."""

    def __init__(
        self,
        lane: str,
        make_fold: Callable[[], Fold[Input, Effect]],
        engine: str,
        inputs: InputLog,
        sink: EffectSink,
        snapshots: SnapshotStore,
        now_ms: Callable[[], int],
        *,
        floor_only: bool = False,
    ) -> None:
        self.lane, self.floor_only = lane, floor_only
        self._inputs, self._now_ms = inputs, now_ms
        self._state = PartitionFold(lane, 0, make_fold, engine, sink, snapshots)
        self._quarantined: list[dict[str, str]] = []
        self._wake = threading.Condition()
        self._woken, self._stopping = False, False
        self._asked_to_save, self._saved = False, threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"fold-{lane}", daemon=True)
        self.next_due_ms: int | None = None
        self.skipped = 0  # inputs that the fold could not take, since the first row
        self.healthy = True
        self.fenced = False
        self.ready = threading.Event()  # rebuilt and at work
        self._moved_s = time.monotonic()

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
    def fold(self) -> Fold[Input, Effect]:
        return self._state.fold

    @property
    def engine(self) -> str:
        """Version of code and book; part of a snapshot's name."""
        return self._state.engine

    @engine.setter
    def engine(self, engine: str) -> None:
        self._state.engine = engine

    @property
    def position(self) -> int:
        """Newest input folded."""
        return self._state.position

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
    def still_ms(self) -> int:
        """Since its last step, or its last look that found nothing to do."""
        return int((time.monotonic() - self._moved_s) * 1_000)

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
            except Exception as error:
                # the supervisor of the thread: whatever it was, state is rebuilt from disk and nothing is skipped
                self.healthy = False
                first, name = pause_s == PAUSE_FIRST_S, type(error).__name__  # a traceback the first time, then lines
                log.error(
                    "fold_failed", lane=self.lane, position=self.position, pause_s=pause_s, error=name, exc_info=first
                )
                with self._wake:
                    self._wake.wait_for(lambda: self._stopping, pause_s)
                pause_s = min(PAUSE_MAX_S, pause_s * 2)

    def _rebuild(self) -> None:
        """State as of `applied`, from the newest usable snapshot; the refold says nothing."""
        state = self._state
        state.load()
        if self._inputs.last_seq() < state.applied:
            raise JournalError(
                f"INPUTS ends at {self._inputs.last_seq()}, before position {state.applied} of {self.lane}: "
                "the journal is older than the desk; restore both from the same backup"
            )
        first = self._inputs.read(0, 1)
        if state.behind and first and first[0].seq > state.position + 1:
            raise JournalError(beyond_cut("INPUTS", first[0].seq))
        while state.behind:
            rows = self._read(state.applied)
            if rows:
                state.take(rows)
            else:
                state.advance(state.applied)
            self._moved_s = time.monotonic()
        self._look()
        self.ready.set()

    def _look(self) -> None:
        """What other threads see of the fold."""
        self.next_due_ms = self._state.next_due_ms
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

    def _read(self, limit: int | None) -> list[Input]:
        rows = self._inputs.read(self.position, BATCH, floor_only=self.floor_only)
        return rows if limit is None else [row for row in rows if row.seq <= limit]

    def _batch(self, limit: int | None) -> bool:
        """Fold the next rows; False when there are none."""
        newest = self._inputs.last_seq() if self.floor_only else 0
        rows = self._read(limit)
        if rows:
            self._state.take(rows)
        else:
            self._state.advance(newest if limit is None else min(newest, limit))
        self.next_due_ms, self._moved_s = self._state.next_due_ms, time.monotonic()
        self._log(self._state.said)
        return bool(rows)

    def _flush(self) -> None:
        self._state.flush()

    def _save(self) -> None:
        self._state.save()

    def _log(self, effects: Sequence[Effect]) -> None:
        """What operators must hear of, once it is on disk."""
        found = for_operators(effects)
        for effect in found[:QUARANTINED_MAX]:
            event = "rule_quarantined" if effect.kind == "quarantined" else "input_skipped"
            log.warning(event, rule=effect.rule, subject=effect.subject, reason=effect.reason.args)
        if found or (self._quarantined and effects):
            self._look()


def for_operators(effects: Sequence[Effect]) -> list[Observe]:
    """Effects that say what could not be done."""
    return [one for one in effects if isinstance(one, Observe) and one.kind in ("quarantined", "skipped")]
