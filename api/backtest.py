"""What a backtest reads and what it says: recordings with their site, or the journal of a data folder (only read)."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from alerts.site.items import SiteFile, settings_of
from api.board.place import local_clock
from api.board.why import reason_line
from api.board.words import Words
from api.http.wire import utc_text
from ingest.base_files import BaseFolder
from ingest.codec import Codec
from ingest.journal import JournalError, beyond_cut
from ingest.journal_file import ReaderPool
from ingest.journal_sqlite import SqliteInputReader
from ingest.record import CLOCK, SETTING, Input, RawRecord
from ingest.recording import RecordingReader
from ingest.source_fold import SourceFold
from rules.backtest import Change, Compared, Told
from rules.backtest_run import Order, run_backtest, spool
from rules.book import Book
from rules.book_diff import difference, line_of
from rules.effects import LIVE

ONE = {"come": "comes", "go": "goes", "move": "moves"}
DECODED_EVERY = 20_000
Progress = Callable[[int, str], None]
"""How many so far, and of what."""


def processes() -> int:
    """How many children: one a core, at most eight."""
    return max(1, min(8, os.cpu_count() or 1))


def of_recordings(
    recordings: Sequence[Path], site: SiteFile, codecs: Sequence[Codec], order: Order, progress: Progress,
    *, lenient: bool = False,
) -> Compared:  # fmt: skip
    """Decode recordings once, then try both books over the inputs. RecordingError for a broken line."""
    with tempfile.TemporaryDirectory(prefix="vardevakt-backtest-") as folder:
        readers = [RecordingReader(path, lenient=lenient) for path in recordings]
        records = heapq.merge(*readers, key=lambda record: record.received_at_ms)
        decoded = _inputs(_with_site(records, site), SourceFold(site.site_id, codecs), progress)
        spool(decoded, Path(folder), order.shares)
        return run_backtest(msgspec.structs.replace(order, source=folder, site=site.site_id), _tried(progress))


def of_journal(path: Path, order: Order, progress: Progress) -> Compared:
    """Both books over INPUTS of a journal, also beside its service: from its first row, or where that was cut from the
    oldest base, as of when what counts was known. `begins_ms` of what is found says so where more was asked for.
    """
    bases = BaseFolder(path.parent / "bases")
    readers = ReaderPool(path)
    try:
        inputs = SqliteInputReader(readers)
        first = inputs.read(0, 1)
        if not first or first[0].seq == 1:
            return run_backtest(msgspec.structs.replace(order, source=str(path)), _tried(progress))
        base = bases.oldest(LIVE)
        if base is None or base.position < first[0].seq - 1:
            raise JournalError(beyond_cut("INPUTS", first[0].seq))
        begins_ms = next((row.received_at_ms for row in inputs.read(base.position, 1)), 0)
    finally:
        readers.close()
    with tempfile.TemporaryDirectory(prefix="vardevakt-backtest-") as folder:
        state = Path(folder) / "state"
        state.write_bytes(bases.state(base))
        since_ms = max(order.since_ms, begins_ms)
        begun = {"source": str(path), "base": str(state), "position": base.position, "since_ms": since_ms}
        found = run_backtest(msgspec.structs.replace(order, **begun), _tried(progress))
    found.begins_ms = begins_ms if begins_ms > order.since_ms else 0
    return found


def _tried(progress: Progress) -> Callable[[int], None]:
    return lambda count: progress(count, "inputs tried")


def _with_site(records: Iterator[RawRecord], site: SiteFile) -> Iterator[RawRecord]:
    """The site's items as of the first record, then the records."""
    first = next(records, None)
    if first is None:
        return
    for setting in settings_of(site):
        payload = msgspec.json.encode(setting, order="sorted")
        yield RawRecord(first.received_at_ms, SETTING, setting.setting_id, payload)
    yield first
    yield from records


def _inputs(records: Iterable[RawRecord], fold: SourceFold, progress: Progress) -> Iterator[Input]:
    """What homes hear; at the end the time of the last record, which may have reached no home."""
    last = Input(CLOCK, 0)
    for seq, record in enumerate(records, 1):
        if seq % DECODED_EVERY == 0:
            progress(seq, "decoded")
        yield from fold.apply(msgspec.structs.replace(record, seq=seq)).inputs
        last = Input(CLOCK, record.received_at_ms, raw_seq=seq)
    yield last


# -- what it says ----------------------------------------------------------------------------------------------


def as_json(found: Compared, old: Book, new: Book) -> dict[str, Any]:
    """For programs; times with `Z`."""
    names = ("old", "new", "come", "go", "move")
    return {
        "inputs": found.inputs,
        "homes": found.homes,
        "begins_at": utc_text(found.begins_ms) if found.begins_ms else None,
        "skipped": found.skipped,
        "quarantined": found.quarantined,
        "differences": [msgspec.to_builtins(one) for one in difference(old, new)],
        "rules": {rule: dict(zip(names, sums, strict=True)) for rule, sums in found.rules.items()},
        "days": {
            day: {priority: dict(zip(names, sums, strict=False)) for priority, sums in priorities.items()}
            for day, priorities in found.days.items()
        },
        "changes": [
            {"kind": change.kind, "old": _told_json(change.old), "new": _told_json(change.new)}
            for change in found.changes
        ],
    }


def _told_json(told: Told | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {
        "rule": told.rule, "home_id": told.home, "subject_id": told.subject, "opened_at": utc_text(told.at_ms),
        "priority": told.priority, "reason": msgspec.to_builtins(told.reason), "alarm": told.alarm,
        "cleared_at": None if told.ended_ms is None else utc_text(told.ended_ms), "ended": told.ended,
    }  # fmt: skip


def lines(found: Compared, old: Book, new: Book, timezone: str, limit: int) -> Iterator[str]:
    """For people: what differs in the books, sums, then the alerts that come, go and move."""
    yield f"{found.inputs} inputs of {found.homes} home{'' if found.homes == 1 else 's'} under both books"
    if found.begins_ms:
        begins = f"{local_clock(timezone)(found.begins_ms):%Y-%m-%d %H:%M}"
        yield f"the log before {begins} was cut: it begins at a base, and counts alerts from then on"
    differences = difference(old, new)
    yield "the books differ in:" if differences else "the books do not differ"
    yield from (f"  {line_of(one)}" for one in differences)
    if found.skipped or found.quarantined:
        yield f"  {found.skipped} inputs could not be folded, {found.quarantined} rules were set aside"
    if not found.rules:
        yield "no alert under either book"
        return
    yield f"\n{'rule':<6}{'old':>8}{'new':>8}{'come':>8}{'go':>8}{'move':>8}"
    for rule, sums in found.rules.items():
        yield f"{rule:<6}" + "".join(f"{count:>8}" for count in sums)
    yield from _days(found.days)
    for kind in ("come", "go", "move"):
        changes = [change for change in found.changes if change.kind == kind]
        total = sum(sums[2 + ("come", "go", "move").index(kind)] for sums in found.rules.values())
        if total:
            yield f"\n{total} {ONE[kind] if total == 1 else kind}:"
            yield from (f"  {_line(change, timezone)}" for change in changes[:limit])
        if total > min(limit, len(changes)):
            yield f"  … and {total - min(limit, len(changes))} more (--limit, --json)"


def _days(days: Mapping[str, Mapping[str, Sequence[int]]]) -> Iterator[str]:
    """A row a day, a column a priority: "12" where it stays, "12>9" where it changes."""
    priorities = sorted({priority for found in days.values() for priority in found})
    yield f"\n{'day':<12}" + "".join(f"{priority:>12}" for priority in priorities)
    for day, found in days.items():
        cells = []
        for priority in priorities:
            old, new = found.get(priority, (0, 0))
            cells.append(f"{old}" if old == new else f"{old} > {new}")
        yield f"{day:<12}" + "".join(f"{cell:>12}" for cell in cells)


def _line(change: Change, timezone: str) -> str:
    told, clock = change.told, local_clock(timezone)
    said = f"{clock(told.at_ms):%Y-%m-%d %H:%M} {told.rule} {told.priority} {told.subject} ({told.home})"
    if change.old is not None and change.new is not None:
        said = f"{clock(change.old.at_ms):%Y-%m-%d %H:%M} {change.old.priority} > {said}"
    words = Words("en", told.at_ms, clock)
    why = reason_line({"code": told.reason.code, "args": told.reason.args}, words, told.rule)
    floor = "  (the floor still raises it)" if change.kind == "go" and told.alarm else ""
    return f"{said}  {why}{floor}"
