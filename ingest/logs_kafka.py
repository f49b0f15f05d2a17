"""The logs on Kafka as those see them who only look: followers read one partition, pages ask for one home or message.

Nothing here keeps a position or belongs to a consumer group. A row that was written twice (`topics.Origins`) is given
once. What is not a record of ours is logged, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

import msgspec
import structlog

from ingest.client_kafka import KafkaClient
from ingest.journal import JournalError
from ingest.reader_kafka import Fetched, Reader
from ingest.record import CLOCK, SETTING, DeadLetter, Input, RawRecord, Verdict
from ingest.topics import (
    ALARMS,
    DEAD,
    INPUTS,
    MOVED,
    RAW,
    VERDICTS,
    Layout,
    Origin,
    Origins,
    Sourced,
    decode_dead_letter,
    decode_input,
    decode_raw,
    decode_verdict,
    split_place,
)

log = structlog.get_logger()

PAGE = 1_000
SCAN_ROWS = 1_000_000  # of one partition, for one question
DISORDER_MS = 600_000  # rows of one partition come from many raw partitions: so far may their times be out of order
_T = TypeVar("_T")


class KafkaPartition:
    """One partition of `inputs`, or of `alarms` (port InputReader): for the series, a shadow, a check."""

    def __init__(
        self, client: KafkaClient, layout: Layout, partition: int, name: str = INPUTS, reader: Reader | None = None
    ) -> None:
        """`reader`: one that partitions share which are read in turn; a consumer for each would be many connections."""
        self._reader, self._layout, self._partition = reader or client.reader(), layout, partition
        self._topic, self._alarms = layout.topic(name), name == ALARMS
        self._origins, self._given, self._at = Origins(), 0, 0

    def read(self, after_seq: int, limit: int, *, floor_only: bool = False) -> list[Input]:
        """See the port. `floor_only` reads over the others: cheap in `alarms` only."""
        if after_seq != self._given:
            self._origins, self._at = Origins(whole=after_seq == 0), after_seq
        found: list[Input] = []
        while len(found) < limit:
            rows = self._reader.read(self._topic, self._partition, self._at, limit - len(found))
            if not rows:
                break
            self._at = rows[-1].offset + 1
            for row in rows:
                one = _read(partial(_input, self._layout.generation), row)
                if one is not None and self._origins.new(one) and one.input.kind != MOVED:
                    found.append(one.input)
            if floor_only and not self._alarms:
                found = [one for one in found if one.floor or one.kind in (CLOCK, SETTING)]
        self._given = found[-1].seq if found else after_seq
        return found

    def last_seq(self) -> int:
        return self._reader.ends(self._topic, [self._partition])[self._partition]

    def first_seq(self) -> int:
        """The first row that retention has left; last_seq + 1 where there is none."""
        return self._reader.begins(self._topic, [self._partition])[self._partition] + 1


class KafkaPages:
    """What pages ask of the logs (port InputPages), and RAW by place. `layouts`: every generation, oldest first."""

    def __init__(self, client: KafkaClient, layouts: Sequence[Layout]) -> None:
        self._reader, self._layouts = client.reader(), tuple(layouts)

    def raw(self, place: int) -> RawRecord | None:
        """The raw record of this place, its seq the place; None: retention has taken it, or it never was."""
        partition, seq, layout = self._split(place)
        if layout is None or seq == 0:
            return None
        rows = self._reader.read(layout.topic(RAW), partition, seq - 1, 1)
        if not rows or rows[0].offset != seq - 1:
            return None
        return _read(lambda row: msgspec.structs.replace(decode_raw(row.value, row.offset), seq=place), rows[0])

    def find(self, home: str, from_ms: int, to_ms: int, limit: int) -> list[Input]:
        """Of one home with from_ms <= received_at_ms < to_ms, in order. JournalError: too many rows to look through."""
        return list(islice(self._of_home(home, {home}, from_ms, to_ms), limit))

    def history(self, home: str, to_ms: int, limit: int) -> list[Input]:
        """Of one home, with the settings of everybody between, in the order in which its fold had them."""
        rows = self._of_home(home, {home, ""}, 0, to_ms)
        return list(islice((one for one in rows if one.home or one.kind == SETTING), limit))

    def _of_home(self, home: str, homes: Collection[str], from_ms: int, to_ms: int) -> Iterator[Input]:
        """Rows of these in the home's partition; each of them has heard what concerns all."""
        keys = {one.encode("utf-8", "replace") for one in homes}
        for layout in self._layouts:
            partition = layout.partition_of(home) if home else 0
            seen: set[Origin] = set()
            for row in self._scan(layout, INPUTS, partition, from_ms, to_ms):
                if row.key not in keys:
                    continue
                one = _read(partial(_input, layout.generation), row)
                if one is None or one.origin in seen or one.input.kind == MOVED:
                    continue
                seen.add(one.origin)
                if from_ms <= one.input.received_at_ms < to_ms:
                    yield one.input

    def verdicts(self, raw_seq: int) -> list[Verdict]:
        """Of the raw record at this place."""
        partition, _seq, layout = self._split(raw_seq)
        record = self.raw(raw_seq)
        if record is None or layout is None:
            return []
        found: dict[int, Verdict] = {}
        at_ms = record.received_at_ms
        for row in self._scan(layout, VERDICTS, partition, at_ms, at_ms + 1):
            one = _read(partial(_verdict, layout.generation), row)
            if one is not None and one.raw_seq == raw_seq:
                found[one.item] = one
            elif found:
                break
        return [found[item] for item in sorted(found)]

    def dead_letters(self, before_raw_seq: int | None, limit: int) -> list[DeadLetter]:
        """Newest first, by (time of arrival, place); a message's items are never split over two pages."""
        before: tuple[int, int] | None = None
        if before_raw_seq is not None:
            record = self.raw(before_raw_seq)
            before = (record.received_at_ms if record is not None else 0, before_raw_seq)
        found: dict[tuple[int, int, int], DeadLetter] = {}
        for layout in self._layouts:
            for one in self._newest_dead(layout, before, limit):
                if before is None or (one.received_at_ms, one.raw_seq) < before:
                    found[one.received_at_ms, one.raw_seq, one.item] = one
        ordered = [found[key] for key in sorted(found, reverse=True)]
        page = ordered[:limit]
        while page and len(page) < len(ordered) and ordered[len(page)].raw_seq == page[-1].raw_seq:
            page.append(ordered[len(page)])
        return page

    def _newest_dead(self, layout: Layout, before: tuple[int, int] | None, limit: int) -> Iterator[DeadLetter]:
        topic, everywhere = layout.topic(DEAD), range(layout.partitions)
        ends = self._reader.ends(topic, everywhere)
        begins = self._reader.begins(topic, everywhere)
        if before is not None:
            later = self._reader.at_time(topic, everywhere, before[0] + 1)
            ends = {one: min(ends[one], later[one]) for one in everywhere}
        for partition in everywhere:
            if begins[partition] < ends[partition]:
                start = max(begins[partition], ends[partition] - limit - PAGE)
                for row in self._reader.read(topic, partition, start, limit + PAGE, ends[partition]):
                    one = _read(partial(_dead_letter, layout.generation), row)
                    if one is not None:
                        yield one

    def _scan(self, layout: Layout, name: str, partition: int, from_ms: int, to_ms: int) -> Iterator[Fetched]:
        """Rows of a partition that may be of that time. A short pause of many producers is no end."""
        topic = layout.topic(name)
        at = self._reader.at_time(topic, [partition], from_ms)[partition]
        end = self._reader.ends(topic, [partition])[partition]
        first = at
        while at < end:
            rows = self._reader.read(topic, partition, at, PAGE, end)
            if not rows:
                return
            yield from rows
            at = rows[-1].offset + 1
            if rows[0].at_ms >= to_ms + DISORDER_MS:
                return
            if at - first > SCAN_ROWS:
                raise JournalError(f"{topic}: more than {SCAN_ROWS} rows stand in that time; ask for a shorter one")

    def _split(self, place: int) -> tuple[int, int, Layout | None]:
        partition, seq, generation = split_place(place)
        layout = next((one for one in self._layouts if one.generation == generation), None)
        return partition, seq, layout if layout is not None and partition < layout.partitions else None


def _input(generation: int, row: Fetched) -> Sourced:
    return decode_input(row.value, row.offset, generation)


def _verdict(generation: int, row: Fetched) -> Verdict:
    return decode_verdict(row.value, row.partition, generation)


def _dead_letter(generation: int, row: Fetched) -> DeadLetter:
    return decode_dead_letter(row.value, row.partition, generation)


def _read(decode: Callable[[Fetched], _T], row: Fetched) -> _T | None:
    try:
        return decode(row)
    except ValueError as error:
        log.error("record_not_ours", partition=row.partition, offset=row.offset, reason=str(error))
        return None
