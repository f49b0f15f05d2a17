"""Port: a way to reach somebody. Implementations, one file each: `log.py`, `mqtt.py`; more come with the desk's issue.

For: what a channel is given and what it may answer. A message carries no name, address or diagnosis: a function, a
priority and the tag of the home's key are what leaves the house.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

OK = "ok"  # whoever carries it further has it
FAILED = "failed"  # it certainly did not go
UNKNOWN = "unknown"  # it may have gone


class Message(msgspec.Struct, frozen=True):
    """What is said, and to whom."""

    message_id: int
    site: str
    alert_id: str
    priority: str
    kind: str  # ring | again | ask | hand_over | taken | cleared | test
    target_kind: str  # function | fallback | staff
    target: str
    key_tag: str | None  # "R17": which home, for those who have the list
    may_repeat: bool = False  # an earlier try may have gone through
    created_ms: int = 0


class Result(msgspec.Struct, frozen=True):
    """What became of one call. `detail` is for operators: a code or a few words, nothing personal."""

    outcome: str  # OK | FAILED | UNKNOWN
    detail: str = ""


class Channel(Protocol):
    """One way to reach people. `send` may block for a few seconds at most and raises nothing it can foresee."""

    @property
    def name(self) -> str: ...

    @property
    def reaches_people(self) -> bool:
        """False for a channel that only keeps a record: its success does not mean that somebody was told."""
        ...

    def send(self, message: Message) -> Result: ...
