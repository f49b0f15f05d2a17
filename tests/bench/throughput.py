"""(b) the whole service under the load of (a), counted when folded: source and home, journals synced."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.bench.ceilings import ceiling_figure, paho_alone, publisher_alone
from tests.bench.children import firehose
from tests.bench.report import Figure, median, spread
from tests.support.servers import Iotcore, Mosquitto, find_program
from tests.support.service_process import ServiceProcess
from tests.support.town import SITE, settle_town
from tests.support.waiting import wait_until

HOMES = 600  # fewer, and every sensor would chatter: R42 rightly rings for that, and the desk would be what is measured
COUNT = 30_000
WARM_UP = 2_000
RUNS = 3
FOLDED_S = 120.0


class Town(msgspec.Struct, frozen=True):
    """A desk in which the town is entered, to be copied for each run."""

    folder: Path
    token: str


def settled(folder: Path, homes: int = HOMES) -> Town:
    """The town, entered once."""
    return Town(folder / "town", settle_town(folder / "town", homes))


def make_broker(folder: Path, *, limits: bool = False) -> Mosquitto | Iotcore:
    """Mosquitto where there is one; with its default limits, or without any on the queue."""
    if find_program("mosquitto") is None:
        return Iotcore(folder)
    return Mosquitto(folder, options=() if limits else ("max_queued_messages 0",))


def gateway_port(broker: Mosquitto | Iotcore) -> int:
    return broker.port_311 if isinstance(broker, Iotcore) else broker.port


@contextmanager
def service(town: Town, folder: Path, broker: Mosquitto | Iotcore) -> Iterator[ServiceProcess]:
    """The whole service on a fresh copy of the town, up and hearing its broker, all settings folded."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(town.folder, data)
    with ServiceProcess(data, SITE, broker.url) as process:
        process.start()
        wait_until(lambda: folded(process, 1), "the settings are folded", 30)
        yield process
        process.stop()
        assert process.errors() == [], process.errors()


def folded(process: ServiceProcess, raw: int) -> bool:
    """Whether everything up to this row of RAW has gone through both folds."""
    at = process.positions()
    return bool(at["source"] >= raw and at["raw"] == at["source"] and at["home"] >= at["inputs"])


def one_run(town: Town, folder: Path, broker: Mosquitto | Iotcore) -> dict[str, float]:
    """Messages a second until the last one is folded, and what each cost in CPU."""
    port = gateway_port(broker)
    with service(town, folder, broker) as process:
        with firehose(port, WARM_UP, HOMES) as hose:
            before = process.positions()["raw"]
            hose.go()
            hose.result()
            wait_until(lambda: folded(process, before + WARM_UP), "the warm-up is folded", FOLDED_S)
        with firehose(port, COUNT, HOMES, "--first", WARM_UP) as hose:
            before = process.positions()
            started_s = time.perf_counter()
            hose.go()
            wait_until(lambda: folded(process, before["raw"] + COUNT), "all is folded", FOLDED_S, 0.01)
            seconds = time.perf_counter() - started_s
            after = process.positions()
            commits = after["journal"]["commits"] - before["journal"]["commits"]
            return {
                "rate": COUNT / seconds,
                "published": COUNT / hose.result()["seconds"],
                "cpu_us": (after["cpu_s"] - before["cpu_s"]) / COUNT * 1e6,
                "rows_a_commit": (after["journal"]["rows"] - before["journal"]["rows"]) / max(1, commits),
            }


def throughput(folder: Path, town: Town) -> list[Figure]:
    """(a) and (b), run by turns so that the machine's moods fall on both."""
    alone, ceiling, whole = [], [], []
    for _ in range(RUNS):
        with make_broker(folder / "broker") as broker:
            alone.append(publisher_alone(gateway_port(broker), COUNT, HOMES))
            ceiling.append(paho_alone(gateway_port(broker), COUNT, HOMES))
            whole.append(one_run(town, folder, broker))
    ratio = median([one["rate"] / of[0] for one, of in zip(whole, ceiling, strict=True)])
    cost = median([one["cpu_us"] for one in whole])
    batch = median([one["rows_a_commit"] for one in whole])
    return [
        ceiling_figure(ceiling, alone),
        Figure(
            "(b) the whole service, counted when folded, journals synced",
            spread([one["rate"] for one in whole]),
            f"{ratio:.2f} of (a); {cost:.0f} µs of CPU a message, {batch:.0f} rows a commit",
            "≥ 0.5 of (a)",
            ratio >= 0.5,
        ),
    ]
