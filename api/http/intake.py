"""What a body of POST /api/v1/events becomes: rows for RAW, one per event, whatever it holds. Pure.

Everything becomes a row, also what is refused: the source fold makes a dead letter of it, so that nothing that anybody
sent us is ever lost in silence. Each event keeps the very bytes it was sent with.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ingest.codec import MAX_ITEMS
from ingest.event import Rejected
from ingest.json_input import read_json
from ingest.record import HTTP, RawRecord

TOPIC = "http:"  # + address; the address alone says whose event it is (ingest/record.py)
LINK = "http"
ADDRESS_MAX = 300
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of the body. `fault` is the field at fault ("" = the whole), None when it can be taken in."""

    payload: bytes
    address: str = ""
    fault: str | None = None

    def record(self) -> RawRecord:
        """Its row; receive puts the time of arrival on it."""
        return RawRecord(received_at_ms=0, kind=HTTP, topic=TOPIC + self.address, payload=self.payload, link=LINK)


def pieces(body: bytes) -> list[Piece]:
    """The events of a body: those of an array in its order, else the body itself. Never empty, never raises."""
    if not body.lstrip().startswith(b"["):
        return [_piece(body)]
    try:
        items = _ARRAY.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return [Piece(body, fault="")]
    if not items or len(items) > MAX_ITEMS:
        return [Piece(body, fault="")]
    return [_piece(bytes(item)) for item in items]


def _piece(payload: bytes) -> Piece:
    value = read_json(payload, may_be_alarm=True)
    if isinstance(value, Rejected) or not isinstance(value, dict):
        return Piece(payload, fault="")
    address = value.get("address")
    if not isinstance(address, str) or not _is_address(address):
        return Piece(payload, fault="address")
    kind = value.get("type")
    if not isinstance(kind, str) or not kind:
        return Piece(payload, address, fault="type")
    return Piece(payload, address)


def _is_address(value: str) -> bool:
    """`<convention>:<what that convention calls the device>`."""
    if len(value) > ADDRESS_MAX or not value.isprintable():
        return False
    convention, colon, name = value.partition(":")
    return bool(convention and colon and name)
