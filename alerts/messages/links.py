"""Pure: the one-time links in messages, signed and dated.

A link speaks for one message, so for one alert and one target; it is good until the alert is over, at most 12 hours,
and for one answer. The signature covers site, message, alert, target and end, so nothing of it can be exchanged. What
was used already is for the desk to know (`alerts/messages/phone_answers.py`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct

import msgspec

VALID_MS = 12 * 3_600_000
PATH = "/l/"
_HEAD = struct.Struct(">QI")  # message, end in seconds
_MARK_BYTES = 16
MESSAGE_MAX = 2**63 - 1
TOKEN_LENGTH = 38  # characters: short enough for an SMS


class LinkClaims(msgspec.Struct, frozen=True):
    """What a token says of itself; believed only after `is_genuine`."""

    message_id: int
    until_ms: int
    mark: bytes


def make_token(key: bytes, site: str, message_id: int, alert_id: str, target: str, until_ms: int) -> str:
    """A token for one message."""
    assert key, "links need a key"
    head = _HEAD.pack(message_id, until_ms // 1_000)
    return base64.urlsafe_b64encode(head + _mark(key, head, site, alert_id, target)).decode().rstrip("=")


def read_token(token: str) -> LinkClaims | None:
    """What a token says; None for what is none."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    message_id, until_s = _HEAD.unpack(raw[: _HEAD.size])
    if message_id > MESSAGE_MAX:
        return None
    return LinkClaims(message_id, until_s * 1_000, raw[_HEAD.size :])


def is_genuine(key: bytes, claims: LinkClaims, site: str, alert_id: str, target: str) -> bool:
    """Whether we made it, for this alert and this target."""
    head = _HEAD.pack(claims.message_id, claims.until_ms // 1_000)
    return hmac.compare_digest(_mark(key, head, site, alert_id, target), claims.mark)


def _mark(key: bytes, head: bytes, site: str, alert_id: str, target: str) -> bytes:
    named = b"\0".join(part.encode() for part in ("vardevakt link", site, alert_id, target))
    return hmac.new(key, head + named, hashlib.sha256).digest()[:_MARK_BYTES]
