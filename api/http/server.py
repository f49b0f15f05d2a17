"""One application on one port, for as long as a block runs. The edge to uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI


def listen(host: str, port: int) -> socket.socket:
    """`port` 0 = any free one. OSError says which port cannot be used, and why."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"http port {port} on {host} cannot be used: {error.strerror}") from error
    return listener


@contextlib.asynccontextmanager
async def serving(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Answers inside the block; live streams are told to end before it closes."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=10)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # signals belong to the CLI
    running = asyncio.create_task(server._serve([listener]))  # noqa: SLF001 - serve() would take the signals
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has a flag for it, and no event
            await asyncio.sleep(0.01)
        yield
    finally:
        hub = getattr(app.state, "hub", None)
        if hub is not None:
            hub.close()
        server.should_exit = True
        await running
