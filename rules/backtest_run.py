"""A backtest in child processes, each with its share of the homes. Edge: processes, files.

Homes never influence each other, so each child folds its own; settings of the site and clocks go to all. Children run
at low priority: a backtest beside a running service must not slow it. Inputs are streamed, from the journal (each child
reads it and keeps its own) or from a spool that the parent wrote, so memory is that of the folds and the alerts.
"""

from __future__ import annotations

import multiprocessing
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

import msgspec

from ingest.journal_file import ReaderPool
from ingest.journal_sqlite import SqliteInputReader
from ingest.record import CLOCK, Input
from rules.backtest import Compared, Trial, merged
from rules.book import Book

NICE = 10
PAGE = 5_000
PROGRESS_EVERY = 20_000
CHANGES_MAX = 20_000  # kept of one share; the sums count all
_LENGTH = struct.Struct("<I")


class Order(msgspec.Struct, frozen=True):
    """What is to be tried. `source`: a journal.db, or a folder of spools as `spool` writes them."""

    source: str
    old: Book
    new: Book
    site: str
    shares: int
    since_ms: int = 0
    all_measures: bool = False
    base: str = ""  # file of a base of the live fold to start from …
    position: int = 0  # … and the last row of the journal that is in it


class BacktestFailed(Exception):
    """A child ended without an answer; the text is its own word for why."""


def share_of(home: str, shares: int) -> int:
    """Which child a home belongs to; the same on every machine."""
    return zlib.crc32(home.encode()) % shares


def spool(inputs: Iterable[Input], folder: Path, shares: int) -> int:
    """Write inputs into a file for each share; how many there were."""
    encoder = msgspec.msgpack.Encoder()
    files = [(folder / f"{index}.spool").open("wb") for index in range(shares)]
    count = 0
    try:
        for given in inputs:
            count += 1
            row = encoder.encode(given)
            for file in [files[share_of(given.home, shares)]] if given.home else files:
                file.write(_LENGTH.pack(len(row)) + row)
    finally:
        for file in files:
            file.close()
    return count


def run_backtest(order: Order, progress: Callable[[int], None] = lambda _inputs: None, limit: int = 10_000) -> Compared:
    """The comparison over all homes. BacktestFailed when a child could not do its share."""
    context = multiprocessing.get_context("spawn")
    ends: dict[Connection, int] = {}
    children = []
    for index in range(order.shares):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_child, args=(order, index, theirs), daemon=True)
        child.start()
        theirs.close()
        children.append(child)
        ends[ours] = 0
    try:
        return merged(_answers(ends, progress), limit)
    finally:
        for child in children:
            child.terminate()
            child.join()


def _answers(ends: dict[Connection, int], progress: Callable[[int], None]) -> Iterator[Compared]:
    waiting = dict(ends)
    while waiting:
        for end in wait(list(waiting)):
            assert isinstance(end, Connection), "only our pipes are waited for"
            try:
                kind, said = end.recv()
            except EOFError as error:
                raise BacktestFailed("a child process ended without an answer (was it short of memory?)") from error
            if kind == "done":
                del waiting[end]
                yield msgspec.msgpack.decode(said, type=Compared)
            elif kind == "failed":
                raise BacktestFailed(said)
            else:
                waiting[end] = said
                progress(min(waiting.values()))


def _child(order: Order, index: int, end: Connection) -> None:
    os.nice(NICE)
    try:
        end.send(("done", msgspec.msgpack.encode(_share(order, index, lambda count: end.send(("progress", count))))))
    except Exception as error:  # noqa: BLE001 - the edge of a process: whatever it was, the parent must hear of it
        end.send(("failed", f"{type(error).__name__}: {error}"))


def _share(order: Order, index: int, progress: Callable[[int], None]) -> Compared:
    trial = Trial(order.old, order.new, order.site, order.since_ms, all_measures=order.all_measures)
    source = Path(order.source)
    read = _spooled(source / f"{index}.spool") if source.is_dir() else _journal(source, order.position)
    if order.base:
        trial.begin(Path(order.base).read_bytes(), lambda home: share_of(home, order.shares) == index)
    last_ms = 0
    for count, given in enumerate(read, 1):
        last_ms = max(last_ms, given.received_at_ms)
        if not given.home or share_of(given.home, order.shares) == index:
            trial.take(given)
        if count % PROGRESS_EVERY == 0:
            progress(count)
    if last_ms:
        trial.take(Input(CLOCK, last_ms))
    found = trial.compared()
    found.inputs -= 1 if last_ms else 0
    del found.changes[CHANGES_MAX:]
    return found


def _spooled(path: Path) -> Iterator[Input]:
    decoder = msgspec.msgpack.Decoder(Input)
    with path.open("rb") as file:
        while head := file.read(_LENGTH.size):
            yield decoder.decode(file.read(_LENGTH.unpack(head)[0]))


def _journal(path: Path, after_seq: int) -> Iterator[Input]:
    readers = ReaderPool(path)
    try:
        reader, position = SqliteInputReader(readers), after_seq
        while page := reader.read(position, PAGE):
            yield from page
            position = page[-1].seq
    finally:
        readers.close()
