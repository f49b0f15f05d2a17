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
from collections.abc import Callable, Sequence

import msgspec
import structlog

from alerts.database import Database
from alerts.desk import Desk
from alerts.messages.outbox import Outbox
from alerts.relay import Relay
from api.background import Background
from api.bases import Nightly, NightWork
from api.broker import EmbeddedBroker
from api.collector import Collector
from api.watch import HEARTBEAT_S, Watch
from ingest.clock import Clock
from ingest.clock_writer import ClockWriter, downtime
from ingest.codec import Codec
from ingest.device_seen import DeviceSeen
from ingest.intake_mqtt import MqttIntake
from ingest.journal_sqlite import SqliteJournal
from ingest.receive import Receiver
from ingest.record import RawRecord, Recorded
from ingest.series_follower import SeriesFollower
from ingest.series_sqlite import SqliteSeries
from ingest.source_runner import SourceRunner
from rules.fold_runner import FoldRunner
from rules.shadow_follower import ShadowFollower

log = structlog.get_logger()

EMERGENCY_TOPIC = "vardevakt-notify/1/emergency"  # heard by whatever the site keeps beside the service for this

RECONCILE_S = 10.0
REBUILT_WITHIN_S, CATCH_UP_S = 60.0, 10.0
P1_WORKERS = 3
NIGHT_LOOK_S = 600.0
SHADOW_LOOK_S = 2.0
BUSY_ROWS = 200  # not yet through the source fold


class Parts(msgspec.Struct):
    """What the wiring has built."""

    journal: SqliteJournal
    series: SqliteSeries
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


class Service:
    """Start, stop, and the bells between parts."""

    def __init__(
        self, parts: Parts, watch: Watch, notify_pages: Callable[[], None], nightly: Nightly, timezone: str,
    ) -> None:  # fmt: skip
        self.parts, self._notify_pages, self._collector = parts, notify_pages, Collector()
        self._shadow: ShadowFollower | None = None
        self.emergencies = 0  # alarms told while no commit succeeded
        clock = parts.clock
        seen = DeviceSeen(parts.series)
        self.relaying = Background("relay", lambda: 0.0 if parts.relay.run_once() else None, 1.0)
        self.sending = Background("outbox", self._send, 0.5)
        # several, so that a gateway that hangs holds up only those who wait for it
        self.sending_p1 = [Background(f"outbox-p1-{n}", self._send_p1, 0.5) for n in range(1, P1_WORKERS + 1)]
        self.ticking = Background("desk-timers", self._tick, 1.0)
        self.watching = Background(
            "device-seen",
            lambda: _none(seen.offer({key: item[0] for key, item in parts.source.liveness().items()})),
            2.0,
        )
        self.background = [self.ticking, self.relaying, self.sending, *self.sending_p1, self.watching]
        self.nightly = NightWork(nightly, parts, timezone)
        self.background.append(Background("bases", self.nightly, NIGHT_LOOK_S))
        # not at once: after an outage everything is late, and whoever follows the logs needs a moment
        work = _Settled(watch.auditor.run_once, clock, parts.journal.inputs.last_seq)
        self.background.append(Background("reconciler", work, RECONCILE_S, first_after_s=RECONCILE_S))
        if (heartbeat := watch.heartbeat) is not None:
            ping = Background(
                "heartbeat", lambda: _none(heartbeat.run_once(clock.now_ms())), HEARTBEAT_S,
                first_after_s=2 * RECONCILE_S,
            )  # fmt: skip
            self.background.append(ping)

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
        if parts.intake is not None:
            parts.intake.start()
        log.info("service_started", raw=parts.journal.raw.last_seq(), inputs=parts.journal.inputs.last_seq())

    def _catch_up(self, raw_end: int) -> None:
        """Until the folds are rebuilt and stand where the logs do. Both are bounded, so that what is wrong with one, or
        a long backlog, holds back no alarm for ever.
        """
        parts, folds, pause = self.parts, (self.parts.floor, self.parts.home), threading.Event()
        ready = all(one.ready.wait(REBUILT_WITHIN_S) for one in (parts.source, *folds))
        end_s = time.monotonic() + CATCH_UP_S
        behind = not (ready and parts.journal.inputs.wait_position(raw_end, CATCH_UP_S))
        while not behind and any(one.oldest_age_ms for one in folds):
            pause.wait(0.02)
            behind = time.monotonic() > end_s
        if behind:
            log.error("started_behind", source=parts.source.lag, floor=parts.floor.lag, home=parts.home.lag)

    def stop(self) -> None:
        """Stop taking in, finish what is under way, write snapshots, close files."""
        parts = self.parts
        if parts.intake is not None:
            parts.intake.stop()
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
        for work in (*self.sending_p1, self.sending):
            work.notify()
        self.relaying.notify()
        self.ticking.notify()

    def on_settings_change(self) -> None:
        self._notify_pages()
        self.relaying.notify()

    def on_recorded(self, entries: Sequence[Recorded]) -> None:
        """Tell the gateways that their alarms are on disk; they resend until they hear it."""
        intake = self.parts.intake
        if intake is None:
            return
        for entry in entries:
            body = {"type": "event.recorded", "id": entry.event_id, "ref": entry.ref, "event_id": entry.event_id}
            for codec in self.parts.codecs:
                command = codec.command(entry.topic, body)
                if command is not None:
                    intake.publish(*command)
                    break

    def on_emergency(self, record: RawRecord) -> None:
        """No commit for 3 s and an alarm waits: the loudest that can be done without a disk, marked "not recorded"."""
        log.critical("alarm_not_recorded", topic=record.topic, received_at_ms=record.received_at_ms)
        self.emergencies += 1
        if self.parts.intake is not None:
            told = {"kind": "not_recorded", "topic": record.topic, "received_at_ms": record.received_at_ms}
            self.parts.intake.publish(EMERGENCY_TOPIC, msgspec.json.encode(told))
        self._notify_pages()

    # -- work -------------------------------------------------------------------------------------------------

    def _tick(self) -> float | None:
        now_ms = self.parts.clock.now_ms()
        due_ms = self.parts.desk.tick(now_ms)
        return None if due_ms is None else max(0.0, (due_ms - now_ms) / 1_000)

    def _send(self) -> float | None:
        return 0.0 if self.parts.outbox.run_once(self.parts.clock.now_ms()) else None

    def _send_p1(self) -> float | None:
        return 0.0 if self.parts.outbox.run_once(self.parts.clock.now_ms(), only_p1=True) else None


class _Settled:
    """The reconciler, which judges only what INPUTS held when it ran before (or at the start): after an outage rows are
    written long after they were received, and the crash rounds saw it "find" what the floor was about to raise.
    """

    def __init__(self, run: Callable[[int, int], object], clock: Clock, end: Callable[[], int]) -> None:
        self._run, self._clock, self._end, self._known = run, clock, end, end()

    def __call__(self) -> None:
        end = self._end()
        self._run(self._clock.now_ms(), self._known)
        self._known = end


def _none(_value: object) -> None:
    return None
