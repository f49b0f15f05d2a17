"""The partitions of one lane that this worker owns: loading, folding, leaving them. No thread; knows no Kafka.

Whoever drives it (`worker_faust.py`) says which partitions it was given and hands over rows. `take` may be called for
several partitions at once, and nothing else meanwhile. What it decides is named (`Decision`), logged and kept; README,
"The folds under Faust", has the table.

Two workers may both believe that they own a partition: for seconds around a rebalance, for a minute after a pause. The
position `applied` settles it: the first to move it goes on, the other is fenced, forgets its state and asks again later
whether the partition is still its own. What both have said is the same, byte for byte, so it changes nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Any

import structlog

from ingest.journal import JournalError, SnapshotStore, beyond_cut, snapshot_after
from rules.effects import Fenced
from rules.fold_runner import for_operators
from rules.held import Held, Left, Standing
from rules.lanes import Lane, Stored
from rules.pace import Pace
from rules.partition_fold import AnyPartitionFold, PartitionFold

FENCED_PAUSE_S = 8.0  # longer than a session: by then a member that was thrown out knows it
PAUSE_FIRST_S, PAUSE_MAX_S = 0.5, 10.0
MISPLACED_MAX = 3
GRACE_MS = 500  # a timer that is due waits so long for a row that carries time on by itself
ASK_AGAIN_S = 10.0  # a clock record that has not come round by then was lost
DECISIONS_KEPT = 1_000
# A take-over folds again half of the rows between two snapshots, of every partition at once, and wakes their homes.
SNAPSHOT_ROWS_MIN, SNAPSHOT_BYTES_A_ROW = 1_000, 6_000

log = structlog.get_logger()


class Decision(StrEnum):
    """What became of a partition here."""

    ASSIGNED = "assigned"  # given to us; nothing is loaded yet
    LOADED = "loaded"  # state as of the newest snapshot; rows up to `applied` come again, in silence
    REFOLDED = "refolded"  # those are through; from here on it speaks
    KEPT = "kept"  # given to us again, and nobody has moved it meanwhile
    MISPLACED = "misplaced"  # a batch that does not begin at position + 1: thrown away, read again from there
    FENCED = "fenced"  # somebody else has moved it
    FAILED = "failed"  # it could not be loaded, folded or written; it is loaded anew after a pause
    REVOKED = "revoked"  # given to somebody else; state dropped


class Misplaced(Exception):
    """These rows do not follow on what was folded: read from `position`."""


class Away(Exception):
    """The partition is not held now: do not read it."""


class Ahead(Exception):
    """The next row waits for other partitions (`pace.py`): offer these again in a moment."""


def rows_between_snapshots(size: int) -> int:
    """As `snapshot_after`, for one partition among many: small states are written oftener."""
    return min(max(SNAPSHOT_ROWS_MIN, size // SNAPSHOT_BYTES_A_ROW), snapshot_after(size))


class Partitions:
    """See the module's text. `clock(partition, at_ms)` asks for a clock record of that partition; it need not come."""

    def __init__(
        self,
        lane: Lane,
        snapshots: SnapshotStore,
        now_ms: Callable[[], int],
        clock: Callable[[int, int], None],
        *,
        horizon_ms: Callable[[], int] | None = None,
        pace: Pace | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`horizon_ms`: up to when the source lane has read everything; a clock does not overtake it. `pace`: keeps the
        partitions of this lane together.
        """
        self.lane = lane
        self._snapshots, self._now_ms, self._clock, self._seconds = snapshots, now_ms, clock, seconds
        self._horizon_ms, self._pace = horizon_ms or now_ms, pace
        self._held: dict[int, Held] = {}
        self._left: dict[int, Left] = {}
        self.decisions: deque[tuple[Decision, int, int]] = deque(maxlen=DECISIONS_KEPT)
        self.clocks = 0

    def assigned(self, partitions: Collection[int]) -> None:
        """These are ours now, and no others. What we hold already and nobody has moved is kept as it is."""
        for gone in sorted((*self._held.keys(), *self._left.keys())):
            if gone not in partitions:
                self._forget(gone, Decision.REVOKED)
        if self._pace is not None:
            self._pace.begin(self._seconds())
        for partition in sorted(partitions):
            if self._is_as_we_left_it(partition):
                self._decide(Decision.KEPT, partition)
            else:
                self._decide(Decision.ASSIGNED, partition)
                self._load(partition)

    def suspend(self) -> None:
        """A rebalance begins: what we hold may be somebody else's in a moment. Nothing is taken until `assigned`."""
        for partition in sorted(self._held):
            self._guarded(partition, self._held[partition].fold.flush)

    def positions(self) -> dict[int, int]:
        """Position of each partition at work; the next row of it has the next seq."""
        return {partition: held.fold.position for partition, held in sorted(self._held.items())}

    def take(self, partition: int, rows: Sequence[Stored], start: int = 0) -> int:
        """Fold rows from index `start` on, as much as one step holds; the index of the first that is left.

        Raises Misplaced and Ahead (nothing was folded) and Away (it was left: fenced, or in trouble).
        """
        held = self._held.get(partition)
        if held is None:
            raise Away
        fold = held.fold
        if rows[start].seq != fold.position + 1:
            self._misplaced(partition, held, rows[start].seq)
            raise Misplaced
        held.misplaced = 0
        if self._pace is not None:
            end = self._pace.upto(partition, rows, start, fold.applied, self._now_ms(), self._seconds())
            if end == start:
                self._guarded(partition, fold.flush)  # others may wait for it
                raise Ahead
            rows = rows[:end]
        taken: int | None = self._guarded(partition, lambda: fold.take(rows, start), held.pause_s)
        if taken is None:
            raise Away
        if fold.said:
            held.pause_s = PAUSE_FIRST_S
        if held.refolding and not fold.behind:
            held.refolding = False
            self._decide(Decision.REFOLDED, partition)
        self._flush_in_time(partition, held, self._seconds())
        for effect in for_operators(fold.said):
            log.warning(effect.kind, lane=self.lane.name, partition=partition, rule=effect.rule, subject=effect.subject)
        return taken

    def tick(self) -> list[int]:
        """What time brings: positions told, clocks asked for. Gives those loaded anew, which must be read again."""
        now_s = self._seconds()
        back = [partition for partition, left in sorted(self._left.items()) if left.retry_s <= now_s]
        for partition in back:
            self._load(partition)
        for partition, held in list(self._held.items()):
            if held.fold.behind:
                continue
            self._flush_in_time(partition, held, now_s)
            self._ask_for_clock(partition, held, now_s)
        return [partition for partition in back if partition in self._held]

    def close(self) -> None:
        """Tell where we stand, write snapshots, forget."""
        for partition in sorted(self._held):
            fold = self._held[partition].fold
            self._guarded(partition, fold.flush)
            if partition in self._held and not fold.behind:
                self._guarded(partition, fold.save)
        self._held, self._left = {}, {}

    def standing(self) -> dict[int, Standing]:
        """Of all that are ours. Callable from any thread."""
        waits = (self._pace.waiting if self._pace is not None else frozenset[int]()).__contains__
        found = {
            partition: Standing(one.fold.position, one.fold.applied, "", False, one.fold.fold.skipped, waits(partition))
            for partition, one in list(self._held.items())
        }
        for partition, left in list(self._left.items()):
            found[partition] = Standing(0, 0, left.reason, left.lasting, 0)
        return found

    # ------------------------------------------------------------------------------------------------

    def _load(self, partition: int) -> None:
        before = self._left.get(partition)
        self._held.pop(partition, None)
        lane = self.lane
        fold: AnyPartitionFold = PartitionFold(
            lane.name, partition, lambda: lane.make_fold(partition), lane.engine, lane.sink, self._snapshots,
            name=f"{lane.name}/{partition}", a_transaction=lane.a_transaction, after_rows=rows_between_snapshots,
            say=lane.say,
        )  # fmt: skip
        pause_s = PAUSE_FIRST_S if before is None else before.pause_s
        held = self._held[partition] = Held(fold, True, pause_s)
        self._guarded(partition, fold.load, pause_s)
        if partition in self._held:
            self._left.pop(partition, None)
            held.refolding = fold.behind
            self._decide(Decision.LOADED, partition)

    def _is_as_we_left_it(self, partition: int) -> bool:
        held = self._held.get(partition)
        if held is None:
            return False
        known = self._guarded(partition, lambda: self.lane.sink.applied(self.lane.name, partition))
        return known is not None and known == held.fold.applied

    def _guarded(self, partition: int, work: Callable[[], Any], pause_s: float = PAUSE_FIRST_S) -> Any:
        """Do it; when it cannot be done the partition is left, to be loaded anew after a pause."""
        try:
            return work()
        except Fenced as error:
            self._leave(partition, Decision.FENCED, str(error), FENCED_PAUSE_S, PAUSE_FIRST_S)
        except Exception as error:
            # the supervisor of the partition: whatever it was, state is loaded from disk again and nothing is skipped
            first, reason = pause_s == PAUSE_FIRST_S, f"{type(error).__name__}: {error}"
            log.error("partition_failed", lane=self.lane.name, partition=partition, pause_s=pause_s, exc_info=first)
            self._leave(partition, Decision.FAILED, reason, pause_s, min(PAUSE_MAX_S, pause_s * 2))
        return None

    def _leave(
        self, partition: int, decision: Decision, reason: str, pause_s: float, next_s: float, *, lasting: bool = False
    ) -> None:
        self._forget(partition, decision, reason)
        self._left[partition] = Left(reason, self._seconds() + pause_s, next_s, lasting)

    def _forget(self, partition: int, decision: Decision, reason: str = "") -> None:
        self._decide(decision, partition, reason)
        self._held.pop(partition, None)
        self._left.pop(partition, None)
        if self._pace is not None:
            self._pace.forget(partition)

    def _misplaced(self, partition: int, held: Held, first: int) -> None:
        held.misplaced += 1
        self._decide(Decision.MISPLACED, partition, f"rows from {first}")
        if held.misplaced > MISPLACED_MAX:
            position, topic = held.fold.position, self.lane.topic
            ended = f"{topic}/{partition} ends before position {position}: the log is older than the desk"
            error = JournalError(beyond_cut(f"{topic}/{partition}", first) if first > position else ended)
            log.error("partition_broken", lane=self.lane.name, partition=partition, reason=str(error))
            self._leave(partition, Decision.FAILED, str(error), PAUSE_MAX_S, PAUSE_MAX_S, lasting=True)

    def _flush_in_time(self, partition: int, held: Held, now_s: float) -> None:
        if held.fold.position <= held.fold.applied:
            held.quiet_s = 0.0
        elif not held.quiet_s:
            held.quiet_s = now_s
        elif now_s - held.quiet_s > self.lane.flush_s:
            held.quiet_s = 0.0
            self._guarded(partition, held.fold.flush)

    def _ask_for_clock(self, partition: int, held: Held, now_s: float) -> None:
        due_ms, now_ms = held.fold.next_due_ms, self._now_ms()
        if due_ms is None or due_ms > now_ms - GRACE_MS:
            return
        if due_ms <= held.asked_ms and now_s - held.asked_s < ASK_AGAIN_S:
            return
        at_ms = min(now_ms, self._horizon_ms()) if self.lane.waits_for_source else now_ms
        if at_ms >= due_ms:
            held.asked_ms, held.asked_s = at_ms, now_s
            self.clocks += 1
            self._clock(partition, at_ms)

    def _decide(self, decision: Decision, partition: int, reason: str = "") -> None:
        held = self._held.get(partition)
        position = 0 if held is None else held.fold.position
        self.decisions.append((decision, partition, position))
        tell = log.warning if decision in _NOT_AS_USUAL else log.info
        tell("partition", decision=str(decision), lane=self.lane.name, number=partition, position=position, why=reason)


_NOT_AS_USUAL = (Decision.MISPLACED, Decision.FENCED, Decision.FAILED)
