"""Faust around the folds: membership, assignment and the consumer loop of one lane. The one edge that names it.

Taken from Faust: the group, which partitions are ours, and rows as they come. Not taken: its streams and agents (some
coroutines a row: 11 000 rows/s before any fold), windows, timers, tables, committed offsets, exactly-once (lessons 3.2,
rows 1-8). So its consumer is ours in three places: rows go in batches to `Partitions`, "seek to the committed
offsets" means to our own positions, and it commits nothing.

A lane has a thread with an event loop of its own, in which the app must also be made: Faust's services keep the loop
they first see. Faust's consumer has a second thread, so heartbeats go on while a fold is busy. Steps run in a third, so
that the loop goes on meanwhile; a rebalance waits for the one under way.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faust
import structlog
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from ingest.kafka_access import KafkaAccess
from rules.lanes import Stored
from rules.partitions import Ahead, Away, Misplaced, Partitions

SESSION_S, HEARTBEAT_S = 6.0, 1.5  # a worker that is gone is missed after a session
FETCH_BYTES = 128 * 1024  # of one partition at a time: an alarm waits behind so much of each other one's backlog
ROWS = 2_000
FEW = 500  # rows: a poll that brought so many has more behind it
TICK_S = 0.25
POLL_S = 0.5
WAITING_S = 0.03  # so often rows are offered again that wait for other partitions
START_S, STOP_S = 180.0, 30.0  # a lane that has heard nothing of its group by then is begun anew

log = structlog.get_logger()
Batch = tuple[Sequence[Stored], int, int]  # rows, how many of them are folded, generation of the group


class Consumer(driver.Consumer):
    """Faust's consumer with positions of our own. See the module's text.

    `turn` is held by whoever touches the partitions: the loop while it hands out a poll, a rebalance, the clock.
    """

    owner: Partitions
    turn: asyncio.Lock
    pool: ThreadPoolExecutor
    ahead: dict[int, Batch]  # what waits for other partitions: its partition is paused, and the rows are kept

    async def perform_seek(self) -> None:
        """After a rebalance: what is ours is loaded, and read from position + 1."""
        given = {tp for tp in self.assignment() if tp.topic == self.owner.lane.topic}
        async with self.turn:
            self.ahead.clear()
            self.owner.assigned({tp.partition for tp in given})
        positions = self.owner.positions()
        self.pause_partitions({tp for tp in given if tp.partition not in positions})
        await self.go_to(positions)

    async def go_to(self, positions: Mapping[int, int]) -> None:
        """Read these partitions from the row after each position (a row's seq is its offset + 1)."""
        if positions:
            await self._thread.seek_wait({self._tp(partition): at for partition, at in positions.items()})

    async def resume(self, partitions: Sequence[int]) -> None:
        """Partitions that were loaded anew, or do not move: read them from their position."""
        positions = self.owner.positions()
        for partition in partitions:
            self.ahead.pop(partition, None)
        ours = [partition for partition in partitions if self._tp(partition) in self.assignment()]
        await self.go_to({partition: positions[partition] for partition in ours if partition in positions})
        self.resume_partitions({self._tp(partition) for partition in ours})

    async def offer_again(self) -> None:
        """What waits; where none of it has to any more, its partition is read on."""
        async with self.turn:
            for partition, batch in list(self.ahead.items()) if self.flow_active else ():
                del self.ahead[partition]
                await self._give(partition, *batch)
                if partition not in self.ahead and partition in self.owner.positions():
                    self.resume_partitions({self._tp(partition)})

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Positions are the desk's."""
        return False

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stalls are seen by age (`partition_watch.py`), not by commits."""

    async def _drain_messages(self, fetcher: Any) -> None:
        """The loop: batches as they come, each partition's to its fold, in turns."""
        while not (self.should_stop or fetcher.should_stop):
            if self.ahead and not self._get_active_partitions():  # Faust would sleep for a second
                await asyncio.sleep(WAITING_S)
                continue
            records, active = await self._wait_next_records(WAITING_S if self.ahead else POLL_S)
            generation = self.app.consumer_generation_id
            async with self.turn:
                given = (
                    self._give(tp.partition, _stored(rows), 0, generation)
                    for tp, rows in (records or {}).items()
                    if active is not None and TP(tp.topic, tp.partition) in active
                )
                await asyncio.gather(*given)
            few = sum(len(rows) for rows in (records or {}).values()) < FEW
            await asyncio.sleep(self.owner.lane.rest_s if few else 0)

    async def _give(self, partition: int, rows: Sequence[Stored], taken: int, generation: int) -> None:
        """Hand over a batch, step by step; a rebalance that begins meanwhile ends it."""
        loop = asyncio.get_running_loop()
        try:
            while taken < len(rows) and self.flow_active and generation == self.app.consumer_generation_id:
                taken = await loop.run_in_executor(self.pool, self.owner.take, partition, rows, taken)
        except Misplaced:
            if (position := self.owner.positions().get(partition)) is not None:
                await self.go_to({partition: position})
            else:
                self.pause_partitions({self._tp(partition)})
        except Ahead:
            self.ahead[partition] = (rows, taken, generation)
            self.pause_partitions({self._tp(partition)})
        except Away:
            self.pause_partitions({self._tp(partition)})

    def _tp(self, partition: int) -> TP:
        return TP(self.owner.lane.topic, partition)


def _stored(records: Sequence[Any]) -> list[Stored]:
    return [Stored(record.offset + 1, record.value or b"", record.timestamp) for record in records]


class _Boot(BootStrategy):
    """No sensors (telemetry must never raise into processing), no web, and nothing is written through it."""

    enable_sensors = False
    enable_web = False


class _App(faust.App):
    BootStrategy = _Boot

    def _create_directories(self) -> None:
        """It has no tables to keep; the root may be read-only."""


class FaustLane:
    """One lane of this worker. `start` and `stop` from any thread; `failed` says why it ended by itself."""

    def __init__(
        self,
        kafka: KafkaAccess,
        group: str,
        owner: Partitions,
        *,
        session_s: float = SESSION_S,
        name: str = "vardevakt",
    ) -> None:
        """`group`: workers of one lane of one site and generation share it."""
        self.owner, self.group = owner, group
        self._kafka, self._session_s, self._name = kafka, session_s, name
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=f"lane-{owner.lane.name}", daemon=True)
        self._late: deque[int] = deque()
        self.ready = threading.Event()  # has been given its first partitions, or none
        self.failed = ""
        self.on_failure: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Finish the step under way, write snapshots, leave the group; whether that was done in time."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def read_again(self, partition: int) -> None:
        """It has rows and does not move: begin again at its position. From any thread; where it was only slow, what was
        fetched already is fetched again.
        """
        self._late.append(partition)

    def _run(self) -> None:
        for name in ("faust", "mode", "aiokafka"):  # they cry while a broker is away; the lane says what it means
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            asyncio.run(self._work())
        except Exception as error:
            # the thread's last word; whoever runs the lanes ends the process, and another worker takes over
            self.failed = f"{type(error).__name__}: {error}"
            log.exception("lane_failed", lane=self.owner.lane.name)
        finally:
            self.ready.set()
            if not self._stopping.is_set():
                self.failed = self.failed or "it ended by itself"
                self.on_failure()

    async def _work(self) -> None:
        app = _app(self._kafka, self.group, self._session_s, self._name)
        turn, lane = asyncio.Lock(), self.owner.lane
        pool = ThreadPoolExecutor(lane.steps_at_once, f"step-{lane.name}")
        ahead: dict[int, Batch] = {}
        ours = type("LaneConsumer", (Consumer,), {"owner": self.owner, "turn": turn, "pool": pool, "ahead": ahead})
        app.transport = type("LaneTransport", (driver.Transport,), {"Consumer": ours})(app.conf.broker_consumer, app)
        app.topics.add(app.topic(self.owner.lane.topic, value_serializer="raw", key_serializer="raw"))

        async def revoked(*_: Any, **__: Any) -> None:
            async with turn:
                self.owner.suspend()

        app.on_partitions_revoked.connect(revoked)
        starting, until_s = asyncio.ensure_future(app.start()), time.monotonic() + START_S
        try:
            while not (self._stopping.is_set() or app.should_stop or app.crashed):
                await asyncio.sleep(WAITING_S if ahead else TICK_S)
                if not starting.done():
                    if time.monotonic() > until_s:
                        raise TimeoutError(f"the group has given nothing in {START_S:.0f} s, not even no partitions")
                else:
                    starting.result()
                    self.ready.set()
                    late = [self._late.popleft() for _ in range(len(self._late))]
                    async with turn:
                        back = self.owner.tick()
                    await app.consumer.resume([*back, *late])
                    await app.consumer.offer_again()
            if app.crashed and not self._stopping.is_set():
                raise RuntimeError("Faust has given up") from app._crash_reason  # noqa: SLF001 - it is told nowhere else
        finally:
            async with turn:
                self.owner.close()
            starting.cancel()
            await app.stop()
            pool.shutdown(wait=False)


def _app(kafka: KafkaAccess, group: str, session_s: float, name: str) -> Any:
    brokers = ";".join(f"kafka://{server.strip()}" for server in kafka.servers.split(","))
    return _App(
        group, broker=brokers, broker_client_id=name, datadir=tempfile.gettempdir(), autodiscover=False, store="memory://",
        web_enabled=False, topic_allow_declare=False, topic_disable_leader=True, stream_wait_empty=False,
        stream_recovery_delay=0.0, broker_session_timeout=session_s, broker_heartbeat_interval=session_s / 4,
        broker_request_timeout=max(20.0, 2 * session_s), broker_max_poll_records=ROWS,
        consumer_max_fetch_size=FETCH_BYTES, consumer_auto_offset_reset="earliest",
        broker_credentials=_credentials(kafka),
    )  # fmt: skip


def _credentials(kafka: KafkaAccess) -> Any:
    """None: Kafka asks nothing."""
    context = kafka.context()
    if kafka.user:
        return faust.SASLCredentials(
            username=kafka.user, password=kafka.password, ssl_context=context, mechanism=kafka.mechanism
        )
    return None if context is None else faust.SSLCredentials(context)
