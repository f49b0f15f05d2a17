"""What receive holds of a message until it is on disk, its limits, and what it reports."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog

from ingest.codec import MAX_PAYLOAD_BYTES
from ingest.journal import RawIntake
from ingest.record import MQTT, RawRecord
from ingest.redelivery import MAX_ROWS, Redelivery

log = structlog.get_logger()

KEPT_WHOLE_BYTES = 4 * 1024 * 1024
RESTORED_ROWS = MAX_ROWS // 2  # what a broker has in flight is the newest it sent, and a packet's id has 16 bits

OnSynced = Callable[[int], None]


class ReceiveLimits(msgspec.Struct, frozen=True):
    """Rows and bytes accepted but not yet synced, and waiting times in seconds."""

    queue_rows: int = 20_000
    queue_bytes: int = 64 * 1024 * 1024
    batch_rows: int = 1_000
    batch_bytes: int = 4 * 1024 * 1024
    block_s: float = 30.0
    emergency_after_s: float = 3.0
    retry_s: float = 0.5


class ReceiveHealth(msgspec.Struct, frozen=True):
    """Counters since start, and what is waiting now."""

    received: int
    synced: int
    bytes: int
    shed: int
    dup: int
    truncated: int
    failed_batches: int
    callback_errors: int
    emergencies: int
    forgotten: int  # rows whose redelivery could no longer be known (bound of ingest.redelivery)
    queued_rows: int
    queued_bytes: int
    oldest_unsynced_s: float


class Entry:
    __slots__ = ("on_synced", "ordinal", "record", "shed", "sheddable", "since_s", "size", "told", "tries")

    def __init__(self, record: RawRecord, on_synced: OnSynced | None, since_s: float) -> None:
        self.record, self.on_synced, self.since_s = record, on_synced, since_s
        self.size = len(record.payload) + len(record.topic)
        self.ordinal = 0  # of ingest.redelivery; 0 = not tracked
        self.sheddable = False  # a message that may be acknowledged and dropped when the disk is nearly full
        self.shed = False  # it was: it stays in its place, so that acknowledgements keep their order
        self.told = False  # whether the emergency channel has it, or need not
        self.tries = 0

    def tell(self, seq: int) -> bool:
        """Quarantine: one edge's fault must not keep the others from their acknowledgements. False when it raised."""
        try:
            if self.on_synced is not None:
                self.on_synced(seq)
        except Exception:
            log.exception("on_synced_failed", seq=seq)
            return False
        return True


def cut_payload(message: RawRecord) -> RawRecord:
    """Too large for any codec stays too large for any codec: one byte over their limit is kept, the rest is not.

    So no reader needs to know of it, and it ends as the dead letter `too_large`; the link says what it was.
    """
    size = len(message.payload)
    payload, link = message.payload[: MAX_PAYLOAD_BYTES + 1], f"{message.link};truncated={size}"
    return msgspec.structs.replace(message, payload=payload, link=link)


def link_of(record: RawRecord) -> str:
    return record.link.partition(";")[0]


def key_of(record: RawRecord) -> int:
    """Same topic, bytes and retain flag give the same key, in this process only."""
    return hash((record.topic, record.payload, record.retain))


def restored(raw: RawIntake) -> Redelivery:
    """Marks for the newest rows beyond each link's stored watermark: after a crash they may come again."""
    redelivery, acked, last = Redelivery(), raw.acked(), raw.last_seq()
    seq = max(min(acked.values(), default=0), last - RESTORED_ROWS)
    while seq < last and (page := raw.read(seq, 1_000)):
        for record in page:
            if record.kind == MQTT and record.qos > 0 and record.seq > acked.get(link_of(record), 0):
                redelivery.restore(link_of(record), record.seq, key_of(record))
        seq = page[-1].seq
    return redelivery
