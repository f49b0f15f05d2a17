"""The composition root: settings in, a running service out. Tests, demo and `serve` call the same function.

`running(options)` is an async context manager; inside it everything is up, after it everything is down and on disk. The
only place that knows which implementation stands behind a port.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from alerts.access.accounts import Accounts
from alerts.checks.heartbeat import HeartbeatOptions
from alerts.database import Listener, Server, migrate, open_database
from alerts.desk import Desk
from alerts.messages.doors import Doors
from alerts.messages.outbox import Outbox
from alerts.messages.phone_answers import PhoneAnswers
from alerts.relay import Relay
from alerts.site.settings_store import SettingsStore
from api.backup.bases import Nightly
from api.board.router import board_router
from api.http.app import create_app
from api.http.live import Wakeup
from api.http.local_access import new_access, remove_access, write_access
from api.http.server import listen, serving
from api.http.services import Services, WebOptions
from api.running.bells import Bells
from api.running.broker import EmbeddedBroker
from api.running.channel_wiring import ChannelOptions, forget_subscription, link_key, open_channels
from api.running.collector import no_collection
from api.running.rule_book import ServedBook, engine_version, settle_book
from api.running.series import follow, open_series
from api.running.service import Parts, Service
from api.running.shadow import shadow_follower
from api.running.watch import Watch, process_name, watch_over
from ingest.base_files import BaseFolder, SnapshotsAndBases
from ingest.clock import SystemClock
from ingest.clock_writer import ClockWriter
from ingest.codecs import default_codecs
from ingest.intake_mqtt import MqttIntake, MqttOptions
from ingest.journal_file import JournalOptions
from ingest.journal_sqlite import SqliteJournal, open_journal
from ingest.message_class import message_class
from ingest.receive import Receiver
from ingest.receive_entry import ReceiveLimits
from ingest.series_influx_client import InfluxOptions
from ingest.source_fold import SourceFold
from ingest.source_runner import SourceRunner
from rules.book import Book
from rules.effects import LIVE
from rules.floor import Floor
from rules.fold_runner import FoldRunner
from rules.home_fold import HomeFold

log = structlog.get_logger()


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the service needs to know. `api/settings/model.py` reads files and environment into it."""

    site_id: str
    data: Path
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    mqtt: MqttOptions | None = None  # None: a broker of our own
    mqtt_port: int = 1883  # of our own broker; 0 = any free one
    zigbee_bases: tuple[str, ...] = ("zigbee2mqtt",)
    journal: JournalOptions = JournalOptions()
    desk: Server | None = None  # None: desk.db in the data folder
    influx: InfluxOptions | None = None  # None: curves are kept in series.db
    keep_days: int = 0  # how long the logs are kept behind a base; 0 = for ever
    memory_limit_bytes: int = 64 * 1_048_576  # of messages that are not on disk yet
    channels: ChannelOptions = ChannelOptions()
    heartbeat: HeartbeatOptions | None = None  # None: nobody outside is told that it lives
    session_hours: int = 12
    session_idle_minutes: int = 240
    web: WebOptions = msgspec.field(default_factory=WebOptions)
    book: Book | None = None  # None: the book in force stays
    timezone: str = "Europe/Oslo"  # until the site's own is known; only for the dates of measures in series


class Running(msgspec.Struct):
    """A service that is up."""

    service: Service
    services: Services
    http_url: str
    mqtt_url: str | None


@contextlib.asynccontextmanager
async def running(
    options: Options, *, make_demo: Callable[[Service, Services], Any] | None = None
) -> AsyncIterator[Running]:
    """Build, start, serve; stop in order when the block ends.

    Raises JournalError, DatabaseRefused, NoBroker, OSError (a port that is taken).
    """
    wakeup = Wakeup()
    with no_collection():
        service, services = await asyncio.to_thread(build, options, wakeup)
    try:
        with no_collection():
            await asyncio.to_thread(service.start)
        if make_demo is not None:  # at once: what has begun to play must be closed, whatever fails after it
            services = dataclasses.replace(services, demo=make_demo(service, services))
        listener = listen(options.http_host, options.http_port)
        access = new_access(options.http_host, listener.getsockname()[1])
        services = dataclasses.replace(services, local_token=access.token)
        async with serving(create_app(services, pages=[board_router(services)]), listener):
            write_access(options.data, access)
            broker, mqtt = service.parts.broker, options.mqtt
            mqtt_url = f"mqtt://127.0.0.1:{broker.port}" if broker is not None else mqtt.url if mqtt else None
            yield Running(service, services, f"http://{options.http_host}:{listener.getsockname()[1]}", mqtt_url)
    finally:
        remove_access(options.data)
        if services.demo is not None:
            await asyncio.to_thread(services.demo.close)
        await asyncio.to_thread(service.stop)


def build(options: Options, wakeup: Wakeup) -> tuple[Service, Services]:
    """Open files and put the parts together; nothing runs yet."""
    options.data.mkdir(parents=True, exist_ok=True)
    journal = open_journal(options.data / "journal.db", options.site_id, options.journal)
    place = options.desk or options.data / "desk.db"
    migrate(place)
    database = open_database(place)
    clock = SystemClock(journal.raw.last_received_at_ms())
    codecs = default_codecs(options.zigbee_bases)
    bells = Bells()
    receiver = Receiver(
        journal.raw,
        clock,
        class_of=message_class(codecs),
        on_emergency=bells.emergency,
        on_rows=bells.rows,
        limits=ReceiveLimits(queue_bytes=options.memory_limit_bytes),
    )
    desk = Desk(database, options.site_id, bells.desk, clock=clock.now_ms)
    store = SettingsStore(database, options.site_id, bells.settings)
    if options.book is not None:
        settle_book(store, options.book, clock.now_ms())
    source, home, floor = _folds(options, journal, desk, clock, codecs, bells)
    broker = _broker(options)
    intake = _intake(options, broker, codecs, receiver, journal, clock, wakeup.notify)
    publish = None if intake is None else intake.publish_now
    channels = open_channels(options.channels, publish, forget_subscription(database))
    key = options.channels.reach.link_key or link_key(options.data)
    reach = msgspec.structs.replace(options.channels.reach, link_key=key)
    writer = ClockWriter(receiver.submit_many, clock.now_ms)
    writer.register(source.next_due)
    writer.register(lambda: home.next_due_ms)
    writer.register(lambda: floor.next_due_ms)
    series = open_series(options.influx, options.data, options.site_id, clock.now_ms)
    follower = follow(journal.inputs, series, database, options.site_id, options.timezone, lambda: source.lag)
    parts = Parts(
        journal, series, database, clock, receiver, source, home, floor, follower, writer, desk,
        Relay(database, receiver.submit_many, clock.now_ms), Outbox(database, channels, reach, clock.now_ms),
        tuple(channels), intake, broker, codecs,
    )  # fmt: skip
    watch = watch_over(
        desk, {0: journal.inputs}, journal.inputs, options.heartbeat, process_name(options.data), clock.now_ms
    )
    nightly = Nightly(options.data, options.site_id, options.zigbee_bases, journal, options.keep_days)
    service = Service(parts, watch, wakeup.notify, nightly, options.timezone)
    bells.service = service
    if options.desk is not None:  # what others have changed there
        service.bell = Listener(options.desk, service.on_desk_change)
    service.try_rules(shadow_follower(options.data, options.site_id, journal, home, store))
    doors = Doors(
        answers=PhoneAnswers(desk, reach), options=options.channels.doors, wake=bells.desk,
        technical="technical" in reach.fixed,
        push_key=options.channels.push.public_key if options.channels.push else "",
        push_hosts=options.channels.push.hosts if options.channels.push else (),
    )  # fmt: skip
    return service, _services(options, parts, store, wakeup, nightly, doors, watch)


def _folds(
    options: Options, journal: SqliteJournal, desk: Desk, clock: SystemClock, codecs: Sequence[Any], bells: Bells
) -> tuple[SourceRunner, FoldRunner, FoldRunner]:
    site, engine = options.site_id, engine_version()
    bases = BaseFolder(options.data / "bases")
    first_raw, first_input = journal.first_seqs
    of_raw = SnapshotsAndBases(journal.snapshots, bases, first_raw)
    of_inputs = SnapshotsAndBases(journal.snapshots, bases, first_input)
    source = SourceRunner(
        lambda: SourceFold(site, codecs), journal.raw, journal.inputs, of_raw, clock.now_ms,
        on_inputs=bells.inputs, on_recorded=bells.recorded,
    )  # fmt: skip
    home = FoldRunner(LIVE, lambda: HomeFold(Book(()), site), engine, journal.inputs, desk, of_inputs, clock.now_ms)
    floor = FoldRunner(
        "floor", lambda: Floor(site), engine, journal.inputs, desk, of_inputs, clock.now_ms, floor_only=True
    )
    return source, home, floor


def _broker(options: Options) -> EmbeddedBroker | None:
    if options.mqtt is not None:
        return None
    broker = EmbeddedBroker(options.data / "broker", options.mqtt_port)
    broker.start()
    return broker


def _intake(
    options: Options, broker: EmbeddedBroker | None, codecs: Sequence[Any], receiver: Receiver, journal: SqliteJournal,
    clock: SystemClock, on_feed_change: Callable[[], None],
) -> MqttIntake | None:  # fmt: skip
    mqtt = options.mqtt
    if broker is not None:
        mqtt = MqttOptions(url=broker.url, site=options.site_id)
    if mqtt is None:
        return None
    filters = [name for codec in codecs for name in codec.subscriptions()]
    last_ms = journal.raw.last_received_at_ms()
    return MqttIntake(mqtt, filters, receiver, clock.now_ms, last_ms, on_feed_change)


def _services(
    options: Options, parts: Parts, store: SettingsStore, wakeup: Wakeup, nightly: Nightly, doors: Doors,
    watch: Watch,
) -> Services:  # fmt: skip
    assert parts.intake is not None, "a service without MQTT has no pulse"
    intake, receiver = parts.intake, parts.receiver
    session_ms, idle_ms = options.session_hours * 3_600_000, options.session_idle_minutes * 60_000

    def counters() -> dict[str, int]:
        health = receiver.health()
        mqtt = {f"mqtt_{name}_total": count for name, count in intake.counts().items()}
        received = {"raw_received_total": health.received, "raw_synced_total": health.synced}
        bases = {"bases_not_proved": int(nightly.problem is not None)}
        bases["reconciler_findings_total"] = sum(watch.auditor.reconciler.counts.values())
        return {**bases, **mqtt, **received, "raw_shed_total": health.shed, "raw_dup_total": health.dup}

    return Services(
        site_id=options.site_id,
        data=options.data,
        clock=parts.clock.now_ms,
        system_clock=parts.clock,
        database=parts.database,
        desk=parts.desk,
        settings_store=store,
        accounts=Accounts(parts.database, options.site_id, session_ms=session_ms, idle_ms=idle_ms),
        raw_log=parts.journal.raw,
        input_log=parts.journal.inputs,
        series=parts.series,
        series_status=parts.follower,
        receiver=receiver,
        folded=parts.journal.inputs.wait_position,
        source_runner=parts.source,
        home_runner=parts.home,
        floor_runner=parts.floor,
        feed=intake,
        rule_book=ServedBook(store),
        heard=parts.series.heard,
        channels=tuple(parts.channels),
        doors=doors,
        watch=watch,
        changed=wakeup,
        web=options.web,
        counters=counters,
    )
