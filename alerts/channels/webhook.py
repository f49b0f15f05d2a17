"""Edge: the channel that posts each message, signed, to a system of the municipality's own.

The body is `payload_of(message)` of `mqtt.py` with the words beside it. `X-Vardevakt-Signature` is
`sha256=HMAC-SHA256(secret, timestamp + "." + body)` in hex over `X-Vardevakt-Timestamp` (seconds UTC); whoever takes it
refuses what is older than five minutes. `X-Vardevakt-Id` stays the same when a try is repeated by a proxy.
"""

from __future__ import annotations

import hashlib
import hmac
import time

import msgspec

from alerts.channels.channel import FAILED, OK, UNKNOWN, Message, Result
from alerts.channels.http_call import TIMEOUT_S, HttpRequest, NoAnswer, NotSent, call, result_of, tls_context

TIMESTAMP, SIGNATURE, MESSAGE_ID = "X-Vardevakt-Timestamp", "X-Vardevakt-Signature", "X-Vardevakt-Id"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in the header of this body."""
    mark = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={mark}"


class Webhook:
    """Posts each message once; the outbox repeats it where that is needed."""

    name = "webhook"
    reaches_people = True

    def __init__(self, url: str, secret: str, ca_file: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        assert secret, "a webhook is signed"
        self._url, self._secret, self._timeout_s = url, secret, timeout_s
        self._context = tls_context(ca_file) if url.startswith("https:") else None

    def send(self, message: Message) -> Result:
        body = body_of(message)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: signature(self._secret, timestamp, body),
            MESSAGE_ID: message.reference,
        }
        try:
            answer = call(HttpRequest("POST", self._url, headers, body), self._timeout_s, self._context)
        except NotSent as error:
            return Result(FAILED, str(error))
        except NoAnswer as error:
            return Result(UNKNOWN, str(error))
        return result_of(answer) or Result(OK, f"HTTP {answer.status}")


def body_of(message: Message) -> bytes:
    """The JSON that goes out: as over MQTT, with the target and the words."""
    return msgspec.json.encode(
        {
            "id": message.reference,
            "alert_id": message.alert_id,
            "kind": message.kind,
            "priority": message.priority,
            "key": message.key_tag,
            "target_kind": message.target_kind,
            "target": message.target,
            "text": message.text,
            "link": message.link or None,
            "may_repeat": message.may_repeat,
        }
    )
