"""One connection to the broker, from its first packet to its last: sockets and threads around paho's client. Edge.

Theory of operation. paho's own loop goes to the kernel six times a message (three reads, a select, a wake-up and a
write for each acknowledgement), and each time any other thread may take the interpreter for 5 ms. So the loop is ours
(paho's interface for external event loops) over a socket that reads and writes in bulk. Acknowledgements wait in a
queue until the loop comes round and go out together, in their order. Measured on two cores beside paho's own loop:
38 to 44 against 67 to 73 microseconds of CPU a message. PUBLISH packets are taken apart here too (`BulkClient`).

One thread owns the socket; `acknowledge` and the client's `publish` may be called from any. What was queued when the
connection ends is never sent: the broker brings those messages again.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import MQTTErrorCode

log = structlog.get_logger()

READ_BYTES = 65_536
HELD_BYTES = 1_048_576  # written by paho and not yet by the kernel
LOOK_EVERY_S = 0.5  # keep-alive, and a wake-up that was lost costs no more
LAST_WORDS_S = 1.0
STOP_S = 40.0  # longer than receive may block a message


class BufferedSocket:
    """A connected socket as paho sees it: `recv` is served from a buffer, `send` keeps until `flush`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._read, self._at = b"", 0
        self._held = bytearray()
        with contextlib.suppress(OSError):  # not every transport has it
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int) -> bytes:
        if self._at >= len(self._read):
            self._read, self._at = self._socket.recv(READ_BYTES), 0
        part = self._read[self._at : self._at + size]
        self._at += len(part)
        return part

    def pending(self) -> int:
        """Bytes that `recv` gives without the kernel."""
        beyond = self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0
        return len(self._read) - self._at + beyond

    def send(self, data: bytes | bytearray) -> int:
        if len(self._held) > HELD_BYTES:
            raise BlockingIOError
        self._held += data
        return len(data)

    @property
    def held(self) -> int:
        return len(self._held)

    def flush(self) -> None:
        """Give the kernel what it takes now. OSError when the connection is gone."""
        try:
            while self._held:
                del self._held[: self._socket.send(self._held)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return

    def close(self) -> None:
        """Say the last words, if somebody takes them, and close."""
        self._read, self._at = b"", 0
        with contextlib.suppress(OSError):
            self._socket.settimeout(LAST_WORDS_S)
            self._socket.sendall(self._held)
        self._held.clear()
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def setblocking(self, flag: bool) -> None:
        self._socket.setblocking(flag)


class _ClosingSocket(ssl.SSLSocket):
    """paho leaves the socket open when the handshake fails, and we try for as long as it takes."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def tls_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer with a broker that proves its name; `ca` None: the machine's authorities. OSError: a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _ClosingSocket
    if ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


class Publication(msgspec.Struct, frozen=True, gc=False):
    """A PUBLISH that came, QoS 0 or 1. `mid` is 0 for QoS 0."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int


class BulkClient(mqtt.Client):
    """paho's client over a BufferedSocket, with a shorter way for what is published to us.

    Both overridden methods are paho's own seams and private: should a later paho not call them, it works on with its
    own, only slower, except that `on_publication` would be silent, which the contract tests would see.
    """

    bulk: BufferedSocket | None = None
    on_publication: Callable[[Publication], None]

    def _create_socket(self) -> mqtt.SocketLike:
        self.bulk = BufferedSocket(super()._create_socket())  # type: ignore[arg-type]  # no websockets here
        return self.bulk

    def _handle_publish(self) -> MQTTErrorCode:
        """Paho builds properties, a message, a line for its log and asks a tree of filters: a third of its time."""
        try:
            found = publication(
                self._in_packet["command"], bytes(self._in_packet["packet"]), properties=self.protocol == mqtt.MQTTv5
            )
        except (IndexError, ValueError):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self.on_publication(found)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def publication(header: int, packet: bytes, *, properties: bool) -> Publication:
    """Take a PUBLISH packet apart: fixed header's first byte, and what follows its length. ValueError, IndexError:
    not one that we could have asked for. A topic that is no UTF-8 is kept with its bytes as escapes.
    """
    qos = header >> 1 & 3
    if qos > 1:
        raise ValueError("QoS 2, and we subscribe with 1")
    at = 2 + (packet[0] << 8 | packet[1])
    topic = packet[2:at].decode("utf-8", "backslashreplace")
    mid = 0
    if qos:
        mid = packet[at] << 8 | packet[at + 1]
        at += 2
    if properties:  # none that means anything to us: a length (7 bits a byte), and so many bytes
        size = shift = 0
        while True:
            byte = packet[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        at += size
    if at > len(packet):
        raise ValueError("shorter than it says")
    return Publication(topic, packet[at:], qos, bool(header & 1), mid)


class MqttConnection:
    """A thread that drives a client which has just called `connect`, until the connection ends or `stop`.

    `on_sent(*seqs)` follows the acknowledgements that were given to the socket, `on_failed()` a fault in a callback;
    both in the connection's thread.
    """

    def __init__(
        self, client: BulkClient, epoch: int, on_sent: Callable[..., None], on_failed: Callable[[], None]
    ) -> None:
        self.client, self.epoch, self._on_sent, self._on_failed = client, epoch, on_sent, on_failed
        self._acks: deque[tuple[int, int, int]] = deque()
        self._bell, self._ring = socket.socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        self._rung = self._stopping = False
        client.on_socket_register_write = lambda *_: self.wake()
        self._thread = threading.Thread(target=self._run, name="mqtt-connection", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def acknowledge(self, mid: int, qos: int, seq: int) -> None:
        """Send the PUBACK of message `mid`, which is row `seq`, with the next write."""
        self._acks.append((mid, qos, seq))
        self.wake()

    def wake(self) -> None:
        """There is something to write."""
        if not self._rung:
            self._rung = True
            with contextlib.suppress(OSError):  # full: it will wake; closed: nobody needs to
                self._ring.send(b"\0")

    def stop(self) -> None:
        """End the thread and give the sockets back. The client should have been told to disconnect."""
        self._stopping = True
        self.wake()
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            log.error("mqtt_connection_hangs", epoch=self.epoch)
            return
        if self.client.bulk is not None:
            self.client.bulk.close()
        self._bell.close()
        self._ring.close()

    # ------------------------------------------------------------- the connection's thread
    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                sock = self.client.bulk
                assert sock is not None, "connect() has made it"
                selector.register(self._bell, selectors.EVENT_READ)
                selector.register(sock, selectors.EVENT_READ)
                while not self._stopping and self.client.socket() is not None:
                    self._once(selector, sock)
                self._write(sock)  # the DISCONNECT
        except (OSError, ValueError) as error:  # ValueError: the socket was closed under the selector
            log.info("mqtt_connection_ended", error=type(error).__name__)
            self._on_failed()
        except Exception:
            # a callback raised: nothing is acknowledged that should not be, and a new connection brings it again
            log.exception("mqtt_connection_failed")
            self._on_failed()

    def _once(self, selector: selectors.BaseSelector, sock: BufferedSocket) -> None:
        waiting = selectors.EVENT_WRITE if sock.held else 0
        if selector.get_key(sock).events != selectors.EVENT_READ | waiting:
            selector.modify(sock, selectors.EVENT_READ | waiting)
        ready = {key.fileobj for key, _ in selector.select(LOOK_EVERY_S)}
        if self._bell in ready:
            self._bell.recv(READ_BYTES)
            self._rung = False  # before looking, so that no ring falls in between
        if sock in ready:
            self.client.loop_read()
            while sock.pending() and self.client.socket() is not None:
                self.client.loop_read()
        self._write(sock)
        self.client.loop_misc()

    def _write(self, sock: BufferedSocket) -> None:
        sent = []
        while self._acks and self.client.socket() is not None:
            mid, qos, seq = self._acks.popleft()
            self.client.ack(mid, qos)
            sent.append(seq)
        if sent:
            self._on_sent(*sent)
        if self.client.want_write():
            self.client.loop_write()
        if self.client.socket() is not None:
            sock.flush()
