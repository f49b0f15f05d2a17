"""Recordings (contracts §2): raw messages as they were on the wire, JSON lines, optionally gzip. Edge: files.

Read and written as a stream, so a recording may be larger than memory. A broken line is named with its number and
the file refused; leniently it is skipped and counted. Beyond contracts §2 a line may have `kind`: "http" for what came
by POST /events, "feed" for what the service knew of its own hearing, without which a replay takes a dead broker or a
stopped service for silent devices. Lines without `kind` are MQTT, as ever.
"""

from __future__ import annotations

import base64
import binascii
import gzip
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

import msgspec

from ingest.journal import RawReader
from ingest.record import CLOCK, FEED, HTTP, MQTT, RawRecord
from ingest.wire_time import rfc3339_ms

MAX_LINE_BYTES = 32 * 1024 * 1024  # 4 MiB of payload, each byte as \u00XX, and some
PAGE_ROWS = 1_000
_FIELDS = ("at", "topic", "payload", "qos", "retain", "dup", "kind")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode = msgspec.json.Decoder(dict[str, object]).decode
_encode = msgspec.json.Encoder().encode


class RecordingError(Exception):
    """A broken line: file, number and what is wrong with it."""

    def __init__(self, source: str, line: int, reason: str) -> None:
        super().__init__(f"{source}, line {line}: {reason}")
        self.source, self.line, self.reason = source, line, reason


class RecordingReader:
    """Iterate it for the records, in order. `skipped` counts the broken lines that `lenient` passed over."""

    def __init__(self, path: Path, *, lenient: bool = False) -> None:
        self.path, self.lenient = path, lenient
        self.skipped = 0
        self.first_skipped: RecordingError | None = None

    def __iter__(self) -> Iterator[RawRecord]:
        """RecordingError at the first broken line (or, leniently, only where the file itself cannot be read on)."""
        number, last_ms = 0, 0
        with _open(self.path, "rb") as file:
            for number, line in enumerate(self._lines(file), 1):
                if not line.strip():
                    continue
                try:
                    record = parse_line(line)
                    if record.received_at_ms < last_ms:
                        raise ValueError("`at` is before that of the line above; lines stand in the order of arrival")
                except ValueError as error:
                    self._broken(RecordingError(str(self.path), number, str(error)))
                    continue
                last_ms = record.received_at_ms
                yield record

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        number = 0
        while True:
            number += 1
            try:
                line = file.readline(MAX_LINE_BYTES + 1)
            except (OSError, EOFError) as error:  # gzip cut short, damaged, or none at all
                raise RecordingError(str(self.path), number, f"cannot read on: {error}") from error
            if not line:
                return
            while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                line = b"?" + file.readline(MAX_LINE_BYTES)  # the rest of it; "?" makes it a broken line
            yield line

    def _broken(self, error: RecordingError) -> None:
        if not self.lenient:
            raise error
        self.skipped += 1
        self.first_skipped = self.first_skipped or error


class RecordingWriter:
    """Writes records as lines; gzip when the name ends in .gz. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._file = _open(path, "wb")
        self.lines = 0

    def write(self, records: Iterable[RawRecord]) -> None:
        for record in records:
            self._file.write(line_of(record))
            self.lines += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def record_lines(raw: RawReader, from_ms: int, to_ms: int) -> Iterator[bytes]:
    """Lines of all of RAW with from_ms <= received_at < to_ms. Settings and acts of staff move the clock only: what
    they say comes from a site file in a replay, where nobody acts.
    """
    seq = _first_seq(raw, from_ms) - 1
    while page := raw.read(seq, PAGE_ROWS):
        for record in page:
            if record.received_at_ms >= to_ms:
                return
            yield line_of(record)
        seq = page[-1].seq


def _first_seq(raw: RawReader, from_ms: int) -> int:
    """Seq of the first row at or after `from_ms`, by bisection: times never go back, positions have no holes."""
    low, high = 1, raw.last_seq() + 1
    while low < high:
        middle = (low + high) // 2
        page = raw.read(middle - 1, 1)
        if page and page[0].received_at_ms < from_ms:
            low = page[0].seq + 1
        else:
            high = middle
    return low


def line_of(record: RawRecord) -> bytes:
    """One line with its line feed. A payload that is UTF-8 stands as text, any other as base64."""
    fields: dict[str, object] = {"at": _at(record.received_at_ms)}
    if record.kind in {MQTT, HTTP}:
        fields["topic"] = record.topic
        fields["payload"] = _payload_value(record.payload)
        fields["qos"] = record.qos
        fields["retain"] = record.retain
        if record.dup:
            fields["dup"] = True
        if record.kind == HTTP:
            fields["kind"] = HTTP
    elif record.kind == FEED:
        fields["kind"] = FEED
        fields["payload"] = _payload_value(record.payload)
    return _encode(fields) + b"\n"


def parse_line(line: bytes) -> RawRecord:
    """The record of one line; ValueError says what is wrong with it."""
    try:
        fields = _decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(f"not a JSON object: {error}") from error
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise ValueError(f"unknown field `{unknown[0]}`; known are {', '.join(_FIELDS)}")
    at = fields.get("at")
    at_ms = rfc3339_ms(at) if isinstance(at, str) else None
    if at_ms is None or at_ms < 0:
        raise ValueError("`at` must be a time like 2026-03-01T21:14:05.300Z")
    if len(fields) == 1:
        return RawRecord(at_ms, CLOCK)
    if fields.get("kind") == FEED:
        return RawRecord(at_ms, FEED, payload=_payload(fields.get("payload")))
    return _message(at_ms, fields)


def _message(at_ms: int, fields: dict[str, object]) -> RawRecord:
    topic = fields.get("topic")
    if not isinstance(topic, str) or not topic:
        raise ValueError("`topic` must be a text")
    qos = fields.get("qos", 0)
    if qos not in (0, 1, 2) or isinstance(qos, bool):
        raise ValueError("`qos` must be 0, 1 or 2")
    kind = fields.get("kind", MQTT)
    if kind not in {MQTT, HTTP}:
        raise ValueError(f"`kind` must be {MQTT}, {HTTP} or {FEED}")
    retain, dup = _flag(fields, "retain"), _flag(fields, "dup")
    return RawRecord(at_ms, str(kind), topic, _payload(fields.get("payload")), qos, retain, dup)


def _flag(fields: dict[str, object], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be true or false")
    return value


def _payload(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and list(value) == ["base64"] and isinstance(value["base64"], str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"`payload` is not base64: {error}") from error
    raise ValueError('`payload` must be a text, or {"base64": "…"}')


def _payload_value(payload: bytes) -> object:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}


def _at(at_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _open(path: Path, mode: str) -> BinaryIO:
    file = cast("BinaryIO", path.open(mode))
    if path.suffix != ".gz":
        return file
    # no name and no time in the header: the same records give the same bytes
    packed = gzip.GzipFile(filename="", mode=mode, fileobj=file, mtime=0)
    packed.myfileobj = cast("Any", file)  # so that closing it closes the file too
    return cast("BinaryIO", packed)
