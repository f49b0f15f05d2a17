"""Trying a dead letter again, after a codec was mended: its bytes become a new row of RAW. Edge: reads and appends.

The whole message goes in again. Its items with keys that were understood then are duplicates now; those without a key
are new events. Who asked, and why, is for the caller's audit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from ingest.journal import RawLog
from ingest.record import RawRecord

LINK = "replay"


def original(raw: RawLog, raw_seq: int) -> RawRecord:
    """The message behind a dead letter, with its bytes. LookupError when RAW no longer holds it."""
    rows = raw.read(raw_seq - 1, 1)
    if not rows or rows[0].seq != raw_seq:
        raise LookupError(f"RAW holds no row {raw_seq}")
    return rows[0]


def replay(raw: RawLog, submit: Callable[[Sequence[RawRecord]], Future[int]], raw_seq: int) -> Future[int]:
    """Append the message again through receive, which stamps it; the future gives the new row. LookupError as above."""
    row = original(raw, raw_seq)
    again = RawRecord(0, row.kind, row.topic, row.payload, row.qos, row.retain, link=LINK)
    return submit([again])
