"""JSON as strangers send it: one reader with limits for every codec and for the HTTP intake.

Pure. Refused: more than MAX_PAYLOAD_BYTES, invalid UTF-8, NaN and Infinity, numbers beyond a double, nesting deeper
than MAX_DEPTH, lone surrogates, anything after the value. Tolerated: duplicate keys (the last wins, as everywhere)
and a byte order mark. Integers of any size pass here; `ingest.bounds` and the vocabulary hold them to 64 bits.
"""

from __future__ import annotations

import msgspec

from ingest.codec import MAX_DEPTH, MAX_PAYLOAD_BYTES
from ingest.event import Rejected

_DECODER = msgspec.json.Decoder()
_BOM = b"\xef\xbb\xbf"
_MAX_DETAIL = 200


def read_json(payload: bytes, *, may_be_alarm: bool) -> object:
    """The value (None, bool, int, float, str, list or dict), or Rejected "too_large" or "not_json". Never raises.

    `may_be_alarm` goes into the Rejected as it is.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Rejected("too_large", f"{len(payload)} bytes", may_be_alarm)
    try:
        value = _DECODER.decode(payload)
    except RecursionError:
        return Rejected("not_json", f"nested deeper than {MAX_DEPTH}", may_be_alarm)
    except (msgspec.DecodeError, UnicodeError) as error:
        if payload.startswith(_BOM):
            return read_json(payload[len(_BOM) :], may_be_alarm=may_be_alarm)
        return Rejected("not_json", str(error)[:_MAX_DETAIL], may_be_alarm)
    # No more brackets than the limit, no deeper than the limit: true of nearly every message, and cheap to see.
    if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        return Rejected("not_json", f"nested deeper than {MAX_DEPTH}", may_be_alarm)
    return value


def _deeper_than(value: object, limit: int) -> bool:
    layer = [value]
    for _ in range(limit):
        inner: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        layer = [item for item in inner if isinstance(item, dict | list)]
        if not layer:
            return False
    return True
