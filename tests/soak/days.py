"""The bad days: what happens, and how long until presses are on the board again in every partition.

Each is a function of the machines, under load, that gives seconds; `live_through` puts the load around it and asks for
the promises afterwards. A day leaves the machines as it found them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import msgspec

from alerts.desk import Desk
from alerts.snapshots_sql import SqlSnapshots
from api.running.worker import FLOOR_LANES, WORKER_LANES, Worker, WorkerOptions
from ingest.client_kafka import KafkaClient, Message
from ingest.kafka_access import KafkaAccess
from ingest.topics import INPUTS, RAW
from tests.soak.machines import Machines, pause
from tests.soak.promises import Promises
from tests.support.odd_service import odd_command
from tests.support.town import wire_time
from tests.support.waiting import wait_until

SESSION_S = 6.0  # of a worker, see rules/worker_faust.py
AWAY_S = 3.0
HOUR_S, MEASURED_EVERY_S = 3_600, 10
POISON_ROW = b"\xc1 not a record of ours"
POISON = (
    b"", b"null", b"[]", b"{", b"\x00\xff\xfe", b'{"type":7}', b'{"type":"alarm.pressed","time":"yesterday"}',
    b"[" * 5_000, b'{"type":"measured","metric":"temperature","value":1e400,"unit":"Cel"}',
    b'"' + b"x" * 300_000 + b'"',
)  # fmt: skip
Seconds = dict[str, float]  # by what was measured


class Day(msgspec.Struct, frozen=True):
    """`broker_lives`: what the broker took and nobody had acknowledged by name is not lost with it."""

    name: str
    happens: Callable[[Machines], Seconds]
    broker_lives: bool = True


class Lived(msgspec.Struct, frozen=True):
    """What a day was like."""

    name: str
    seconds: Seconds
    sent: int
    acknowledged: int
    faults: list[str]

    def line(self) -> str:
        told = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in self.seconds.items())
        verdict = "; ".join(self.faults) or "nothing lost, missing or doubled"
        return f"{self.name:22s} {told:72s} {self.sent:6d} sent {self.acknowledged:6d} acknowledged  {verdict}"


def live_through(day: Day, machines: Machines, promises: Promises, mark: str = "") -> Lived:
    """One day under load, and whether all promises hold after it. `mark`: what tells its messages from other days'."""
    machines.all_up()
    with machines.load((mark or day.name).replace(" ", "-")) as end:
        pause(1.0)  # under way
        seconds = day.happens(machines)
        ledger = end()
    faults = [*promises.settled(ledger, broker_lived=day.broker_lives), *machines.tracebacks()]
    return Lived(day.name, seconds, len(ledger.sent), len(ledger.acknowledged), faults)


def worker_killed(machines: Machines) -> Seconds:
    """The other takes over what it held."""
    machines["worker-a"].kill()
    taken_over = machines.probe()
    machines["worker-a"].spawn()
    return {"taken over after": taken_over}


def all_workers_killed(machines: Machines) -> Seconds:
    """A backlog of some seconds, then both come back at once."""
    for name in ("worker-a", "worker-b"):
        machines[name].kill()
    pause(AWAY_S)
    for name in ("worker-a", "worker-b"):
        machines[name].spawn()
    return {"after their start": machines.probe()}


def broker_killed(machines: Machines) -> Seconds:
    """Gateways and intakes find it again."""
    machines.broker.stop(kill=True)
    pause(AWAY_S)
    machines.broker.start()
    return {"after its return": machines.probe()}


def kafka_killed(machines: Machines) -> Seconds:
    """Intakes hold back every acknowledgement meanwhile."""
    machines.kafka.stop(kill=True)
    pause(AWAY_S)
    machines.kafka.start()
    return {"after its return": machines.probe()}


def postgres_killed(machines: Machines) -> Seconds:
    """RAW goes on being written; folds, desk and board wait."""
    machines.postgres.stop(kill=True)
    pause(AWAY_S)
    machines.postgres.start()
    return {"after its return": machines.probe()}


def influx_killed(machines: Machines) -> Seconds:
    """No alert waits for a curve."""
    home = machines.quiet_home
    before = machines.curve(home)
    machines.influx.stop(kill=True)
    without = machines.probe()
    _measured(machines, home, 1)
    machines.influx.start()
    began = time.monotonic()
    wait_until(lambda: machines.curve(home) == max(before, 0) + 1, "the curve goes on", 60)
    return {"alerts without it": without, "curve after its return": time.monotonic() - began}


def influx_away_for_an_hour(machines: Machines) -> Seconds:
    """An hour of measurements waits in the log, and is in the curve once and whole when it is back."""
    home = machines.quiet_home
    before = machines.curve(home)
    machines.influx.stop()
    count = HOUR_S // MEASURED_EVERY_S
    _measured(machines, home, count)
    without = machines.probe()
    machines.influx.start()
    began = time.monotonic()
    wait_until(lambda: machines.curve(home) >= max(before, 0) + count, f"{count} more in the curve", 60)
    filled = time.monotonic() - began
    assert machines.curve(home) == max(before, 0) + count, "once each"
    return {"alerts without it": without, "an hour's curve after its return": filled}


def _measured(machines: Machines, home: int, count: int) -> None:
    """So many measurements of the last hour, the newest now."""
    for number in range(count):
        at_s = time.time() - (count - 1 - number) * MEASURED_EVERY_S
        body = {"type": "measured", "metric": "temperature", "value": 21.0, "unit": "Cel", "time": wire_time(at_s)}
        machines.gateway.send(f"vardevakt/1/gw{home}/thermo/event", msgspec.json.encode(body))


def worker_paused(machines: Machines, seconds: float = SESSION_S + 4.0) -> Seconds:
    """SIGSTOP past its session; it wakes as a zombie that believes it owns what another has."""
    began = time.monotonic()
    machines["worker-a"].pause()
    taken_over = machines.probe()
    pause(max(0.0, seconds - (time.monotonic() - began)))
    machines["worker-a"].resume()
    return {"taken over after": taken_over, "after it woke": machines.probe()}


def rebalance_storm(machines: Machines, seconds: float = 20.0, every_s: float = 2.5) -> Seconds:
    """A third worker joins or leaves every few seconds."""
    cluster, until_s = machines.cluster, time.monotonic() + seconds
    desk, snapshots = Desk(cluster.database, cluster.site_id), SqlSnapshots(cluster.database)
    moves = 0
    while time.monotonic() < until_s:
        options = WorkerOptions(
            kafka=KafkaAccess(cluster.kafka), layout=cluster.layout, lanes=(*WORKER_LANES, *FLOOR_LANES),
            name=f"third-{moves}",
        )  # fmt: skip
        third = Worker(options, desk, snapshots)
        third.start()
        pause(every_s)
        leaving = threading.Thread(target=third.stop)
        leaving.start()
        pause(every_s)
        leaving.join()
        moves += 2
    return {f"after {moves} moves": machines.probe()}


def clock_off(machines: Machines) -> Seconds:
    """One intake starts five minutes ahead: it refuses and says why; the other carries on."""
    other = machines["intake-b"]
    other.stop()
    size = other.log.stat().st_size
    other.wrapper = odd_command("--clock-s", "300")
    began = time.monotonic()
    try:
        code = other.spawn().wait_ended()
    finally:
        other.wrapper = ()
    refused = time.monotonic() - began
    said = other.log.read_text()[size:]
    assert code not in (0, None), "it must not serve"
    assert "clock_skew" in said, said
    assert "Traceback" not in said, said
    return {"refused after": refused, "by the other": machines.probe()}


def poison(machines: Machines) -> Seconds:
    """What nobody can read: from gateways, and, as a foreign writer would leave it, in the logs themselves."""
    for number, payload in enumerate(POISON):
        for device in ("pendant", "hub", f"nobody-{number}"):
            machines.gateway.send(f"vardevakt/1/gw{machines.homes}/{device}/event", payload)
            machines.gateway.send(f"zigbee2mqtt/{device}", payload)
    layout, client = machines.cluster.layout, KafkaClient(machines.cluster.kafka, "poison")
    for log in (RAW, INPUTS):
        rows = [Message(layout.topic(log), partition, b"", POISON_ROW) for partition in range(layout.partitions)]
        client.call(client.produce(rows))
    client.close()
    return {"meanwhile": machines.probe()}


def old_version_beside(machines: Machines) -> Seconds:
    """A worker of another engine works beside ours, writes its snapshots and goes; none of them is ours to read."""
    old = machines["worker-a"]
    old.stop()
    old.wrapper = odd_command("--engine", "old")
    try:
        old.start()
        beside = machines.probe()
        machines["worker-b"].stop()
        alone = machines.probe()
        machines["worker-b"].spawn().wait_up()
        old.stop()
    finally:
        old.wrapper = ()
    with machines.cluster.database.reader.connect() as conn:
        engines = conn.exec_driver_sql("SELECT DISTINCT engine FROM bases").scalars().all()
    assert [engine for engine in engines if str(engine).startswith("old-")], f"it has kept something: {engines}"
    after = machines.probe()
    old.spawn()
    return {"beside it": beside, "it alone": alone, "ours again": after}


SHORT = (
    Day("worker killed", worker_killed),
    Day("all workers killed", all_workers_killed),
    Day("broker killed", broker_killed, broker_lives=False),
    Day("Kafka killed", kafka_killed),
    Day("PostgreSQL killed", postgres_killed),
    Day("InfluxDB killed", influx_killed),
    Day("InfluxDB an hour away", influx_away_for_an_hour),
    Day("worker paused", worker_paused),
    Day("rebalance storm", rebalance_storm),
    Day("clock 5 min off", clock_off),
    Day("poison", poison),
    Day("old worker beside", old_version_beside),
)
LONG = tuple(
    msgspec.structs.replace(day, happens=happens)
    for day in SHORT
    for happens in (
        {
            "worker paused": partial(worker_paused, seconds=60.0),
            "rebalance storm": partial(rebalance_storm, seconds=120.0, every_s=5.0),
        }.get(day.name, day.happens),
    )
)  # as the issue has them
