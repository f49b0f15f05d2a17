"""The folds as lanes of a log in partitions: what stands in a row, what becomes of it, where that goes. No clock here.

A lane is one fold over one log: `source` over RAW, `live` (the homes) over INPUTS, `floor` over ALARMS. A row is bytes
at a position; what cannot be read is set aside here, told and counted, and stops nobody. Rows of INPUTS and ALARMS that
were written twice are known by their origin, which is part of the lane's state (`ingest.topics.Origins`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from ingest.codec import Codec
from ingest.record import Folded, Input, RawRecord, Recorded
from ingest.source_fold import SourceFold
from ingest.source_state import ENGINE as SOURCE_ENGINE
from ingest.topics import (
    ALARMS,
    INPUTS,
    MOVED,
    RAW,
    Layout,
    Origin,
    Origins,
    Outgoing,
    Placement,
    Sourced,
    decode_input,
    decode_raw,
    outgoing,
)
from rules.book import Book
from rules.effects import LIVE, Effect, Observe, Reason, effect_id
from rules.floor import Floor
from rules.home_fold import HomeFold
from rules.partition_fold import EFFECTS_A_TRANSACTION, Fold, Sink
from rules.state_moves import COMMON, FLOOR, STATE_OF

SOURCE = "source"
_PIECES = b"moved:"  # how a snapshot begins that was taken while a state of the generation before arrived
RAW_A_TRANSACTION = 500  # rows of RAW whose results are written in one go: an alarm waits for no more of them
HOMES_A_TRANSACTION = 5  # effects: an alarm of the floor waits for a turn of the homes, 25 to 80 ms for each new alert
HOMES_REST_S = 0.1  # a step costs the same for one row as for fifty, and nobody waits: alarms are the floor's
FLUSH_S, SOURCE_FLUSH_S = 5.0, 0.5  # the longest that a position stays behind; the horizon counts from the source's
LOG_OF = {SOURCE: RAW, LIVE: INPUTS, FLOOR: ALARMS}
Said = tuple[RawRecord, Folded]


HEARD_MS = 2_000  # so seldom the pages' last contact is renewed: it costs a look at every address of the partition


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A row of a partition as it was read. `seq`: its offset + 1. `at_ms`: Kafka's time of it."""

    seq: int
    value: bytes
    at_ms: int = 0

    @property
    def offset(self) -> int:
        return self.seq - 1


class Timed(Protocol):
    """A row that Kafka has put a time to."""

    @property
    def at_ms(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes: ...


def received_ms(row: Timed) -> int:
    """When a row of RAW was received, as the folds will read it; Kafka's time of it where that is earlier."""
    try:
        return min(row.at_ms, decode_raw(row.value, row.offset).received_at_ms)
    except ValueError:
        return row.at_ms  # none of ours


class Lane(msgspec.Struct, frozen=True):
    """One fold over one log. `make_fold(partition)` gives an empty fold, whose rows are `Stored`."""

    name: str
    topic: str
    engine: str
    make_fold: Callable[[int], Fold[Stored, Any]]
    sink: Sink[Any]
    a_transaction: int = EFFECTS_A_TRANSACTION
    waits_for_source: bool = False  # its clock must not overtake what the source lane has not read yet
    say: Callable[[int, Sequence[Any]], None] | None = None  # writes what is said of a partition without its position
    flush_s: float = FLUSH_S
    steps_at_once: int = 4  # partitions
    rest_s: float = 0.0  # after a poll that brought little, so that the next brings more


class Kept(msgspec.Struct, array_like=True):
    """A snapshot of a fold of inputs, and the newest origins that are in it."""

    origins: list[Origin]
    fold: memoryview  # megabytes: read where they stand
    skipped: int
    arriving: dict[str, bytes] = {}  # parts of a state of the generation before, until all are there
    now_ms: int = 0


class InputRows:
    """Home fold or floor over rows of INPUTS or ALARMS."""

    def __init__(self, lane: str, partition: int, fold: Fold[Input, Effect], generation: int = 1) -> None:
        self.fold, self.origins = fold, Origins()
        self._lane, self._name, self._generation = lane, f"{lane}/{partition}", generation
        self._skipped = self._now_ms = 0
        self._arriving: dict[str, bytes] = {}

    def apply(self, row: Stored) -> Sequence[Effect]:
        """What is new of it, folded."""
        try:
            sourced = decode_input(row.value, row.seq - 1, self._generation)
        except ValueError as error:
            return [self._set_aside(row, error)]
        if not self.origins.new(sourced):
            return ()
        if sourced.input.kind == MOVED:
            self._arrive(sourced)
            return ()
        self._now_ms = max(self._now_ms, sourced.input.received_at_ms)
        return self.fold.apply(sourced.input)

    def next_due_ms(self) -> int | None:
        return self.fold.next_due_ms()

    def snapshot(self) -> bytes:
        newest = [origin for _, origin in sorted(self.origins.newest.items())]
        fold = memoryview(self.fold.snapshot())
        return msgspec.msgpack.encode(Kept(newest, fold, self._skipped, self._arriving, self._now_ms))

    def restore(self, state: bytes) -> None:
        """ValueError when it is damaged or another's."""
        kept = _kept.decode(state)
        self.fold.restore(kept.fold)  # type: ignore[arg-type]  # whoever decodes bytes decodes a view of them
        self.origins = Origins({origin.partition: origin for origin in kept.origins})
        self._skipped, self._arriving, self._now_ms = kept.skipped, kept.arriving, kept.now_ms

    def quarantined(self) -> list[dict[str, str]]:
        return self.fold.quarantined()

    @property
    def skipped(self) -> int:
        return self._skipped + self.fold.skipped

    def _arrive(self, moved: Sourced) -> None:
        """A home comes from the generation before, what all have in common last; or it goes (no state)."""
        if moved.state:
            self._arriving[moved.input.home] = moved.state
            if moved.input.home == COMMON:
                self.fold.restore(STATE_OF[self._lane](self._arriving))
                self._arriving = {}

    def _set_aside(self, row: Stored, error: ValueError) -> Observe:
        self._skipped += 1
        args: dict[str, object] = {"error": type(error).__name__, "type": "row", "seq": row.seq}
        name = effect_id(self._name, "skipped", str(row.seq))
        return Observe(name, self._now_ms, "", "", "skipped", Reason("input.failed", args))


def fold_bytes(state: bytes) -> bytes:
    """Of a snapshot of InputRows the fold's own."""
    return bytes(_kept.decode(state).fold)


class RawRows:
    """The source fold of one partition of RAW. What it says of a row is the record and what that became."""

    def __init__(self, fold: SourceFold) -> None:
        self.fold, self._skipped = fold, 0
        self.heard: dict[str, int] = {}  # address -> received_at_ms of its last message, now and then renewed
        self._heard_ms = 0
        self._arriving: list[bytes] = []  # pieces of a state of the generation before, until all are there

    def apply(self, row: Stored) -> Sequence[Said]:
        try:
            record = decode_raw(row.value, row.seq - 1)
        except ValueError:
            self._skipped += 1
            return ()
        if record.kind == MOVED:
            self._arrive(record)
            return ()
        said = self.fold.apply(record)
        if record.received_at_ms >= self._heard_ms + HEARD_MS:
            self._heard_ms = record.received_at_ms
            self.heard = {address: seen[0] for address, seen in self.fold.liveness().items()}
        return [(record, said)]

    def _arrive(self, moved: RawRecord) -> None:
        index, _, count = moved.topic.partition("/")
        self._arriving = [*self._arriving[: int(index)], moved.payload]
        assert len(self._arriving) == int(index) + 1, "a piece of the moved state is missing"
        if len(self._arriving) == int(count):
            self.fold.restore(b"".join(self._arriving))
            self._arriving = []

    def next_due_ms(self) -> int | None:
        return self.fold.next_due()

    def snapshot(self) -> bytes:
        return _PIECES + msgspec.msgpack.encode(self._arriving) if self._arriving else self.fold.snapshot()

    def restore(self, state: bytes) -> None:
        if state.startswith(_PIECES):
            self._arriving = msgspec.msgpack.decode(state.removeprefix(_PIECES), type=list[bytes])
        else:
            self.fold.restore(state)

    def quarantined(self) -> list[dict[str, str]]:
        return []  # never any: what cannot be folded is a dead letter

    @property
    def skipped(self) -> int:
        """Rows that nobody of us wrote, since this fold was loaded."""
        return self._skipped


class SourceSink:
    """Writes what rows of RAW became, and now and then moves the position. Written twice, by a start after that or by
    whoever lost the partition meanwhile, it is the same rows with the same origins, which readers drop. So a step costs
    a way to Kafka and none to the database.
    """

    def __init__(
        self,
        layout: Layout,
        write: Callable[[Sequence[Outgoing]], None],
        positions: Sink[Effect],
        on_recorded: Callable[[Sequence[Recorded]], None] = lambda _: None,
    ) -> None:
        """`write` returns once every row is acknowledged. `on_recorded`: what gateways may be told now."""
        self._layout, self._write, self._positions, self._on_recorded = layout, write, positions, on_recorded

    def applied(self, lane: str, partition: int) -> int:
        return self._positions.applied(lane, partition)

    def apply(self, lane: str, partition: int, expected: int, position: int, said: Sequence[Said]) -> None:
        if said:
            self.say(partition, said)
        self._positions.apply(lane, partition, expected, position, ())

    def say(self, partition: int, said: Sequence[Said]) -> None:
        """Returns when it is acknowledged."""
        self._write(outgoing(self._layout, partition, said))
        recorded = [entry for _, folded in said for entry in folded.recorded]
        if recorded:
            self._on_recorded(recorded)


def source_lane(layout: Layout, codecs: Sequence[Codec], sink: SourceSink) -> Lane:
    """RAW to inputs, alarms, dead letters and verdicts."""
    placement = Placement(layout, codecs)
    return Lane(
        SOURCE, layout.topic(RAW), SOURCE_ENGINE,
        lambda p: RawRows(SourceFold(layout.site, codecs, here=functools.partial(placement.here, p))),
        sink, RAW_A_TRANSACTION, say=sink.say, flush_s=SOURCE_FLUSH_S, steps_at_once=16,  # each waits for Kafka
    )  # fmt: skip


def home_lane(layout: Layout, engine: str, sink: Sink[Effect]) -> Lane:
    """Inputs to effects, with the book that stands among the inputs."""
    site, generation = layout.site, layout.generation
    return Lane(
        LIVE, layout.topic(INPUTS), engine, lambda p: InputRows(LIVE, p, HomeFold(Book(()), site), generation), sink,
        HOMES_A_TRANSACTION, waits_for_source=True, rest_s=HOMES_REST_S,
    )  # fmt: skip


def floor_lane(layout: Layout, engine: str, sink: Sink[Effect]) -> Lane:
    """Alarms to effects, without any rule."""
    site = layout.site
    return Lane(
        FLOOR, layout.topic(ALARMS), engine, lambda p: InputRows(FLOOR, p, Floor(site), layout.generation), sink,
    )  # fmt: skip


_kept = msgspec.msgpack.Decoder(Kept)
