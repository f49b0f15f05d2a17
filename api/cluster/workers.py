"""The roles worker and floor: the folds under Faust, and what they tell beside the desk. Edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric

from alerts.snapshots_sql import SqlSnapshots
from api import figures
from api.cluster.connections import Connections
from api.routes.health import Reason
from api.running.background import Background
from api.running.collector import Collector
from api.running.worker import Worker, WorkerOptions
from ingest.device_seen import DeviceSeen
from ingest.series import Series
from rules.effects import LIVE
from rules.partitions import Partitions

log = structlog.get_logger()

FOLD_OF_LANE = {LIVE: "home"}  # as the embedded service calls them; source and floor have one name


class LanesRole:
    """Some lanes of the folds. `on_end` is called when the process must end, so that others take over."""

    def __init__(
        self, common: Connections, lanes: tuple[str, ...], on_end: Callable[[], None], series: Series | None = None
    ) -> None:
        """`series`: where it is kept when each address was last heard; None: these lanes do not know it."""
        options = WorkerOptions(
            kafka=common.cluster.kafka, layout=common.layout, lanes=lanes, name=f"{lanes[0]}-{common.name}",
            zigbee_bases=common.zigbee_bases,
        )  # fmt: skip
        self._layout, self._on_end = common.layout, on_end
        self.worker = Worker(options, common.desk, SqlSnapshots(common.database), common.words.recorded)
        self._collector = Collector()
        self._seen = None if series is None else DeviceSeen(series)
        self._looking = Background(f"lanes-{lanes[0]}", self._look, 0.5)

    def start(self) -> None:
        """JournalError: the topics are not there, or not those of the settings."""
        self.worker.start()
        self._collector.calm()
        self._looking.start()

    def stop(self) -> None:
        self._looking.stop()
        if not self.worker.stop():
            log.error("lanes_not_stopped", lanes=self.worker.options.lanes)
        self._collector.restore()

    def live(self) -> Iterator[Reason]:
        if self.worker.ended.is_set():
            yield Reason(code="lane_ended", part=",".join(self.worker.options.lanes))

    def ready(self) -> Iterator[Reason]:
        yield from self.live()
        for lane in self.worker.lanes:
            if not lane.ready.is_set():
                yield Reason(code="starting", part=lane.owner.lane.name)
        for owner in self.worker.partitions:
            left = [(partition, one.trouble) for partition, one in owner.standing().items() if one.trouble]
            for partition, trouble in left[:10]:
                yield Reason(code="partition_left", part=f"{owner.lane.name}/{partition}", detail=trouble[:300])

    def figures(self) -> Iterator[Metric]:
        partitions = GaugeMetricFamily("vardevakt_partitions", "Held by this process.", labels=("fold",))
        fenced = GaugeMetricFamily("vardevakt_partitions_left", "Ours and not at work.", labels=("fold",))
        waiting = GaugeMetricFamily("vardevakt_partitions_waiting", "Ours and ahead of others.", labels=("fold",))
        for owner in self.worker.partitions:
            standing = owner.standing()
            waiting.add_metric((fold_of(owner.lane.name),), sum(one.waits for one in standing.values()))
            partitions.add_metric((fold_of(owner.lane.name),), len(standing))
            fenced.add_metric((fold_of(owner.lane.name),), sum(bool(one.trouble) for one in standing.values()))
        yield from (partitions, fenced, waiting)
        yield figures.gauge("vardevakt_partitions_all", "Partitions of each log.", self._layout.partitions)
        runners = {fold_of(owner.lane.name): _Lane(self.worker, owner) for owner in self.worker.partitions}
        yield from figures.folds(runners)

    def _look(self) -> None:
        if self.worker.ended.is_set():
            self._on_end()
        if self._seen is not None:
            self._seen.offer(self.worker.heard())


class _Lane:
    """One lane as health and metrics see a fold's loop."""

    still_ms = 0  # a stall ends the worker (rules/partition_watch.py)

    def __init__(self, worker: Worker, owner: Partitions) -> None:
        self._worker, self._owner = worker, owner
        self._standing = owner.standing()

    @property
    def position(self) -> int:
        return sum(one.applied for one in self._standing.values())

    @property
    def lag(self) -> int:
        return self._worker.watch.behind(self._owner.lane.name)

    @property
    def oldest_age_ms(self) -> int:
        return self._worker.watch.oldest_age_ms(self._owner.lane.name)

    @property
    def healthy(self) -> bool:
        return not self._worker.ended.is_set() and not any(one.trouble for one in self._standing.values())

    @property
    def quarantined(self) -> Sequence[Any]:
        return []  # whom rules leave unwatched stands at the desk


def fold_of(lane: str) -> str:
    return FOLD_OF_LANE.get(lane, lane)
