"""The logs as Kafka topics: names, partitions, and what one record looks like. Pure; no client here.

A *generation* is a set of topics with one number of partitions; growing begins a new one (`rules/growing.py`). The
partition is always ours, `crc32(key) % partitions`, never a client's partitioner.

README, "The logs on Kafka", has the table of them: keys, values, times, how long each is kept.
The values are the rows that the SQLite journal stores, as msgpack arrays: envelope apart from content, with site and
schema version in each. A position is offset + 1 within its partition, as `seq` is embedded. Outside the folds a raw
record is named by its *place*, one integer for generation, partition and position.

What concerns every address (the book, the feed, a clock without partition) stands in every raw partition, any other
setting where it is needed (`setting_places.py`), so that each can be folded alone. What several then have to say of it,
`kept` lets partition p say to inputs partition p only.
"""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from ingest import journal_rows as rows
from ingest.codec import Codec
from ingest.record import (
    CLOCK,
    EVENT,
    HTTP,
    MQTT,
    SCHEMA,
    SETTING,
    STAFF,
    DeadLetter,
    Folded,
    Input,
    RawRecord,
    Verdict,
)
from ingest.source_settings import FEED_TYPES, SERVICE_ADDRESS, read_object

RAW, INPUTS, ALARMS, DEAD, VERDICTS = "raw", "inputs", "alarms", "dead", "verdicts"
LOGS = (RAW, INPUTS, ALARMS, DEAD, VERDICTS)
SETTINGS = "settings"  # beside the logs, one partition: where each setting stands (ingest/setting_places.py)
INTAKES = "intakes"  # beside the logs, one partition, the newest word of each intake (ingest/intake_notes.py)
REPLICAS = 3  # brokers that have each record, unless said otherwise; all but one must, before it is acknowledged
MOVED = "moved"  # Input.kind on a log that grows: from here on this home stands in the next generation
PARTITION_BITS, SEQ_BITS = 10, 36  # of a place, with 7 for the generation: 53 together, so that JavaScript can hold it
PARTITIONS_MAX, GENERATIONS_MAX = 1 << PARTITION_BITS, 127
TO = "to:"  # link of a setting that stands in these raw partitions only
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_T = TypeVar("_T")
_FLOOR_KINDS = frozenset({CLOCK, SETTING, MOVED})
_HTTP = f"{HTTP}:"


class Layout(msgspec.Struct, frozen=True):
    """The topics of one site in one generation."""

    site: str
    generation: int = 1
    partitions: int = 128

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.site):
            raise ValueError(f"site {self.site!r} cannot name a topic: letters, digits, dot, - and _ only")
        if not (1 <= self.partitions <= PARTITIONS_MAX and 1 <= self.generation <= GENERATIONS_MAX):
            raise ValueError(f"partitions must be 1 to {PARTITIONS_MAX}, the generation 1 to {GENERATIONS_MAX}")

    def topic(self, log: str) -> str:
        """`vardevakt.<site>.<log>.<generation>`."""
        return f"vardevakt.{self.site}.{log}.{self.generation}"

    def lane_partition(self, partition: int) -> int:
        """Its number among those of every generation, for positions and snapshots; in the first its own."""
        return place(partition, 0, self.generation) >> SEQ_BITS

    def partition_of(self, key: str) -> int:
        return crc32(key.encode("utf-8", "replace")) % self.partitions


def place(partition: int, seq: int, generation: int = 1) -> int:
    """One integer for a raw record; in partition 0 of the first generation its seq."""
    return ((generation - 1) << PARTITION_BITS | partition) << SEQ_BITS | seq


def split_place(at: int) -> tuple[int, int, int]:
    """(partition, seq, generation) of a place."""
    return at >> SEQ_BITS & PARTITIONS_MAX - 1, at & (1 << SEQ_BITS) - 1, (at >> SEQ_BITS + PARTITION_BITS) + 1


class Placement:
    """In which raw partitions a record stands. A setting in those that its link names; in all, where it names none."""

    def __init__(self, layout: Layout, codecs: Sequence[Codec]) -> None:
        self.layout, self._codecs = layout, tuple(codecs)
        self._everywhere = range(layout.partitions)

    def __call__(self, record: RawRecord) -> Sequence[int]:
        key = self.key(record)
        if key is not None:
            return (self.layout.partition_of(key),)
        if record.kind == CLOCK and record.topic:
            return (int(record.topic),)
        if record.kind == SETTING and record.link.startswith(TO):
            return [int(one) for one in record.link.removeprefix(TO).split(",")]
        return self._everywhere

    def key(self, record: RawRecord) -> str | None:
        """What the record is placed by; None: a clock, or what every partition must know."""
        if record.kind == MQTT:
            return self._topic_key(record.topic)
        if record.kind == HTTP:
            return self.key_of_address(record.topic.removeprefix(_HTTP))
        if record.kind == STAFF:
            said = read_object(record) or {}
            return f"home/{said.get('home')}"
        return None

    def _topic_key(self, topic: str) -> str:
        for codec in self._codecs:
            try:
                route = codec.route(topic)
            except Exception:  # noqa: BLE001 - the named quarantine: the source fold says what is wrong with it
                return topic
            if route is not None:
                return self.key_of_address(route.gateway or route.address)
        return topic

    def key_of_address(self, address: str) -> str:
        """The gateway's, where the address or its topics name one: a device's copies by MQTT and HTTP meet each other
        there, and its gateway, as whose silence it is can only be told where both are heard.
        """
        return next((found for codec in self._codecs if (found := codec.gateway_of(address)) is not None), address)

    def here(self, partition: int, address: str) -> bool:
        """Whether what this address says itself stands in that partition."""
        return self.layout.partition_of(self.key_of_address(address)) == partition


def clock_record(at_ms: int, partition: int | None = None, log: str = "") -> RawRecord:
    """Moves the time of one partition, or of all. `log`: of this log only (RAW: not beyond the source fold), as whoever
    asks for it knows that nothing older is to come there; default is all.
    """
    return RawRecord(at_ms, CLOCK, topic="" if partition is None else str(partition), payload=log.encode())


class Origin(msgspec.Struct, frozen=True, gc=False, array_like=True, order=True):
    """Which raw record an input came of, and the how-manieth of it. In the order of one raw partition's fold."""

    partition: int
    seq: int
    index: int


class Sourced(msgspec.Struct, frozen=True, gc=False):
    """A record of `inputs` or `alarms`. `after`: the row before it in the same write there. `state`: of a `moved`."""

    input: Input
    origin: Origin
    after: tuple[int, int] | None = None
    state: bytes = b""


class Origins:
    """Newest origin a raw partition, of one partition of inputs. Belongs into the reader's snapshot.

    What is not newer was written twice (a restart, a zombie) and changes nothing. What comes after a row that is not
    there is left out too: a write that failed in the middle is written again as a whole before anything follows it.
    `whole` False: for who begins to read in the middle, and only looks.
    """

    def __init__(self, newest: dict[int, Origin] | None = None, *, whole: bool = True) -> None:
        self.newest, self._whole = dict(newest or {}), whole

    def new(self, one: Sourced) -> bool:
        """Whether to take it; remembers it."""
        known, origin = self.newest.get(one.origin.partition), one.origin
        if known is not None and origin <= known:
            return False
        before = (0, 0) if known is None else (known.seq, known.index)
        if one.after is not None and one.after > before and (known is not None or self._whole):
            return False
        self.newest[origin.partition] = origin
        return True


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One record to be written: its log, partition, key and bytes. `at_ms`: its time, for finding it again."""

    log: str
    partition: int
    key: bytes
    value: bytes
    at_ms: int


def kept(layout: Layout, partition: int, one: Input) -> bool:
    """Whether raw partition `partition` is the one to say this: what all of them know is said by one of them."""
    event = one.event
    if one.kind == EVENT and not (event and event.address == SERVICE_ADDRESS and event.type in FEED_TYPES):
        return True
    return not one.home or layout.partition_of(one.home) == partition


def outgoing(layout: Layout, partition: int, folded: Iterable[tuple[RawRecord, Folded]]) -> list[Outgoing]:
    """What records of one raw partition became: the rows of one write, in order."""
    found: list[Outgoing] = []
    last: dict[tuple[str, int], tuple[int, int]] = {}  # (log, partition) -> the row before
    for record, each in folded:
        for index, one in enumerate(each.inputs):
            if not kept(layout, partition, one):
                continue
            target = layout.partition_of(one.home) if one.home else partition
            key = one.home.encode("utf-8", "replace")
            origin = Origin(partition, record.seq, index)
            for log in _logs(record, one):
                value = encode_input(layout.site, one, origin, last.get((log, target)))
                last[log, target] = (record.seq, index)
                found.append(Outgoing(log, target, key, value, one.received_at_ms))
        for dead in each.dead_letters:
            value = rows.packed(rows.dead_letter_row(layout.site, dead))
            found.append(Outgoing(DEAD, partition, dead.address.encode("utf-8", "replace"), value, dead.received_at_ms))
        for verdict in each.verdicts:
            value = rows.packed(rows.verdict_row(layout.site, verdict))
            found.append(Outgoing(VERDICTS, partition, b"", value, record.received_at_ms))
    return found


def _logs(record: RawRecord, one: Input) -> tuple[str, ...]:
    """Where an input is written."""
    found = (INPUTS, ALARMS) if one.floor or one.kind in _FLOOR_KINDS else (INPUTS,)
    if record.kind == CLOCK and one.kind == CLOCK and record.payload:
        return tuple(log for log in found if log.encode() == record.payload)
    return found


def encode_raw(site: str, record: RawRecord) -> bytes:
    return rows.packed([*rows.raw_row(0, site, record)[1:], None])


def decode_raw(value: bytes, offset: int) -> RawRecord:
    """The record at that offset; its `seq` is offset + 1. ValueError: none of ours."""
    _site, _schema, received_at_ms, kind, topic, flags, link, payload, _key = _decoded(_raw, value)
    return rows.raw_record((offset + 1, received_at_ms, kind, topic, flags, link, payload))


def encode_input(site: str, one: Input, origin: Origin, after: tuple[int, int] | None = None) -> bytes:
    return rows.packed([origin, after, *rows.input_row(site, one), None])


def encode_moved(
    site: str, home: str, at_ms: int, state: bytes, origin: Origin, after: tuple[int, int] | None = None
) -> bytes:
    """`state`: the home's as a snapshot has it; empty in the log that it leaves."""
    row = (site, SCHEMA, at_ms, MOVED, home, 0, 0, 0, 0, None, state)
    return rows.packed([origin, after, *row, None])


def decode_input(value: bytes, offset: int, generation: int = 1) -> Sourced:
    """The input at that offset; `seq` is offset + 1, `raw_seq` the place of its raw record. ValueError: not ours."""
    origin, after, site, schema, at_ms, kind, home, floor, _raw_seq, item, derived, envelope, content, _key = _decoded(
        _input, value
    )
    at = place(origin.partition, origin.seq, generation) if origin.partition >= 0 else 0
    if kind == MOVED:
        return Sourced(Input(kind, at_ms, home, raw_seq=at, seq=offset + 1), origin, after, content or b"")
    row = (offset + 1, site, schema, at_ms, kind, home, floor, at, item, derived, envelope, content)
    return Sourced(rows.input_of(row), origin, after)


def decode_dead_letter(value: bytes, partition: int, generation: int = 1) -> DeadLetter:
    """`raw_seq` is the place. ValueError: none of ours."""
    seq, item, _site, _schema, at_ms, address, reason, detail, may_be_alarm = _decoded(_dead, value)
    return rows.dead_letter((place(partition, seq, generation), item, at_ms, address, reason, detail, may_be_alarm))


def decode_verdict(value: bytes, partition: int, generation: int = 1) -> Verdict:
    """`raw_seq` is the place. ValueError: none of ours."""
    seq, item, _site, _schema, reason, event_id = _decoded(_verdict, value)
    return rows.verdict((place(partition, seq, generation), item, reason, event_id))


_raw = msgspec.msgpack.Decoder(tuple[str, int, int, str, str, int, str, bytes, str | None])
_input = msgspec.msgpack.Decoder(
    tuple[
        Origin, tuple[int, int] | None, str, int, int, str, str, int, int, int, int, bytes | None, bytes | None,
        str | None,
    ]
)  # fmt: skip
_dead = msgspec.msgpack.Decoder(tuple[int, int, str, int, int, str, str, str, int])
_verdict = msgspec.msgpack.Decoder(tuple[int, int, str, int, str, str | None])


def _decoded(decoder: msgspec.msgpack.Decoder[_T], value: bytes) -> _T:
    try:
        return decoder.decode(value)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a record of ours: {error}") from error
