"""The role desk: what happens there by itself, and, in the one process that holds the lease, checks and curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric
from sqlalchemy.exc import SQLAlchemyError

from alerts.checks.heartbeat import HeartbeatOptions
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from alerts.relay import Relay
from alerts.site.settings_store import SettingsStore
from api import figures
from api.cluster.connections import Connections
from api.cluster.intake import RawWriter
from api.routes.health import Reason
from api.running.background import Background
from api.running.channel_wiring import ChannelOptions, forget_subscription, open_channels
from api.running.desk_work import DeskWork
from api.running.rule_book import settle_book
from api.running.series import follow
from api.running.watch import watch_over
from ingest.journal import InputReader
from ingest.logs_kafka import KafkaPages, KafkaPartition
from ingest.series import Series
from ingest.series_follower import SeriesFollower
from ingest.settings_kafka import KafkaSettings
from ingest.topics import ALARMS, INPUTS
from rules.book import Book

LEAD_LOOK_S = 5.0
MEMORY_BYTES = 4 * 1_048_576  # settings and staff's acts on their way to RAW


class DeskRole:
    """Several of them share one database: rows, leases and attempts say who does what."""

    def __init__(
        self, common: Connections, channels: ChannelOptions, heartbeat: HeartbeatOptions | None, series: Series,
        timezone: str,
    ) -> None:  # fmt: skip
        self._common, self._series, self._timezone = common, series, timezone
        self.writer = RawWriter(common, f"desk-{common.name}", MEMORY_BYTES)
        publish = None if common.mqtt is None else common.mqtt.publish_now
        ways = open_channels(channels, publish, forget_subscription(common.database))
        now_ms, name = common.clock.now_ms, common.name
        self._outbox = Outbox(common.database, ways, channels.reach, now_ms, name)
        settings = KafkaSettings(common.kafka, common.placement, self.writer.receiver.submit_many, now_ms)
        relay = Relay(common.database, settings.submit, now_ms, name)
        alarms = _partitions(common, ALARMS)
        self.watch = watch_over(common.desk, alarms, KafkaPages(common.kafka, [common.layout]), heartbeat, name, now_ms)
        self.work = DeskWork(common.desk, self._outbox, relay, self.watch, now_ms, _ends(common, ALARMS))
        common.on_change(self.work.on_change)
        self._leading = Background("lead", self._lead, LEAD_LOOK_S)
        self.follower: SeriesFollower | None = None

    def start(self) -> None:
        """JournalError: no Kafka, or a clock that cannot be used."""
        self.writer.start()
        self._outbox.recover(self._common.clock.now_ms())
        for work in (*self.work.background, self._leading):
            work.start()

    def stop(self) -> None:
        for work in (self._leading, *reversed(self.work.background)):
            work.stop()
        if self.follower is not None:
            self.follower.stop()
        self.writer.stop()

    def live(self) -> Iterator[Reason]:
        yield from ()

    def ready(self) -> Iterator[Reason]:
        try:
            queries.last_change(self._common.database)
        except SQLAlchemyError as error:
            yield Reason(code="desk_unreadable", part="desk", detail=type(error).__name__)
            return
        for work in self.work.background:
            if not work.healthy:
                yield Reason(code="fold_stopped", part=work.name, detail=f"{work.failures} failures", blocking=False)
        for code, detail in self.watch.problems():
            yield Reason(code=code, part="audit", detail=detail, blocking=False)

    def figures(self) -> Iterator[Metric]:
        yield from figures.checks(self.watch, self._common.clock.now_ms())
        if self.follower is not None:
            yield from figures.series(self.follower)

    def _lead(self) -> None:
        """Curves are followed by the one process that checks; another goes on where the store says it stands."""
        leads = self.watch.audit().leads
        if leads and self.follower is None:
            common = self._common
            inputs = _partitions(common, INPUTS)
            self.follower = follow(
                inputs, self._series, common.database, common.site_id, self._timezone, scan=False
            )  # fmt: skip
            self.follower.start()
        elif not leads and self.follower is not None:
            self.follower.stop()
            self.follower = None


def settle_shipped(common: Connections, book: Book) -> None:
    """The book of this version, where the site has none of its own or an older one."""
    settle_book(SettingsStore(common.database, common.site_id), book, common.clock.now_ms())


def _partitions(common: Connections, log: str) -> dict[int, InputReader]:
    """All of one log, read in turn over one consumer."""
    reader = common.kafka.reader()
    return {
        partition: KafkaPartition(common.kafka, common.layout, partition, log, reader)
        for partition in range(common.layout.partitions)
    }


def _ends(common: Connections, log: str) -> Callable[[], Mapping[int, int]]:
    reader, partitions = common.kafka.reader(), range(common.layout.partitions)
    return lambda: reader.ends(common.layout.topic(log), partitions)
