"""The service as one object: every part, started in order and stopped in the reverse. Edge: owns threads and files.

`api/wiring.py` builds it; nothing else constructs parts. What may live here: order, wake-ups between parts, health.

Order of start: logs, receive, folds (each rebuilt from disk before anything new is read), then what the logs held
already is folded, and only then desk's timers, relay and outbox begin: nobody is rung for what the log knows to be over
(lessons: inhibited alerts that fired before their inhibitor was loaded). MQTT last: nothing is taken in before
everything behind it stands. Stop goes the other way round.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from alerts.database import Database, Listener
from alerts.desk import Desk
from alerts.messages.outbox import Outbox
from alerts.relay import Relay
from api.backup.bases import Nightly, NightWork
from api.running.background import Background
from api.running.broker import EmbeddedBroker
from api.running.broker_words import BrokerWords
from api.running.collector import Collector
from api.running.desk_work import DeskWork
from api.running.watch import Watch
from ingest.clock import Clock
from ingest.clock_writer import ClockWriter, downtime
from ingest.codec import Codec
from ingest.device_seen import DeviceSeen
from ingest.intake_mqtt import MqttIntake
from ingest.journal_sqlite import SqliteJournal
from ingest.receive import Receiver
from ingest.record import RawRecord, Recorded
from ingest.series import Series
from ingest.series_follower import SeriesFollower
from ingest.source_runner import SourceRunner
from rules.fold_runner import FoldRunner
from rules.shadow_follower import ShadowFollower

log = structlog.get_logger()

REBUILT_WITHIN_S, CATCH_UP_S = 60.0, 10.0
NIGHT_LOOK_S = 600.0
SHADOW_LOOK_S = 2.0
BUSY_ROWS = 200  # not yet through the source fold


class Parts(msgspec.Struct):
    """What the wiring has built."""

    journal: SqliteJournal
    series: Series
    database: Database
    clock: Clock
    receiver: Receiver
    source: SourceRunner
    home: FoldRunner
    floor: FoldRunner
    follower: SeriesFollower
    clock_writer: ClockWriter
    desk: Desk
    relay: Relay
    outbox: Outbox
    channels: tuple[str, ...]
    intake: MqttIntake | None
    broker: EmbeddedBroker | None
    codecs: Sequence[Codec]


Lane = SourceRunner | FoldRunner


class Service:
    """Start, stop, and the bells between parts."""

    def __init__(
        self, parts: Parts, watch: Watch, notify_pages: Callable[[], None], nightly: Nightly, timezone: str,
    ) -> None:  # fmt: skip
        self.parts, self._notify_pages, self._collector = parts, notify_pages, Collector()
        self._shadow: ShadowFollower | None = None
        self.bell: Listener | None = None  # of a desk that other processes change too
        self.words = BrokerWords(parts.codecs, None if parts.intake is None else parts.intake.publish)
        clock = parts.clock
        seen = DeviceSeen(parts.series)
        inputs = parts.journal.inputs
        self.work = DeskWork(
            parts.desk, parts.outbox, parts.relay, watch, clock.now_ms, lambda: {0: inputs.last_seq()}
        )  # fmt: skip
        self.watching = Background(
            "device-seen",
            lambda: _none(seen.offer({key: item[0] for key, item in parts.source.liveness().items()})),
            2.0,
        )
        self.background = [*self.work.background, self.watching]
        self.nightly = NightWork(nightly, parts, timezone)
        self.background.append(Background("bases", self.nightly, NIGHT_LOOK_S))

    def try_rules(self, follower: ShadowFollower) -> None:
        """Rules on trial, beside everything else and before nothing."""
        self._shadow = follower
        self.background.append(Background("shadow", follower, SHADOW_LOOK_S))

    def start(self) -> None:
        """Bring everything up; returns when the folds have caught up with what the logs held before."""
        parts = self.parts
        now_ms = parts.clock.now_ms()
        parts.outbox.recover(now_ms)
        parts.receiver.start()
        lost = downtime(parts.journal.raw.last_received_at_ms(), now_ms, feed=parts.intake is not None)
        if lost:
            parts.receiver.submit_many(lost).result(30)
        parts.source.start()
        parts.floor.start()
        parts.home.start()
        parts.follower.start()
        parts.clock_writer.start()
        self._catch_up(parts.journal.raw.last_seq())
        self._collector.calm()
        for work in self.background:
            work.start()
        if self.bell is not None:
            self.bell.start()
        if parts.intake is not None:
            parts.intake.start()
        log.info("service_started", raw=parts.journal.raw.last_seq(), inputs=parts.journal.inputs.last_seq())

    def _catch_up(self, raw_end: int) -> None:
        """Until the folds are rebuilt and stand where the logs do. Both are bounded, so that what is wrong with one, or
        a long backlog, holds back no alarm for ever.
        """
        parts, pause = self.parts, threading.Event()
        lanes: dict[str, Lane] = {"source": parts.source, "floor": parts.floor, "home": parts.home}
        stood, end_s = _at_work(lanes), time.monotonic() + REBUILT_WITHIN_S
        ready = all(one.ready.wait(max(0.0, end_s - time.monotonic())) for one in lanes.values())
        if ready:
            stood, end_s = _at_work(lanes), time.monotonic() + CATCH_UP_S
        behind = not (ready and parts.journal.inputs.wait_position(raw_end, CATCH_UP_S))
        while not behind and (parts.floor.oldest_age_ms or parts.home.oldest_age_ms):
            pause.wait(0.02)
            behind = time.monotonic() > end_s
        if behind:
            _tell_behind(lanes, stood)

    def stop(self) -> None:
        """Stop taking in, finish what is under way, write snapshots, close files."""
        parts = self.parts
        if parts.intake is not None:
            parts.intake.stop()
        if self.bell is not None:
            self.bell.stop()
        for work in reversed(self.background):
            work.stop()
        parts.clock_writer.stop()
        parts.receiver.close()
        parts.source.stop()
        parts.home.stop()
        parts.floor.stop()
        parts.follower.stop()
        if self._shadow is not None:
            self._shadow.close()
        parts.series.close()
        parts.journal.close()
        parts.database.close()
        if parts.broker is not None:
            parts.broker.stop()
        self._collector.restore()
        log.info("service_stopped")

    # -- bells ------------------------------------------------------------------------------------------------

    def on_inputs(self) -> None:
        """INPUTS has grown."""
        self.parts.floor.notify()
        if self.parts.source.lag < BUSY_ROWS:
            self.parts.home.notify()  # else it looks by itself each second: amid a backlog, alarms have the machine

    def on_desk_change(self) -> None:
        """A desk transaction was committed: pages, messages and relayed acts may be waiting for it."""
        self._notify_pages()
        self.work.on_change()

    def on_settings_change(self) -> None:
        self._notify_pages()
        self.work.relaying.notify()

    def on_recorded(self, entries: Sequence[Recorded]) -> None:
        self.words.recorded(entries)

    def on_emergency(self, record: RawRecord) -> None:
        self.words.emergency(record)
        self._notify_pages()


def _at_work(lanes: Mapping[str, Lane]) -> dict[str, int]:
    """Where those stand that have something to do."""
    return {name: one.position for name, one in lanes.items() if one.lag or not one.ready.is_set()}


def _tell_behind(lanes: Mapping[str, Lane], stood: Mapping[str, int]) -> None:
    """Behind and on its way is a long backlog or a slow machine: it ends by itself, and who is told of something
    until then may be told of what is over. What has not moved at all hangs: somebody must look, the rest goes on.
    """
    unread = {name: one.lag for name, one in lanes.items()}
    stuck = [name for name, one in lanes.items() if unread[name] and one.position == stood.get(name)]
    if stuck:
        log.error("started_stuck", stuck=stuck, **unread)
    else:
        log.warning("started_behind", **unread)


def _none(_value: object) -> None:
    return None
