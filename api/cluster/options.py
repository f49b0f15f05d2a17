"""What a process of many machines is told, beyond what the embedded service is (api/wiring.py). Data only."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from alerts.database import Server
from ingest.kafka_access import KafkaAccess
from ingest.topics import Layout


class RoleName(StrEnum):
    """What a process may be there for."""

    INTAKE = "intake"  # the broker's messages onto RAW
    WORKER = "worker"  # source and home folds, under Faust
    FLOOR = "floor"  # alarms, apart from everything else
    DESK = "desk"  # timers, messages out, checks, curves
    WEB = "web"  # board and API
    TRIAL = "trial"  # rules on trial, which reach nobody


ALL_ROLES = tuple(RoleName)


class ClusterOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`desk`: PostgreSQL."""

    kafka: KafkaAccess
    layout: Layout
    desk: Server
    roles: tuple[RoleName, ...] = ALL_ROLES
