"""What must hold over any number of bad days, read from the logs and the desk while they go on.

As `tests/crash/promises.py`, on many machines: fresh folds over each partition of RAW must say what stands in INPUTS
and ALARMS, in that order, once; fresh folds over those must raise exactly the alerts that stand at the desk; and what
the outside was promised must be among them. It reads on from day to day, so each row is folded once here.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import text

from alerts.checks.reconciler import ALARM_WITHOUT_ALERT
from ingest.client_kafka import KafkaClient
from ingest.codecs import default_codecs
from ingest.event import Event
from ingest.record import EVENT, Folded, Input, RawRecord
from ingest.source_fold import SourceFold
from ingest.topics import (
    ALARMS,
    INPUTS,
    RAW,
    Origins,
    Outgoing,
    Placement,
    Sourced,
    decode_input,
    decode_raw,
    outgoing,
)
from rules.book import Book
from rules.effects import Effect, Raise, alarm_alert_id
from rules.floor import Floor
from rules.home_fold import HomeFold
from tests.crash.promises import STANDING, Ledger, alert_faults, desk_faults, ledger_faults
from tests.soak.machines import pause
from tests.support.cluster import Cluster

PAGE = 5_000
SETTLE_S = 90.0  # some seconds on a quiet machine
CODECS = default_codecs(("zigbee2mqtt",))


class _Partition:
    """Fresh folds of one partition, and where they stand."""

    def __init__(self, site: str, placement: Placement, number: int) -> None:
        self.source = SourceFold(site, CODECS, here=partial(placement.here, number))
        self.home, self.floor = HomeFold(Book(()), site), Floor(site)
        self.origins = {INPUTS: Origins(), ALARMS: Origins()}
        self.at = {RAW: 0, INPUTS: 0, ALARMS: 0}

    def fold(self, log: str, one: Input) -> list[Effect]:
        return list(self.home.apply(one) if log == INPUTS else self.floor.apply(one))


class Promises:
    """Of one site. `settled` after each day."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._layout = cluster, cluster.layout
        self._client = KafkaClient(cluster.kafka, "promises")
        self._reader = self._client.reader()
        placement = Placement(cluster.layout, CODECS)
        self._all = [_Partition(cluster.site_id, placement, one) for one in range(cluster.layout.partitions)]
        self._expected: dict[tuple[str, int, int], deque[Outgoing]] = {}  # log, its partition, raw partition
        self._raised: set[str] = set()
        self._alarms: set[str] = set()
        self._broken: list[str] = []  # what can never be well again
        self._events: list[Event] = []
        self._repeated: dict[str, str] = {}  # key -> event id

    def close(self) -> None:
        self._client.close()

    def settled(self, ledger: Ledger, *, broker_lived: bool = True) -> list[str]:
        """What does not hold of this day, once the folds had the time to come to the end; empty: all does."""
        deadline = time.monotonic() + SETTLE_S
        while (found := list(self._faults(ledger, broker_lived))) and time.monotonic() < deadline:
            if self._broken:
                break
            pause(0.5)
        self._events, self._repeated = [], {}
        return found

    @property
    def alerts(self) -> int:
        return len(self._raised)

    def _faults(self, ledger: Ledger, broker_lived: bool) -> Iterator[str]:
        stands = {alert_id for (alert_id,) in self._ask(STANDING)}  # each before what it follows from, which only grows
        every = range(self._layout.partitions)
        ends = {log: self._reader.ends(self._layout.topic(log), every) for log in (INPUTS, ALARMS)}
        for number, one in enumerate(self._all):
            self._read_raw(number, one)
        for log, number in itertools.product(ends, every):
            self._read_inputs(log, number, ends[log][number])
        yield from self._broken
        left = sum(len(rows) for rows in self._expected.values())
        if left:
            yield f"{left} rows that RAW became are not in INPUTS or ALARMS yet"
        yield from alert_faults(self._alarms, self._raised, stands)
        of_today = ledger.sent.keys() | ledger.acknowledged.keys()  # an intake that was away hears late of other days
        events = [one for one in self._events if (one.key or one.extra.get("n")) in of_today]
        yield from ledger_faults(events, self._only_repeated(), ledger, broker_lived=broker_lived)
        yield from desk_faults(self._ask, mended=(ALARM_WITHOUT_ALERT,))

    def _only_repeated(self) -> list[tuple[str, str]]:
        """A copy by the other intake may say nothing new where the first did."""
        known = {event.key for event in self._events}
        return [(key, event_id) for key, event_id in self._repeated.items() if key not in known]

    def _read_raw(self, number: int, one: _Partition) -> None:
        while rows := self._reader.read(self._layout.topic(RAW), number, one.at[RAW], PAGE):
            one.at[RAW] = rows[-1].offset + 1
            folded = []
            for row in rows:
                try:
                    record = decode_raw(row.value, row.offset)
                except ValueError:
                    continue  # none of ours: set aside, as the lane does
                said = one.source.apply(record)
                folded.append((record, said))
                self._note_repeated(record, said)
            for out in outgoing(self._layout, number, folded):
                if out.log in (INPUTS, ALARMS):
                    self._expected.setdefault((out.log, out.partition, number), deque()).append(out)

    def _note_repeated(self, record: RawRecord, said: Folded) -> None:
        """What said nothing new is no input, and acknowledged all the same."""
        named = [one.event_id for one in said.verdicts if one.reason == "unchanged" and one.event_id]
        if named:
            key = msgspec.json.decode(record.payload).get("id")
            if isinstance(key, str):
                self._repeated[key] = named[0]

    def _read_inputs(self, log: str, number: int, end: int) -> None:
        one = self._all[number]
        while rows := self._reader.read(self._layout.topic(log), number, one.at[log], PAGE, end):
            one.at[log] = rows[-1].offset + 1
            for row in rows:
                try:
                    sourced = decode_input(row.value, row.offset)
                except ValueError:
                    continue
                if one.origins[log].new(sourced):
                    self._check(log, number, sourced)
                    self._take(log, one, sourced.input)

    def _check(self, log: str, number: int, sourced: Sourced) -> None:
        waiting = self._expected.get((log, number, sourced.origin.partition))
        wanted = decode_input(waiting.popleft().value, sourced.input.seq - 1) if waiting else None
        if wanted is None or (wanted.origin, wanted.input) != (sourced.origin, sourced.input):
            self._broken.append(f"{log}/{number} differs from a refold: {sourced}, not {wanted}"[:1_500])

    def _take(self, log: str, one: _Partition, given: Input) -> None:
        self._raised.update(each.alert_id for each in one.fold(log, given) if isinstance(each, Raise))
        if log == INPUTS and given.kind == EVENT and given.event is not None and not given.derived:
            self._events.append(given.event)
            if given.floor == 1:
                self._alarms.add(alarm_alert_id(self._cluster.site_id, given.event.event_id))

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        with self._cluster.database.reader.connect() as conn:
            return [tuple(row) for row in conn.execute(text(query))]
