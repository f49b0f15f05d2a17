"""The topics in the cluster: creating them with what each must keep, and what is wrong with those that are there.

Nothing is ever created by chance: `vardevakt logs create` does it, and a service whose settings and topics disagree
does not start.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from ingest.client_kafka import RECORD_BYTES, KafkaClient, Topic
from ingest.journal import JournalError
from ingest.topics import INTAKES, LOGS, RAW, REPLICAS, SETTINGS, Layout

DAY_MS = 86_400_000
KEEP_DAYS = 90
SETTLE_S, SETTLE_TRIES = 0.1, 100
CHECKED = ("min.insync.replicas", "message.timestamp.type", "retention.ms", "cleanup.policy")


def wanted(layout: Layout, replicas: int = REPLICAS, keep_days: int = KEEP_DAYS) -> list[Topic]:
    """Every topic of the layout as it should be. `keep_days` 0 = for ever.

    One replica: each acknowledged record of `raw` is synced by itself, as no second broker has it.
    """
    common = {
        "max.message.bytes": str(RECORD_BYTES),
        "min.insync.replicas": str(max(1, replicas - 1)),
        "unclean.leader.election.enable": "false",
    }
    keep = {"retention.ms": str(keep_days * DAY_MS if keep_days else -1), "retention.bytes": "-1"}
    found = []
    for log in LOGS:
        config = {**common, **keep, "cleanup.policy": "delete", "message.timestamp.type": "CreateTime"}
        if log == RAW:
            config["message.timestamp.type"] = "LogAppendTime"
            if replicas == 1:
                config["flush.messages"] = "1"
        found.append(Topic(layout.topic(log), layout.partitions, replicas, config))
    newest = {"cleanup.policy": "compact", "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.01"}
    config = {**common, **newest, "message.timestamp.type": "LogAppendTime"}
    lagging = {**config, "min.compaction.lag.ms": str(7 * DAY_MS)}  # what two at once wrote is told apart (README)
    return [
        *found,
        Topic(layout.topic(INTAKES), 1, replicas, config),
        Topic(layout.topic(SETTINGS), 1, replicas, lagging),
    ]


def create_topics(
    client: KafkaClient, layout: Layout, replicas: int = REPLICAS, keep_days: int = KEEP_DAYS
) -> list[str]:
    """Create what is missing; the names of what was. JournalError: what is there does not fit."""
    _refuse_forgotten_places(client, layout)
    made = client.create(wanted(layout, replicas, keep_days))
    pause = threading.Event()  # never set: every broker must have heard of them
    for _ in range(SETTLE_TRIES):
        if len(describe(client, layout)) == len(LOGS) + 2:
            break
        pause.wait(SETTLE_S)
    require(client, layout)
    return made


def _refuse_forgotten_places(client: KafkaClient, layout: Layout) -> None:
    """Logs that are written, and nothing says where their settings stand: from before that was kept, or it was lost."""
    raw, settings = layout.topic(RAW), layout.topic(SETTINGS)
    found = describe(client, layout)
    if raw in found and settings not in found and any(client.reader().ends(raw, range(found[raw].partitions)).values()):
        raise JournalError(
            f"kafka {client.servers}: nobody knows where the settings of {raw} stand: `vardevakt logs grow` moves to"
            " logs where it is known"
        )


def describe(client: KafkaClient, layout: Layout) -> dict[str, Topic]:
    """What is there of the layout's topics."""
    return client.describe([one.name for one in wanted(layout)], CHECKED)


def refusals(found: dict[str, Topic], layout: Layout) -> Iterator[str]:
    """Why nothing may start on these topics; nothing when all fit."""
    for one in wanted(layout):
        there = found.get(one.name)
        if there is None:
            yield f"topic {one.name} is not there: run `vardevakt logs create`"
        elif there.partitions != one.partitions:
            yield (
                f"topic {one.name} has {there.partitions} partitions, the settings say {one.partitions}: set [logs]"
                f" partitions = {there.partitions}, or move to a new generation with `vardevakt logs grow`"
            )
        elif there.config.get("message.timestamp.type") != one.config["message.timestamp.type"]:
            expected = one.config["message.timestamp.type"]
            yield f"topic {one.name} keeps {there.config.get('message.timestamp.type')}: it needs {expected}"


def weaknesses(found: dict[str, Topic], keep_days: int = KEEP_DAYS) -> Iterator[str]:
    """What works, and will not on a bad day."""
    for name, one in sorted(found.items()):
        if int(one.config.get("min.insync.replicas", "1")) < 2:
            yield f"{name}: min.insync.replicas is 1: what is acknowledged stands on one broker"
        kept_ms = int(one.config.get("retention.ms", "-1"))
        if one.config.get("cleanup.policy") == "delete" and 0 <= kept_ms < keep_days * DAY_MS:
            yield f"{name}: kept for {kept_ms // DAY_MS} days, the settings say {keep_days}"


def require(client: KafkaClient, layout: Layout) -> None:
    """JournalError unless the topics are those of the settings."""
    wrong = list(refusals(describe(client, layout), layout))
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise JournalError(f"kafka {client.servers}: {wrong[0]}{more}")
