"""`serve` where the logs are on Kafka: one process of many, there for some roles or all. Edge."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import typer

from alerts.site.items import SiteFile
from api.cli.problem_lines import CannotRun
from api.cli.site import site_to_serve
from api.cluster.options import ALL_ROLES, ClusterOptions, RoleName
from api.cluster.wiring import cluster_running
from api.running.desk_place import desk_server
from api.running.kafka_place import kafka_access
from api.running.options import options_of
from api.running.supervisor import supervised
from api.settings.model import Settings
from api.wiring import Options
from ingest.topics import Layout
from rules.book import Book

EX_LANE_ENDED = 70  # start it again (EX_SOFTWARE)


def serve_roles(
    given: Settings, book: Book, data: Path, roles: list[RoleName], site: SiteFile | None, http_port: int | None
) -> None:
    """Until SIGTERM or Ctrl-C, or until a lane of the folds cannot go on: then it exits with 70, to be started again.
    Raises CannotRun for settings that do not fit.
    """
    server = desk_server(given)
    if server is None:
        raise CannotRun('logs.kind = "kafka" needs a desk that processes can share: set desk.database_url')
    site_id = site_to_serve(given, server, site, what="the desk", advice="give --site once")
    options = options_of(given, site_id, book, data=data, http_port=http_port)
    layout = Layout(site_id, given.logs.kafka_generation, given.logs.partitions)
    wanted = tuple(one for one in ALL_ROLES if one in roles) or ALL_ROLES
    cluster = ClusterOptions(kafka=kafka_access(given), layout=layout, desk=server, roles=wanted)
    if asyncio.run(_until_told(options, cluster)):
        raise typer.Exit(EX_LANE_ENDED)


async def _until_told(options: Options, cluster: ClusterOptions) -> bool:
    """Whether it ended because a role cannot go on."""
    told, failed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)

    def on_end() -> None:
        loop.call_soon_threadsafe(failed.set)
        loop.call_soon_threadsafe(told.set)

    async with cluster_running(options, cluster, on_end) as process, supervised(process.alive):
        typer.echo(f"Vardevakt ({', '.join(cluster.roles)}): {process.http_url}")
        await told.wait()
    return failed.is_set()
