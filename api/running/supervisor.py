"""What systemd is told (sd_notify): ready, stopping, and alive while the folds move. Edge: one datagram socket.

Without NOTIFY_SOCKET in the environment nothing is said. With WatchdogSec in the unit systemd restarts a service whose
word does not come; the word comes only while `alive` says so, so a process whose folds are stuck is restarted too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping

import structlog

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"
BEATS_A_PERIOD = 3

log = structlog.get_logger()


def tell(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Say one thing; False where there is nobody to tell."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.setblocking(False)  # a supervisor that does not read must not stop the event loop
        try:
            channel.sendto(state.encode(), f"\0{address[1:]}" if address[0] == "@" else address)
        except OSError as error:
            log.warning("supervisor_not_told", state=state, error=type(error).__name__)
            return False
    return True


def watchdog_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """How often to say that we live; None where nobody asks."""
    text = environ.get("WATCHDOG_USEC", "")
    for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(text) / 1_000_000 / BEATS_A_PERIOD if text.isdecimal() and int(text) and for_us else None


@contextlib.asynccontextmanager
async def supervised(alive: Callable[[], bool]) -> AsyncIterator[None]:
    """Ready when it begins, stopping when it ends, and between them alive as long as `alive` says so."""
    every_s = watchdog_s()
    beating = asyncio.create_task(_beat(alive, every_s)) if every_s is not None else None
    tell(READY)
    try:
        yield
    finally:
        tell(STOPPING)
        if beating is not None:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating


async def _beat(alive: Callable[[], bool], every_s: float) -> None:
    while True:
        if await asyncio.to_thread(alive):
            tell(ALIVE)
        else:
            log.error("supervisor_not_fed")
        await asyncio.sleep(every_s)
