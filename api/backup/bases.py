"""Bases made and proved beside the running service, and the logs cut behind them (design §4 Positions). Edge.

Every night each fold writes a snapshot, and a child process of low priority makes the same state a second time: from
the base before it, or from row 1, over the log up to that row. Equal bytes make the snapshot a base. Anything else is
told to operators, no base comes of it, and no log is cut: somebody must look why the same inputs gave two answers.

Logs are cut only where all of this holds: older than they are kept for, before the *older* base of every fold that
reads them, and behind every follower. What was cut lives on in the bases; exact replay reaches as far as the logs do.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from api.running.rule_book import engine_version
from ingest.base_files import BaseFolder, cut_at, new_base
from ingest.clock import Clock
from ingest.codec import Codec
from ingest.journal_file import ReaderPool
from ingest.journal_snapshots import newest_snapshot
from ingest.journal_sqlite import SqliteInputReader, SqliteJournal, SqliteRawReader
from ingest.record import SCHEMA
from ingest.source_fold import SourceFold
from ingest.source_runner import SNAPSHOT_NAME as SOURCE
from ingest.source_state import ENGINE as SOURCE_ENGINE
from rules.book import Book
from rules.effects import LIVE
from rules.floor import Floor
from rules.home_fold import HomeFold
from rules.local_time import instant_ms, local_date

FLOOR = "floor"
FOLDS = (SOURCE, LIVE, FLOOR)
ROWS = 2_000
DAY_MS = 86_400_000
PROOF_TIMEOUT_S = 3_600
BASES_AT = 3 * 60 + 30  # minutes after local midnight: after the clock changes, before the morning

log = structlog.get_logger()


class Fold(Protocol):
    def apply(self, given: Any) -> object: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...


class Proof(msgspec.Struct, frozen=True):
    """What became of one fold's snapshot."""

    fold: str
    outcome: str  # base | differs | no_snapshot | nothing_new | log_cut
    position: int = 0
    proved_from: int = 0
    rows: int = 0
    seconds: float = 0.0


def prove(data: Path, site: str, codecs: Sequence[Codec], now_ms: int) -> list[Proof]:
    """Make the newest snapshot of each fold again and keep what is equal as a base. Reads the journal only."""
    readers = ReaderPool(data / "journal.db")
    bases = BaseFolder(data / "bases")
    makers: dict[str, tuple[Callable[[], Fold], str]] = {
        SOURCE: (lambda: SourceFold(site, codecs), SOURCE_ENGINE),
        LIVE: (lambda: HomeFold(Book(()), site), engine_version()),
        FLOOR: (lambda: Floor(site), engine_version()),
    }
    try:
        return [_prove(name, *makers[name], readers, bases, site, now_ms) for name in FOLDS]
    finally:
        readers.close()


def _prove(
    name: str, make: Callable[[], Fold], engine: str, readers: ReaderPool, bases: BaseFolder, site: str, now_ms: int
) -> Proof:
    begun_s = time.monotonic()
    found = newest_snapshot(readers, name, engine)
    if found is None:
        return Proof(name, "no_snapshot")
    position, state = found
    before = bases.newest(name, position)
    if before is not None and before.engine != engine and not _is_cut(name, readers):
        before = None  # else it is what the service itself went on from after the update: there is nothing before it
    if before is not None and before.position == position and before.engine == engine:
        return Proof(name, "nothing_new", position, before.proved_from)
    fold, from_position = make(), 0
    if before is not None:
        try:
            fold.restore(bases.state(before))
        except (msgspec.MsgspecError, ValueError):
            return Proof(name, "log_cut", position)  # of a version that this one cannot read
        from_position = before.position
    rows = _rows(name, readers, from_position, position)
    count = 0
    for row in rows:
        if count == 0 and row.seq > from_position + 1 and from_position == 0 and name != FLOOR:
            return Proof(name, "log_cut", position)  # the log begins later, and no base of this version bridges it
        fold.apply(row)
        count += 1
    equal = fold.snapshot() == state
    if equal:
        bases.save(new_base(name, position, engine, site, SCHEMA, now_ms, from_position, state), state)
    seconds = round(time.monotonic() - begun_s, 3)
    return Proof(name, "base" if equal else "differs", position, from_position, count, seconds)


def _is_cut(name: str, readers: ReaderPool) -> bool:
    """Whether the fold's log begins later than at row 1."""
    raw, inputs = SqliteRawReader(readers), SqliteInputReader(readers)
    first = raw.read(0, 1) if name == SOURCE else inputs.read(0, 1)
    return bool(first) and first[0].seq > 1


def _rows(name: str, readers: ReaderPool, after: int, until: int) -> Iterator[Any]:
    raw, inputs = SqliteRawReader(readers), SqliteInputReader(readers)
    while after < until:
        page: list[Any]
        if name == SOURCE:
            page = list(raw.read(after, ROWS))
        else:
            page = list(inputs.read(after, ROWS, floor_only=name == FLOOR))
        page = [row for row in page if row.seq <= until]
        if not page:
            return
        yield from page
        after = page[-1].seq


class Nightly:
    """The proof in a child process, and the cut behind it. `run` blocks."""

    def __init__(
        self, data: Path, site: str, zigbee_bases: Sequence[str], journal: SqliteJournal, keep_days: int
    ) -> None:
        self._data, self._journal, self._keep_days = data, journal, keep_days
        self._command = [sys.executable, "-m", "api.cli", "bases", "--data", str(data), "--site", site, "--json"]
        self._command += [word for base in zigbee_bases for word in ("--zigbee-base", base)]
        self.problem: str | None = None  # for health: the fold whose proof failed

    def run(self, followed: int, now_ms: int) -> list[Proof]:
        """Answers what became of each fold. `followed`: row of INPUTS that every follower is past.

        A proof that fails is told, and stops the cut.
        """
        proofs = self._prove()
        bad = [proof for proof in proofs if proof.outcome in ("differs", "log_cut")]
        self.problem = bad[0].fold if bad else None
        for proof in proofs:
            told = log.error if proof in bad else log.info
            told("base_not_proved" if proof in bad else "base_looked_at", **msgspec.to_builtins(proof))
        if not bad and self._keep_days:
            self._cut(followed, now_ms)
        return proofs

    def _prove(self) -> list[Proof]:
        try:
            done = subprocess.run(self._command, capture_output=True, timeout=PROOF_TIMEOUT_S, check=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
            log.error("bases_failed", error=type(error).__name__)
            return [Proof(fold, "no_snapshot") for fold in FOLDS]
        return msgspec.json.decode(done.stdout, type=list[Proof])

    def _cut(self, followed: int, now_ms: int) -> None:
        positions = cut_at(BaseFolder(self._data / "bases"), FOLDS)
        if len(positions) < len(FOLDS):
            return  # a fold that has no base needs its log from row 1
        inputs = min(positions[LIVE], positions[FLOOR], followed)
        count = self._journal.cut(positions[SOURCE], inputs, now_ms - self._keep_days * DAY_MS)
        if count:
            log.info("logs_cut", rows=count, kept_days=self._keep_days)


class Runner(Protocol):
    def save_now(self) -> None: ...


class NightParts(Protocol):
    """What the night's work needs of the service."""

    @property
    def clock(self) -> Clock: ...
    @property
    def source(self) -> Runner: ...
    @property
    def home(self) -> Runner: ...
    @property
    def floor(self) -> Runner: ...
    @property
    def follower(self) -> Follower: ...


class Follower(Protocol):
    @property
    def position(self) -> int: ...


class NightWork:
    """Runs `Nightly` once a night at BASES_AT, local time of the site; called now and then by its thread."""

    def __init__(self, nightly: Nightly, parts: NightParts, timezone: str) -> None:
        self.nightly, self._parts, self._timezone = nightly, parts, timezone
        self._next_ms = self._after(parts.clock.now_ms())

    def __call__(self) -> float | None:
        now_ms = self._parts.clock.now_ms()
        if now_ms >= self._next_ms:
            self._next_ms = self._after(now_ms)
            self.run(now_ms)
        return max(1.0, (self._next_ms - now_ms) / 1_000)

    def run(self, now_ms: int) -> list[Proof]:
        """Snapshots of all folds, then their proof."""
        for runner in (self._parts.source, self._parts.floor, self._parts.home):
            runner.save_now()
        return self.nightly.run(self._parts.follower.position, now_ms)

    def _after(self, now_ms: int) -> int:
        today = local_date(now_ms, self._timezone)
        tonight_ms = instant_ms(today, BASES_AT, self._timezone)
        return tonight_ms if tonight_ms > now_ms else instant_ms(today + timedelta(days=1), BASES_AT, self._timezone)
