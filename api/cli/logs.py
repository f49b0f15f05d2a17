"""`logs create`, `describe` and `grow`: the topics of the logs on Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from api.cli.files import AsJson
from api.cli.problem_lines import CannotRun
from api.cli.serve import SettingsFile
from api.running.desk_place import desk_server
from api.running.kafka_place import kafka_access
from api.settings.file import load_settings
from api.settings.model import Settings
from ingest.topics import PARTITIONS_MAX, REPLICAS, Layout

if TYPE_CHECKING:  # each command would wait for the import of the client
    from ingest.client_kafka import KafkaClient

SiteId = Annotated[str | None, typer.Option(help="As in the settings when left out.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    logs = typer.Typer(help="The topics of the logs on Kafka.", no_args_is_help=True, rich_markup_mode=None)
    logs.command("create")(create)
    logs.command("describe")(describe_logs)
    logs.command("grow")(grow_logs)
    app.add_typer(logs, name="logs")


def create(
    settings: SettingsFile = None,
    site: SiteId = None,
    replicas: Annotated[int, typer.Option(min=1, max=9, help="On so many brokers; all but one must have it.")] = (
        REPLICAS
    ),
) -> None:
    """Create the topics that are missing, kept for [journal] keep_days; what is there stays as it is."""
    from ingest.topics_kafka import create_topics

    given = load_settings(settings)
    with _client(given) as client:
        made = create_topics(client, layout_of(given, site), replicas, given.journal.keep_days)
    for name in made:
        typer.echo(f"created {name}")
    if not made:
        typer.echo("all topics are there")


def describe_logs(settings: SettingsFile = None, site: SiteId = None, as_json: AsJson = False) -> None:
    """What is there, and what is wrong with it. Exit 1: a service would not start on it."""
    from ingest.topics_kafka import describe, refusals, weaknesses

    given = load_settings(settings)
    layout = layout_of(given, site)
    with _client(given) as client:
        found = describe(client, layout)
    wrong = list(refusals(found, layout))
    if as_json:
        weak = list(weaknesses(found, given.journal.keep_days))
        typer.echo(msgspec.json.encode({"topics": found, "refusals": wrong, "weaknesses": weak}).decode())
    else:
        for name, topic in sorted(found.items()):
            config = ", ".join(f"{key}={value}" for key, value in sorted(topic.config.items()))
            typer.echo(f"{name}: {topic.partitions} partitions on {topic.replicas} brokers; {config}")
        for line in [*wrong, *weaknesses(found, given.journal.keep_days)]:
            typer.echo(line)
    if wrong:
        raise typer.Exit(1)


def grow_logs(
    partitions: Annotated[int, typer.Option(min=1, max=PARTITIONS_MAX, help="Of the next generation's topics.")],
    settings: SettingsFile = None,
    site: SiteId = None,
    replicas: Annotated[int, typer.Option(min=1, max=9, help="On so many brokers; all but one must have it.")] = (
        REPLICAS
    ),
) -> None:
    """Move the logs into topics with other partitions, every home with its state. Intakes and workers must be stopped,
    their logs applied to the end; brokers keep what comes. Exit 1: not now, and why.
    """
    from api.running.log_growth import move_logs

    given = load_settings(settings)
    old, server = layout_of(given, site), desk_server(given)
    if server is None:
        raise CannotRun("the logs move with the positions of a desk on PostgreSQL: set [desk] database_url")
    new = Layout(old.site, old.generation + 1, partitions)
    with _client(given) as client:
        refusal = move_logs(client, server, old, new, given.zigbee2mqtt.bases, replicas, given.journal.keep_days)
    if refusal:
        typer.echo(refusal)
        raise typer.Exit(1)
    typer.echo(
        f"moved: set [logs] kafka_generation = {new.generation}, partitions = {partitions} everywhere, and start"
    )


def layout_of(given: Settings, site: str | None = None) -> Layout:
    """The topics that the settings speak of."""
    site_id = site or given.site.id
    if site_id is None:
        raise CannotRun("no site is named: say --site, or [site] id in the settings")
    return Layout(site_id, given.logs.kafka_generation, given.logs.partitions)


@contextmanager
def _client(given: Settings) -> Iterator[KafkaClient]:
    if given.logs.kind != "kafka":
        raise CannotRun('the logs are not on Kafka: set [logs] kind = "kafka" and kafka_servers')
    from ingest.client_kafka import KafkaClient

    client = KafkaClient(kafka_access(given), "vardevakt-logs")
    try:
        yield client
    finally:
        client.close()
