"""Consumers of Kafka's client (aiokafka) that belong to no group: partitions by offset. Edge, see `client_kafka.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

FETCH_BYTES = 8 * 1024 * 1024
HEAD_BYTES = 65_536  # of who looks for single rows: a batch of most partitions, and not much more
POLL_MS = 200
_T = TypeVar("_T")


class Call(Protocol):
    """Runs work in the client's thread and waits (`KafkaClient.call`)."""

    def __call__(self, work: Coroutine[Any, Any, _T], /) -> _T: ...


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """One record as it was read."""

    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Reader:
    """Reads partitions from where it is told; commits nothing, belongs to no group. Callable from any thread."""

    def __init__(self, call: Call, starting: asyncio.Lock, options: Mapping[str, Any], fetch_bytes: int) -> None:
        """`starting`: the client's, as its consumers start one after the other. `options`: how Kafka is reached."""
        self._call, self._starting = call, starting
        self._options = {**options, "fetch_max_wait_ms": POLL_MS, "max_partition_fetch_bytes": fetch_bytes}
        self._consumer: AIOKafkaConsumer | None = None
        self._busy = asyncio.Lock()
        self._at: tuple[TopicPartition, int] | None = None

    def read(self, topic: str, partition: int, offset: int, limit: int, until: int | None = None) -> list[Fetched]:
        """Records from `offset` on, in order, up to the end (or before offset `until`), at most `limit`."""
        return self._call(self._read(TopicPartition(topic, partition), offset, limit, until))

    def firsts(self, topic: str, offsets: Mapping[int, int]) -> dict[int, Fetched]:
        """The first record from its offset on of each of these partitions, of those that have one.

        They are asked for at once, up to `fetch_bytes` of each; of those whose first batch is larger, one an answer.
        """
        found = self._call(self._firsts({TopicPartition(topic, one): at for one, at in offsets.items()}))
        for partition in offsets.keys() - found.keys():
            found |= {one.partition: one for one in self.read(topic, partition, offsets[partition], 1)}
        return found

    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Offset that the next record of each gets."""
        return self._call(self._offsets("end_offsets", topic, partitions))

    def begins(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Offset of the first record that each still has."""
        return self._call(self._offsets("beginning_offsets", topic, partitions))

    def at_time(self, topic: str, partitions: Sequence[int], at_ms: int) -> dict[int, int]:
        """Offset of the first record of each that is not older; where all are, the end."""
        return self._call(self._at_time(topic, partitions, at_ms))

    async def _read(self, tp: TopicPartition, offset: int, limit: int, until: int | None) -> list[Fetched]:
        async with self._busy:
            consumer = await self._started()
            end = (await consumer.end_offsets([tp]))[tp]
            until = end if until is None else min(end, until)
            if self._at is None or self._at[0] != tp:
                consumer.assign([tp])
            if self._at != (tp, offset):
                consumer.seek(tp, offset)
            found: list[Fetched] = []
            self._at = None
            while len(found) < limit and offset < until:
                consumer.resume(tp)
                page = await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=limit - len(found))
                consumer.pause(tp)  # else it asks on at the end, and whatever is asked next waits for that answer
                found.extend(_fetched(one) for one in page.get(tp, ()) if one.offset < until)
                offset = await consumer.position(tp)
            self._at = (tp, offset)
            return found

    async def _firsts(self, offsets: Mapping[TopicPartition, int]) -> dict[int, Fetched]:
        """Of those that come while each poll brings some. What an answer has of a partition beyond its first record
        goes with the assignment: the client would wait before it asks on, as if that were still to be read.
        """
        async with self._busy:
            consumer = await self._started()
            found: dict[TopicPartition, Fetched] = {}
            self._at = None
            while waiting := offsets.keys() - found.keys():
                consumer.assign(list(waiting))
                for tp in waiting:
                    consumer.seek(tp, offsets[tp])
                page = await consumer.getmany(timeout_ms=POLL_MS, max_records=1)
                if not page:
                    break
                while page:
                    found |= {tp: _fetched(one) for tp, (one,) in page.items()}
                    left = offsets.keys() - found.keys()
                    page = await consumer.getmany(*left, timeout_ms=0, max_records=1) if left else {}
            consumer.pause(*consumer.assignment())  # see `_read`
            return {tp.partition: one for tp, one in found.items()}

    async def _offsets(self, ask: str, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        consumer = await self._started()
        found = await getattr(consumer, ask)([TopicPartition(topic, one) for one in partitions])
        return {tp.partition: offset for tp, offset in found.items()}

    async def _at_time(self, topic: str, partitions: Sequence[int], at_ms: int) -> dict[int, int]:
        consumer = await self._started()
        found = await consumer.offsets_for_times({TopicPartition(topic, one): at_ms for one in partitions})
        ends = await consumer.end_offsets(list(found))
        return {tp.partition: ends[tp] if at is None else at.offset for tp, at in found.items()}

    async def _started(self) -> AIOKafkaConsumer:
        async with self._starting:
            if self._consumer is None:
                consumer = AIOKafkaConsumer(**self._options, enable_auto_commit=False, auto_offset_reset="earliest")
                try:
                    await consumer.start()
                except BaseException:
                    await consumer.stop()
                    raise
                self._consumer = consumer
            return self._consumer

    async def stop(self) -> None:
        """In the client's thread."""
        if self._consumer is not None:
            await self._consumer.stop()


def _fetched(one: Any) -> Fetched:
    return Fetched(one.partition, one.offset, one.timestamp, one.key, one.value or b"", tuple(one.headers))
