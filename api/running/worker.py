"""The lanes of one worker process on many machines: source and homes, or the floor, under Faust. Edge.

`run_worker` blocks until it is told to stop or a lane cannot go on; then the process ends, and what restarts it (or
another worker) takes over. The floor is a worker with that one lane, so that nothing else can hold it up. What may live
here: which sink, clock and watch a lane gets. The folds and what becomes of a partition stand in `rules`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog

from api.running.collector import Collector
from api.running.rule_book import engine_version
from ingest.client_kafka import KafkaClient, Message
from ingest.clock import SystemClock
from ingest.codecs import default_codecs
from ingest.journal import SnapshotStore
from ingest.kafka_access import KafkaAccess
from ingest.reader_kafka import HEAD_BYTES
from ingest.record import Recorded
from ingest.topics import ALARMS, RAW, Layout, Placement, clock_record, encode_raw
from ingest.topics_kafka import require
from ingest.writer_kafka import KafkaWriter
from rules.effects import LIVE, Effect
from rules.generation import GenerationDesk, GenerationSnapshots
from rules.lanes import SOURCE, Lane, RawRows, SourceSink, floor_lane, home_lane, source_lane
from rules.pace import Pace
from rules.partition_fold import Sink
from rules.partition_watch import STALL_S, Horizon, PartitionWatch
from rules.partitions import Partitions
from rules.state_moves import FLOOR
from rules.worker_faust import SESSION_S, FaustLane

WORKER_LANES = (SOURCE, LIVE)
FLOOR_LANES = (FLOOR,)
# Only the homes' clock heeds the horizon, so that of the other lanes must not reach homes.
CLOCK_OF = {SOURCE: RAW, FLOOR: ALARMS}
STOP_S, STALLED_STOP_S = 30.0, 3.0  # a lane that is stuck will not come back for being asked
EX_OK, EX_LANE_ENDED = 0, 70  # the process's exit code; 70: EX_SOFTWARE, start it again

log = structlog.get_logger()


class WorkerDesk(Sink[Effect], Protocol):
    """The desk: effects and positions."""

    def positions(self, lane: str) -> dict[int, int]:
        """`applied` of every partition that has one."""
        ...


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker must know."""

    kafka: KafkaAccess
    layout: Layout
    lanes: tuple[str, ...] = WORKER_LANES
    zigbee_bases: tuple[str, ...] = ("zigbee2mqtt",)
    name: str = "vardevakt-worker"
    session_s: float = SESSION_S  # a worker that is gone is missed after so long
    stall_s: float = STALL_S


class Worker:
    """The lanes, the watch over them, and their one connection for writing. `ended` is set when it must end."""

    def __init__(
        self,
        options: WorkerOptions,
        desk: WorkerDesk,
        snapshots: SnapshotStore,
        on_recorded: Callable[[Sequence[Recorded]], None] = lambda _: None,
    ) -> None:
        layout = options.layout
        self.options, self._desk, self._on_recorded = options, GenerationDesk(desk, layout), on_recorded
        kept = GenerationSnapshots(snapshots, layout)
        self._clock, self._codecs = SystemClock(), default_codecs(options.zigbee_bases)
        self.ended = threading.Event()
        self._raw: dict[int, RawRows] = {}
        self._client = KafkaClient(options.kafka, options.name)
        reader, now_ms, known = self._client.reader(HEAD_BYTES), self._clock.now_ms, self._desk.positions
        raw = range(layout.partitions)
        pace = Pace(time.monotonic()) if SOURCE in options.lanes else None
        horizon = Horizon(reader, layout.topic(RAW), lambda: dict.fromkeys(raw, 0) | known(SOURCE), now_ms, pace)
        self.partitions = [
            Partitions(
                self._lane(name), kept, now_ms, partial(self._write_clock, name),
                horizon_ms=lambda: horizon.ms, pace=pace if name == SOURCE else None,
            )
            for name in options.lanes
        ]  # fmt: skip
        self.lanes = [
            FaustLane(
                options.kafka, f"vardevakt.{layout.site}.{owner.lane.name}.{layout.generation}", owner,
                session_s=options.session_s, name=options.name,
            )
            for owner in self.partitions
        ]  # fmt: skip
        heeded = None if options.lanes == FLOOR_LANES else horizon
        self.watch = PartitionWatch(
            reader, self.partitions, now_ms, lambda _lane, _partition: self.ended.set(),
            on_late=self._read_again, horizon=heeded, stall_s=options.stall_s,
        )  # fmt: skip

    def start(self) -> None:
        """JournalError: the topics are not there, or not those of the settings."""
        try:
            require(self._client, self.options.layout)
        except BaseException:
            self._client.close()
            raise
        for lane in self.lanes:
            lane.on_failure = self.ended.set
            lane.start()
        self.watch.start()

    def stop(self) -> bool:
        """Write snapshots, leave the groups; False when a lane did not come back, and the process must be killed."""
        timeout_s = STALLED_STOP_S if self.watch.stalled else STOP_S
        stopping = [threading.Thread(target=lane.stop, args=(timeout_s,), daemon=True) for lane in self.lanes]
        for one in stopping:
            one.start()
        for one in stopping:
            one.join()
        self.watch.stop()
        self._client.close()
        return all(lane.stop(0.0) for lane in self.lanes)

    @property
    def healthy(self) -> bool:
        """Every lane at work, and none of its partitions in trouble."""
        if self.ended.is_set() or any(lane.failed or not lane.ready.is_set() for lane in self.lanes):
            return False
        return not any(one.trouble for owner in self.partitions for one in owner.standing().values())

    def heard(self) -> dict[str, int]:
        """Address -> when it was last heard, of the partitions of RAW that were folded here."""
        return {address: at_ms for rows in list(self._raw.values()) for address, at_ms in rows.heard.items()}

    def _raw_rows(self, make: Callable[[int], Any], partition: int) -> RawRows:
        rows: RawRows = make(partition)
        self._raw[partition] = rows
        return rows

    def _lane(self, name: str) -> Lane:
        layout, engine = self.options.layout, engine_version()
        if name == SOURCE:
            write = KafkaWriter(self._client, Placement(layout, self._codecs)).write
            lane = source_lane(layout, self._codecs, SourceSink(layout, write, self._desk, self._on_recorded))
            return msgspec.structs.replace(lane, make_fold=partial(self._raw_rows, lane.make_fold))
        if name == LIVE:
            return home_lane(layout, engine, self._desk)
        assert name == FLOOR, f"no lane {name}"
        return floor_lane(layout, engine, self._desk)

    def _read_again(self, name: str, partition: int) -> None:
        log.warning("partition_late", lane=name, partition=partition)
        for lane in self.lanes:
            if lane.owner.lane.name == name:
                lane.read_again(partition)

    def _write_clock(self, name: str, partition: int, at_ms: int) -> None:
        """Carry on the time of one partition: its source fold hands the record on. When it is lost, it is asked for
        again.
        """
        value = encode_raw(self.options.layout.site, clock_record(at_ms, partition, CLOCK_OF.get(name, "")))
        message = Message(self.options.layout.topic(RAW), partition, b"", value)
        self._client.submit(self._client.produce([message]))


def run_worker(
    options: WorkerOptions,
    desk: WorkerDesk,
    snapshots: SnapshotStore,
    stopping: threading.Event,
    *,
    on_recorded: Callable[[Sequence[Recorded]], None] = lambda _: None,
    on_start: Callable[[Worker], None] = lambda _: None,
) -> int:
    """Until `stopping` is set, or a lane cannot go on; the exit code. `on_start` gets the worker, for health and
    metrics. JournalError: it could not start. With a code other than 0 end the process by `os._exit`: a thread that is
    stuck would hold it for ever.
    """
    worker, collector = Worker(options, desk, snapshots, on_recorded), Collector()
    worker.start()
    collector.calm()
    on_start(worker)
    log.info("worker_started", lanes=options.lanes, site=options.layout.site)
    while not stopping.wait(0.2) and not worker.ended.is_set():
        pass
    ended = worker.ended.is_set()
    back = worker.stop()
    collector.restore()
    log.info("worker_stopped", by_itself=ended, in_order=back)
    return EX_LANE_ENDED if ended or not back else EX_OK
