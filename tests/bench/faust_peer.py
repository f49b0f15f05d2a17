"""A plain Faust worker that counts rows by key in a table, as its own documents show it: the peer of our worker.

`python -m tests.bench.faust_peer SERVERS TOPIC PARTITIONS`. Prints rows and seconds of CPU four times a second, until
stdin ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
import tempfile
import threading
import uuid
from typing import Any

import faust

EVERY_S = 0.25


async def count(servers: str, topic: str, partitions: int, ended: threading.Event) -> None:
    """Until `ended`."""
    app = faust.App(
        f"peer-{uuid.uuid4().hex[:8]}", broker=f"kafka://{servers}", store="memory://", web_enabled=False,
        topic_partitions=partitions, topic_replication_factor=1, datadir=tempfile.mkdtemp(prefix="vardevakt-peer-"),
        consumer_auto_offset_reset="earliest", stream_recovery_delay=0.0, autodiscover=False,
    )  # fmt: skip
    counts: Any = app.Table("counts", default=int, partitions=partitions)
    rows = 0

    async def agent(stream: Any) -> None:
        nonlocal rows
        async for key, _value in stream.items():  # noqa: PERF102 - a stream, no dict
            counts[key.decode()] += 1
            rows += 1

    app.agent(app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"))(agent)
    starting = asyncio.ensure_future(app.start())
    while not ended.is_set():
        await asyncio.sleep(EVERY_S)
        if starting.done():
            starting.result()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"rows": rows, "cpu_s": usage.ru_utime + usage.ru_stime}), flush=True)


def main() -> None:
    """Read the arguments and count."""
    servers, topic, partitions = sys.argv[1:]
    logging.basicConfig(level=logging.CRITICAL)
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    asyncio.run(count(servers, topic, int(partitions), ended))
    os._exit(0)


if __name__ == "__main__":
    main()
