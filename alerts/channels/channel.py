"""Port: a way to reach somebody. Implementations: one file each in this folder, all through one contract suite.

For: what a channel is given and what it may answer. A message carries no name, address or diagnosis: a function, a
priority and the tag of the home's key are what leaves the house.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

OK = "ok"  # whoever carries it further has it
FAILED = "failed"  # it certainly did not go
UNKNOWN = "unknown"  # it may have gone


class PushTo(msgspec.Struct, frozen=True):
    """One browser's subscription to web push: where to, and its keys (base64url, RFC 8291)."""

    endpoint: str
    p256dh: str
    auth: str


class Address(msgspec.Struct, frozen=True):
    """Where a target is reached; what it does not have is empty."""

    phone: str = ""  # "+4798888888"
    email: str = ""
    push: tuple[PushTo, ...] = ()


class Message(msgspec.Struct, frozen=True):
    """What is said, and to whom."""

    message_id: int
    site: str
    alert_id: str
    priority: str
    kind: str  # ring | again | ask | hand_over | taken | cleared | test | answer
    target_kind: str  # function | fallback | staff | responder | centre | technical | reply
    target: str
    key_tag: str | None  # "R17": which home, for those who have the list
    may_repeat: bool = False  # an earlier try may have gone through
    created_ms: int = 0
    attempt_id: int = 0
    address: Address = Address()
    title: str = ""
    text: str = ""  # whole: with the reply codes and the link where this channel carries them
    link: str = ""  # where it can be answered; "" = nowhere

    @property
    def reference(self) -> str:
        """What we call this try towards a gateway; a receipt may name it."""
        return f"a{self.attempt_id}"


class Result(msgspec.Struct, frozen=True):
    """What became of one call. `detail` is for operators: a code or a few words, nothing personal."""

    outcome: str  # OK | FAILED | UNKNOWN
    detail: str = ""
    provider_id: str = ""  # what the carrier calls it, for its receipts
    refused: bool = False  # the carrier works and will not have this one (a bad number)


class Channel(Protocol):
    """One way to reach people. `send` may block for a few seconds at most and raises nothing it can foresee."""

    @property
    def name(self) -> str: ...

    @property
    def reaches_people(self) -> bool:
        """False for a channel that only keeps a record: its success does not mean that somebody was told."""
        ...

    def send(self, message: Message) -> Result: ...
