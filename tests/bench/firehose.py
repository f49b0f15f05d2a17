"""A publisher that is never the bottleneck: packets encoded beforehand, written to the broker's socket in bulk.

`python -m tests.bench.firehose PORT COUNT HOMES [--rate R] [--buffered] [--first N]`: prints "ready" when all packets
are encoded, begins at the first line on stdin, and prints {"seconds": …} when the broker has acknowledged all. MQTT
3.1.1, QoS 1, written by hand for the benchmark alone; with a rate it is paced, else as fast as the socket takes it.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import threading
import time

from tests.support.town import telemetry, wire_time

CHUNK = 100  # packets a write, when it is not paced
WINDOW = 50_000  # packets sent and not acknowledged: packet ids are 16 bits
CONNECT = b"\x10\x16\x00\x04MQTT\x04\x02\x00\x3c\x00\x0abench-hose"


def packet(number: int, topic: str, payload: bytes) -> bytes:
    """One PUBLISH with QoS 1."""
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name + struct.pack("!H", number % 65_535 + 1) + payload
    size, length = len(body), b""
    while size > 127:
        length += bytes((size & 127 | 128,))
        size >>= 7
    return b"\x32" + length + bytes((size,)) + body


def encode(count: int, homes: int, first: int, chunk: int, *, buffered: bool) -> list[bytes]:
    """Packets in chunks of that many, each message with a key of its own."""
    more = {"buffered": True} if buffered else {}
    packets: list[bytes] = []
    at = ""
    for number in range(first, first + count):
        if (number - first) % 1_000 == 0:
            at = wire_time()
        packets.append(packet(number, *telemetry(number, homes, at, id=f"m{number}", **more)))
    return [b"".join(packets[start : start + chunk]) for start in range(0, count, chunk)]


class Acknowledgements(threading.Thread):
    """Counts PUBACKs as they come: four bytes each."""

    def __init__(self, connection: socket.socket, count: int) -> None:
        super().__init__(daemon=True)
        self._connection, self._bytes, self._count = connection, 0, count
        self.room = threading.Condition()

    @property
    def received(self) -> int:
        return self._bytes // 4

    def run(self) -> None:
        while self.received < self._count and (data := self._connection.recv(1 << 16)):
            with self.room:
                self._bytes += len(data)
                self.room.notify()


def publish(port: int, chunks: list[bytes], count: int, chunk_size: int, rate: float | None) -> float:
    """Seconds from the first byte until the last acknowledgement."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(CONNECT)
        if connection.recv(4)[:1] != b"\x20":
            raise ConnectionError("the broker refused the publisher")
        connection.settimeout(120)
        acknowledged = Acknowledgements(connection, count)
        acknowledged.start()
        started_s, sent = time.perf_counter(), 0
        pause = threading.Event()  # never set: its wait is the pace
        for chunk in chunks:
            with acknowledged.room:
                acknowledged.room.wait_for(lambda: sent - acknowledged.received < WINDOW, 60)  # noqa: B023 (called here)
            if rate is not None:
                pause.wait(max(0.0, started_s + sent / rate - time.perf_counter()))
            connection.sendall(chunk)
            sent += chunk_size
        acknowledged.join(120)
        return time.perf_counter() - started_s


def main() -> None:
    """Encode, wait for the word, publish."""
    given = argparse.ArgumentParser()
    given.add_argument("port", type=int)
    given.add_argument("count", type=int)
    given.add_argument("homes", type=int)
    given.add_argument("--rate", type=float)
    given.add_argument("--buffered", action="store_true")
    given.add_argument("--first", type=int, default=0)
    got = given.parse_args()
    chunk = CHUNK if got.rate is None else max(1, int(got.rate // 200))  # five milliseconds' worth
    chunks = encode(got.count, got.homes, got.first, chunk, buffered=got.buffered)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps({"seconds": publish(got.port, chunks, got.count, chunk, got.rate)}), flush=True)


if __name__ == "__main__":
    main()
