"""Real servers of many machines, started once for all tests that need them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.client_kafka import KafkaClient
from ingest.codecs import default_codecs
from ingest.series_influx import InfluxSeries
from ingest.series_influx_client import InfluxOptions
from ingest.topics import Layout, Placement
from ingest.topics_kafka import create_topics
from tests.support import ward_inputs
from tests.support.effect_store import EffectStore
from tests.support.influx import LATER_MS, SITE, Influxd, external_influx, fresh
from tests.support.kafka import Kafka, external_kafka
from tests.support.postgres import Postgres
from tests.support.worker_process import Logs


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a Kafka that runs as long as the session; a test uses topics (a site) of its own there."""
    servers = external_kafka()
    if servers is not None:
        yield servers
        return
    with Kafka(tmp_path_factory.mktemp("kafka")) as own:
        yield own.servers


@pytest.fixture
def logs(kafka: str, request: pytest.FixtureRequest) -> Iterator[Logs]:
    """Empty topics of a test's own, with its module's PARTITIONS."""
    made = Logs(kafka, ward_inputs.SITE, request.module.PARTITIONS)
    yield made
    made.close()


@pytest.fixture
def placement(logs: Logs) -> Placement:
    """Where an intake puts records."""
    return Placement(logs.layout, default_codecs())


@pytest.fixture
def store(tmp_path: Path) -> EffectStore:
    """Where workers of a test write."""
    return EffectStore(tmp_path)


@pytest.fixture
def kafka_client(kafka: str) -> Iterator[KafkaClient]:
    """A client of that Kafka, for this test."""
    client = KafkaClient(kafka)
    yield client
    client.close()


@pytest.fixture
def layout(kafka_client: KafkaClient) -> Layout:
    """Topics of this test alone: a site of its own with four partitions."""
    made = Layout(f"t{uuid.uuid4().hex[:8]}", partitions=4)
    create_topics(kafka_client, made, replicas=1, keep_days=0)
    return made


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxOptions]:
    """An InfluxDB that runs as long as the session; a test takes buckets of its own there (`fresh`)."""
    outside = external_influx()
    if outside is not None:
        yield outside
        return
    with Influxd(tmp_path_factory.mktemp("influx")) as own:
        yield own.options


@pytest.fixture
def series_options(influx: InfluxOptions) -> InfluxOptions:
    """Buckets of this test alone in that InfluxDB."""
    return fresh(influx)


@pytest.fixture
def open_series(series_options: InfluxOptions) -> Iterator[Callable[..., InfluxSeries]]:
    """Opens the store as a process of its own would; all are closed in the end."""
    made: list[InfluxSeries] = []

    def again(given: InfluxOptions = series_options, site: str = SITE, now_ms: int = LATER_MS) -> InfluxSeries:
        made.append(InfluxSeries(given, site, lambda: now_ms))
        return made[-1]

    yield again
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that runs as long as the session; a test has databases of its own there."""
    with Postgres() as server:
        yield server
