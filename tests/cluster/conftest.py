"""Real servers of many machines, started once for all tests that need them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from ingest.client_kafka import KafkaClient
from ingest.series_influx_client import InfluxOptions
from ingest.topics import Layout
from ingest.topics_kafka import create_topics
from tests.support.influx import Influxd, external_influx
from tests.support.kafka import Kafka, external_kafka
from tests.support.postgres import Postgres


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that runs as long as the session; a test has databases of its own there."""
    with Postgres() as server:
        yield server
