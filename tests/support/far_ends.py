"""Real local servers behind the channels: a phone gateway, a mail server, a push service. They do what a test says.

    with FakeGateway() as gateway:
        gateway.then("hang", "ok")      # what the next calls meet; ok when nothing more is said
        gateway.received("+4798888881") # [Received(at_ms, text, kind), …] as tests/support/phones.py

Words: `ok` · `slow` (takes its time, within the deadline) · `refuse` (works, will not have this one) · `down` (says
that it does not work) · `hang` (takes it and says nothing) · `half` (takes it and breaks off within its answer) ·
`drip` (answers a byte at a time, past any deadline).
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec

from alerts.channels.channel import PushTo
from alerts.channels.http_gateway import GatewayOptions
from alerts.channels.web_push_crypto import CURVE, decrypt, from_base64url, public_bytes, unpadded, vapid_is_genuine
from tests.support.phones import Received

NO = {"refuse": 400, "gone": 410, "down": 503}
SLOW_S = 0.15
DRIP_S = 0.05
AUTH = b"0123456789abcdef"
SECRET = "gateway secret"


class FarEnd:
    """A server on 127.0.0.1 in threads of its own, from `with` to the end of it."""

    def __init__(self, clock: Callable[[], int] = lambda: 0) -> None:
        self.clock = clock
        self.calls: list[dict[str, Any]] = []  # every message that came whole, whatever was answered
        self._got: dict[str, list[Received]] = {}
        self._next: list[str] = []
        self._lock = threading.Lock()
        self.over = threading.Event()
        self.arrived: Callable[[dict[str, Any]], None] = lambda call: None  # called before it is answered
        self._server = self._make()
        address: Any = self._server.server_address
        self.port = int(address[1])

    def _make(self) -> socketserver.BaseServer:
        raise NotImplementedError

    def then(self, *words: str) -> None:
        self._next.extend(words)

    def word(self) -> str:
        with self._lock:
            return self._next.pop(0) if self._next else "ok"

    def take(self, device: str, text: str, kind: str, **more: Any) -> None:
        """It has come whole: the device gets it."""
        with self._lock:
            self.calls.append({"to": device, "text": text, "kind": kind, **more})
            self._got.setdefault(device, []).append(Received(self.clock(), text, kind))
        self.arrived(self.calls[-1])

    def received(self, device: str) -> list[Received]:
        return list(self._got.get(device, ()))

    def pause(self, seconds: float) -> None:
        """Until then, or until the test is over."""
        self.over.wait(seconds)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), name="test-far-end", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _HttpHandler(BaseHTTPRequestHandler):
    far_end: _HttpFarEnd

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        word = self.far_end.word()
        if word in NO:
            self._answer(NO[word], b'{"error": "no"}')
            return
        answer = self.far_end.accept(self, body)
        if word == "hang":
            self.far_end.pause(30)
            return
        if word == "slow":
            self.far_end.pause(SLOW_S)
        if word in {"half", "drip"}:
            self._trickle(answer, cut=word == "half")
            return
        self._answer(201, answer)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self, body: bytes, *, cut: bool) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (len(body) + 500)
        if cut:
            self.wfile.write(head + body[: len(body) // 2])
            return
        with contextlib.suppress(OSError):
            for byte in head + body:
                if self.far_end.over.wait(DRIP_S):
                    return
                self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        """Not to stderr."""


class _HttpFarEnd(FarEnd):
    def _make(self) -> socketserver.BaseServer:
        handler = type("Handler", (_HttpHandler,), {"far_end": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads, server.block_on_close = True, False
        return server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accept(self, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
        """Note what came; the answer's body."""
        raise NotImplementedError


class FakeGateway(_HttpFarEnd):
    """A municipality's gateway: POST /sms and /voice with {"to", "text", "ref"}, Bearer secret."""

    def accept(self, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
        assert request.headers["authorization"] == f"Bearer {SECRET}", "the gateway knows its clients"
        call = json.loads(body)
        number = f"g{len(self.calls) + 1}"
        self.take(call["to"], call["text"], request.path.strip("/"), ref=call["ref"], id=number)
        return json.dumps({"messages": [{"id": number, "status": "queued"}]}).encode()

    def options(self, kind: str = "sms", **more: Any) -> GatewayOptions:
        """How this gateway is spoken to."""
        body = '{"to": "$to", "text": "$text", "ref": "$id"}'
        headers = ("Content-Type: application/json", "Authorization: Bearer $secret")
        values: dict[str, Any] = {
            "url": f"{self.url}/{kind}", "headers": headers, "body": body, "secret": SECRET,
            "answer_id": "messages.0.id", "answer_result": "messages.0.status", "answer_taken": ("queued",),
            "timeout_s": 0.4,
        }  # fmt: skip
        return GatewayOptions(**(values | more))


class FakeHook(_HttpFarEnd):
    """Whoever takes the signed webhook: keeps body and headers."""

    def accept(self, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
        call = json.loads(body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        words = str(call.get("text") or call.get("message"))
        self.take(str(call.get("target", "room")), words, "webhook", body=body, headers=headers)
        return b"{}"


class FakePush(_HttpFarEnd):
    """A push service and the browsers behind it: what they read is decrypted with their own keys."""

    def __init__(self, clock: Callable[[], int] = lambda: 0) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        super().__init__(clock)

    def subscribe(self, browser: str) -> PushTo:
        """What a browser hands to the page."""
        self.keys[browser] = ec.generate_private_key(CURVE)
        return PushTo(f"{self.url}/{browser}", unpadded(public_bytes(self.keys[browser])), unpadded(AUTH))

    def accept(self, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
        browser = request.path.strip("/")
        scheme, _, said = request.headers["authorization"].partition(" ")
        fields = dict(part.strip().split("=", 1) for part in said.split(","))
        assert scheme == "vapid", "RFC 8292"
        assert vapid_is_genuine(fields["t"], from_base64url(fields["k"])), "signed by who says so"
        shown = json.loads(decrypt(body, self.keys[browser], unpadded(AUTH)))
        self.take(f"{self.url}/{browser}", shown["text"], "push", urgency=request.headers["urgency"], shown=shown)
        return b""


class _MailHandler(socketserver.StreamRequestHandler):
    far_end: FakeMail

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self._talk()

    def _talk(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        word = self.far_end.word()
        self._say("421 not now" if word == "down" else "220 mail.example.org")
        recipient = ""
        while line := self.rfile.readline(2_000).decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                recipient = line.partition("<")[2].rstrip(">")
                self._say("550 no such box" if word == "refuse" else "250 ok")
            elif verb == "DATA":
                self._say("354 go ahead")
                self._letter(recipient)
                self._end(word)
            else:
                self._say("250 ok")

    def _letter(self, recipient: str) -> None:
        raw = b""
        while (line := self.rfile.readline(2_000)) != b".\r\n":
            raw += line.removeprefix(b".") if line.startswith(b"..") else line
        letter = message_from_bytes(raw)
        payload = letter.get_payload(decode=True)
        assert isinstance(payload, bytes), "plain text"
        self.far_end.take(recipient, payload.decode().strip(), "email", subject=letter["Subject"])

    def _end(self, word: str) -> None:
        if word == "hang":
            self.far_end.pause(30)
        elif word == "half":
            self.wfile.write(b"25")
            self.request.shutdown(socket.SHUT_RDWR)
        elif word == "drip":
            for byte in b"250 " + b"o" * 500:
                if self.far_end.over.wait(DRIP_S):
                    return
                self.wfile.write(bytes([byte]))
        else:
            self.far_end.pause(SLOW_S if word == "slow" else 0)
            self._say("250 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class FakeMail(FarEnd):
    """A mail server, without TLS unless it is given (certificate, key); each address is a box."""

    def __init__(self, clock: Callable[[], int] = lambda: 0, *, tls: tuple[Path, Path] | None = None) -> None:
        self._tls = tls
        super().__init__(clock)

    def _make(self) -> socketserver.BaseServer:
        handler = type("Handler", (_MailHandler,), {"far_end": self})
        server = _QuietServer(("127.0.0.1", 0), handler)
        server.daemon_threads, server.block_on_close = True, False
        if self._tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        return server


class _QuietServer(socketserver.ThreadingTCPServer):
    def handle_error(self, *_: object) -> None:
        """A handshake that the client broke off is what the test wants."""
