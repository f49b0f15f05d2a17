"""The role web: board and API over the shared desk, logs and curves. Any number of them; none keeps anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import cast

from prometheus_client.core import Metric
from sqlalchemy.exc import SQLAlchemyError

from alerts.access.accounts import Accounts
from alerts.messages.doors import Doors
from alerts.messages.phone_answers import PhoneAnswers
from alerts.reads import queries
from alerts.site.settings_store import SettingsStore
from api import figures
from api.cluster.connections import Connections
from api.cluster.intake import RawWriter
from api.cluster.lanes import FeedSeen, LanesSeen
from api.http.services import Services
from api.routes.health import Reason
from api.running.rule_book import ServedBook
from api.wiring import Options
from ingest.journal import InputLog, RawLog
from ingest.logs_kafka import KafkaPages
from ingest.record import RawRecord
from ingest.series import Series
from rules.effects import LIVE
from rules.lanes import SOURCE
from rules.state_moves import FLOOR


class Logs(KafkaPages):
    """The logs by place, in the shapes that routes know them by embedded."""

    def read(self, after_seq: int, limit: int) -> list[RawRecord]:
        """The one raw record at the place after this one; what comes next stands in other partitions."""
        found = self.raw(after_seq + 1)
        return [] if found is None else [found]


class WebRole:
    """`services` is what the application gets (api/http/app.py)."""

    def __init__(self, common: Connections, options: Options, series: Series) -> None:
        self._common = common
        self.writer = RawWriter(common, f"web-{common.name}", options.memory_limit_bytes)
        self.lanes, self.feed = LanesSeen(common), FeedSeen(self.writer.raw)
        self.services = self._services(options, series)

    def start(self) -> None:
        """JournalError: no Kafka, or a clock that cannot be used."""
        self.writer.start()
        self.lanes.start()

    def stop(self) -> None:
        self.lanes.stop()
        self.writer.stop()

    def live(self) -> Iterator[Reason]:
        yield from ()

    def ready(self) -> Iterator[Reason]:
        """The feed never makes a board unready: it must be there to say that it is blind (promise 9)."""
        try:
            queries.last_change(self._common.database)
        except SQLAlchemyError as error:
            yield Reason(code="desk_unreadable", part="desk", detail=type(error).__name__)
        for reason in self.writer.trouble():
            yield reason.model_copy(update={"blocking": False})
        if self.feed.state != "live":
            code = "feed_blind" if self.feed.state == "blind" else "feed_late"
            yield Reason(code=code, part="feed", blocking=False)

    def figures(self) -> Iterator[Metric]:
        yield from figures.counters({})

    def _services(self, options: Options, series: Series) -> Services:
        common, receiver = self._common, self.writer.receiver
        session_ms, idle_ms = options.session_hours * 3_600_000, options.session_idle_minutes * 60_000
        store, reach = SettingsStore(common.database, common.site_id), options.channels.reach
        pages = Logs(common.kafka, [common.layout])
        push = options.channels.push
        doors = Doors(
            answers=PhoneAnswers(common.desk, reach), options=options.channels.doors, wake=common.changed.notify,
            technical="technical" in reach.fixed,
            push_key=push.public_key if push else "", push_hosts=push.hosts if push else (),
        )  # fmt: skip
        return Services(
            site_id=common.site_id,
            clock=common.clock.now_ms,
            system_clock=common.clock,
            database=common.database,
            desk=common.desk,
            settings_store=store,
            accounts=Accounts(common.database, common.site_id, session_ms=session_ms, idle_ms=idle_ms),
            raw_log=cast("RawLog", pages),
            input_log=cast("InputLog", pages),
            series=series,
            receiver=receiver,
            folded=lambda _seq, _timeout_s: False,
            source_runner=self.lanes.lanes[SOURCE],
            home_runner=self.lanes.lanes[LIVE],
            floor_runner=self.lanes.lanes[FLOOR],
            feed=self.feed,
            rule_book=ServedBook(store),
            heard=series.heard,
            channels=options.channels.names,
            doors=doors,
            changed=common.changed,
            # RAW's place is Kafka's to give, and what becomes of a row another process decides
            web=dataclasses.replace(options.web, event_ids_wait_ms=0),
            counters=dict,
        )
