"""Bytewax over a file of events: parse, one filter, a counter by resident. Prints events a second. Needs `bytewax`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import bytewax.operators as op  # type: ignore[import-not-found]  # installed for this bench alone
from bytewax.connectors.stdio import StdOutSink  # type: ignore[import-not-found]  # as above
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]  # as above
from bytewax.testing import TestingSource, run_main  # type: ignore[import-not-found]  # as above


def counted(state: int | None, _event: dict[str, Any]) -> tuple[int, int]:
    count = (state or 0) + 1
    return count, count


def main(path: Path) -> None:
    """Nothing is printed by the flow itself: its last step lets nothing through."""
    lines = path.read_bytes().splitlines()
    flow = Dataflow("peer")
    parsed = op.map("parse", op.input("in", flow, TestingSource(lines, batch_size=1_000)), json.loads)
    moved = op.filter("filter", parsed, lambda event: event["type"] != "heartbeat")
    keyed = op.key_on("key", moved, lambda event: str(event["subject"]))
    total = op.stateful_map("count", keyed, counted)
    op.output("out", op.filter("none", op.map("text", total, str), lambda _text: False), StdOutSink())
    started_s = time.perf_counter()
    run_main(flow)
    print(len(lines) / (time.perf_counter() - started_s))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
