"""Edge: one HTTP call with one deadline over all of it, for the channels that speak HTTP.

For: telling apart what certainly did not go, what was answered, and what may have gone. Follows no redirect, keeps no
connection. `http.client` because it alone says where it stood when a call broke; its time-outs count from byte to
byte, so a far end that drips is cut off by a timer.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from alerts.channels.channel import FAILED, UNKNOWN, Result

BODY_MAX = 65_536
TIMEOUT_S = 5.0
MESSAGE_AT_FAULT = frozenset({400, 406, 413, 422})  # the far end works and will not have this message
NOBODY_KNOWS = frozenset({502, 504})  # a proxy that waited in vain for whoever sends
CHANNEL_AGENT = "vardevakt"


class NotSent(Exception):
    """It certainly did not go: nothing was written. The message is a word for operators."""


class NoAnswer(Exception):
    """It may have gone: the call broke after writing began."""


class Answer(msgspec.Struct, frozen=True):
    """What the far end answered, whole."""

    status: int
    body: bytes
    content_type: str


class HttpRequest(msgspec.Struct, frozen=True):
    """One call to be made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Certificates of the system, or only those of a file."""
    return ssl.create_default_context(cafile=ca_file)


def call(request: HttpRequest, timeout_s: float, context: ssl.SSLContext | None = None) -> Answer:
    """Raises NotSent or NoAnswer; otherwise the answer, whatever its status. Takes at most `timeout_s` once the name
    of the host is known.
    """
    began_s = time.monotonic()
    connection = _connect(request.url, timeout_s, context)
    cut = threading.Event()

    def cut_off() -> None:
        cut.set()
        sock = connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(2)

    timer = threading.Timer(max(0.01, timeout_s - (time.monotonic() - began_s)), cut_off)
    timer.daemon = True
    timer.start()
    try:
        return _exchange(connection, request, cut)
    finally:
        timer.cancel()
        connection.close()


def result_of(answer: Answer) -> Result | None:
    """What an answer that is no 2xx means; None for one that is."""
    if 200 <= answer.status < 300:
        return None
    if answer.status in NOBODY_KNOWS:
        return Result(UNKNOWN, f"HTTP {answer.status}")
    return Result(FAILED, f"HTTP {answer.status}", refused=answer.status in MESSAGE_AT_FAULT)


def _connect(url: str, timeout_s: float, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout_s, context=context or tls_context(None)
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    try:
        connection.connect()
    except (OSError, ValueError) as error:
        connection.close()
        raise NotSent(type(error).__name__) from error
    return connection


def _exchange(connection: http.client.HTTPConnection, request: HttpRequest, cut: threading.Event) -> Answer:
    parts = urlsplit(request.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(request.method, path, request.body, {"User-Agent": CHANNEL_AGENT, **request.headers})
        response = connection.getresponse()
        body = response.read(BODY_MAX)
        if response.length and len(body) < BODY_MAX:
            raise http.client.IncompleteRead(b"", response.length)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer("timed out" if cut.is_set() else type(error).__name__) from error
    except ValueError as error:  # a header that cannot be one: nothing was written
        raise NotSent(type(error).__name__) from error
    if cut.is_set():
        raise NoAnswer("timed out")
    return Answer(response.status, body, response.headers.get_content_type())
