"""What an intake's last run had taken in, and its broker may send again: read back from RAW on Kafka at a start."""

from __future__ import annotations

import msgspec

from ingest import intake_notes as notes
from ingest.intake_notes import Note
from ingest.reader_kafka import Fetched, Reader
from ingest.record import RawRecord
from ingest.topics import RAW, Layout, decode_raw

RESTORED_ROWS = 65_536
RESTORED_MS = 600_000  # rows that came later than this after the last note were never in doubt


def left_open(reader: Reader, layout: Layout, last: Note) -> list[RawRecord]:
    """Rows beyond what the broker had heard of by the run's last note, in its order, renumbered from 1."""
    topic, partitions = layout.topic(RAW), range(layout.partitions)
    before_ms = last.received_at_ms or last.at_ms  # 0: it had taken in nothing by then
    starts = reader.at_time(topic, partitions, before_ms - 2 * notes.EVERY_MS)
    ends = reader.at_time(topic, partitions, last.at_ms + RESTORED_MS)
    found: list[tuple[int, RawRecord]] = []
    for partition in partitions:
        if starts[partition] < ends[partition]:
            rows = reader.read(topic, partition, starts[partition], RESTORED_ROWS, ends[partition])
            found += [one for row in rows if (one := _in_doubt(row, last)) is not None]
    found.sort(key=lambda one: one[0])
    kept = [record for _, record in found[-RESTORED_ROWS:]]
    return [msgspec.structs.replace(record, seq=seq) for seq, record in enumerate(kept, 1)]


def _in_doubt(row: Fetched, last: Note) -> tuple[int, RawRecord] | None:
    taken = notes.taken(row.headers)
    if taken is None or (taken.intake, taken.run) != (last.intake, last.run):
        return None
    record = decode_raw(row.value, row.offset)
    return None if taken.seq <= last.acked.get(record.link.partition(";")[0], 0) else (taken.seq, record)
