"""The role trial: rules on trial over every partition of INPUTS, in the one process that has the lease. Edge.

Nothing waits for it, and what it tells reaches nobody: it may lag, and be away. While the book marks no rule it asks
the desk for that book every few seconds, and reads nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

import structlog
from prometheus_client.core import Metric
from sqlalchemy.exc import SQLAlchemyError

from alerts.lease import take_lease
from alerts.shadow_sql import LANE, SqlShadow
from alerts.site.settings_store import SettingsStore
from alerts.snapshots_sql import SqlSnapshots
from api import figures
from api.cluster.connections import Connections
from api.routes.health import Reason
from api.running.background import Background
from api.running.rule_book import engine_version, marks_rules
from ingest.topics import INPUTS
from rules.effects import LIVE
from rules.generation import GenerationSnapshots
from rules.lanes import Stored
from rules.shadow_follower import ShadowFollower
from rules.shadow_rows import TrialRows

LOOK_S = 2.0
BEHIND_ROWS = 20_000  # as the curves': minutes
LEASE_MS, RENEW_S = 60_000, 15.0
AWAKE_MAX = 20_000  # homes awake in this process: some 1 GB of those with sensors

log = structlog.get_logger()


class TrialRole:
    """`run_once` is one batch of every partition; the thread of `start` does nothing else."""

    def __init__(self, common: Connections) -> None:
        self._common, self._reader, self._topic = common, common.kafka.reader(), common.layout.topic(INPUTS)
        self._store = SettingsStore(common.database, common.site_id)
        self.followers: list[ShadowFollower] = []  # of every partition; none while another process has the lease
        self._ends: dict[int, int] = {}
        self.lag = 0  # rows that trials had yet to read when the last round ended
        self._marked = False
        self._renewed_s = float("-inf")
        self._work = Background("trial", self.run_once, LOOK_S)

    def start(self) -> None:
        self._work.start()

    def stop(self) -> None:
        self._work.stop()
        try:
            for one in self.followers:
                one.close()
        except SQLAlchemyError as error:
            log.warning("trial_not_kept", error=type(error).__name__)

    def live(self) -> Iterator[Reason]:
        yield from ()

    def ready(self) -> Iterator[Reason]:
        if not self._work.healthy:
            yield Reason(code="fold_stopped", part="trial", detail=f"{self._work.failures} failures", blocking=False)
        if self.lag > BEHIND_ROWS:
            yield Reason(code="trial_behind", part="trial", detail=f"{self.lag} inputs unread", blocking=False)

    def figures(self) -> Iterator[Metric]:
        yield figures.gauge("vardevakt_trial_leads", "1 when this process tries rules.", int(bool(self.followers)))
        yield figures.gauge("vardevakt_trial_lag_rows", "Rows of INPUTS that rules on trial have not read.", self.lag)
        yield figures.gauge("vardevakt_trial_healthy", "1 while trials can be followed.", int(self._work.healthy))

    def run_once(self) -> float | None:
        """When it wants to be called again: 0.0 at once, None in its usual time."""
        if not self._leads():
            self.followers, self.lag = [], 0  # another goes on from what was kept
            return None
        if not self.followers:
            self.followers = [self._follower(one) for one in range(self._common.layout.partitions)]
        self._marked, self._ends = marks_rules(self._store), {}
        more = [one() for one in self.followers if self._leads()]
        self.lag = sum(self._behind(partition, one.position) for partition, one in enumerate(self.followers))
        return 0.0 if any(wants is not None for wants in more) else None

    def _behind(self, partition: int, position: int | None) -> int:
        return 0 if position is None else max(0, self.end(partition) - position)

    def _leads(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._renewed_s < RENEW_S:
            return True
        common = self._common
        with common.database.aside.begin() as conn:
            if not take_lease(conn, LANE, common.name, common.clock.now_ms(), LEASE_MS):
                return False
        self._renewed_s = now_s
        return True

    def _follower(self, partition: int) -> ShadowFollower:
        layout, database, engine = self._common.layout, self._common.database, engine_version()
        live = GenerationSnapshots(SqlSnapshots(database), layout)
        return ShadowFollower(
            _Rows(self, partition),
            partial(TrialRows, layout.site, partition, layout.generation, max(1, AWAKE_MAX // layout.partitions)),
            partial(SqlShadow, database, layout.lane_partition(partition)),
            partial(live.load, f"{LIVE}/{partition}", engine),
            engine,
            lambda: self._marked,
        )

    def end(self, partition: int) -> int:
        """Of that partition, as it was when this round began."""
        if not self._ends:
            self._ends = self._reader.ends(self._topic, range(self._common.layout.partitions))
        return self._ends[partition]

    def rows(self, partition: int, after_seq: int, limit: int) -> Sequence[Stored]:
        """Of that partition, up to where it ended then."""
        end = self.end(partition)
        if after_seq >= end:
            return ()
        found = self._reader.read(self._topic, partition, after_seq, limit, end)
        return [Stored(one.offset + 1, one.value) for one in found]


class _Rows:
    """One partition (port TrialLog)."""

    def __init__(self, role: TrialRole, partition: int) -> None:
        self._role, self._partition = role, partition

    def read(self, after_seq: int, limit: int) -> Sequence[Stored]:
        return self._role.rows(self._partition, after_seq, limit)

    def last_seq(self) -> int:
        return self._role.end(self._partition)
