"""What a trial would have told, and the port where it is kept: a file on one box, a table of the desk on many machines.

Whoever keeps it keeps so much and no more, and each alert of a trial once: to write the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ingest.prepared_types import prepare
from rules.effects import Clear, Effect, Reason

ROWS_MAX = 50_000
KEEP_MS = 90 * 86_400_000


class ShadowAlert(msgspec.Struct, frozen=True):
    """One alert that would have come. `version`: hash of the book on trial."""

    version: str
    rule: str
    home: str
    subject: str
    at_ms: int
    priority: str
    code: str
    reason: Reason
    ended_ms: int | None = None
    ended: str = ""  # cleared | retracted | left
    seq: int = 0  # in the order in which they were noted


prepare(ShadowAlert)


class TrialStore(Protocol):
    """One follower's. To lose it is to lose a trial."""

    def load(self, engine: str, not_after: int) -> tuple[int, bytes] | None:
        """(position, state) of the trial as it was kept last by this engine, at a position that the log has."""
        ...

    def keep(self, engine: str, position: int, state: bytes) -> None:
        """The state to go on from after a restart; what is told again until then has the same ids."""
        ...

    def forget(self) -> None:
        """The trial is over; what it told stays."""
        ...

    def write(self, version: str, effects: Sequence[Effect]) -> None:
        """Note what the trial says, and forget what is old or too much."""
        ...

    def close(self) -> None: ...


def ending(effect: Clear) -> str:
    """How an alert ends by that effect (`ShadowAlert.ended`)."""
    return "left" if effect.stays else "retracted" if effect.retracted else "cleared"
