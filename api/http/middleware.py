"""What surrounds every request: size limit, security headers, request id, one log line, timings, and the last net.

Plain ASGI (no BaseHTTPMiddleware), because the live streams pass through here and must not be buffered. Log lines carry
the route's template, never the address that was asked for, and never a name (design.md §1, promise 8).
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

BODY_LIMIT_BYTES = 262_144
BODY_LIMITS_BYTES: Mapping[str, int] = {
    "/api/v1/events": 4_194_304,  # an emptied buffer is larger than any form
    "/api/v1/rota": 1_048_576,
    "/shifts/rota": 1_048_576,
}
WHERE_FRAMES = 8
UNROUTED = "(none)"  # label of what no route took: the address itself would be unbounded, and personal

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # no-referrer would make browsers send `Origin: null` with our own forms
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


class RequestTimes(Protocol):
    """Where finished requests are counted (api/http/metrics.py)."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...


class Failure(Protocol):
    """Makes the answer to a fault of ours, in the caller's language."""

    def __call__(self, scope: Scope, error: Exception) -> ASGIApp: ...


class Frame:
    """The outermost layer. `failure` answers what no handler caught; the fault itself goes to the log only."""

    def __init__(self, app: ASGIApp, *, times: RequestTimes, failure: Failure, strict_transport: bool) -> None:
        self._app = app
        self._times = times
        self._failure = failure
        self._headers = dict(HEADERS)
        if strict_transport:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex[:16]
        scope.setdefault("state", {})["request_id"] = request_id
        sent = _Sent(self._headers, request_id, send)
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, _limited(scope, receive), sent)
            except Exception as error:  # the quarantine place: one failed request must not be more than that
                log.error("request_failed", route=route_of(scope), error=type(error).__name__, where=_where(error))
                if sent.status:
                    raise  # half an answer is out already; the server cuts the connection
                await self._failure(scope, error)(scope, receive, sent)
            finally:
                self._done(scope, sent.status, time.perf_counter() - began)

    def _done(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = route_of(scope), _method(scope)
        self._times.request(method, route, status, seconds)
        level = log.debug if route.startswith(("/health", "/metrics", "/static")) else log.info
        level(
            "http_request", method=method, route=route, status=status, ms=round(seconds * 1000, 1),
            account=scope.get("state", {}).get("account_id"),
        )  # fmt: skip


class _Sent:
    """`send` that puts our headers on the answer and remembers its status (0 = none yet)."""

    def __init__(self, headers: Mapping[str, str], request_id: str, send: Send) -> None:
        self._headers = headers
        self._request_id = request_id
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")  # what may be kept says so itself: static files
            headers["x-request-id"] = self._request_id
        await self._send(message)


def _limited(scope: Scope, receive: Receive) -> Receive:
    """`receive` that stops at the limit of this path, whatever Content-Length claims."""
    limit = BODY_LIMITS_BYTES.get(scope["path"], BODY_LIMIT_BYTES)
    claimed = Headers(scope=scope).get("content-length", "0")
    too_large = claimed.isdigit() and int(claimed) > limit
    got = 0

    async def limited() -> Message:
        nonlocal got
        if too_large:
            raise body_too_large(limit)
        message = await receive()
        if message["type"] == "http.request":
            got += len(message.get("body", b""))
            if got > limit:
                raise body_too_large(limit)
        return message

    return limited


def body_too_large(limit_bytes: int) -> HTTPException:
    """An HTTPException, because FastAPI lets only those through while it reads a body."""
    return HTTPException(413, detail=str(limit_bytes))


def route_of(scope: Mapping[str, Any]) -> str:
    """Template of the route that took the request ("/api/v1/alerts/{alert_id}"), UNROUTED when none did."""
    return str(getattr(scope.get("route"), "path", UNROUTED)) or UNROUTED


def _where(error: Exception) -> list[str]:
    """The innermost frames. No message and no values: what a library says of an error may hold what was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-WHERE_FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def _method(scope: Scope) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return scope["method"] if scope["method"] in known else "OTHER"
