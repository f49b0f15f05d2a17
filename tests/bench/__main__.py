"""`make bench`: the figures of the README as ratios within this run, with command and machine.

`python -m tests.bench [sqlite] [throughput] [folds] [live] [backlog] [rules] [desk] [disk] [series] [faust]
[postgres] [cluster]`; without a name, all of them. On real processes and a real broker (Mosquitto, else iotcore), Kafka
or PostgreSQL. A busy machine gives other figures: its load is printed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.ceilings import sqlite_commits
from tests.bench.cluster import cluster
from tests.bench.desk import desk
from tests.bench.disk import disk
from tests.bench.folds import folds
from tests.bench.latency import amid_backlog, live_stream
from tests.bench.postgres import postgres
from tests.bench.report import Figure, machine, table
from tests.bench.rules import rules
from tests.bench.series import series
from tests.bench.throughput import Town, settled, throughput
from tests.bench.workers import workers

NEEDS_TOWN: dict[str, Callable[[Path, Town], list[Figure]]] = {
    "throughput": throughput,
    "live": live_stream,
    "backlog": amid_backlog,
}
ALONE: dict[str, Callable[[Path], list[Figure]]] = {
    "sqlite": sqlite_commits,
    "folds": lambda _: folds(),
    "rules": lambda _: rules(),
    "desk": desk,
    "disk": disk,
    "series": series,
    "faust": workers,
    "postgres": postgres,
    "cluster": cluster,
}
NAMES = (*NEEDS_TOWN, *ALONE)


def main(names: list[str]) -> int:
    """Run those named, print as they come, then the table."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {unknown[0]}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(f"`python -m tests.bench{''.join(f' {name}' for name in names)}`: {machine()}\n", flush=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="vardevakt-bench-") as temporary:
        folder = Path(temporary)
        wanted = [name for name in NAMES if not names or name in names]
        town = settled(folder) if any(name in NEEDS_TOWN for name in wanted) else None
        for name in wanted:
            if name in ALONE:
                found = ALONE[name](folder)
            else:
                assert town is not None, "settled above"
                found = NEEDS_TOWN[name](folder, town)
            figures += found
            for one in found:
                print(f"{one.name}: {one.value}; {one.beside}", file=sys.stderr, flush=True)
    print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
