"""What the service says to its broker: that an alarm is on disk, and that one could not be stored. Edge: publishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog

from ingest.codec import Codec
from ingest.record import RawRecord, Recorded

log = structlog.get_logger()

EMERGENCY_TOPIC = "vardevakt-notify/1/emergency"  # heard by whatever the site keeps beside the service for this


class BrokerWords:
    """`publish(topic, payload)` queues, and may be None where there is no broker. Callable from any thread."""

    def __init__(self, codecs: Sequence[Codec], publish: Callable[[str, bytes], object] | None) -> None:
        self._codecs, self._publish = tuple(codecs), publish

    def recorded(self, entries: Sequence[Recorded]) -> None:
        """Tell the gateways that their alarms are on disk; they resend until they hear it."""
        if self._publish is None:
            return
        for entry in entries:
            body = {"type": "event.recorded", "id": entry.event_id, "ref": entry.ref, "event_id": entry.event_id}
            for codec in self._codecs:
                command = codec.command(entry.topic, body)
                if command is not None:
                    self._publish(*command)
                    break

    def emergency(self, record: RawRecord) -> None:
        """No commit for 3 s and an alarm waits: the loudest that can be done without a disk, marked "not recorded"."""
        log.critical("alarm_not_recorded", topic=record.topic, received_at_ms=record.received_at_ms)
        if self._publish is not None:
            told = {"kind": "not_recorded", "topic": record.topic, "received_at_ms": record.received_at_ms}
            self._publish(EMERGENCY_TOPIC, msgspec.json.encode(told))
