"""Edge: the channel for web push: encrypted for each browser, signed with our VAPID key.

For: one message to every subscription of a target; taken when one of them is. A subscription that the push service
does not know any more is given up (`gone`). `cryptography` does the mathematics (`web_push_crypto.py`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from alerts.channels.channel import FAILED, OK, UNKNOWN, Message, PushTo, Result
from alerts.channels.http_call import TIMEOUT_S, HttpRequest, NoAnswer, NotSent, call, result_of
from alerts.channels.web_push_crypto import (
    CURVE,
    SALT_BYTES,
    check_keys,
    encrypt,
    public_bytes,
    unpadded,
    vapid_token,
)

HOSTS = ("fcm.googleapis.com", "updates.push.services.mozilla.com", "push.apple.com", "notify.windows.com")
TOKEN_S = 3_600
KEPT_S = 300  # a push that could not be shown within five minutes is not shown at all: others were rung meanwhile
GONE = frozenset({404, 410})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class PushOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Our key, who answers for us, and the services that may be called."""

    key: ec.EllipticCurvePrivateKey
    contact: str  # "mailto:…" or "https://…"
    hosts: tuple[str, ...] = HOSTS
    timeout_s: float = TIMEOUT_S

    @property
    def public_key(self) -> str:
        """What a page gives to the browser as `applicationServerKey`."""
        return unpadded(public_bytes(self.key))


def read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError when the file holds no key of the curve P-256 in PEM."""
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != CURVE.name:
        raise ValueError("not a key of the curve P-256 (prime256v1)")
    return key


def problem_of(push: PushTo, hosts: tuple[str, ...]) -> str | None:
    """Why a subscription cannot be used: what a browser names is called by us, so it must be a push service."""
    parts = urlsplit(push.endpoint)
    host = parts.hostname or ""
    if parts.scheme != "https" and host not in LOOPBACK:
        return "endpoint"
    if not any(host == known or host.endswith(f".{known}") for known in hosts):
        return "endpoint"
    try:
        check_keys(push.p256dh, push.auth)
    except ValueError:
        return "keys"
    return None


class WebPush:
    """Tells every browser of the target."""

    name = "push"
    reaches_people = True

    def __init__(self, options: PushOptions, gone: Callable[[str], None] = lambda endpoint: None) -> None:
        """`gone` is told the endpoint of a subscription that has ended."""
        self.options, self._gone = options, gone

    def send(self, message: Message) -> Result:
        if not message.address.push:
            return Result(FAILED, "no subscription", refused=True)
        until_s = time.monotonic() + 2 * self.options.timeout_s
        results: list[Result] = []
        for push in message.address.push:
            if time.monotonic() > until_s:
                break
            results.append(self._one(message, push))
        for outcome in (OK, UNKNOWN):
            best = next((result for result in results if result.outcome == outcome), None)
            if best is not None:
                return best
        return results[-1]

    def _one(self, message: Message, push: PushTo) -> Result:
        if problem_of(push, self.options.hosts) is not None:
            return Result(FAILED, "a subscription that cannot be used", refused=True)
        try:
            answer = call(self._request(message, push), self.options.timeout_s)
        except NotSent as error:
            return Result(FAILED, str(error))
        except NoAnswer as error:
            return Result(UNKNOWN, str(error))
        if answer.status in GONE:
            self._gone(push.endpoint)
            return Result(FAILED, "subscription ended", refused=True)
        return result_of(answer) or Result(OK, f"HTTP {answer.status}")

    def _request(self, message: Message, push: PushTo) -> HttpRequest:
        parts = urlsplit(push.endpoint)
        token = vapid_token(
            self.options.key, f"{parts.scheme}://{parts.netloc}", self.options.contact, int(time.time()) + TOKEN_S
        )
        body = encrypt(
            payload_of(message), push.p256dh, push.auth, ec.generate_private_key(CURVE), os.urandom(SALT_BYTES)
        )
        headers = {
            "Authorization": f"vapid t={token}, k={self.options.public_key}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_S),
            "Urgency": "high" if message.priority <= "P2" else "normal",
        }
        return HttpRequest("POST", push.endpoint, headers, body)


def payload_of(message: Message) -> bytes:
    """The JSON that the page's worker shows."""
    shown = {"title": message.title, "text": message.text, "link": message.link, "priority": message.priority}
    return msgspec.json.encode(shown | {"id": message.reference, "kind": message.kind})
