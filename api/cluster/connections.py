"""What every process of many machines has: its name, the logs on Kafka, the desk on PostgreSQL. Edge.

Opened once a process, whatever it is there for, and closed after its roles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from alerts.database import open_database
from alerts.database_postgres import Listener
from alerts.desk import Desk
from api.cluster.options import ClusterOptions, RoleName
from api.http.live import Wakeup
from api.running.broker_words import BrokerWords
from api.running.watch import process_name
from ingest.client_kafka import KafkaClient
from ingest.clock import SystemClock
from ingest.codecs import default_codecs
from ingest.intake_mqtt import MqttIntake, MqttOptions
from ingest.publisher_mqtt import publisher
from ingest.topics import Placement
from ingest.topics_kafka import require

SPEAKERS = {RoleName.WORKER, RoleName.DESK}  # a worker tells gateways that their alarms are on disk

log = structlog.get_logger()


class Connections:
    """`changed` rings when the desk may have changed. By `mqtt` gateways and phones are told something; roles that tell
    them nothing (floor, web, trial), and an intake, which has a connection of its own, have none.
    """

    def __init__(
        self, cluster: ClusterOptions, site_id: str, zigbee_bases: Sequence[str], data: Path, mqtt: MqttOptions | None
    ) -> None:
        """JournalError, DatabaseRefused: one of them cannot be reached, or is not what the settings say."""
        self.cluster, self.layout, self.site_id, self.data = cluster, cluster.layout, site_id, data
        self.name, self.zigbee_bases = process_name(data), tuple(zigbee_bases)
        self.clock = SystemClock()
        self.codecs = default_codecs(self.zigbee_bases)
        self.placement = Placement(self.layout, self.codecs)
        self.changed = Wakeup()
        self.kafka = KafkaClient(cluster.kafka, self.name)
        try:
            require(self.kafka, self.layout)
            self.database = open_database(cluster.desk)
        except BaseException:
            self.kafka.close()
            raise
        self._heard: list[Callable[[], None]] = [self.changed.notify]
        self._bell = Listener(cluster.desk, self._ring)
        self.desk = Desk(self.database, site_id, clock=self.clock.now_ms)
        speaks = not SPEAKERS.isdisjoint(cluster.roles)
        self.mqtt: MqttIntake | None = publisher(mqtt, self.name, self.clock.now_ms) if mqtt and speaks else None
        self.words = BrokerWords(self.codecs, None if self.mqtt is None else self.mqtt.publish)

    def on_change(self, heard: Callable[[], None]) -> None:
        """Call this too when the desk may have changed, here or in another process. Before `start`."""
        self._heard.append(heard)

    def start(self) -> None:
        self._bell.start()
        if self.mqtt is not None:
            self.mqtt.start()

    def close(self) -> None:
        if self.mqtt is not None:
            self.mqtt.stop()
        self._bell.stop()
        self.kafka.close()
        self.database.close()

    def _ring(self) -> None:
        for heard in self._heard:
            heard()
