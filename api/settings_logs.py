"""The table of the settings that says where the logs are kept: in the data folder, or on Kafka. Reads nothing."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from alerts.site.problems import shown, wrong
from api.settings_section import Section
from ingest.topics import GENERATIONS_MAX, PARTITIONS_MAX

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
    partitions: int = Field(
        128, ge=1, le=PARTITIONS_MAX, description="Partitions of each topic of this generation; they never change."
    )

    @model_validator(mode="after")
    def _whole(self) -> Logs:
        if self.kind == "kafka" and not self.kafka_servers:
            raise wrong("needed", 'is missing; kind = "kafka" needs it', "kafka_servers")
        return self
