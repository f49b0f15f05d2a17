"""Port: the two logs and what the source fold keeps beside them. Implementations: `journal_sqlite.py`; on Kafka
`journal_kafka.py` (RawIntake), `writer_kafka.py` (what the source folds say) and `logs_kafka.py` (readers).

The one promise: when `append` returns (its future resolves), the rows are on disk and synced.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from ingest.record import DeadLetter, Folded, Input, RawRecord, Verdict


class JournalError(Exception):
    """Operating trouble with the journal: disk full, file corrupt, writer gone. Says what to do."""


def beyond_cut(log: str, first_seq: int) -> str:
    """What to say when a fold has neither snapshot nor base from which the rest of a cut log leads on."""
    return (
        f"{log} begins at row {first_seq} and no base of this version leads up to it: start the version that wrote the"
        " data once, or restore a backup"
    )


class RawReader(Protocol):
    """RAW as those see it who only look."""

    def read(self, after_seq: int, limit: int) -> list[RawRecord]:
        """Rows with seq > after_seq in order, at most `limit`. Callable from any thread."""
        ...

    def last_seq(self) -> int:
        """Seq of the newest synced row, 0 when empty."""
        ...


class RawLog(RawReader, Protocol):
    """RAW: written by receive only."""

    def append(self, records: Sequence[RawRecord]) -> Future[int]:
        """Queue rows for the next group commit; the future gives the last row's seq once they are synced.

        Callable from any thread. Rows keep the order of the calls. Raises JournalError through the future.
        """
        ...


class RawIntake(RawLog, Protocol):
    """RAW as receive needs it: how full the disk is, and which rows a broker may send again."""

    def last_received_at_ms(self) -> int:
        """Time of the newest synced row, 0 when empty."""
        ...

    def low_disk(self) -> bool:
        """Only the reserve for alarms is left."""
        ...

    def note_acked(self, link: str, seq: int) -> None:
        """Every row of `link` up to `seq` is acknowledged; persisted with a later commit, never too early."""
        ...

    def acked(self) -> dict[str, int]:
        """What `note_acked` has persisted."""
        ...


class InputReader(Protocol):
    """INPUTS as folds and followers read them: one partition (embedded: the only one), in order."""

    def read(self, after_seq: int, limit: int, *, floor_only: bool = False) -> list[Input]:
        """Inputs with seq > after_seq; with `floor_only` only rows with floor > 0 or kind clock/setting
        (partial index: cheap with any backlog in between).
        """
        ...

    def last_seq(self) -> int: ...


class InputPages(Protocol):
    """What pages ask of the logs: one home's rows, what nobody understood, what deliberately became nothing."""

    def dead_letters(self, before_raw_seq: int | None, limit: int) -> list[DeadLetter]:
        """Newest first."""
        ...

    def verdicts(self, raw_seq: int) -> list[Verdict]: ...

    def find(self, home: str, from_ms: int, to_ms: int, limit: int) -> list[Input]:
        """Inputs of one home by received_at_ms, in order: for explanations and the person's day."""
        ...


class InputLog(InputReader, InputPages, Protocol):
    """INPUTS and what stands beside them, in one place: written by the source runner only. On many machines the source
    workers write, and there is no such place: followers get an InputReader a partition, pages get InputPages.
    """

    def write(self, position: int, folded: Sequence[Folded], expected: int) -> None:
        """In ONE transaction: append inputs (seq given in order), dead letters and verdicts, and move the source
        fold's position from `expected` to `position`. A position other than `expected` on disk: JournalError
        ("fenced"), nothing written.
        """
        ...

    def position(self) -> int:
        """RAW seq up to which the source fold has written."""
        ...


SNAPSHOT_ROWS, SNAPSHOT_ROWS_MAX = 10_000, 50_000
SNAPSHOT_BYTES_A_ROW = 1_000  # what snapshots may add to the disk's work for each row


def snapshot_after(size: int) -> int:
    """After how many rows a fold whose last snapshot had this many bytes writes the next: the bound of what a start
    folds again, some 20 000 rows a second. A large state is written seldomer, or the disk would do little else.
    """
    return min(max(SNAPSHOT_ROWS, size // SNAPSHOT_BYTES_A_ROW), SNAPSHOT_ROWS_MAX)


class SnapshotStore(Protocol):
    """Where a fold keeps its state so that a restart need not begin at row 1."""

    def save(self, name: str, position: int, engine: str, state: bytes) -> None:
        """Keep the newest two per name. `engine` is the version of the code and book that wrote it."""
        ...

    def load(self, name: str, engine: str, not_after: int) -> tuple[int, bytes] | None:
        """Newest snapshot with position <= not_after written by the same `engine`; else None (refold from row 1)."""
        ...
