"""A worker in a process of its own, to be killed, paused or measured: `python -m tests.support.worker_child`.

Started by `tests/support/worker_process.py`. It answers each line on stdin with a line of JSON on stdout: where its
partitions stand. When stdin ends it stops in order.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from api.running.log_setup import configure_logging
from api.running.worker import Worker, WorkerOptions, run_worker
from ingest.kafka_access import KafkaAccess
from ingest.topics import Layout
from tests.support.effect_store import EffectStore
from tests.support.file_snapshots import FileSnapshots

FLUSH_S = 0.5


def standing(worker: Worker) -> dict[str, Any]:
    """Where each partition of each lane stands, and what it cost so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "pid": os.getpid(),
        "healthy": worker.healthy,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "lanes": {
            owner.lane.name: {
                "ready": lane.ready.is_set(),
                "failed": lane.failed,
                "clocks": owner.clocks,
                "age_ms": worker.watch.oldest_age_ms(owner.lane.name),
                "partitions": {one: [at.position, at.applied, at.trouble] for one, at in owner.standing().items()},
                "decisions": [[str(decision), partition, at] for decision, partition, at in list(owner.decisions)],
            }
            for owner, lane in zip(worker.partitions, worker.lanes, strict=True)
        },
    }


def main() -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", required=True)
    parser.add_argument("--site", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--generation", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--lanes", required=True)
    parser.add_argument("--name", default="worker")
    parser.add_argument("--session-s", type=float, default=3.0)
    parser.add_argument("--stall-s", type=float, default=60.0)
    given = parser.parse_args()
    configure_logging()
    stopping = threading.Event()
    options = WorkerOptions(
        kafka=KafkaAccess(given.servers), layout=Layout(given.site, given.generation, given.partitions),
        name=given.name, lanes=tuple(given.lanes.split(",")), session_s=given.session_s, stall_s=given.stall_s,
    )  # fmt: skip

    def answer(worker: Worker) -> None:
        for _ in sys.stdin:
            print(json.dumps(standing(worker)), flush=True)  # noqa: T201 - the answer
        stopping.set()

    def listen(worker: Worker) -> None:
        for owner in worker.partitions:  # tests wait until positions are on disk, also of rows that said nothing
            owner.lane = msgspec.structs.replace(owner.lane, flush_s=FLUSH_S)
        threading.Thread(target=answer, args=(worker,), daemon=True).start()

    return run_worker(
        options, EffectStore(given.folder), FileSnapshots(given.folder / "states"), stopping, on_start=listen
    )


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
