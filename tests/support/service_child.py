"""The real service in a process of its own, to be killed or measured: `python -m tests.support.service_child`.

Started by `tests/support/service_process.py`. First line on stdout: where it listens. Then one line of positions for
each line on stdin; when stdin ends it stops in order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

from api.running.log_setup import configure_logging
from api.running.service import Service
from api.wiring import Options, running
from ingest.intake_mqtt import MqttOptions
from ingest.journal_file import JournalOptions
from rules.book_file import shipped_book


def positions(service: Service) -> dict[str, Any]:
    """How far each step has come, and what it cost so far."""
    parts = service.parts
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "raw": parts.journal.raw.last_seq(),
        "source": parts.source.position,
        "inputs": parts.journal.inputs.last_seq(),
        "home": parts.home.position,
        "floor": parts.floor.position,
        "connected": parts.intake is not None and parts.intake.state == "live",
        "healthy": parts.source.healthy and parts.home.healthy and parts.floor.healthy,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "journal": {name: getattr(parts.journal.health(), name) for name in ("commits", "rows")},
        "mqtt": parts.intake.counts() if parts.intake is not None else {},
    }


async def serve(options: Options) -> None:
    """Up until stdin ends."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(service: Service) -> None:
        for _ in sys.stdin:
            say(positions(service))
        loop.call_soon_threadsafe(ended.set)

    async with running(options) as up:
        say({"url": up.http_url, "pid": os.getpid()})
        threading.Thread(target=answer, args=(up.service,), name="test-positions", daemon=True).start()
        await ended.wait()


def say(value: dict[str, Any]) -> None:
    """One line for the parent."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments and serve."""
    given = argparse.ArgumentParser()
    given.add_argument("--data", type=Path, required=True)
    given.add_argument("--site", required=True)
    given.add_argument("--mqtt", required=True)
    given.add_argument("--http-port", type=int, default=0)
    got = given.parse_args()
    configure_logging("json", "warning")
    options = Options(
        site_id=got.site,
        data=got.data,
        http_port=got.http_port,
        mqtt=MqttOptions(url=got.mqtt, site=got.site),
        journal=JournalOptions(reserve_bytes=0),
        book=shipped_book(),
    )
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
