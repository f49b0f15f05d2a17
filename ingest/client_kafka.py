"""Kafka's client (aiokafka) behind plain calls, with `reader_kafka.py` the one edge that names it. A thread of its own
runs its event loop.

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
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from ingest.journal import JournalError
from ingest.kafka_access import KafkaAccess, access
from ingest.reader_kafka import FETCH_BYTES, Reader

REQUEST_MS = 10_000
RECORD_BYTES = 4 * 1024 * 1024
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
        options = {**self._access, "request_timeout_ms": REQUEST_MS}
        reader = Reader(self.call, self._starting, options, fetch_bytes)
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


async def _cancel_all() -> None:
    """What still runs in this loop waits for a broker that is away."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _failed(error: KafkaError) -> None:
    raise error


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
    for answer in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in found]):
        for resource in answer.resources:
            name, entries = resource[3], resource[4]
            kept = {entry[0]: str(entry[1]) for entry in entries if entry[0] in config}
            found[name] = msgspec.structs.replace(found[name], config=kept)
    return found
