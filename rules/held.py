"""A partition of a worker: at work, left for a while, and as others see it."""

from __future__ import annotations

import msgspec

from rules.partition_fold import AnyPartitionFold


class Held(msgspec.Struct):
    """A partition at work."""

    fold: AnyPartitionFold
    refolding: bool
    pause_s: float  # after its next failure; back to the first once a step was written
    misplaced: int = 0
    quiet_s: float = 0.0  # since when the position has not been told; 0: it has
    asked_ms: int = 0  # time of the last clock record asked for …
    asked_s: float = 0.0  # … and when


class Left(msgspec.Struct, frozen=True):
    """A partition that is ours and not at work. `retry_s`: when to load it; `pause_s`: after the next failure."""

    reason: str
    retry_s: float
    pause_s: float
    lasting: bool = False  # another worker would fare no better: the log lacks rows


class Standing(msgspec.Struct, frozen=True):
    """What others see of one partition."""

    position: int
    applied: int
    trouble: str  # "" at work, else why not
    lasting: bool
    skipped: int
    waits: bool = False  # for other partitions
