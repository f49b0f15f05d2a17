"""Many machines on this one at 2 000 events/s: press to open board, and what a message costs each part in CPU.

Real Kafka, PostgreSQL, InfluxDB and Mosquitto; one process of each kind. They, publisher and board share the cores of
this machine. Another rate: VARDEVAKT_BENCH_CLUSTER_RATE.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from alerts.schema.alerts import alerts
from tests.bench.children import firehose
from tests.bench.latency import PRESSES_A_SECOND, delays, press_for, watched
from tests.bench.report import Figure, milliseconds, quantile, whole
from tests.bench.throughput import HOMES
from tests.soak.machines import Machines
from tests.support.waiting import wait_until

SECONDS, WARM_S, LONGEST_S = 40, 10, 150
PARTITIONS = 16
AIM_S = 0.5
CALM_LOOKS = 5
ROLES = {"intake": ("intake",), "worker": ("worker",), "floor": ("floor",), "front": ("desk", "web")}
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cluster(folder: Path) -> list[Figure]:
    """Both figures."""
    rate = int(os.environ.get("VARDEVAKT_BENCH_CLUSTER_RATE", "2000")) - PRESSES_A_SECOND
    with Machines(folder / "machines", homes=HOMES, partitions=PARTITIONS, roles=ROLES) as machines:
        machines.cluster.wait_folded()
        port, front = machines.broker.port, machines["front"]
        sent = rate * LONGEST_S
        with (
            firehose(port, sent, HOMES, "--rate", rate) as hose,
            watched(front.url, port, machines.cluster.key) as (board, presser),
        ):
            hose.go()
            wait_until(Calm(machines), "what the load itself brings to the desk has come", LONGEST_S - SECONDS, 1.0)
            press_for(presser, WARM_S)
            delays(board, presser, machines.cluster.site_id)
            presser.forget()
            before = cpu(machines)
            press_for(presser, SECONDS - 2, WARM_S * PRESSES_A_SECOND)
            after = cpu(machines)
            shown, recorded = delays(board, presser, machines.cluster.site_id)
            achieved = sent / hose.result()["seconds"] + PRESSES_A_SECOND
    messages = achieved * (SECONDS - 2)
    costs = {name: (after[name] - before[name]) / messages * 1e6 for name in before}
    p99_s, how = quantile(shown, 0.99), f"at {whole(achieved)} events/s, {len(shown)} presses"
    return [
        Figure(
            f"publish → open board, many machines, {how}", milliseconds(shown),
            f"`event.recorded` heard: {milliseconds(recorded)}", "p99 < 500 ms", p99_s < AIM_S,
        ),
        Figure(
            "CPU a message, many machines", f"{sum(costs[name] for name in ROLES):.0f} µs in our processes",
            ", ".join(f"{name} {cost:.0f} µs" for name, cost in costs.items()),
        ),
    ]  # fmt: skip


class Calm:
    """True once no new alert has come for some looks: the first words of 600 homes are a storm of alerts of their own,
    which `make soak` is for.
    """

    def __init__(self, machines: Machines) -> None:
        self._database, self._alerts, self._looks = machines.cluster.database, -1, 0

    def __call__(self) -> bool:
        with self._database.reader.connect() as conn:
            found = conn.execute(select(func.count()).select_from(alerts)).scalar_one()
        self._looks = self._looks + 1 if found == self._alerts else 0
        self._alerts = found
        return self._looks >= CALM_LOOKS


def cpu(machines: Machines) -> dict[str, float]:
    """Seconds that each part has used, with its children."""
    postgres = int((machines.postgres.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    running = {name: machines[name].process for name in ROLES}
    running |= {
        "Kafka": machines.kafka.process,
        "InfluxDB": machines.influx.process,
        "Mosquitto": machines.broker.process,
    }
    pids = {name: process.pid for name, process in running.items() if process is not None} | {"PostgreSQL": postgres}
    return {name: sum(_seconds(one) for one in _family(pid)) for name, pid in pids.items()}


def _family(pid: int) -> Iterator[int]:
    """A process and its children, down to the last; some of them may end meanwhile."""
    yield pid
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _seconds(pid: int) -> float:
    """User and system, its own and that of children which have ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(one) for one in fields[11:15]) / TICKS_A_SECOND
    return 0.0
