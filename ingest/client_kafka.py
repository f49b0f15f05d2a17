"""Kafka's client (aiokafka) behind plain calls: the one edge that names it. A thread of its own runs its event loop.

Used by any thread; nothing here knows what a record means. Offsets are Kafka's, from 0. What goes wrong is a
JournalError that says with which server. Its own logging is silenced: it cries once a second while a broker is away,
and whoever calls says what that means.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from ingest.journal import JournalError
from ingest.kafka_access import KafkaAccess, access

REQUEST_MS = 10_000
RECORD_BYTES = 4 * 1024 * 1024
FETCH_BYTES = 8 * 1024 * 1024
POLL_MS = 200
_T = TypeVar("_T")


class Message(msgspec.Struct, frozen=True, gc=False):
    """One record to be written, to a partition of our choice. `at_ms` counts where the topic keeps CreateTime."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    at_ms: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Ack(msgspec.Struct, frozen=True, gc=False):
    """Kafka has the record, on all replicas that must. `at_ms`: its time, as the topic keeps it."""

    offset: int
    at_ms: int


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """One record as it was read."""

    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Topic(msgspec.Struct, frozen=True):
    """A topic as the cluster has it; `config` holds what was asked for."""

    name: str
    partitions: int
    replicas: int
    config: dict[str, str] = {}


class KafkaClient:
    """One connection to the cluster: a producer, and consumers that belong to no group."""

    def __init__(self, kafka: KafkaAccess | str, name: str = "vardevakt") -> None:
        """Nothing is connected before the first call. JournalError: a certificate cannot be used."""
        self.servers, self._name, self._access = access(kafka).servers, name, access(kafka).of_aiokafka()
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self._loop = asyncio.new_event_loop()
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._readers: list[Reader] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka-client", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Run it in the client's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, _T], timeout_s: float = 30.0) -> _T:
        """Run it there and wait. JournalError when the cluster refuses or does not answer in time."""
        future = self.submit(work)
        try:
            return future.result(timeout_s)
        except (KafkaError, Late, OSError) as error:
            future.cancel()
            raise self.trouble(error) from error

    def trouble(self, error: BaseException) -> JournalError:
        """The same in our words."""
        return JournalError(f"kafka {self.servers}: {type(error).__name__} {error}".rstrip())

    async def produce(self, messages: Sequence[Message]) -> list[Ack | BaseException]:
        """Hand all over in order, then wait for each: acknowledged, or why not. While the cluster is away it tries on,
        without an end and without copies (idempotent producer). Raises when the producer cannot even start.
        """
        producer = await self._started()
        waiting: list[Awaitable[Any]] = []
        for one in messages:
            try:
                sent = await producer.send(
                    one.topic, one.value, one.key, one.partition, one.at_ms, headers=list(one.headers)
                )
            except KafkaError as error:
                waiting.append(_failed(error))
                break  # nothing may overtake it
            waiting.append(sent)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        told = [one if isinstance(one, BaseException) else Ack(one.offset, one.timestamp) for one in results]
        cause = next((one for one in told if isinstance(one, BaseException)), KafkaError("not sent"))
        return [*told, *([cause] * (len(messages) - len(told)))]

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._access, client_id=self._name, acks="all", enable_idempotence=True,
                    request_timeout_ms=REQUEST_MS, max_request_size=RECORD_BYTES, max_batch_size=RECORD_BYTES // 8,
                )  # fmt: skip
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    def reader(self, fetch_bytes: int = FETCH_BYTES) -> Reader:
        """One more consumer, for one thread at a time; closed with the client. `fetch_bytes`: about so much at once."""
        reader = Reader(self, fetch_bytes)
        self._readers.append(reader)
        return reader

    # ------------------------------------------------------------- topics
    def create(self, topics: Sequence[Topic]) -> list[str]:
        """Create what is not there; the names of what was."""
        return self.call(self._admin(lambda admin: _create(admin, topics)))

    def describe(self, names: Sequence[str], config: Sequence[str] = ()) -> dict[str, Topic]:
        """What is there of these, with the values of `config`."""
        return self.call(self._admin(lambda admin: _describe(admin, names, config)))

    async def _admin(self, ask: Callable[[AIOKafkaAdminClient], Awaitable[_T]]) -> _T:
        admin = AIOKafkaAdminClient(**self._access, client_id=self._name, request_timeout_ms=REQUEST_MS)
        try:
            await admin.start()
            return await ask(admin)
        finally:
            await admin.close()

    def close(self, timeout_s: float = 5.0) -> None:
        """What is not acknowledged by then is given up. Safe to call twice."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(KafkaError, Late, OSError):  # a broker that is away cannot be told good-bye
            self.submit(self._shut()).result(timeout_s)
        self.submit(_cancel_all()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _shut(self) -> None:
        for reader in self._readers:
            await reader.stop()
        if self._producer is not None:
            await self._producer.stop()


class Reader:
    """Reads partitions from where it is told; commits nothing, belongs to no group. Callable from any thread."""

    def __init__(self, client: KafkaClient, fetch_bytes: int = FETCH_BYTES) -> None:
        self._client, self._fetch_bytes = client, fetch_bytes
        self._consumer: AIOKafkaConsumer | None = None
        self._busy = asyncio.Lock()
        self._at: tuple[TopicPartition, int] | None = None

    def read(self, topic: str, partition: int, offset: int, limit: int, until: int | None = None) -> list[Fetched]:
        """Records from `offset` on, in order, up to the end (or before offset `until`), at most `limit`."""
        return self._client.call(self._read(TopicPartition(topic, partition), offset, limit, until))

    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Offset that the next record of each gets."""
        return self._client.call(self._offsets("end_offsets", topic, partitions))

    def begins(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Offset of the first record that each still has."""
        return self._client.call(self._offsets("beginning_offsets", topic, partitions))

    def at_time(self, topic: str, partitions: Sequence[int], at_ms: int) -> dict[int, int]:
        """Offset of the first record of each that is not older; where all are, the end."""
        return self._client.call(self._at_time(topic, partitions, at_ms))

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
                page = await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=limit - len(found))
                found.extend(_fetched(one) for one in page.get(tp, ()) if one.offset < until)
                offset = await consumer.position(tp)
            self._at = (tp, offset)
            return found

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
        async with self._client._starting:  # noqa: SLF001 - one of us
            if self._consumer is None:
                consumer = AIOKafkaConsumer(
                    **self._client._access, enable_auto_commit=False, auto_offset_reset="earliest",  # noqa: SLF001 - one of us
                    request_timeout_ms=REQUEST_MS, fetch_max_wait_ms=POLL_MS,
                    max_partition_fetch_bytes=self._fetch_bytes,
                )  # fmt: skip
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


async def _cancel_all() -> None:
    """What still runs in this loop waits for a broker that is away."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _failed(error: KafkaError) -> None:
    raise error


def _fetched(one: Any) -> Fetched:
    return Fetched(one.partition, one.offset, one.timestamp, one.key, one.value or b"", tuple(one.headers))


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[str]:
    wanted = [NewTopic(one.name, one.partitions, one.replicas, topic_configs=one.config) for one in topics]
    answer = await admin.create_topics(wanted, timeout_ms=REQUEST_MS)
    made = []
    for name, code, *words in answer.topic_errors:
        if code == 0:
            made.append(name)
        elif for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(f"{name}: {words[0] if words else ''}")
    return made


async def _describe(admin: AIOKafkaAdminClient, names: Sequence[str], config: Sequence[str]) -> dict[str, Topic]:
    found: dict[str, Topic] = {}
    for one in await admin.describe_topics(list(names)):
        if one["error_code"] == 0:
            parts = one["partitions"]
            replicas = min((len(each["replicas"]) for each in parts), default=0)
            found[one["topic"]] = Topic(one["topic"], len(parts), replicas)
    if not config or not found:
        return found
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
    for answer in await admin.describe_configs(asked):
        for resource in answer.resources:
            name, entries = resource[3], resource[4]
            kept = {entry[0]: str(entry[1]) for entry in entries if entry[0] in config}
            found[name] = msgspec.structs.replace(found[name], config=kept)
    return found
