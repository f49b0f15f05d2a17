"""What `doctor` sees of Kafka: reached, topics as the settings say, replicas, and whether our clocks agree. Edge."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from api.doctor.lines import Line, Patient, bad, ok, warn
from api.running.kafka_place import kafka_access
from api.settings.file import SettingsError
from ingest.journal import JournalError
from ingest.skew import LIMIT_MS, bound_ms
from ingest.topics import INTAKES, Layout

if TYPE_CHECKING:  # each command would wait for the import of the client
    from ingest.client_kafka import KafkaClient

NAME = "doctor"  # writes an empty note under this name, for the time that Kafka gives it


def log_lines(patient: Patient) -> Iterator[Line]:
    """Nothing where the logs are in the data folder."""
    given = patient.settings
    if given.logs.kind != "kafka":
        return
    if given.site.id is None:
        yield bad("kafka", "no site is named", "set [site] id")
        return
    from ingest.client_kafka import KafkaClient
    from ingest.topics_kafka import describe, refusals, weaknesses

    layout = Layout(given.site.id, given.logs.kafka_generation, given.logs.partitions)
    try:
        client = KafkaClient(kafka_access(given), "vardevakt-doctor")
    except (JournalError, SettingsError) as error:
        yield bad("kafka", str(error), "mend the files that [logs] names")
        return
    try:
        found = describe(client, layout)
        yield ok("kafka", f"{client.servers} answers")
        wrong = list(refusals(found, layout))
        if wrong:
            yield bad("kafka_topics", "; ".join(wrong[:3]), "nothing starts on these topics")
            return
        yield ok("kafka_topics", f"generation {layout.generation}, {layout.partitions} partitions")
        weak = list(weaknesses(found, given.journal.keep_days))
        if weak:
            yield warn(
                "kafka_keeping", "; ".join(weak[:3]), "README of ingest, The logs on Kafka, says what each needs"
            )
        else:
            yield ok("kafka_keeping", "every topic on brokers enough, and for as long as the settings say")
        yield skew_line(_skew_ms(client, layout))
    except JournalError as error:
        yield bad("kafka", str(error), "start it, or mend [logs] kafka_servers")
    finally:
        client.close()


def skew_line(skew_ms: int) -> Line:
    """`skew_ms`: at least so far is this machine's clock ahead of Kafka's."""
    told = f"at least {abs(skew_ms) / 1000:.1f} s {'ahead of' if skew_ms > 0 else 'behind'} Kafka's clock"
    if abs(skew_ms) > LIMIT_MS:
        return bad("kafka_clock", told, "an intake does not serve like that: let time be kept by NTP on every machine")
    return warn("kafka_clock", told, "look at NTP") if abs(skew_ms) > LIMIT_MS // 4 else ok("kafka_clock", "agrees")


def _skew_ms(client: KafkaClient, layout: Layout) -> int:
    from ingest.client_kafka import Ack, Message

    sent_ms = time.time_ns() // 1_000_000
    probe = Message(layout.topic(INTAKES), 0, NAME.encode(), b"")
    answer = client.call(client.produce([probe]))[0]
    if not isinstance(answer, Ack):
        raise client.trouble(answer)
    return bound_ms(sent_ms, time.time_ns() // 1_000_000, answer.at_ms)
