"""Recordings through the production folds on a virtual clock: the same records give the same alerts, byte for byte.

Live and replay share source fold, floor, home fold and desk; what is missing here is only logs, threads and people.
The site file's items come first, at the time of the first record, exactly as settings do in the service. Nobody acts
(`Desk(unattended=True)`): alerts stay open, presses merge within 120 s, what clears by itself ends by itself.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from alerts.database import Database, migrate, open_database
from alerts.desk import Desk
from alerts.reads import queries
from alerts.site import importer as site_import
from alerts.site.items import SiteFile, settings_of
from alerts.site.settings_store import SettingsStore
from ingest.codec import Codec
from ingest.record import CLOCK, SETTING, Input, RawRecord
from ingest.recording import RecordingReader
from ingest.source_fold import SourceFold
from rules.book import Book
from rules.effects import LIVE, Effect
from rules.floor import Floor
from rules.home_fold import HomeFold

EFFECTS_A_BATCH = 500


class ReplayResult(msgspec.Struct, frozen=True):
    """What a replay gave. `alerts`: one object an alert as contracts §4, in their order."""

    alerts: list[dict[str, Any]]
    records: int
    inputs: int
    dead_letters: int
    verdicts: int
    skipped_lines: int


def replay(
    recordings: Sequence[Path],
    site: SiteFile,
    book: Book,
    codecs: Sequence[Codec],
    *,
    all_measures: bool = False,
    lenient: bool = False,
    progress: Callable[[int], None] = lambda _records: None,
) -> ReplayResult:
    """Run recordings (merged by time) through the folds. Raises RecordingError for a broken line."""
    readers = [RecordingReader(path, lenient=lenient) for path in recordings]
    records = heapq.merge(*readers, key=lambda record: record.received_at_ms)
    with tempfile.TemporaryDirectory(prefix="vardevakt-replay-") as folder:
        path = Path(folder) / "desk.db"
        migrate(path)
        database = open_database(path)
        try:
            told = _Telling(database, site.site_id, book, codecs, all_measures=all_measures)
            told.tell(_with_site(records, database, site), progress)
            alerts = [contract_line(alert) for alert in queries.every_alert(database)]
        finally:
            database.close()
    skipped = sum(reader.skipped for reader in readers)
    return ReplayResult(alerts, told.records, told.inputs, told.dead_letters, told.verdicts, skipped)


class _Telling:
    """The folds in one thread, in the order floor, home."""

    def __init__(
        self, database: Database, site_id: str, book: Book, codecs: Sequence[Codec], *, all_measures: bool
    ) -> None:
        self._desk = Desk(database, site_id, unattended=True)
        self._source = SourceFold(site_id, codecs)
        self._floor, self._home = Floor(site_id), HomeFold(book, site_id, all_measures=all_measures)
        self._effects: list[Effect] = []
        self._position = 0
        self.records = self.inputs = self.dead_letters = self.verdicts = 0

    def tell(self, records: Iterable[RawRecord], progress: Callable[[int], None]) -> None:
        last_ms = 0
        for record in records:
            self.records += 1
            folded = self._source.apply(msgspec.structs.replace(record, seq=self.records))
            self.dead_letters += len(folded.dead_letters)
            self.verdicts += len(folded.verdicts)
            for given in folded.inputs:
                self.inputs += 1
                self._fold(given)
            last_ms = record.received_at_ms
            if len(self._effects) >= EFFECTS_A_BATCH:
                self._apply()
            if self.records % 10_000 == 0:
                progress(self.records)
        # a recording may end in words that say nothing new and reach no home: their time has passed all the same
        self._fold(Input(CLOCK, last_ms, raw_seq=self.records))
        self._apply()

    def _fold(self, given: Input) -> None:
        self._effects += self._floor.apply(given)
        self._effects += self._home.apply(given)

    def _apply(self) -> None:
        self._desk.apply(LIVE, 0, self._position, self.records, self._effects)
        self._position, self._effects = self.records, []


def _with_site(records: Iterator[RawRecord], database: Database, site: SiteFile) -> Iterator[RawRecord]:
    """The site's items as settings, stamped with the time of the first record, then the records."""
    first = next(records, None)
    if first is None:
        return
    at_ms = first.received_at_ms
    site_import.apply(SettingsStore(database, site.site_id), site, now_ms=at_ms)
    for setting in settings_of(site):
        yield RawRecord(at_ms, SETTING, setting.setting_id, msgspec.json.encode(setting, order="sorted"))
    yield first
    yield from records


_LINE = (
    *("alert_id", "rule", "rule_version", "code", "priority", "site_id", "home_id", "subject_id", "device_id"),
    *("incident_id", "merged_into", "condition", "handling", "outcome", "opened_at", "cleared_at", "closed_at"),
    *("late_seconds", "test", "causes", "parameters", "suppressed", "reason"),
)


def contract_line(alert: dict[str, Any]) -> dict[str, Any]:
    """The fields of contracts §4, in its order; what only the desk's pages need is left out."""
    return {name: alert.get(name) for name in _LINE}


def alert_lines(alerts: Iterable[dict[str, Any]]) -> bytes:
    """One JSON object a line; the same alerts give the same bytes."""
    return b"".join(msgspec.json.encode(alert) + b"\n" for alert in alerts)


def write_alerts(alerts: Iterable[dict[str, Any]], path: Path) -> None:
    """The file that `--expect` takes."""
    path.write_bytes(alert_lines(alerts))


def first_difference(alerts: Iterable[dict[str, Any]], expected: Path) -> str | None:
    """The first line in which alerts differ from a file of them, in words; None when they are equal byte for byte."""
    ours, theirs = alert_lines(alerts).splitlines(), expected.read_bytes().splitlines()
    for number, (line, wanted) in enumerate(zip(ours, theirs, strict=False), 1):
        if line != wanted:
            told = [f"line {number}", f"  expected {wanted.decode()}", f"  got      {line.decode()}"]
            return "\n".join(told)
    if len(ours) != len(theirs):
        return f"{len(theirs)} alerts expected, {len(ours)} came"
    return None
