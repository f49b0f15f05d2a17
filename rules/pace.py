"""Source lanes keep together while they catch up: whether rows of RAW may be folded yet. Pure; time is an argument.

A home that is heard over two gateways may stand in two partitions of RAW. After hours of backlog the smaller would be
through long before the larger, and as its rows carry the home's time on, absences would fire over motion that is still
to be read. So a partition waits at a row that was received more than AHEAD_MS after the *head* of another: the oldest
row there that nobody has folded (`partition_watch.Horizon` looks). What order is left undone is that of AHEAD_MS.

An alarm must not wait for what does not come. So nobody waits

- for a lane that does not catch up: it might go on, and yet its head has not gained GAIN_MS of receipt in HOLD_S (it is
  stuck, nobody's, or flooded as fast as it folds). It is waited for again as soon as it has;
- at the live edge, where the row before was received less than AHEAD_MS ago: whatever befalls other lanes, an alarm
  that comes in now goes through now;
- without being told: when no look succeeds for HOLD_S, or none has within HOLD_S of a start, everybody goes on;
- for itself, and while rows are folded again in silence.

So a row waits no longer than the slowest lane takes to what was received before it, and at most HOLD_S and HOLD_S more
for each GAIN_MS of backlog before it: a sixth of the time that was lost. What bears the time of a wrong clock waits, or
is waited for, no longer than that either.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from rules.lanes import Stored, received_ms

AHEAD_MS = 120_000
HOLD_S = 10.0  # longer than a session: a lane whose worker has died is not given up before another has it
GAIN_MS = 60_000
FOR_EVER_MS = 1 << 62


class Word(StrEnum):
    """Why a partition may be folded as far as it may."""

    LIVE = "live"  # it is at the live edge
    ALONE = "alone"  # nobody is behind but itself and those who do not catch up
    BLIND = "blind"  # nobody has looked for long
    UNSEEN = "unseen"  # nobody has looked yet: it waits
    TOGETHER = "together"  # not further than AHEAD_MS after the oldest head


class Mark(msgspec.Struct, frozen=True):
    """From where on a head must gain, and whether it is waited for until then."""

    head_ms: int
    at_s: float
    waited_for: bool = True


class Seen(msgspec.Struct, frozen=True):
    """The last look: the two oldest heads that are waited for; FOR_EVER_MS: there is none."""

    at_s: float
    oldest: int = -1  # partition
    oldest_ms: int = FOR_EVER_MS
    next_ms: int = FOR_EVER_MS


class Pace:
    """Of the source lane of one worker. `look` may run in another thread than the rest."""

    def __init__(self, now_s: float) -> None:
        self._began_s = now_s
        self.seen: Seen | None = None
        self._marks: dict[int, Mark] = {}
        self._last_ms: dict[int, int] = {}  # partition -> when the newest row was received that it was let have
        self.waiting: set[int] = set()

    def begin(self, now_s: float) -> None:
        """Partitions were given out, and everybody stood still meanwhile: all of them are waited for again."""
        self._began_s = now_s

    def forget(self, partition: int) -> None:
        """It is not at work here."""
        self.waiting.discard(partition)
        self._last_ms.pop(partition, None)

    def look(self, heads: Mapping[int, int], now_s: float) -> None:
        """Heads of all partitions of RAW that are behind, whoever's they are."""
        if self.seen is not None and now_s - self.seen.at_s > HOLD_S:
            self._began_s = now_s  # nothing is known of how they went meanwhile
        known = {partition: self._known(partition, head_ms, now_s) for partition, head_ms in heads.items()}
        oldest_ms = min((heads[one] for one, mark in known.items() if mark.waited_for), default=FOR_EVER_MS)
        self._marks |= {
            partition: _judged(mark, heads[partition], oldest_ms, now_s) for partition, mark in known.items()
        }
        order = sorted((head_ms, one) for one, head_ms in heads.items() if self._marks[one].waited_for)
        (first_ms, first), (next_ms, _) = [*order, (FOR_EVER_MS, -1), (FOR_EVER_MS, -1)][:2]
        self.seen = Seen(now_s, first, first_ms, next_ms)

    def until(self, partition: int, now_ms: int, now_s: float) -> tuple[Word, int]:
        """Up to when its rows may have been received to be folded now."""
        last_ms, seen = self._last_ms.get(partition), self.seen
        if last_ms is not None and abs(now_ms - last_ms) <= AHEAD_MS:
            return Word.LIVE, FOR_EVER_MS
        if now_s - (self._began_s if seen is None else max(self._began_s, seen.at_s)) > HOLD_S:
            return Word.BLIND, FOR_EVER_MS
        if seen is None:
            return Word.UNSEEN, 0
        oldest_ms = seen.next_ms if partition == seen.oldest else seen.oldest_ms
        return (Word.ALONE, FOR_EVER_MS) if oldest_ms == FOR_EVER_MS else (Word.TOGETHER, oldest_ms + AHEAD_MS)

    def upto(self, partition: int, rows: Sequence[Stored], start: int, applied: int, now_ms: int, now_s: float) -> int:
        """Index of the first row from `start` on that must wait; `start`: all of them. Those up to `applied` are folded
        again in silence, and need not.
        """
        end, spoken = len(rows), max(start, applied + 1 - rows[0].seq)
        if spoken >= end:
            return end
        _, until_ms = self.until(partition, now_ms, now_s)
        if received_ms(rows[-1]) > until_ms:
            end = bisect_right(rows, until_ms, spoken, key=received_ms)
        if end > spoken:
            self._last_ms[partition] = received_ms(rows[end - 1])
        (self.waiting.add if end == start else self.waiting.discard)(partition)
        return end

    def _known(self, partition: int, head_ms: int, now_s: float) -> Mark:
        mark = self._marks.get(partition)
        return Mark(head_ms, now_s) if mark is None or mark.at_s < self._began_s else mark


def _judged(mark: Mark, head_ms: int, oldest_ms: int, now_s: float) -> Mark:
    """After a look that found its head there; `oldest_ms`: of those that are waited for."""
    if head_ms - mark.head_ms >= GAIN_MS:
        return Mark(head_ms, now_s)
    if head_ms > oldest_ms + AHEAD_MS:
        return Mark(head_ms, now_s)  # it waits itself, and could not have gained
    if now_s - mark.at_s > HOLD_S:
        return Mark(head_ms, now_s, waited_for=False)
    return mark
