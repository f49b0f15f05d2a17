"""What a codec is: one file per gateway convention, pure, registered by one line in `ingest/codecs/__init__.py`.

A codec turns bytes of one topic into drafts. It knows words and units of its convention and nothing else: no
registry, no clock (`received_at_ms` is an argument), no trust. It keeps what it must remember between
messages (births, aliases, last cached state) in a state value of its own, one per address, which has to survive
`msgspec.msgpack` encode and decode unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from ingest.event import Draft, Nothing, Rejected

# Rejected.reason: few words, because they are labels of metrics and headings of the dead-letter page
REJECT_REASONS = (
    "not_json",  # includes invalid UTF-8, NaN, nesting deeper than 32
    "too_large",  # over MAX_PAYLOAD_BYTES
    "not_an_object",
    "no_type",
    "wrong_type",  # a required field is missing or of a type that cannot be meant
    "unknown_word",  # a word where the convention has a closed list, and it may matter
    "unknown_topic",  # inside a convention's tree, but not one of its topics
    "no_codec",  # no convention claims the topic
    "codec_error",  # the codec raised: our bug, kept with its bytes
    "too_many_items",
)
MAX_PAYLOAD_BYTES = 1_048_576
MAX_ITEMS = 2_000
MAX_DEPTH = 32


class Route(msgspec.Struct, frozen=True, gc=False):
    """Whose message this is, read from the topic alone, so that the right state can be fetched."""

    address: str  # "<convention>:<name>", the key of the state
    gateway: str | None = None  # address of the gateway it came through, where the topic says so
    may_be_alarm: bool = True  # False only where the topic itself proves that no alarm can stand in it
    parent: str | None = None  # whose model and role hold where nobody registered `address` (one topic per attribute)
    hearsay: bool = False  # where nobody registered `address`: what stands here is the gateway's word about `parent`


Decoded = list[Draft | Rejected | Nothing]
"""One entry per item of the message, in its order; never empty."""


class Codec(Protocol):
    """Port owned by the source fold."""

    name: str  # the convention's name, the part of an address before the colon

    def subscriptions(self) -> tuple[str, ...]:
        """MQTT topic filters this convention needs."""
        ...

    def route(self, topic: str) -> Route | None:
        """Whose message it is, or None when the topic is not of this convention."""
        ...

    def gateway_of(self, address: str) -> str | None:
        """Address of the gateway whose topics carry this address, where the address itself says it, else None."""
        ...

    def decode(
        self,
        state: object | None,
        topic: str,
        payload: bytes,
        received_at_ms: int,
        model: str | None = None,
        role: str | None = None,
    ) -> tuple[object | None, Decoded]:
        """New state and one entry per item. `model` and `role` are those of the device, when it is known.

        Must not raise on any bytes; the source fold treats an exception as `codec_error` all the same.
        """
        ...

    def command(self, topic: str, body: Mapping[str, object]) -> tuple[str, bytes] | None:
        """Topic and payload of a command to the device that sent on `topic`; None = it cannot listen."""
        ...
