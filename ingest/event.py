"""The canonical event: what happened, to whom, and when we may believe it happened.

Everything behind the source fold speaks only this shape. Wire formats end in `ingest/codecs/`; names of
people never reach it. Times are integers, milliseconds since 1970 in UTC (`…_ms`), so that no float and no
time zone can enter a fold. Source of the vocabulary: contracts §1 (`ingest/vocabulary.py` holds the table).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

Value = str | int | float | bool | None
"""What a typed field may hold. Nested values live in `Event.extra` only."""

# qualities an event can carry; rules and pages read these words, so they are fixed here
RETAINED = "retained"  # arrived with the retain flag: a state as of its own time, not something new
TEST = "test"  # the device says test AND a test session of ours is open for it
DEVICE_SAYS_TEST = "device_says_test"  # the device says test, nobody opened a session: a real event
BUFFERED = "buffered"  # the gateway was cut off when it happened
LATE = "late"  # observed more than LATE_AFTER_MS before it arrived
CLOCK_SUSPECT = "clock_suspect"  # its own time is absurd; arrival counts
ID_REUSED = "id_reused"  # a key seen before, with other content: a counter that restarted
REDELIVERED = "redelivered"  # keyless copy of something we may have recorded; kept because it is an alarm
UNASSIGNED = "unassigned"  # no device of that address was assigned at that time
FIELD_INVALID = "field_invalid"  # a field had the wrong type; it stands in `extra` as it came
HALF_DECODED = "half_decoded"  # made from an undecodable payload of something that may raise alarms

LATE_AFTER_MS = 60_000


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing that happened, decoded and resolved. Envelope first, content last."""

    event_id: str
    type: str  # a name of ingest.vocabulary, or anything else kept whole ("other" types keep their own name)
    site: str
    address: str  # "<convention>:<what that convention calls the device>"
    home: str  # home id; "address:<address>" when nobody knows the device
    subject: str  # resident id; without one the device's id, else the address
    received_at_ms: int
    effective_at_ms: int  # observed time where it can be trusted, else received_at_ms
    observed_at_ms: int | None = None  # what the device or gateway claimed, absurd or not
    device: str | None = None
    gateway: str | None = None
    resident: str | None = None
    role: str | None = None  # what the device means where the wire cannot say it: bed, front_door, …
    room: str | None = None  # from the event, else from the device's assignment
    quality: tuple[str, ...] = ()  # in the order of the constants above
    state: bool = False  # a thing that *is* (state topic, cached state), not a thing that just happened
    key: str | None = None  # the source's own key, when it has one
    content: dict[str, Value] = {}
    extra: dict[str, object] = {}  # unknown fields, kept as they came


class Draft(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a codec says: one event without identity, assignment or trust."""

    type: str
    content: dict[str, Value] = {}
    key: str | None = None  # the source's own key for this event, e.g. deduplicationId
    observed_at_ms: int | None = None
    buffered: bool = False
    test: bool = False
    state: bool = False
    extra: dict[str, object] = {}
    quality: tuple[str, ...] = ()  # FIELD_INVALID or HALF_DECODED, nothing else
    address: str | None = None  # only where one message speaks for another address than its topic's


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Bad data is a value: why a message, or one item of it, could not be understood."""

    reason: str  # a code of REJECT_REASONS in ingest.codec
    detail: str = ""  # bounded, for the operator; never parsed
    may_be_alarm: bool = False  # the source fold then raises it to a person (R43)


class Nothing(msgspec.Struct, frozen=True, gc=False):
    """Understood, and deliberately no event: a log line of a bridge, an unchanged state."""

    reason: str  # unchanged | bridge_info | command_echo | removed | own_message | not_care …


def content_bytes(content: Mapping[str, Value]) -> bytes:
    """Canonical JSON of typed fields: sorted keys, no spaces. The same content gives the same bytes."""
    return msgspec.json.encode(dict(sorted(content.items())))


def name_uuid(*parts: str | int | None) -> str:
    """A version-5-shaped UUID of the parts; the same parts give the same id on every machine.

    uuid5 over a namespace and a joined name, written out because `uuid.uuid5` costs four times as much and
    stands on the hot path once per event. None and "" differ; parts cannot run into each other.
    """
    joined = "\x1f".join("\x00" if part is None else str(part) for part in parts)
    digest = bytearray(hashlib.sha1(b"vardevakt\x00" + joined.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
