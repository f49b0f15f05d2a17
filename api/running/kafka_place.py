"""How the settings say that Kafka is reached. Edge: reads the secret."""

from __future__ import annotations

from api.settings.file import read_secret
from api.settings.model import Settings
from ingest.kafka_access import KafkaAccess


def kafka_access(settings: Settings) -> KafkaAccess:
    """Raises SettingsError for a password file."""
    logs = settings.logs
    return KafkaAccess(
        logs.kafka_servers, logs.kafka_tls, logs.kafka_ca_file, logs.kafka_cert_file, logs.kafka_key_file,
        logs.kafka_username or "", read_secret(logs.kafka_password_file) if logs.kafka_password_file else "",
        logs.kafka_mechanism,
    )  # fmt: skip
