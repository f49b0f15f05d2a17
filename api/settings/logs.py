"""The table of the settings that says where the logs are kept: in the data folder, or on Kafka. Reads nothing."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from alerts.site.problems import shown, wrong
from api.settings.section import FilePath, Section
from ingest.topics import GENERATIONS_MAX, PARTITIONS_MAX

NEEDS = {
    "kafka_username": "kafka_tls", "kafka_password_file": "kafka_username", "kafka_key_file": "kafka_cert_file",
    "kafka_cert_file": "kafka_tls", "kafka_ca_file": "kafka_tls",
}  # fmt: skip
_SERVER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")


def _servers(text: str) -> str:
    servers = [one.strip() for one in text.split(",")] if text.strip() else []
    for one in servers:
        if not _SERVER.fullmatch(one) or not 0 < int(one.rpartition(":")[2]) < 65_536:
            raise wrong("bad_url", f"{shown(one)} is no Kafka server; write host:9092,host:9092")
    return ",".join(servers)


class Logs(Section):
    kind: Literal["sqlite", "kafka"] = Field(
        "sqlite", description="Where RAW and INPUTS are kept: journal.db in the data folder, or Kafka."
    )
    kafka_servers: Annotated[str, AfterValidator(_servers)] = Field(
        "", description="Kafka's servers to begin with: host:9092,host:9092."
    )
    kafka_generation: int = Field(
        1, ge=1, le=GENERATIONS_MAX, description="Which topics: a move to more partitions begins a new generation."
    )
    kafka_tls: bool = Field(False, description="Whether Kafka is reached over TLS. A user needs it.")
    kafka_ca_file: FilePath | None = Field(
        None, description="Certificates that may sign the brokers'. Without it: the system's."
    )
    kafka_cert_file: FilePath | None = Field(None, description="Our certificate, where Kafka asks for one.")
    kafka_key_file: FilePath | None = Field(None, description="The key of kafka_cert_file.")
    kafka_username: str | None = Field(None, min_length=1, description="User at Kafka (SASL).")
    kafka_password_file: FilePath | None = Field(None, description="File that holds the password and nothing else.")
    kafka_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="How the user is made known to Kafka."
    )
    partitions: int = Field(
        128, ge=1, le=PARTITIONS_MAX, description="Partitions of each topic of this generation; they never change."
    )

    @model_validator(mode="after")
    def _whole(self) -> Logs:
        if self.kind == "kafka" and not self.kafka_servers:
            raise wrong("needed", 'is missing; kind = "kafka" needs it', "kafka_servers")
        for name, needs in NEEDS.items():
            if getattr(self, name) and not getattr(self, needs):
                raise wrong("needed", f"is missing; {name} needs it", needs)
        return self
