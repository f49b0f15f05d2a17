"""The composition root of many machines: settings and roles in, one running process out. See api/wiring.py for one.

`cluster_running` opens what every process has, then its roles in order: what takes in last, as in the embedded service.
All of them speak to each other through Kafka and PostgreSQL only, so a process may have one role or all.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import structlog
from fastapi import FastAPI

from api.board.router import board_router
from api.cli.problem_lines import CannotRun
from api.cluster.connections import Connections
from api.cluster.desk import DeskRole, settle_shipped
from api.cluster.face import Role, role_app
from api.cluster.intake import IntakeRole
from api.cluster.options import ClusterOptions, RoleName
from api.cluster.trial import TrialRole
from api.cluster.web import WebRole
from api.cluster.workers import LanesRole
from api.http.app import create_app
from api.http.server import listen, serving
from api.running.collector import no_collection
from api.running.series import open_series
from api.running.worker import FLOOR_LANES, WORKER_LANES
from api.wiring import Options
from ingest.series import Series

log = structlog.get_logger()


class Process(msgspec.Struct):
    """One that is up."""

    roles: list[Role]
    http_url: str

    def alive(self) -> bool:
        return not [reason for role in self.roles for reason in role.live()]


@contextlib.asynccontextmanager
async def cluster_running(
    options: Options, cluster: ClusterOptions, on_end: Callable[[], None] = lambda: None
) -> AsyncIterator[Process]:
    """`on_end`: a role says that this process must end, so that others take over. From any thread.

    Raises JournalError, DatabaseRefused, CannotRun, OSError (a port that is taken).
    """
    if RoleName.INTAKE in cluster.roles and options.mqtt is None:
        raise CannotRun("an intake needs a broker: set mqtt.url")
    options.data.mkdir(parents=True, exist_ok=True)
    common = await asyncio.to_thread(
        Connections, cluster, options.site_id, options.zigbee_bases, options.data, options.mqtt
    )
    series = open_series(options.influx, options.data, options.site_id, common.clock.now_ms)
    started: list[Role] = []
    try:
        common.start()
        with no_collection():
            roles = await asyncio.to_thread(_roles, common, options, cluster, series, on_end)
            for role in roles:
                started.append(role)
                await asyncio.to_thread(role.start)
        listener = listen(options.http_host, options.http_port)
        async with serving(_app(roles), listener):
            log.info("process_started", roles=[str(one) for one in cluster.roles], name=common.name)
            yield Process(roles, f"http://{options.http_host}:{listener.getsockname()[1]}")
    finally:
        for role in reversed(started):
            await asyncio.to_thread(role.stop)
        series.close()
        await asyncio.to_thread(common.close)
        log.info("process_stopped", name=common.name)


def _roles(
    common: Connections, options: Options, cluster: ClusterOptions, series: Series, on_end: Callable[[], None]
) -> list[Role]:
    """In the order of starting: what takes in last."""
    wanted, found = cluster.roles, list[Role]()
    if RoleName.FLOOR in wanted:
        found.append(LanesRole(common, FLOOR_LANES, on_end))
    if RoleName.WORKER in wanted:
        found.append(LanesRole(common, WORKER_LANES, on_end, series))
    if RoleName.DESK in wanted:
        if options.book is not None:
            settle_shipped(common, options.book)
        found.append(DeskRole(common, options.channels, options.heartbeat, series, options.timezone))
    if RoleName.TRIAL in wanted:
        found.append(TrialRole(common))
    if RoleName.WEB in wanted:
        found.append(WebRole(common, options, series))
    if RoleName.INTAKE in wanted:
        assert options.mqtt is not None, "was asked for"
        found.append(IntakeRole(common, options.mqtt, options.memory_limit_bytes))
    return found


def _app(roles: Sequence[Role]) -> FastAPI:
    """Board and API where this process has them, else health and figures."""
    web = next((role for role in roles if isinstance(role, WebRole)), None)
    if web is None:
        return role_app(roles)
    services = dataclasses.replace(web.services, roles=tuple(roles))
    return create_app(services, pages=[board_router(services)])
