"""Workers under Faust: speed beside a plain Faust agent, CPU an event with more workers, and a take-over.

On a real Kafka. The worker folds inputs with the full book and writes effects and positions to SQLite; the peer reads
the same topic in the same run and counts by key in a table. Sizes are those of the issue; a shorter run is
`VARDEVAKT_BENCH_WORKERS='{"events": 20000, "residents": 2000}' python -m tests.bench faust`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ingest.record import SETTING, Input, Setting
from ingest.topics import INPUTS
from rules.book_file import shipped_book
from rules.effects import LIVE
from rules.worker_faust import SESSION_S
from simulators.furniture import make_ward
from tests.bench.decoded import DAY, SEED, decoded
from tests.bench.report import Figure, whole
from tests.bench.take_over import WAIT_S, Sizes, fresh, take_over
from tests.support.effect_store import EffectStore
from tests.support.kafka import Kafka, external_kafka
from tests.support.servers import ROOT, python_environment
from tests.support.simulated import DAY_MS, oslo
from tests.support.waiting import wait_until
from tests.support.ward_inputs import SITE
from tests.support.worker_process import Logs, WorkerProcess

WARD = 100
STEADY = (0.1, 0.9)  # of the rows: between these the speed is taken, so that neither start nor end counts


Sample = tuple[float, float, float]
"""Seconds, rows, seconds of CPU."""


def workers(folder: Path, sizes: Sizes | None = None) -> list[Figure]:
    """All of it."""
    given = os.environ.get("VARDEVAKT_BENCH_WORKERS")
    sizes = sizes or (msgspec.json.decode(given, type=Sizes) if given else Sizes())
    with _kafka(folder) as servers:
        return [
            *speed(servers, folder, sizes),
            *more_workers(servers, folder, sizes),
            take_over(servers, folder, sizes),
        ]


@contextlib.contextmanager
def _kafka(folder: Path) -> Iterator[str]:
    servers = external_kafka()
    if servers is not None:
        yield servers
        return
    with Kafka(folder / "kafka") as own:
        yield own.servers


# -- speed -----------------------------------------------------------------------------------------------------


def speed(servers: str, folder: Path, sizes: Sizes) -> list[Figure]:
    """One worker through a backlog, and the peer through the same rows."""
    logs = Logs(servers, SITE, sizes.partitions // 2)
    begun, events = ward(sizes.events)
    logs.write([*begun, *events])
    total = sum(logs.ends(INPUTS).values())
    ours = _ours(logs, fresh(folder, "speed"), total)
    peers = _peers(logs, total)
    logs.close()
    rate, peer = _rate(ours, total), _rate(peers, total)
    return [
        Figure(
            "one Faust worker with our folds and the full book", f"{whole(rate)} rows/s",
            f"a plain Faust agent that counts in a table, same topic: {whole(peer)} rows/s; "
            f"{whole(total)} rows, {len(shipped_book().rules)} rules; CPU {_cpu_us(ours, total):.0f} and "
            f"{_cpu_us(peers, total):.0f} µs a row",
            "≥ 3 × the plain agent", rate >= 3 * peer,
        )
    ]  # fmt: skip


def ward(count: int) -> tuple[list[Input], list[Input]]:
    """Settings and book of a simulated ward, and so many events of it: its days again and again, later each time."""
    from_ms = oslo(DAY, 0)
    begun, events = decoded(make_ward(SEED, WARD), from_ms, from_ms + DAY_MS)
    value: dict[str, object] = {"id": "current", "book": msgspec.to_builtins(shipped_book())}
    book = Input(SETTING, from_ms, setting=Setting("book/current", 1, "book", value))
    found: list[Input] = []
    for day in range(-(-count // len(events))):
        found += [_later(one, day * DAY_MS) if day else one for one in events]
    return [book, *begun], found[:count]


def _later(one: Input, by_ms: int) -> Input:
    event = one.event
    assert event is not None, "events were asked for"
    replace, times = msgspec.structs.replace, (event.received_at_ms + by_ms, event.effective_at_ms + by_ms)
    moved = replace(event, event_id=f"{event.event_id}+{by_ms}", received_at_ms=times[0], effective_at_ms=times[1])
    return replace(one, received_at_ms=one.received_at_ms + by_ms, event=moved)


def _ours(logs: Logs, folder: Path, total: int) -> list[Sample]:
    with WorkerProcess(logs, folder, "worker", LIVE) as worker:
        return _samples(lambda: _standing(worker), total)


def _standing(worker: WorkerProcess) -> tuple[float, float]:
    said = worker.standing()
    return sum(position for position, _, _ in said["lanes"][LIVE]["partitions"].values()), said["cpu_s"]


def _peers(logs: Logs, total: int) -> list[Sample]:
    layout = logs.layout
    command = [
        sys.executable,
        "-m",
        "tests.bench.faust_peer",
        logs.servers,
        layout.topic(INPUTS),
        str(layout.partitions),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env=python_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )  # fmt: skip
    assert process.stdout is not None, "a pipe was asked for"
    out = process.stdout

    def read() -> tuple[float, float]:
        line = b""
        while select.select([out], [], [], 0 if line else 5)[0]:
            line = out.readline() or line
            if process.poll() is not None:
                break
        said: dict[str, Any] = json.loads(line) if line else {"rows": 0, "cpu_s": 0}
        return said["rows"], said["cpu_s"]

    try:
        return _samples(read, total)
    finally:
        process.kill()
        process.communicate()


def _samples(read: Callable[[], tuple[float, float]], total: int) -> list[Sample]:
    """Until all rows are through."""
    found: list[Sample] = []

    def through() -> bool:
        rows, cpu_s = read()
        found.append((time.monotonic(), rows, cpu_s))
        return rows >= total

    wait_until(through, f"the end of {total} rows", WAIT_S, 0.1)
    return found


def _steady(samples: Sequence[Sample], total: int) -> tuple[Sample, Sample]:
    """The last sample before steady work, and the first after it."""
    first = max((one for one in samples if one[1] <= STEADY[0] * total), key=lambda one: one[1], default=samples[0])
    first = [one for one in samples if one[1] == first[1]][-1]
    last = next(one for one in samples if one[1] >= STEADY[1] * total)
    return first, last


def _rate(samples: Sequence[Sample], total: int) -> float:
    first, last = _steady(samples, total)
    return (last[1] - first[1]) / (last[0] - first[0])


def _cpu_us(samples: Sequence[Sample], total: int) -> float:
    first, last = _steady(samples, total)
    return (last[2] - first[2]) / (last[1] - first[1]) * 1e6


# -- more workers ----------------------------------------------------------------------------------------------


def more_workers(servers: str, folder: Path, sizes: Sizes) -> list[Figure]:
    """The same events, shared by one, two and four workers: what each costs in CPU, over all processes."""
    begun, events = ward(sizes.events // 2)
    costs = {
        number: _shared(servers, fresh(folder, f"by-{number}"), sizes, begun, events, number)
        for number in sizes.workers
    }
    most = max(costs.values()) / costs[sizes.workers[0]]
    return [
        Figure(
            f"CPU an event with {', '.join(map(str, sizes.workers))} workers",
            ", ".join(f"{cost:.0f} µs" for cost in costs.values()),
            f"{whole(len(events))} events of {WARD} residents, home lane, all processes together; most / least workers "
            f"× {most:.2f}",
        )
    ]  # fmt: skip


def _shared(
    servers: str, folder: Path, sizes: Sizes, begun: Sequence[Input], events: Sequence[Input], number: int
) -> float:
    logs, store = Logs(servers, SITE, sizes.partitions // 2), EffectStore(folder)
    logs.write(begun)
    with contextlib.ExitStack() as stack:
        some = [
            stack.enter_context(WorkerProcess(logs, folder, f"w{one}", LIVE, session_s=SESSION_S))
            for one in range(number)
        ]
        everyone = list(range(sizes.partitions // 2))
        wait_until(lambda: sorted(p for one in some for p in one.held(LIVE)) == everyone, "all at work", WAIT_S, 0.2)
        wait_until(lambda: _through(logs, store), "the settings", WAIT_S, 0.2)
        before_s = sum(one.standing()["cpu_s"] for one in some)
        logs.write(events)
        wait_until(lambda: _through(logs, store), "the events", WAIT_S, 0.2)
        used_s: float = sum(one.standing()["cpu_s"] for one in some) - before_s
    logs.close()
    return float(used_s) / len(events) * 1e6


def _through(logs: Logs, store: EffectStore) -> bool:
    applied = logs.positions(store, LIVE)
    return all(applied.get(one, 0) >= end for one, end in logs.ends(INPUTS).items())
