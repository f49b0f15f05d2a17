"""Other partitions: the logs of a site move into a new generation of topics, with every fold's state. No Kafka here.

Intakes and workers stand still; brokers keep what gateways send. `grow` makes sure that every lane has applied its log
to the end, writes where each setting stands from now on (`setting_places.py`) and the states at the head of the new
logs (`state_moves.py`, `source_join.py`), and last a `moved` barrier for each home into the old ones. So the new logs
can be folded from their first row by anybody, and nothing that a home hears now is lost, said twice or out of its
order. Broken off, it is run again: what is there already is dropped by its origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from ingest.codec import Codec
from ingest.journal import SnapshotStore
from ingest.record import RawRecord
from ingest.setting_places import SettingPlaces, settings_rows
from ingest.source_join import items_of, joined
from ingest.topics import (
    INPUTS,
    MOVED,
    RAW,
    Layout,
    Origin,
    Outgoing,
    Placement,
    decode_input,
    decode_raw,
    encode_moved,
    encode_raw,
)
from rules.effects import LIVE
from rules.generation import GenerationSnapshots
from rules.lanes import LOG_OF, SOURCE, Lane, Stored, fold_bytes
from rules.partition_fold import PartitionFold, Sink
from rules.state_moves import COMMON, FLOOR, PARTS_OF, Parts

ROWS = 1_000
PIECE_BYTES = 1024 * 1024


class NotReady(Exception):
    """The logs cannot move now; says what to do first."""


class Row(Protocol):
    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes: ...


class Log(Protocol):
    """Reads partitions by offset (ingest/client_kafka.py)."""

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Row]: ...
    def ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]: ...


Write = Callable[[Layout, Sequence[Outgoing]], None]


class Moved(msgspec.Struct, frozen=True):
    """What was moved."""

    homes: int
    partitions: int


def grow(
    old: Layout, new: Layout, lanes: Mapping[str, Lane], codecs: Sequence[Codec], desk: Sink[Any],
    snapshots: SnapshotStore, log: Log, write: Write, now_ms: int,
) -> Moved:  # fmt: skip
    """`lanes`: of the old generation, by name; `desk` and `snapshots` hold every generation's. `write` returns once
    every row is acknowledged. NotReady: try later.
    """
    assert new.generation == old.generation + 1, "generations follow one another"
    _unused(new, lanes, desk, log)
    kept = GenerationSnapshots(snapshots, old)
    states = {name: _states(old, lane, kept, log) for name, lane in sorted(lanes.items())}
    placement = Placement(new, codecs)
    places = SettingPlaces(placement)
    standing = settings_rows(places.begin(items_of(states[SOURCE]), now_ms))
    for start in range(0, len(standing), ROWS):
        write(new, standing[start : start + ROWS])
    for partition in range(new.partitions):
        seed = joined(states[SOURCE], partial(placement.here, partition), places.at(partition))
        write(new, _pieces(new.site, partition, seed, now_ms))
    homes = 0
    for name in (LIVE, FLOOR):
        parts = [PARTS_OF[name](fold_bytes(state)) for state in states[name]]
        homes = max(homes, sum(len(one) - 1 for one in parts))
        for partition in range(new.partitions):
            write(new, _arrivals(old, new, LOG_OF[name], partition, parts, now_ms))
        if name == LIVE:
            for partition, one in enumerate(parts):
                write(old, _barrier(old, partition, one, now_ms))
    return Moved(homes, new.partitions)


def _unused(new: Layout, lanes: Mapping[str, Lane], desk: Sink[Any], log: Log) -> None:
    for name in lanes:
        for partition in range(new.partitions):
            if desk.applied(name, new.lane_partition(partition)):
                raise NotReady(f"generation {new.generation} is at work already: nothing is left to move")
    for partition, end in log.ends(new.topic(RAW), range(new.partitions)).items():
        rows = log.read(new.topic(RAW), partition, 0, ROWS) if end else ()
        if any(decode_raw(row.value, row.offset).kind != MOVED for row in rows):
            raise NotReady(f"an intake writes to generation {new.generation} already: stop it, take another generation")


def _states(old: Layout, lane: Lane, snapshots: SnapshotStore, log: Log) -> list[bytes]:
    """Snapshot of each partition's fold at the end of its log."""
    topic = old.topic(LOG_OF[lane.name])
    ends = log.ends(topic, range(old.partitions))
    found = []
    for partition in range(old.partitions):
        fold: PartitionFold[Stored, Any] = PartitionFold(
            lane.name, partition, partial(lane.make_fold, partition), lane.engine, lane.sink, snapshots,
            name=f"{lane.name}/{partition}",
        )  # fmt: skip
        fold.load()
        while fold.position < fold.applied:
            rows = log.read(topic, partition, fold.position, min(ROWS, fold.applied - fold.position))
            if not rows or rows[0].offset != fold.position:
                raise NotReady(f"{topic}/{partition}: no row follows on {fold.position}; restore the desk's backup")
            fold.take([Stored(row.offset + 1, row.value) for row in rows])
        behind = ends[partition] - fold.applied
        if behind and not _only_barriers(lane, log.read(topic, partition, fold.applied, behind)):
            raise NotReady(
                f"{topic}/{partition}: {behind} rows are not applied: let the workers of lane {lane.name} run"
            )
        found.append(fold.fold.snapshot())
    return found


def _only_barriers(lane: Lane, rows: Sequence[Row]) -> bool:
    """What an attempt that was broken off has left."""
    return lane.name == LIVE and all(decode_input(row.value, row.offset).input.kind == MOVED for row in rows)


def _pieces(site: str, partition: int, state: bytes, now_ms: int) -> list[Outgoing]:
    pieces = [state[start : start + PIECE_BYTES] for start in range(0, len(state), PIECE_BYTES)]
    records = [RawRecord(now_ms, MOVED, f"{at}/{len(pieces)}", piece) for at, piece in enumerate(pieces)]
    return [Outgoing(RAW, partition, b"", encode_raw(site, one), now_ms) for one in records]


def _arrivals(
    old: Layout, new: Layout, log: str, partition: int, parts: Sequence[Parts], now_ms: int
) -> list[Outgoing]:
    """The homes that stand in this partition from now on, and last what all have in common."""
    found = []
    for source, homes in enumerate(parts):
        before: tuple[int, int] | None = None
        ours = [home for home in sorted(homes) if home != COMMON and new.partition_of(home) == partition]
        for index, home in enumerate(ours):
            origin = Origin(-1 - source, 1, index)
            value = encode_moved(new.site, home, now_ms, homes[home], origin, before)
            found.append(Outgoing(log, partition, home.encode("utf-8", "replace"), value, now_ms))
            before = (1, index)
    common = encode_moved(new.site, COMMON, now_ms, parts[0][COMMON], Origin(-1 - old.partitions, 1, 0))
    return [*found, Outgoing(log, partition, b"", common, now_ms)]


def _barrier(old: Layout, partition: int, homes: Parts, now_ms: int) -> list[Outgoing]:
    """The last word of each home in the generation that it leaves."""
    return [
        Outgoing(
            INPUTS, partition, home.encode("utf-8", "replace"),
            encode_moved(old.site, home, now_ms, b"", Origin(-1 - old.partitions, 1, index)), now_ms,
        )
        for index, home in enumerate(sorted(homes))
        if home != COMMON
    ]  # fmt: skip
