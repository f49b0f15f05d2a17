"""`logs grow`: the parts that `rules.growing` moves the logs with, put together. Edge."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future

from alerts.database import Server, open_database
from alerts.desk import Desk
from alerts.relay import Relay
from alerts.snapshots_sql import SqlSnapshots
from api.running.rule_book import engine_version
from ingest.client_kafka import KafkaClient
from ingest.codecs import default_codecs
from ingest.topics import Layout, Outgoing, Placement
from ingest.topics_kafka import create_topics
from ingest.writer_kafka import KafkaWriter
from rules.effects import LIVE
from rules.generation import GenerationSink
from rules.growing import NotReady, grow
from rules.lanes import SOURCE, SourceSink, floor_lane, home_lane, source_lane
from rules.state_moves import FLOOR

WRITE_S = 120.0


def move_logs(
    client: KafkaClient, server: Server, old: Layout, new: Layout, zigbee_bases: Sequence[str], replicas: int,
    keep_days: int,
) -> str:  # fmt: skip
    """Why not, in words; empty: done. JournalError, DatabaseRefused: Kafka or the desk cannot be reached."""
    codecs, engine = default_codecs(tuple(zigbee_bases)), engine_version()

    def write(to: Layout, rows: Sequence[Outgoing]) -> None:
        KafkaWriter(client, Placement(to, codecs)).write(rows, WRITE_S)

    database = open_database(server)
    try:
        desk = Desk(database, old.site)
        numbered = GenerationSink(desk, old)
        lanes = {
            SOURCE: source_lane(old, codecs, SourceSink(old, lambda rows: write(old, rows), numbered)),
            LIVE: home_lane(old, engine, numbered),
            FLOOR: floor_lane(old, engine, numbered),
        }
        if waiting := Relay(database, lambda _: Future()).waiting():
            raise NotReady(f"{waiting} settings or acts of staff wait for the old logs: let a desk and the workers run")
        create_topics(client, new, replicas, keep_days)
        now_ms = time.time_ns() // 1_000_000
        grow(old, new, lanes, codecs, desk, SqlSnapshots(database), client.reader(), write, now_ms)
    except NotReady as error:
        return str(error)
    finally:
        database.close()
    return ""
